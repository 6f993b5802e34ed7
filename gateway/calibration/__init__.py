"""Calibration: what labelled walks at a site say of its antennas, zones and doors.

    walks file + recordings ──▶ antennas, zones, doors (fits) ──▶ trial (replays) ──▶ one file

Everything is judged by replays in which the walk that is asked about took no part in the fit.
"""

"""From reads to decisions: where a tag is, and whether it passed a door.

    epochs ──▶ sightings ──▶ presence (zones) ─┐
                        └──▶ doors (tracks) ───┴──▶ Decision, Passage        engine.py is the order

Pure: time comes in with the epochs, nothing here knows a clock, a socket or a file.
"""

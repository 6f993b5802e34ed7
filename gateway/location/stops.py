"""Stops: what of a load that stands in a door has crossed the line, and what has not yet.

The beams say when the middle of a load was on the line, and that it stood there before or after. Of
what is on it, one part crossed when it came to stand, the rest when it went on: how well a tag was
heard from both sides meanwhile says to which part it belongs. How much better the outside hears
what is just on the line is learnt, door by door, from loads that went over it without a stop.
"""

from __future__ import annotations

import numpy as np

from gateway.location.beams import Beams
from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.location.line import FAR_US, STOPS_US, Crossing, crossing_near, is_before
from gateway.location.tracks import SILENT_DBM, Bools, Numbers, Times, Tracks

#: Who goes on does not need so long from one beam to the next.
STOP_US = 4_000_000
#: A load comes to stand, and moves again, about so long after one beam and before the next one.
MOVES_US = 1_000_000
#: It surely stands in the second half of the time, but for so long, or this share, at its end.
GOES_US, GOES_SHARE = 1_500_000, 0.3
#: Around the moment at which its middle is on the line a load is there for so long.
ON_LINE_US = 300_000
#: What is not heard for so long is not there any more, as far as beams make it wait.
STILL_HEARD_US = 3_000_000
#: Where a tag is now is asked of its last reads.
NOW_US = 1_500_000
#: What one side does not hear would be as weak as this, and no difference counts for more.
UNHEARD_DBM, MOST_DB = np.float32(-80.0), 30.0
#: As much as so many tags: a door is like the site's others, and these hear both sides alike.
FEW = 10.0
#: What is learnt of a door is of so many tags at most.
MOST = 500.0
#: It must be so clear that a tag was not where the middle of its load was; and, while its load is
#: still in the beams, that it has crossed.
CLEAR_DB = 3.0


class Stops:
    """When tags crossed, by the beams, and by where they were while their load stood."""

    def __init__(self, beams: Beams, tracks: Tracks, doors: int) -> None:
        self._beams, self._tracks = beams, tracks
        self._sums_db, self._tags = np.zeros(doors), np.zeros(doors)

    def crossed_us(self, row: int, *, outward: bool, about_us: int, end_us: int) -> int | None:
        """When a track that passed about then did so, if beams tell."""
        crossing = self._crossing(row, outward, about_us)
        if crossing is None:
            return None
        since_us, line_us, until_us = crossing.since_us, crossing.line_us, crossing.until_us
        before = line_us - since_us >= STOP_US
        if before and self._stood_db(row, outward, since_us, line_us, end_us) >= CLEAR_DB:
            return since_us + MOVES_US
        far = abs(line_us - about_us) > FAR_US
        if until_us is None or until_us - line_us < STOP_US:
            return None if far else line_us
        beyond_db = self._stood_db(row, outward, line_us, until_us, end_us)
        if beyond_db <= -CLEAR_DB:
            return until_us - MOVES_US
        # What only its load's leaving seems to tell of crossed long before if it was beyond.
        return line_us if not far or beyond_db >= CLEAR_DB else None

    def before_the_line(
        self, rows: Numbers, outward: Bools, asked: Bools, crossing_us: Times, end_us: int
    ) -> Bools:
        """Which of the tracks that are `asked` for have not crossed yet, by the beams; they wait.

        What is not heard any more on the side it came from, and may have broken the second beam,
        does not stand there.
        """
        tracks, before = self._tracks, np.zeros(len(rows), dtype=bool)
        near = np.where(outward, INSIDE, OUTSIDE)
        heard = tracks.last_us[near, rows] > end_us - STILL_HEARD_US
        for i in np.flatnonzero(asked).tolist():
            row, out, about_us = int(rows[i]), bool(outward[i]), int(crossing_us[i])
            before[i] = is_before(
                self._beams,
                int(tracks.door[row]),
                outward=out,
                about_us=about_us,
                now_us=end_us,
                heard=bool(heard[i]),
            )
            before[i] |= heard[i] and self.has_yet_to_cross(
                row, outward=out, about_us=about_us, end_us=end_us
            )
            if before[i]:
                tracks.waiting[row] = 1 if out else -1
        return before

    def has_yet_to_cross(self, row: int, *, outward: bool, about_us: int, end_us: int) -> bool:
        """Whether a track has yet to cross with the rest of a load that stands over the line."""
        crossing = self._crossing(row, outward, about_us)
        if crossing is None or crossing.until_us is not None:
            return False
        if end_us - crossing.line_us > STOPS_US:  # it is put down there
            return False
        beyond_db = self._beyond_db(row, outward, end_us - NOW_US, end_us, end_us)
        return not beyond_db >= CLEAR_DB  # what is not heard at all may be anywhere

    def learn(self, row: int, *, outward: bool, about_us: int, end_us: int) -> None:
        """Take it from a track that passed about then how the line of its door is heard."""
        crossing = self._crossing(row, outward, about_us)
        if crossing is None or crossing.line_us - crossing.since_us >= STOP_US:
            return
        line_us = crossing.line_us
        if (crossing.until_us or end_us) - line_us >= STOP_US:
            return
        db = self._outer_db(row, line_us - ON_LINE_US, line_us + ON_LINE_US, end_us)
        if not np.isnan(db):
            door = self._tracks.door[row]
            self._sums_db[door] += db
            self._tags[door] += 1.0
            if self._tags[door] >= MOST:  # antennas are moved now and then
                self._sums_db[door] /= 2.0
                self._tags[door] /= 2.0

    def on_line_db(self, door: int) -> float:
        """How much better the outside of a door hears what is on its line."""
        site_db = self._sums_db.sum() / (self._tags.sum() + FEW)
        return float((self._sums_db[door] + FEW * site_db) / (self._tags[door] + FEW))

    def _crossing(self, row: int, outward: bool, about_us: int) -> Crossing | None:
        door = int(self._tracks.door[row])
        return crossing_near(self._beams, door, outward=outward, about_us=about_us)

    def _stood_db(self, row: int, outward: bool, from_us: int, to_us: int, end_us: int) -> float:
        """The same as `_beyond_db` while a load stood between two changes of the beams."""
        goes_us = to_us - min(GOES_US, round(GOES_SHARE * (to_us - from_us)))
        return self._beyond_db(row, outward, (from_us + to_us) // 2, goes_us, end_us)

    def _beyond_db(self, row: int, outward: bool, from_us: int, to_us: int, end_us: int) -> float:
        """How much better the side it goes to heard it than what is on the line; may be nan."""
        on_line_db = self.on_line_db(int(self._tracks.door[row]))
        over_db = self._outer_db(row, from_us, to_us, end_us) - on_line_db
        return over_db if outward else -over_db

    def _outer_db(self, row: int, from_us: int, to_us: int, end_us: int) -> float:
        """How much better the outside heard a track in a span of time, nan if nothing did."""
        power, ages_s = self._tracks.window(np.array([row]), end_us)
        times_us = end_us + ages_s * 1e6
        power = power[(times_us >= from_us) & (times_us <= to_us), :, 0]
        power = np.maximum(power[power.max(axis=1) > SILENT_DBM], UNHEARD_DBM)
        if not len(power):
            return float("nan")
        return float(np.clip(power[:, OUTSIDE] - power[:, INSIDE], -MOST_DB, MOST_DB).mean())

"""Schedule: days and hours on the site's clock, summer time included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_A_DAY = 24 * 60
#: Clocks change at a quarter of an hour, all over the world.
_QUARTER_US = 15 * 60 * 1_000_000


@lru_cache(maxsize=8)
def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name; None for UTC, which needs no data base."""
    return None if name == "UTC" else ZoneInfo(name)


def local(time_us: int, timezone: str) -> datetime:
    """A time on the site's clock."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC)
    zone = zone_of(timezone)
    return moment if zone is None else moment.astimezone(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Certain days (0 is Monday) between two minutes of the day, past midnight if need be.

    The hours after midnight belong to the day on which they began: `mon, 22:00 to 06:00` ends on
    Tuesday morning. `outside` turns it round.
    """

    timezone: str
    days: frozenset[int] = frozenset(range(7))
    begin_minute: int = 0
    end_minute: int = _MINUTES_A_DAY
    outside: bool = False

    def holds(self, time_us: int) -> bool:
        """Whether a time is in it."""
        moment = local(time_us, self.timezone)
        minute = moment.hour * 60 + moment.minute
        today, yesterday = moment.weekday(), (moment.weekday() - 1) % 7
        if self.begin_minute < self.end_minute:
            within = self.begin_minute <= minute < self.end_minute and today in self.days
        else:
            within = (minute >= self.begin_minute and today in self.days) or (
                minute < self.end_minute and yesterday in self.days
            )
        return within is not self.outside

    def next_change_us(self, time_us: int) -> int:
        """The next time at which it may say otherwise: an end of hours, or midnight.

        On a day when the clocks change it is at most a quarter of an hour away.
        """
        moment = local(time_us, self.timezone)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        # Wall clock arithmetic: 06:00 is 06:00, however long the night was.
        walls = [
            midnight + timedelta(days=day, minutes=minute)
            for day in (0, 1)
            for minute in (self.begin_minute, self.end_minute, 0)
        ]
        found = [
            round(wall.replace(fold=fold).timestamp()) * 1_000_000
            for wall in walls
            for fold in (0, 1)
        ]
        next_us = min(at_us for at_us in found if at_us > time_us)
        if local(next_us, self.timezone).utcoffset() != moment.utcoffset():
            next_us = min(next_us, time_us - time_us % _QUARTER_US + _QUARTER_US)
        return next_us

    def __str__(self) -> str:
        days = "" if len(self.days) == 7 else ", ".join(DAYS[d] for d in sorted(self.days)) + " "
        hours = f"{_clock(self.begin_minute)} to {_clock(self.end_minute)}"
        return f"{'outside ' if self.outside else ''}{days}{hours}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"

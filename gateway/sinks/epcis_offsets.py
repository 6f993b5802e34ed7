"""The offset of a site's time zone at a moment, which every EPCIS event carries."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from gateway.errors import Rejected


class Offsets:
    """Of one time zone, by its IANA name."""

    def __init__(self, timezone: str) -> None:
        self._zone: dt.tzinfo = dt.UTC
        if timezone != "UTC":
            self._zone = zoneinfo.ZoneInfo(timezone)

    def at(self, time: str) -> str:
        """`+01:00`, at an ISO time; raises `Rejected` when it is none."""
        try:
            moment = dt.datetime.fromisoformat(time)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise Rejected(f"its time is no ISO time with an offset: {time[:80]!r}")
        offset = moment.astimezone(self._zone).utcoffset() or dt.timedelta()
        minutes = round(offset.total_seconds() / 60)
        hours, minutes_left = divmod(abs(minutes), 60)
        return f"{'-' if minutes < 0 else '+'}{hours:02d}:{minutes_left:02d}"

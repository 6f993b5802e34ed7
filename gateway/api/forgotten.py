"""Forgotten: what the history knows of a tag that is not known any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.api.answers import stored
from gateway.api.context import Context
from gateway.api.problems import Problem, quoted
from gateway.model.in_words import in_short

#: Movements looked through for the door that it went through last.
LOOKED_AT = 10

Json = dict[str, Any]


async def forgotten(context: Context, text: str, epcs: Sequence[bytes]) -> str | None:
    """A sentence about the tag that a text meant, None when nothing is on record of it.

    An unreadable history is as good as none: what is known now does not depend on it.
    """
    for epc in epcs:
        try:
            rows = await stored(context.history.movements_of, epc, LOOKED_AT)
        except Problem:
            return None
        if rows:
            return _told(text, [orjson.loads(row.body) for row in rows])
    return None


def _told(text: str, movements: list[Json]) -> str:
    """What is on record, the newest first."""
    newest = movements[0]
    told = [in_short(newest, _date)]
    through = next((m for m in movements[1:] if m["door"] and m["status"] != "retracted"), None)
    if through is not None:
        told.append(in_short(through, _date))
    seen = _last_seen(movements)
    if seen is not None:
        told.insert(0, f"last seen in {newest['from']} at {_date(seen)}")
    return (
        f"Tag {quoted(text)} is forgotten: it was gone, and not read for long. On record: "
        f"{'; '.join(told)}."
    )


def _last_seen(movements: list[Json]) -> str | None:
    """When it was last read, if the record tells: how long it stayed is in its last movement."""
    newest = movements[0]
    if newest["kind"] not in ("missing", "departed") or newest["dwell_s"] is None:
        return None
    came = next((m for m in movements[1:] if m["to"] == newest["from"]), None)
    if came is None:
        return None
    return (
        datetime.fromisoformat(came["event_time"]) + timedelta(seconds=newest["dwell_s"])
    ).isoformat()


def _date(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"

"""How an alert stands: whether people hear of it, and if not, what keeps it quiet."""

from __future__ import annotations

from typing import Any

from gateway.alerts.book import AlertBook
from gateway.alerts.entry import Entry
from gateway.alerts.routing import inhibitors
from gateway.model.alert import AlertState
from gateway.model.movement import iso_utc


def standing(book: AlertBook, rule: str, group: str, time_us: int) -> dict[str, Any] | None:
    """The alert of a rule and group as it is now, for JSON; None if there is none.

    `quiet` holds a sentence for everything that keeps people from hearing of it.
    """
    entry = book.entry(rule, group)
    if entry is None:
        return None
    alert, ack = entry.alert, entry.alert.acknowledged
    return {
        "id": alert.id,
        "state": alert.state,
        "since": None if alert.fired_us is None else iso_utc(alert.fired_us),
        "count": alert.count,
        "told": entry.told is AlertState.FIRING,
        "acknowledged_by": None if ack is None else ack.by,
        "flapping": alert.flapping,
        "quiet": _quiet(book, entry, time_us) if entry.firing else [],
    }


def _quiet(book: AlertBook, entry: Entry, time_us: int) -> list[str]:
    alert = entry.alert
    said = []
    if alert.dry_run:
        said.append("the rule is a dry run: it is recorded and never told")
    for silence in book.silences:
        if silence.covers(alert, time_us):
            note = f" ({silence.note})" if silence.note else ""
            said.append(f"silenced until {iso_utc(silence.until_us)} by {silence.by}{note}")
    firing = [a for a in book.alerts if a.state is AlertState.FIRING]
    for source in inhibitors(book.routes.inhibitions, alert, firing):
        said.append(f"the alert of {source.rule} explains it: {source.summary}")
        break
    if entry.stormed:
        said.append("it is one of too many at once: counted in the alert of the storm")
    if entry.told is None and entry.wait_us is not None and time_us < entry.wait_us:
        said.append(f"it is first told at {iso_utc(entry.wait_us)} (group_wait)")
    return said

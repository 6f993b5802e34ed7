"""Movements and passages in plain words: what happened, how sure that is, and why.

Works on the objects of the contract, as the API, a sink or `replay --out` gives them; evidence of
an older version, or none, only makes it shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]
#: How a moment is told, from the contract's text.
Clock = Callable[[str], str]
#: Reasons told in the first line.
MOST_REASONS = 4
#: Antennas told.
MOST_ANTENNAS = 6
_ORDINARY = frozenset({"sensor"})


def utc_clock(iso: str) -> str:
    """`12:00:01.6` of `2026-11-21T12:00:01.612Z`."""
    return iso[11:21]


def in_words(movement: Body, clock: Clock = utc_clock) -> list[str]:
    """Lines about one movement: the first says what and why, the others what was seen.

    `door-3 out at 12:00:01.6, 99.4 % sure: 28 tags beside it moved likewise (+3.1), …`
    """
    evidence = movement.get("evidence") or {}
    head = f"{in_short(movement, clock)}, {_sure(movement)}"
    reasons = _reasons(evidence, weighed=movement["kind"] not in ("missing", "departed"))
    return [f"{head}: {reasons}" if reasons else head, *_details(evidence, clock, movement["door"])]


def in_short(movement: Body, clock: Clock = utc_clock) -> str:
    """What happened and when, in a few words: `door-3 out (staging-1 to yard) at 12:00:01.6`."""
    return f"{_what(movement)} at {clock(movement['event_time'])}"


def passage_in_words(passage: Body, clock: Clock = utc_clock) -> list[str]:
    """Lines about one passage, in the same way."""
    evidence = passage.get("evidence") or {}
    way = f" {passage['direction']}" if passage["direction"] else ""
    tags = len(passage["epcs"])
    load = "empty" if passage["verdict"] == "empty" else _counted(tags, "tag")
    span = f"{clock(passage['start'])} to {clock(passage['end'])}"
    head = f"{_status(passage)}{passage['door']}{way}, {load}, {span}, {_sure(passage)}"
    if passage["verdict"] not in (None, "empty"):
        head += f"; {passage['verdict']}"
    inferred = [
        f"{other['epc']} was probably with them ({_percent(other['probability'])}): "
        f"{other['reason']}"
        for other in evidence.get("inferred") or ()
    ]
    reasons = _reasons(evidence, weighed=False)
    return [f"{head}: {reasons}" if reasons else head, *_details(evidence, clock), *inferred]


def _what(movement: Body) -> str:
    kind, before, after = movement["kind"], movement["from"], movement["to"]
    told = _status(movement)
    if movement["door"]:
        way = f"{movement['door']} {movement['direction'] or ''}".strip()
        return f"{told}{way}" + (f" ({before} to {after})" if before and after else "")
    places = f"from {before} to {after}" if before and after else f"{after or before or ''}"
    link = {"arrived": "at ", "missing": "from ", "departed": "from "}.get(kind, "")
    return f"{told}{kind} {link}{places}".rstrip()


def _status(body: Body) -> str:
    return {"provisional": "not yet certain: ", "retracted": "taken back: "}.get(body["status"], "")


def _sure(body: Body) -> str:
    return f"{_percent(body['confidence'])} sure"


def _percent(share: float) -> str:
    """Never 100 %: nothing is that certain."""
    return f"{min(share, 0.999) * 100:.1f} %"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _reasons(evidence: Body, *, weighed: bool) -> str:
    told = (evidence.get("reasons") or ())[:MOST_REASONS]
    return ", ".join(f"{words} ({weight:+.1f})" if weighed else words for words, weight in told)


def _details(evidence: Body, clock: Clock, door: str | None = None) -> Iterator[str]:
    if evidence.get("retracted"):
        yield f"taken back because {evidence['retracted']}"
    if door:
        yield from _at_door(door, evidence.get("reads") or (), clock)
    sensors = evidence.get("sensors")
    if sensors:
        yield ", ".join(_sensor(change, clock) for change in sensors)
    for row in (evidence.get("reads") or ())[:MOST_ANTENNAS]:
        yield heard(row, clock)
    if other := evidence.get("runner_up"):
        what = f"in {other['zone']}" if "zone" in other else other.get("what", "something else")
        yield f"the next best guess, {what}: {_percent(other['probability'])}"


def _at_door(door: str, reads: Iterable[Body], clock: Clock) -> Iterator[str]:
    """When each side heard it best, and how much better that was than at another door."""
    here: dict[str, Body] = {}
    elsewhere: Body | None = None
    for row in reads:
        if not row.get("door") or row.get("strongest") is None:
            continue
        if row["door"] != door:
            elsewhere = _stronger(elsewhere, row)
        else:
            here[row["side"]] = _stronger(here.get(row["side"]), row)
    peaks = sorted((row["strongest"], side) for side, row in here.items())
    if len(peaks) > 1:
        yield "strongest " + ", then ".join(f"{side} at {clock(at)}" for at, side in peaks)
    if here and elsewhere is not None:
        lead_db = max(row["rssi_max_dbm"] for row in here.values()) - elsewhere["rssi_max_dbm"]
        than = "stronger" if lead_db >= 0 else "weaker"
        yield f"{abs(lead_db):.0f} dB {than} than at {elsewhere['door']}"


def _stronger(one: Body | None, other: Body) -> Body:
    return one if one is not None and one["rssi_max_dbm"] >= other["rssi_max_dbm"] else other


def _sensor(change: Body, clock: Clock) -> str:
    return " ".join(
        [change["sensor"], *(f"{w} {clock(at)}" for w, at in change.items() if w not in _ORDINARY)]
    )


def heard(row: Body, clock: Clock = utc_clock) -> str:
    """What one antenna read of a tag."""
    place = f"{row['door']} {row['side']}" if row.get("door") else ", ".join(row.get("zones") or ())
    parts = [f"{row['antenna']} ({place})" if place else row["antenna"]]
    if row.get("reads") is not None:
        parts.append(_counted(row["reads"], "read"))
    if row.get("rssi_max_dbm") is not None:
        parts.append(f"{row['rssi_max_dbm']:.0f} dBm at most")
        parts.append(f"{row['rssi_mean_dbm']:.0f} on average")
    return f"{', '.join(parts)}, {clock(row['first'])} to {clock(row['last'])}"

"""Outcomes for tests of the store and what lies behind it: one tag, one movement, one number."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from gateway.model.alert import Alert, AlertState, Severity
from gateway.model.movement import Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome, TagRow
from gateway.model.passage import Passage

NOW_US = 1_795_262_401_612_345
SITE = "dc-north"


def epc_of(tag: int) -> str:
    """The EPC of the test's tag number `tag`, in hex."""
    return f"3034257BF7194E40{tag:08X}"


def movement(tag: int = 1, seq: int = 1, **changes: object) -> Movement:
    """The `seq`-th movement of a tag: from staging-1 to the yard."""
    values: dict[str, object] = {
        "id": movement_id(SITE, epc_of(tag), seq),
        "seq": seq,
        "site": SITE,
        "epc": epc_of(tag),
        "epc_uri": None,
        "kind": Kind.MOVED,
        "status": Status.CONFIRMED,
        "from_zone": "staging-1",
        "to_zone": "yard",
        "door": None,
        "direction": None,
        "passage": None,
        "event_time_us": NOW_US + seq,
        "record_time_us": NOW_US + seq,
        "confidence": 0.99,
    }
    return Movement(**(values | changes))  # type: ignore[arg-type]


def passage(number: int = 1, door: str = "door-1", **changes: object) -> Passage:
    """A passage of one tag through a door."""
    values: dict[str, object] = {
        "id": f"passage-{number}",
        "site": SITE,
        "door": door,
        "direction": None,
        "status": Status.CONFIRMED,
        "start_us": NOW_US,
        "end_us": NOW_US + 1_000_000,
        "event_time_us": NOW_US,
        "record_time_us": NOW_US,
        "epcs": (epc_of(1),),
        "confidence": 0.9,
    }
    return Passage(**(values | changes))  # type: ignore[arg-type]


def alert(**changes: object) -> Alert:
    """An alert that fires: a pallet waits in staging-1."""
    values: dict[str, object] = {
        "id": "alert-1",
        "fingerprint": "alert",
        "site": SITE,
        "rule": "dwell",
        "group": "zone=staging-1",
        "state": AlertState.FIRING,
        "severity": Severity.WARNING,
        "summary": "A pallet waits in staging-1",
        "started_us": NOW_US,
        "fired_us": NOW_US,
        "resolved_us": None,
        "event_time_us": NOW_US,
        "record_time_us": NOW_US,
        "change": 1,
        "count": 1,
    }
    return Alert(**(values | changes))  # type: ignore[arg-type]


def tag_row(tag: int = 1, seq: int = 1, zone: str | None = "yard", **changes: object) -> TagRow:
    """A tag that is present in a zone."""
    values: dict[str, object] = {
        "epc": bytes.fromhex(epc_of(tag)),
        "zone": zone,
        "presence": Presence.PRESENT,
        "since_us": NOW_US,
        "last_us": NOW_US + seq,
        "seq": seq,
        "confidence": 0.5,
    }
    return TagRow(**(values | changes))  # type: ignore[arg-type]


def outcome(number: int = 0, movements: Iterable[Movement] = (), **changes: object) -> Outcome:
    """An outcome with these movements and the states of their tags."""
    moved = list(movements)
    rows = [
        TagRow(
            epc=bytes.fromhex(m.epc),
            zone=m.to_zone,
            presence=Presence.PRESENT,
            since_us=m.event_time_us,
            last_us=m.event_time_us,
            seq=m.seq,
            confidence=m.confidence,
        )
        for m in moved
    ]
    values: dict[str, object] = {
        "number": number,
        "now_us": NOW_US,
        "movements": moved,
        "tags": rows,
    }
    return Outcome(**(values | changes))  # type: ignore[arg-type]


class Committed:
    """Collects what a writer says is committed; `number` outcomes can be waited for."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._grown = threading.Condition()

    def __call__(self, outcomes: list[Outcome]) -> None:
        with self._grown:
            self.outcomes.extend(outcomes)
            self._grown.notify_all()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the outcomes, in the order of their commits."""
        return [o.number for o in self.outcomes]

    def wait_for(self, count: int, deadline_s: float = 10.0) -> None:
        """Until `count` outcomes have been committed."""
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.outcomes) >= count, deadline_s), (
                f"{len(self.outcomes)} of {count} outcomes committed after {deadline_s:g} s"
            )

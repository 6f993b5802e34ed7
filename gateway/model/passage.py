"""Passage: one load going through one door. PassageDecision: what the location engine says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.model.movement import Direction, Status, iso_utc

#: The verdict of a passage in which nothing was read.
EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One load through one door, from the first sign to the last. EPCs in upper-case hex.

    `epcs` were read; tags that seem to have been in the load unread are in `evidence`.
    """

    id: str
    site: str
    door: str
    direction: Direction | None
    status: Status
    start_us: int
    end_us: int
    event_time_us: int
    record_time_us: int
    epcs: tuple[str, ...]
    confidence: float
    expected: dict[str, Any] | None = None
    verdict: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The contract's JSON object, UTF-8, one line."""
        return orjson.dumps(
            {
                "id": self.id,
                "site": self.site,
                "door": self.door,
                "direction": self.direction,
                "status": self.status,
                "start": iso_utc(self.start_us),
                "end": iso_utc(self.end_us),
                "event_time": iso_utc(self.event_time_us),
                "record_time": iso_utc(self.record_time_us),
                "epcs": self.epcs,
                "confidence": round(self.confidence, 4),
                "expected": self.expected,
                "verdict": self.verdict,
                "evidence": self.evidence,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A tag that seems to have been in a load, though nothing read it at the door."""

    tag: int
    probability: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageDecision:
    """A passage in the numbers of the tick.

    Provisional while the load is put together, with the id that the confirmed one will have;
    confirmed once; retracted when all of its movements were, or when nothing came of it.
    """

    id: str
    door: str
    direction: Direction
    status: Status
    start_us: int
    end_us: int
    event_time_us: int  # the median crossing
    tags: tuple[int, ...]
    confidence: float
    inferred: tuple[Inferred, ...] = ()
    verdict: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

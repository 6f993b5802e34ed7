"""Passage: one load going through one door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.model.movement import Direction, Status, iso_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One load through one door, from the first sign to the last. EPCs in upper-case hex."""

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


@dataclass(slots=True, kw_only=True)
class PassageDecision:
    """A passage in the numbers of the tick, while it is put together and when it is closed."""

    id: str
    door: str
    direction: Direction
    start_us: int
    end_us: int
    tags: list[int] = field(default_factory=list)
    confidence: float = 1.0

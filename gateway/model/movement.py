"""Movement: the committed change of a tag's zone. Decision: what the location engine says.

A `Decision` speaks in numbers and costs little; the core turns it into a `Movement` with an id,
identifiers and both times, which is what is stored and published (contract in `docs/contracts.md`,
"Movements").
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import sha1
from typing import Any

import orjson

#: Namespace of movement ids; never changes, or every consumer's deduplication breaks.
MOVEMENT_NAMESPACE = uuid.UUID("7d0a5b3e-6a0c-5e7b-9d43-6b1f0f4e2c11")
_NAMESPACE_BYTES = MOVEMENT_NAMESPACE.bytes


class Kind(StrEnum):
    """What happened to the tag."""

    ARRIVED = "arrived"
    MOVED = "moved"
    DEPARTED = "departed"
    MISSING = "missing"


class Status(StrEnum):
    """How sure a movement or passage is; provisional ones are never stored."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    RETRACTED = "retracted"


class Direction(StrEnum):
    """Through a door, seen from inside."""

    IN = "in"
    OUT = "out"


class Presence(IntEnum):
    """A tag's state; the numbers are stored."""

    NEW = 0  # never been anywhere
    PRESENT = 1
    UNKNOWN = 2  # its antennas are not known to work
    MISSING = 3
    DEPARTED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One change that the location engine has decided, in the numbers of the tick."""

    tag: int
    kind: Kind
    status: Status
    event_time_us: int
    from_zone: str | None = None
    to_zone: str | None = None
    door: str | None = None
    direction: Direction | None = None
    passage: str | None = None
    confidence: float = 1.0
    dwell_s: float | None = None  # seconds in from_zone
    announced: bool = False  # what it takes back was only announced
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One movement as users know it. `to_json` gives the contract's object."""

    id: str
    seq: int
    site: str
    epc: str  # upper-case hex
    epc_uri: str | None
    kind: Kind
    status: Status
    from_zone: str | None
    to_zone: str | None
    door: str | None
    direction: Direction | None
    passage: str | None
    event_time_us: int
    record_time_us: int
    confidence: float
    dwell_s: float | None = None
    item: dict[str, Any] | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The contract's JSON object, UTF-8, one line, keys in the contract's order."""
        return orjson.dumps(
            {
                "id": self.id,
                "seq": self.seq,
                "site": self.site,
                "epc": self.epc,
                "epc_uri": self.epc_uri,
                "kind": self.kind,
                "status": self.status,
                "from": self.from_zone,
                "to": self.to_zone,
                "door": self.door,
                "direction": self.direction,
                "passage": self.passage,
                "event_time": iso_utc(self.event_time_us),
                "record_time": iso_utc(self.record_time_us),
                "confidence": round(self.confidence, 4),
                "dwell_s": None if self.dwell_s is None else round(self.dwell_s, 3),
                "item": self.item,
                "evidence": self.evidence,
            }
        )


def movement_id(site: str, epc: str, seq: int) -> str:
    """The id of a tag's `seq`-th movement: uuid5 of site, EPC (upper-case hex) and number."""
    return name_id(f"{site}/{epc}/{seq}")


def name_id(name: str) -> str:
    """uuid5 of a name in our namespace: what `uuid.uuid5` gives, in a fifth of its time."""
    digest = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest()
    version, variant = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
    text = (digest[:6] + bytes((version, digest[7], variant)) + digest[9:16]).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def iso_utc(time_us: int) -> str:
    """`2026-11-21T12:00:01.612Z`: UTC with milliseconds, from microseconds since the epoch."""
    return f"{_second_utc(time_us // 1_000_000)}.{time_us // 1_000 % 1_000:03d}Z"


@lru_cache(maxsize=4_096)
def _second_utc(time_s: int) -> str:
    # Times of what happens together share their second, and this is half the cost of telling it.
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%S}"

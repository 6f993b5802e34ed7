"""What a session tells its owner: small frozen values, in the order in which things happened.

Times (`…_us`) are integer microseconds since the Unix epoch on the owner's clock, unless the name
says `reader_us` or `uptime_us`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.llrp.capabilities import Capabilities


class Phase(StrEnum):
    """What a session is doing."""

    AWAITING_EVENT = "awaiting the connection event"
    SETTING_UP = "setting up"
    RUNNING = "running"
    REARMING = "starting inventory again"
    CLOSING = "closing"
    CLOSED = "closed"


class Cause(StrEnum):
    """Why a session ended; the owner decides by it when to try again."""

    OCCUPIED = "occupied"  # the reader serves another client
    REFUSED = "refused"  # the reader refuses the connection or what we ask of it
    SILENT = "silent"  # nothing heard, or no reply, in time
    CLOSED_BY_READER = "closed by the reader"  # announced by a ConnectionCloseEvent
    FINISHED = "finished"  # we closed it


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """Inventory runs. `notes` are sentences on what is not as it was asked."""

    version: int  # 1 = LLRP 1.0.1, 2 = LLRP 1.1
    capabilities: Capabilities
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Inventory has stopped on the reader; the session is starting it again (`Up` follows)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The session is over; close the socket. Nothing follows."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderTime:
    """The time that the reader gave an event that has just arrived; one of the two is set."""

    at_us: int
    reader_us: int | None = None  # UTC as the reader believes
    uptime_us: int | None = None  # since its start


@dataclass(frozen=True, slots=True, kw_only=True)
class AntennaChanged:
    """An antenna port was found connected or disconnected."""

    port: int
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GpiChanged:
    """A general purpose input changed its level."""

    port: int
    high: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRefused:
    """The reader did not switch a general purpose output."""

    port: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferFilling:
    """The reader's report buffer is filling up."""

    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsLost:
    """The reader's report buffer overflowed: reads were lost on the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderTrouble:
    """The reader reports an exception of its own, in its own words."""

    message: str
    rospec: int | None = None
    antenna: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherClient:
    """Another client tried to connect to the reader while it serves us."""


Event = (
    Up
    | Stopped
    | Closed
    | ReaderTime
    | AntennaChanged
    | GpiChanged
    | OutputRefused
    | BufferFilling
    | ReportsLost
    | ReaderTrouble
    | AnotherClient
)

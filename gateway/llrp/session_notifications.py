"""What a READER_EVENT_NOTIFICATION says, as values: for the session, or for its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.llrp.capabilities import plain_text
from gateway.llrp.codec import Message, Parameter
from gateway.llrp.session_events import (
    AntennaChanged,
    BufferFilling,
    Event,
    GpiChanged,
    ReaderTime,
    ReaderTrouble,
    ReportsLost,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionAttempt:
    """How an attempt to connect went: 0 is success, of the others `session` knows the words."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionClosing:
    """The reader is about to close the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RospecChanged:
    """A ROSpec has started (0), ended (1) or been preempted by another (2)."""

    kind: int
    rospec: int
    preempted_by: int


Notice = Event | ConnectionAttempt | ConnectionClosing | RospecChanged


def notices_in(message: Message, at_us: int) -> list[Notice]:
    """What a READER_EVENT_NOTIFICATION holds, in its order; what we have no use for is left out."""
    data = message.first("ReaderEventNotificationData")
    if data is None:
        return []
    notices = (
        _READERS[child.name](child, at_us) for child in data.children if child.name in _READERS
    )
    return list(notices)


def _number(parameter: Parameter, name: str) -> int:
    return int(parameter.field(name) or 0)


def _trouble(event: Parameter) -> ReaderTrouble:
    rospec, antenna = event.first("ROSpecID"), event.first("AntennaID")
    return ReaderTrouble(
        message=plain_text(event.field("Message")),
        rospec=_number(rospec, "ROSpecID") if rospec else None,
        antenna=_number(antenna, "AntennaID") if antenna else None,
    )


_READERS: dict[str, Callable[[Parameter, int], Notice]] = {
    "UTCTimestamp": lambda p, at_us: ReaderTime(at_us=at_us, reader_us=_number(p, "Microseconds")),
    "Uptime": lambda p, at_us: ReaderTime(at_us=at_us, uptime_us=_number(p, "Microseconds")),
    "ConnectionAttemptEvent": lambda p, _: ConnectionAttempt(status=_number(p, "Status")),
    "ConnectionCloseEvent": lambda _p, _: ConnectionClosing(),
    "ROSpecEvent": lambda p, _: RospecChanged(
        kind=_number(p, "EventType"),
        rospec=_number(p, "ROSpecID"),
        preempted_by=_number(p, "PreemptingROSpecID"),
    ),
    "AntennaEvent": lambda p, _: AntennaChanged(
        port=_number(p, "AntennaID"), connected=bool(p.field("EventType"))
    ),
    "GPIEvent": lambda p, _: GpiChanged(
        port=_number(p, "GPIPortNumber"), high=bool(p.field("GPIEvent"))
    ),
    "ReportBufferLevelWarningEvent": lambda p, _: BufferFilling(
        percent=_number(p, "ReportBufferPercentageFull")
    ),
    "ReportBufferOverflowErrorEvent": lambda _p, _: ReportsLost(),
    "ReaderExceptionEvent": lambda p, _: _trouble(p),
}

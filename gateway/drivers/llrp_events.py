"""What a session tells, for the user: states in words, antennas, clocks, remarks."""

from __future__ import annotations

import logging

from gateway.drivers.llrp_clock import ClockOffsets
from gateway.drivers.llrp_reads import FAR_US
from gateway.drivers.llrp_status import Announcer
from gateway.llrp.session_events import (
    AnotherClient,
    AntennaChanged,
    BufferFilling,
    Event,
    GpiChanged,
    OutputRefused,
    ReaderTime,
    ReaderTrouble,
    ReportsLost,
    Stopped,
    Up,
)
from gateway.model.device import ReaderConfig, ReaderState

logger = logging.getLogger(__name__)

_VERSIONS = {1: "1.0.1", 2: "1.1", 3: "2.0"}


class Interpreter:
    """Puts the events of one reader's sessions into the announcer and the clocks."""

    def __init__(
        self,
        source: int,
        config: ReaderConfig,
        announcer: Announcer,
        utc: ClockOffsets,
        uptime: ClockOffsets,
    ) -> None:
        self.input_changes = 0  # of general purpose inputs
        self._source, self._config, self._announcer = source, config, announcer
        self._utc, self._uptime = utc, uptime
        self._is_fresh = True  # nothing has been heard on this connection
        self._is_first_up = True

    def new_connection(self) -> None:
        """The events that follow are those of a new connection."""
        self._is_fresh = self._is_first_up = True

    def take(self, event: Event, antennas: dict[int, bool], now_us: int) -> None:
        """One event; `antennas` is what the reader told of them while it was set up."""
        match event:
            case Up():
                self._up(event, antennas, now_us)
            case Stopped():
                self._announcer.reader(ReaderState.CONNECTING, "stopped", event.reason, now_us)
            case ReaderTime():
                self._time(event)
            case AntennaChanged():
                self._announcer.antenna(event.port, connected=event.connected, now_us=now_us)
            case GpiChanged():
                self.input_changes += 1
            case _:
                self._remark(event, now_us)

    def _up(self, event: Up, antennas: dict[int, bool], now_us: int) -> None:
        if self._is_first_up:
            self._is_first_up = False
            for port in set(self._announcer.disconnected) - set(antennas):
                self._announcer.antenna(port, connected=True, now_us=now_us)
        ports = ", ".join(str(port.port) for port in self._config.ports)
        where = f"antennas {ports}" if ports else "all antennas"
        version = _VERSIONS.get(event.version, str(event.version))
        reason = f"inventory runs on {where} (LLRP {version}, {event.capabilities})"
        if event.notes:
            reason = "; ".join((reason, *event.notes))
            logger.warning("reader '%s': %s", self._config.id, reason)
        else:
            logger.info("reader '%s': %s", self._config.id, reason)
        self._announcer.reader(ReaderState.UP, "up", reason, now_us)

    def _time(self, event: ReaderTime) -> None:
        """The first stamp of a connection is certainly fresh; later events may have been held."""
        if not self._is_fresh:
            return
        self._is_fresh = False
        if event.reader_us is not None and event.reader_us < FAR_US:
            self._utc.restart(self._source, event.reader_us - event.at_us)
        if event.uptime_us is not None and event.uptime_us < FAR_US:
            self._uptime.restart(self._source, event.uptime_us - event.at_us)
        else:
            self._uptime.forget(self._source)

    def _remark(self, event: Event, now_us: int) -> None:
        match event:
            case AnotherClient():
                kind, reason = "client", "another client has tried to connect to the reader"
            case BufferFilling():
                kind = "buffer"
                reason = f"the reader's report buffer is {event.percent} % full: it is not emptied"
                reason += " as fast as it fills"
            case ReportsLost():
                kind = "lost"
                reason = "reads were lost on the reader: its report buffer has overflowed"
            case OutputRefused():
                kind = "output"
                reason = f"general purpose output {event.port} was not switched: {event.reason}"
            case ReaderTrouble():
                kind, reason = "trouble", f"the reader reports: {event.message or 'an exception'}"
                if event.antenna is not None:
                    reason += f" (antenna {event.antenna})"
            case _:
                return
        if self._announcer.remark(kind, reason, now_us):
            logger.warning("reader '%s': %s", self._config.id, reason)

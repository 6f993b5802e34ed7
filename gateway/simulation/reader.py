"""An emulated reader: an LLRP server on one port that reports the reads it is offered.

It lives in an asyncio event loop; all calls are made there. What readers do wrong can be asked
for: `drop_connection`, `send_garbage`, `truncate_next`, `stall`, `refuse_next`, `set_antenna`,
`set_gpi`, `end_ro_spec`, `raise_exception`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from gateway.clock import Clock, SystemClock
from gateway.errors import Unavailable
from gateway.llrp.codec import Message, Parameter
from gateway.model.reads import Reads
from gateway.simulation.connection import Connection
from gateway.simulation.dialogue import Dialogue
from gateway.simulation.epc_table import EpcTable
from gateway.simulation.personality import GENERIC, Personality
from gateway.simulation.reader_settings import (
    AI_SPEC,
    ANTENNA_EVENT,
    BUFFER_FILL,
    EXCEPTION,
    GPI_EVENT,
    RO_SPEC_EVENT,
    ReaderSettings,
)
from gateway.simulation.report_flow import ReportFlow, ReportTrigger
from gateway.simulation.report_layout import Content, Origin
from gateway.simulation.reports import Reporter
from gateway.simulation.rospecs import RoSpec, RoSpecs

#: ConnectionAttemptEvent.
SUCCESS, CLIENT_EXISTS, OTHER_REASON, ANOTHER_ATTEMPT = 0, 2, 3, 4
BUFFER_READS = 50_000
MAX_HELD_EVENTS = 256
_OVERFLOW_PERCENT = 100


class EmulatedReader:
    """One reader. `epcs` are all EPCs that it may ever report, by tag number.

    Counts `flow.sent` and `flow.dropped`, in tag reports. `clock_offset_us` is what its clock is
    ahead of `clock` in the beginning; `clock_ahead_us` may be changed, as clocks drift.
    """

    def __init__(
        self,
        name: str,
        epcs: Sequence[bytes] | EpcTable,
        *,
        personality: Personality = GENERIC,
        clock: Clock | None = None,
        clock_offset_us: int = 0,
        buffer_reads: int = BUFFER_READS,
    ) -> None:
        self.name, self.personality = name, personality
        self.port = 0
        self.clock_ahead_us = clock_offset_us
        self.settings = ReaderSettings(name, personality)
        self.ro_specs = RoSpecs(personality, self, _call_later)
        self.access_specs: dict[int, Parameter] = {}
        self.flow = ReportFlow(
            capacity=buffer_reads,
            send=self._write,
            ready=lambda: self._client is not None and self._client.ready,
            next_ids=self.next_ids,
            warn=self._warn,
        )
        self._epcs = epcs if isinstance(epcs, EpcTable) else EpcTable(epcs)
        self._clock = clock or SystemClock()
        self._host = "127.0.0.1"
        self._started_us = 0 if personality.has_utc_clock else self._clock.now_us()
        self._client: Connection | None = None
        self._dialogue: Dialogue | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._refuses = False
        self._held_events: deque[list[Parameter]] = deque(maxlen=MAX_HELD_EVENTS)
        self._last_id = 0
        self._reports_timer: asyncio.TimerHandle | None = None

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Accept clients; with port 0, or after `close`, at a port that is then in `port`."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: Connection(self), host, port or self.port)
        except OSError as error:
            raise Unavailable(
                f"reader '{self.name}' cannot listen on {host}:{port}: {error.strerror or error}; "
                "choose another port, or end the program that has it"
            ) from error
        self._server, self._host = server, host
        self.port = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Cut off the client and stop listening, as when the power goes; ROSpecs stay."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:  # noqa: ASYNC110 - `client_lost` comes with the loop's next turn
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        self.ro_specs.close()
        self._time_reports(0)

    async def listen_again(self) -> None:
        """Accept clients where they were accepted before `close`."""
        await self.listen(self._host, self.port)

    @property
    def listening(self) -> bool:
        """Whether clients are accepted."""
        return self._server is not None

    @property
    def inventorying(self) -> bool:
        """Whether a ROSpec is active: only then `offer` does anything."""
        return self.ro_specs.active is not None

    @property
    def connected(self) -> bool:
        """Whether a client is connected."""
        return self._client is not None

    def offer(self, reads: Reads) -> None:
        """Reads that antennas have just made: rows of READ, where `antenna` is the port."""
        spec = self.ro_specs.active
        if spec is None or len(reads) == 0:
            return
        chosen, connected = spec.antennas, self.settings.connected
        if chosen != [0] or not all(connected.values()):
            ports = [p for p, on in connected.items() if on and (p in chosen or chosen == [0])]
            reads = reads[np.isin(reads["antenna"], ports)]
        if offset_us := self._stamp_offset_us:
            reads = reads.copy()
            reads["time_us"] += offset_us
            reads["first_us"] += offset_us
        self.flow.offer(reads)

    def drop_connection(self) -> None:
        """Cut the connection off."""
        if self._client is not None:
            self._client.abort()

    def send_garbage(self, data: bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n") -> None:
        """Send bytes that are no LLRP."""
        if self._client is not None:
            self._client.write(data)

    def truncate_next(self) -> None:
        """Cut the next message off before its end, and close the connection."""
        if self._client is not None:
            self._client.truncate_next()

    def stall(self) -> None:
        """Be half-open from now on: connected, but silent and deaf."""
        if self._client is not None:
            self._client.stall()

    def refuse_next(self) -> None:
        """Refuse the next client, for a reason of the reader's own."""
        self._refuses = True

    def set_antenna(self, port: int, connected: bool) -> None:
        """Plug an antenna in or out."""
        if self.settings.connected[port] is not connected:
            self.settings.connected[port] = connected
            fields = {"EventType": int(connected), "AntennaID": port}
            self._notify(ANTENNA_EVENT, Parameter("AntennaEvent", fields))

    def set_gpi(self, port: int, level: bool) -> None:
        """Change the level at an input."""
        if self.settings.gpi_levels[port] is not level:
            self.settings.gpi_levels[port] = level
            if self.settings.gpi_enabled[port]:
                fields = {"GPIPortNumber": port, "GPIEvent": int(level)}
                self._notify(GPI_EVENT, Parameter("GPIEvent", fields))
                self.ro_specs.gpi_changed(port, level)

    def end_ro_spec(self) -> None:
        """The active ROSpec ends by itself."""
        if self.ro_specs.active is not None:
            self.ro_specs.stop(self.ro_specs.active.id)

    def raise_exception(self, text: str) -> None:
        """Tell of trouble inside the reader."""
        self._notify(EXCEPTION, Parameter("ReaderExceptionEvent", {"Message": text}))

    # What the connection, the dialogue and the ROSpecs say.

    def client_connected(self, connection: Connection) -> None:
        """A TCP connection: the one client, or one too many."""
        self._connections.add(connection)
        outcome = SUCCESS
        if self._refuses:
            self._refuses, outcome = False, OTHER_REASON
        elif self._client is not None:
            outcome = CLIENT_EXISTS
            self._send_event(self._client, [_attempt(ANOTHER_ATTEMPT)])
        self._send_event(connection, [_attempt(outcome)])
        if outcome != SUCCESS:
            connection.close()
            return
        self._client, self._dialogue = connection, Dialogue(self, connection)
        connection.held = self.settings.hold
        connection.set_keepalive(self.settings.keepalive_ms)
        self.form_changed()
        self._deliver_kept()

    def client_lost(self, connection: Connection) -> None:
        """A connection is gone; what is read from now on is kept for the next client."""
        self._connections.discard(connection)
        if connection is self._client:
            self._client = self._dialogue = None

    def client_sent(self, connection: Connection, frame: bytes) -> None:
        """A message of the client; one that was refused is not listened to."""
        if connection is self._client and self._dialogue is not None:
            self._dialogue.handle(frame)

    def client_reads_again(self, connection: Connection) -> None:
        """There is room for more."""
        if connection is self._client:
            self.flow.pump()

    def next_ids(self, count: int) -> int:
        """The first of `count` message ids; they start again at 1 when 32 bits are used up."""
        if self._last_id + count > 0xFFFF_FFFF:
            self._last_id = 0
        first = self._last_id + 1
        self._last_id += count
        return first

    def settings_changed(self) -> None:
        """SET_READER_CONFIG has been carried out."""
        if self._client is not None:
            self._client.set_keepalive(self.settings.keepalive_ms)
        self.form_changed()

    def released(self) -> None:
        """ENABLE_EVENTS_AND_REPORTS: what was held is delivered, then what comes."""
        if self._client is not None:
            self._client.held = False
            self._deliver_kept()

    def form_changed(self) -> None:
        """Reports of the active ROSpec look different from now on."""
        spec = self.ro_specs.active
        if spec is None:
            return
        report_spec = spec.parameter.first("ROReportSpec") or self.settings.ro_report
        extensions = self._client is not None and self._client.extensions
        content = Content.of(
            report_spec, vendor_extensions=self.personality.is_impinj and extensions
        )
        origin = Origin(
            version=self._client.version if self._client is not None else 1,
            ro_spec_id=spec.id,
            spec_index=spec.index + 1,
            inventory_parameter_spec_id=spec.inventory_parameter_spec_id,
            uptime=not self.personality.has_utc_clock,
        )
        trigger = ReportTrigger.of(report_spec, ai_spec_tags=spec.ends_after_tags)
        self.flow.use(Reporter(content, origin, self._epcs), trigger)
        self._time_reports(trigger.period_s)

    def ro_spec_started(self, spec: RoSpec) -> None:
        """A ROSpec is active now."""
        self.form_changed()
        self._notify(RO_SPEC_EVENT, _ro_spec_event(0, spec))

    def ro_spec_ended(self, spec: RoSpec) -> None:
        """A ROSpec was active until now."""
        self._time_reports(0)
        if ReportTrigger.of(
            spec.parameter.first("ROReportSpec") or self.settings.ro_report
        ).trigger:
            self.flow.flush()
        self._notify(RO_SPEC_EVENT, _ro_spec_event(1, spec))

    def ai_spec_ended(self, spec: RoSpec) -> None:
        """An AISpec is over."""
        report_spec = spec.parameter.first("ROReportSpec") or self.settings.ro_report
        if ReportTrigger.of(report_spec).at_end_of_ai_spec:
            self.flow.flush()
        fields = {"EventType": 0, "ROSpecID": spec.id, "SpecIndex": spec.index + 1}
        self._notify(AI_SPEC, Parameter("AISpecEvent", fields))

    @property
    def _stamp_offset_us(self) -> int:
        """From the host's time to the reader's stamps: UTC that is off, or time since its start."""
        return self.clock_ahead_us - self._started_us

    def _write(self, frames: bytes) -> None:
        if self._client is not None:
            self._client.write(frames)

    def _warn(self, percent: int) -> None:
        if percent >= _OVERFLOW_PERCENT:
            self._notify(BUFFER_FILL, Parameter("ReportBufferOverflowErrorEvent"))
        else:
            fields = {"ReportBufferPercentageFull": percent}
            self._notify(BUFFER_FILL, Parameter("ReportBufferLevelWarningEvent", fields))

    def _notify(self, kind: int, event: Parameter) -> None:
        """Tell the client of an event of a kind that it wants; later, while events are held."""
        if kind not in self.settings.events:
            return
        stamped = [self._timestamp(), event]
        if self._client is None or self._client.held:
            if self.settings.hold:
                self._held_events.append(stamped)
            return
        self._send_event(self._client, [event])

    def _deliver_kept(self) -> None:
        if self._client is None or self._client.held:
            return
        while self._held_events:
            self._send_stamped(self._client, self._held_events.popleft())
        self.flow.pump()

    def _send_event(self, connection: Connection, events: list[Parameter]) -> None:
        self._send_stamped(connection, [self._timestamp(), *events])

    def _send_stamped(self, connection: Connection, children: list[Parameter]) -> None:
        content = Parameter("ReaderEventNotificationData", {}, children)
        number = self.next_ids(1)
        connection.send(Message("READER_EVENT_NOTIFICATION", number, children=[content]))

    def _timestamp(self) -> Parameter:
        name = "UTCTimestamp" if self.personality.has_utc_clock else "Uptime"
        return Parameter(name, {"Microseconds": self._clock.now_us() + self._stamp_offset_us})

    def _time_reports(self, period_s: float) -> None:
        """Flush the accumulated reads every `period_s`; 0: not by time."""
        if self._reports_timer is not None:
            self._reports_timer.cancel()
            self._reports_timer = None
        if period_s:

            def due() -> None:
                self.flow.flush()
                self._time_reports(period_s)

            self._reports_timer = asyncio.get_running_loop().call_later(period_s, due)


def _attempt(outcome: int) -> Parameter:
    return Parameter("ConnectionAttemptEvent", {"Status": outcome})


def _ro_spec_event(kind: int, spec: RoSpec) -> Parameter:
    return Parameter(
        "ROSpecEvent", {"EventType": kind, "ROSpecID": spec.id, "PreemptingROSpecID": 0}
    )


def _call_later(seconds: float, function: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, function)

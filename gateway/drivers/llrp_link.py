"""The link to one reader: its connection, and when to try for another.

    waiting ──▶ approaching (`llrp_approach`) ──▶ open (`llrp_connection`) ──▶ waiting …

Everything happens in `tick` and in what the selector leads to; nothing waits, and nothing that a
reader or a network does raises.
"""

from __future__ import annotations

import random
import selectors
import socket
from collections.abc import Callable

from gateway.drivers.llrp_approach import NEVER_US, Approach, Dialer, Listener
from gateway.drivers.llrp_connection import Connection, Ended, Traffic
from gateway.drivers.llrp_events import Interpreter
from gateway.drivers.llrp_status import Announcer
from gateway.llrp.configuration import Port, Profile, SessionConfig
from gateway.llrp.reports import ReportIntake
from gateway.llrp.session import SILENT_PERIODS, Session, SessionCounters
from gateway.llrp.session_backoff import Backoff
from gateway.llrp.session_events import Cause, Closed, Phase, Up
from gateway.model.device import ReaderConfig, ReaderState

#: An open connection is looked after at least this often.
CHECK_US = 1_000_000

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_STATES = {
    Cause.OCCUPIED: ReaderState.OCCUPIED,
    Cause.REFUSED: ReaderState.FAULTY,
    Cause.SILENT: ReaderState.DOWN,
    Cause.CLOSED_BY_READER: ReaderState.DOWN,
}


class Link:
    """One reader. `due_us` is when `tick`, or `begin` once `wants_leave`, has something to do."""

    def __init__(
        self,
        source: int,
        config: ReaderConfig,
        intake: ReportIntake,
        selector: selectors.BaseSelector,
        announcer: Announcer,
        interpreter: Interpreter,
        rng: random.Random,
    ) -> None:
        self.config = config
        self.announcer = announcer
        self.due_us = self.turn_us = NEVER_US
        self.traffic, self.counters = Traffic(), SessionCounters()
        self._source, self._intake, self._selector = source, intake, selector
        self._interpreter, self._rng, self._backoff = interpreter, rng, Backoff(rng)
        self._session_config = session_config(config)
        self._connection: Connection | None = None
        self._mask = _READ
        self._check_at_us = NEVER_US
        self._is_leaving = False
        way = Listener if config.listen else Dialer
        silence_s = SILENT_PERIODS * config.profile.keepalive_s
        self._approach: Approach = way(
            config.host, config.port, silence_s, selector, self._connected, self._failed
        )

    def start(self, now_us: int) -> None:
        """Wait for leave to begin."""
        begins = self._approach.begins
        self.announcer.reader(ReaderState.CONNECTING, "start", begins, now_us)
        self.due_us = self.turn_us = now_us

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @property
    def input_changes(self) -> int:
        """How often general purpose inputs have changed; nothing listens to them yet."""
        return self._interpreter.input_changes

    def wants_leave(self, now_us: int) -> bool:
        """Whether it waits for leave to begin, in its turn since `turn_us`."""
        return now_us >= self.turn_us

    def is_shaking_hands(self, now_us: int) -> bool:
        """Whether it is between dialing and running inventory."""
        if self._connection is None:
            return self._approach.is_prompt(now_us)
        phase = self._connection.session.phase
        return phase in (Phase.AWAITING_EVENT, Phase.SETTING_UP)

    def begin(self, now_us: int) -> None:
        """Try to get a connection: leave is given."""
        self.turn_us = NEVER_US
        self._approach.begin(now_us)
        self._plan(now_us)

    def tick(self, now_us: int) -> None:
        """See to what is due."""
        if self._connection is not None:
            self._check_at_us = now_us + CHECK_US
            self._do(self._connection.check, now_us)
        else:
            self._approach.tick(now_us)
        self._plan(now_us)

    def switch(self, output: int, on: bool, now_us: int) -> bool:
        """Switch a general purpose output; False while the reader cannot be asked."""
        asked = False

        def act(at_us: int) -> None:
            nonlocal asked
            assert self._connection is not None
            asked = self._connection.session.switch(output, on, at_us)

        if self._connection is not None:
            self._do(act, now_us)
            self._plan(now_us)
        return asked

    def leave(self, now_us: int) -> None:
        """End in good order: done when it `is_open` no more."""
        self._is_leaving = True
        self.turn_us = NEVER_US
        self._approach.close()
        if self._connection is not None:
            self._do(self._connection.session.leave, now_us)
        self._plan(now_us)

    def abort(self) -> None:
        """Let go of everything at once."""
        self._is_leaving = True
        self._approach.close()
        self._disconnect()

    def _connected(self, sock: socket.socket, now_us: int) -> None:
        session = Session(self._session_config, now_us, rng=self._rng, counters=self.counters)
        self._connection = Connection(
            sock, self._approach.where, self._source, session, self._intake, self.traffic
        )
        self._check_at_us = now_us + CHECK_US
        self._interpreter.new_connection()
        self._occupy(taken=True)
        self._mask = _READ
        self._selector.register(sock, self._mask, self._on_ready)
        self._plan(now_us)

    def _on_ready(self, mask: int, now_us: int) -> None:
        connection = self._connection
        assert connection is not None
        if mask & _READ:
            self._do(connection.read, now_us)
        else:
            self._do(_nothing, now_us)
        self._plan(now_us)

    def _do(self, act: Callable[[int], None], now_us: int) -> None:
        """Act on the connection, send what that leads to, tell what has happened."""
        connection = self._connection
        assert connection is not None
        end: Ended | None = None
        try:
            act(now_us)
            connection.write()
        except Ended as ended:
            end = ended
        for event in connection.session.take_events():
            if isinstance(event, Closed):  # says more than that the socket has ended as well
                state = _STATES.get(event.cause, ReaderState.DOWN)
                end = Ended(state, event.cause, event.reason)
            else:
                self._interpreter.take(event, connection.session.reader.antennas, now_us)
                if isinstance(event, Up):
                    self._backoff.succeeded(now_us)
        if end is not None:
            self._disconnect()
            self._failed(end, now_us)
        elif connection.is_blocked != bool(self._mask & _WRITE):
            self._mask ^= _WRITE
            self._selector.modify(connection.sock, self._mask, self._on_ready)

    def _failed(self, end: Ended, now_us: int) -> None:
        if self._is_leaving:
            return
        reason = f"{end.reason}; {self._approach.again}"
        self.announcer.reader(end.state, end.cause, reason, now_us)
        wait_us = self._backoff.failed(now_us, occupied=end.state is ReaderState.OCCUPIED)
        self.turn_us = NEVER_US if self._approach.is_waiting() else now_us + wait_us
        self._plan(now_us)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection.sock)
            self._connection.close()
            self._connection = None
            self._occupy(taken=False)

    def _occupy(self, *, taken: bool) -> None:
        if isinstance(self._approach, Listener):
            self._approach.is_taken = taken

    def _plan(self, now_us: int) -> None:
        if self._connection is not None:
            self.due_us = min(self._connection.session.due_us, self._check_at_us)
        else:
            self.due_us = min(self.turn_us, self._approach.due_us(now_us))


def session_config(config: ReaderConfig) -> SessionConfig:
    """What the settings of a reader mean to its sessions."""
    profile = config.profile
    return SessionConfig(
        profile=Profile(
            max_version=profile.max_version,
            keepalive_s=profile.keepalive_s,
            tag_population=profile.tag_population,
            session=profile.session,
            mode_index=profile.mode_index,
            tari_ns=profile.tari_ns,
            report_every_n_tags=profile.report_every_n_tags,
            hold_reports=profile.hold_reports,
            vendor_pen=profile.vendor_pen,
            search_mode=profile.search_mode,
            report_phase=profile.report_phase,
            report_rssi_centi=profile.report_rssi_centi,
        ),
        ports=tuple(Port(number=p.port, power_dbm=p.power_dbm) for p in config.ports),
        takeover=config.takeover,
        leave_running=config.leave_running,
    )


def _nothing(_now_us: int) -> None:
    """Nothing to do but to send what waits."""

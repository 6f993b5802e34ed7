"""The session with one reader over one connection: a state machine without input or output.

    frames, time ──▶ Session ──▶ bytes to send (`take_bytes`), events (`take_events`)

The owner cuts the stream into frames (`framing`, or `reports` where tag reports are taken out on
the way), and calls `heard` for whatever arrives, `receive` for every frame that is not a tag
report, and `tick` when `due_us` has come. Nothing here raises for what a reader does: what cannot
be read, was not asked for or comes too late is counted and skipped; what is fatal ends in `Closed`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from gateway.llrp import session_steps
from gateway.llrp.codec import MESSAGE_HEADER, Message, Parameter, decode, encode
from gateway.llrp.configuration import ROSPEC_ID, SessionConfig, set_reader_config
from gateway.llrp.errors import LlrpError
from gateway.llrp.session_backoff import Backoff
from gateway.llrp.session_events import (
    AnotherClient,
    AntennaChanged,
    Cause,
    Closed,
    Event,
    OutputRefused,
    Phase,
    Stopped,
    Up,
)
from gateway.llrp.session_notifications import (
    ConnectionAttempt,
    ConnectionClosing,
    RospecChanged,
    notices_in,
)
from gateway.llrp.session_status import Refusal, refusal_in
from gateway.llrp.session_steps import Reader, Reply, SetupError, Steps

#: The reader's first message has to come within this.
CONNECTION_EVENT_S = 10.0
#: A request has to be answered within this.
REPLY_S = 5.0
#: While we are leaving, we wait this long for each answer: two seconds in all.
LEAVING_REPLY_S = 0.5
#: No byte for this many keepalive periods: the link is dead …
SILENT_PERIODS = 2.5
#: … and after this many we ask for a sign of life, in case it does not do keepalives.
PROBE_PERIODS = 1.5
#: While it sets up, a reader may take longer.
SETUP_SILENCE_S = 10.0
#: Without a tag report for this long we look whether our ROSpec still runs.
VERIFY_S = 30.0

_SUCCESS, _READER_INITIATED, _CLIENT_INITIATED, _OTHER_REASON, _ANOTHER = range(5)
_FAILED_ATTEMPTS = {
    _READER_INITIATED: (
        Cause.OCCUPIED,
        "the reader already serves another client, to which it has connected by itself",
    ),
    _CLIENT_INITIATED: (
        Cause.OCCUPIED,
        (
            "the reader already serves another client, or has not noticed yet that an earlier "
            "connection is dead"
        ),
    ),
    _OTHER_REASON: (
        Cause.REFUSED,
        "the reader refuses the connection for a reason that it does not tell",
    ),
    _ANOTHER: (
        Cause.OCCUPIED,
        "the reader already serves another client, which has connected at the same time",
    ),
}
_STARTED, _ENDED, _PREEMPTED = range(3)
_NEVER_US = 1 << 62
#: Switchings of outputs whose answers are still awaited; a reader that answers none is not asked.
_MAX_OUTPUTS = 64
_MAX_ID = 0xFFFF_FFFF


@dataclass(slots=True)
class SessionCounters:
    """What a session has met; may be shared by the sessions that follow one another."""

    keepalives: int = 0
    undecodable: int = 0  # messages that could not be read
    unknown: int = 0  # messages of a kind that we have no use for
    stray: int = 0  # replies that nobody waits for (any more)
    refused: int = 0  # requests that the reader refused
    restarts: int = 0  # of an inventory that had stopped by itself


@dataclass(slots=True)
class _Pending:
    """The request that waits for its reply."""

    message: Message
    deadline_us: int


class Session:
    """One connection's dialogue, from its first byte to `Closed`."""

    def __init__(
        self,
        config: SessionConfig,
        now_us: int,
        *,
        rng: random.Random | None = None,
        counters: SessionCounters | None = None,
    ) -> None:
        self.config = config
        self.phase = Phase.AWAITING_EVENT
        self.reader = Reader()
        self.counters = counters or SessionCounters()
        self._now_us = self._began_us = self._heard_us = self._vouched_us = now_us
        self._steps: Steps | None = None
        self._pending: _Pending | None = None
        self._last_id = 0
        self._probed = False
        self._suspicion = ""  # what will have happened if the inventory is found not to run
        self._switching: dict[int, tuple[int, Message]] = {}  # id → output, request
        self._backoff = Backoff(rng or random.Random())
        self._restart_at_us = _NEVER_US
        self._out = bytearray()
        self._events: list[Event] = []

    @property
    def due_us(self) -> int:
        """When `tick` may have something to do, if nothing arrives before."""
        if self.phase is Phase.CLOSED:
            return _NEVER_US
        if self.phase is Phase.AWAITING_EVENT:
            return self._began_us + _us(CONNECTION_EVENT_S)
        due_us = min(self._silent_at_us, self._restart_at_us)
        if self._pending is not None:
            due_us = min(due_us, self._pending.deadline_us)
        if self.phase is Phase.RUNNING and self._steps is None:
            due_us = min(due_us, self._verify_at_us)
        return due_us

    def take_bytes(self) -> bytes:
        """What to send, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def take_events(self) -> list[Event]:
        """What has happened, once."""
        events, self._events = self._events, []
        return events

    def heard(self, now_us: int, *, reports: bool = False) -> None:
        """Bytes have arrived; `reports`: tag reports among them, so the inventory does run."""
        self._heard_us = now_us
        self._probed = False
        if reports:
            self._vouched_us = now_us

    def receive(self, frame: bytes, now_us: int) -> None:
        """One whole message that is not a tag report."""
        if self.phase is Phase.CLOSED:
            return
        self._now_us = now_us
        try:
            message = decode(frame)
        except LlrpError as error:
            self._skip(frame, error)
            return
        if message.name == "KEEPALIVE":
            self.counters.keepalives += 1
            self._send(Message("KEEPALIVE_ACK", id=message.id))
        elif message.name == "READER_EVENT_NOTIFICATION":
            self._on_notification(message)
        elif message.name == "ERROR_MESSAGE" or message.name.endswith("_RESPONSE"):
            self._on_reply(message)
        else:
            self.counters.unknown += 1

    def tick(self, now_us: int) -> None:
        """See to what is due: requests without a reply, silence, restarts, checks."""
        self._now_us = now_us
        if self.phase is Phase.CLOSED or now_us < self.due_us:
            return
        if self.phase is Phase.AWAITING_EVENT:
            self._close(
                Cause.SILENT,
                "the other side accepts the connection but sends no LLRP connection event "
                f"within {CONNECTION_EVENT_S:g} s",
            )
        elif now_us >= self._silent_at_us:
            silence_s = (now_us - self._heard_us) / 1e6
            self._close(Cause.SILENT, f"nothing was heard from the reader for {silence_s:.1f} s")
        elif self._pending is not None and now_us >= self._pending.deadline_us:
            waited_s = LEAVING_REPLY_S if self.phase is Phase.CLOSING else REPLY_S
            self._advance(self._unread(f"was not answered within {waited_s:g} s"))
        elif now_us >= self._restart_at_us:
            self._restart_at_us = _NEVER_US
            self.counters.restarts += 1
            self._begin(session_steps.restart(self.config, self.reader))
        elif self.phase is Phase.RUNNING and self._steps is None:
            self._probed = True
            self._vouched_us = now_us
            self._suspicion = "it is not active on the reader any more"
            self._begin(session_steps.verify())

    def leave(self, now_us: int) -> None:
        """End in good order within two seconds; `Closed` follows. May be called at any time."""
        if self.phase in (Phase.CLOSING, Phase.CLOSED):
            return
        self._now_us = now_us
        if self.phase is Phase.AWAITING_EVENT:
            self._close(Cause.FINISHED, "we have left")
            return
        self.phase = Phase.CLOSING
        self._restart_at_us = _NEVER_US
        self._begin(session_steps.leave(self.config, self.reader))

    def switch(self, output: int, on: bool, now_us: int) -> bool:
        """Switch a general purpose output; False while nothing can be asked of the reader.

        The inventory and its dialogues go on beside it; `OutputRefused` tells of a refusal.
        """
        if self.phase is not Phase.RUNNING or len(self._switching) >= _MAX_OUTPUTS:
            return False
        self._now_us = now_us
        write = Parameter("GPOWriteData", {"GPOPortNumber": output, "GPOData": int(on)})
        request = set_reader_config([write])
        request.id = self._next_id()
        if self._send(request):
            self._switching[request.id] = (output, request)
        return True

    # --- when things are due

    @property
    def _silent_at_us(self) -> int:
        silence_s = SILENT_PERIODS * self.config.profile.keepalive_s
        if self.phase is Phase.SETTING_UP:
            silence_s = max(silence_s, SETUP_SILENCE_S)
        return self._heard_us + _us(silence_s)

    @property
    def _verify_at_us(self) -> int:
        verify_at_us = self._vouched_us + _us(VERIFY_S)
        if self._probed:
            return verify_at_us
        return min(
            verify_at_us, self._heard_us + _us(PROBE_PERIODS * self.config.profile.keepalive_s)
        )

    # --- what the reader says by itself

    def _on_notification(self, message: Message) -> None:
        for notice in notices_in(message, self._now_us):
            if self.phase is Phase.CLOSED:
                return
            if isinstance(notice, ConnectionAttempt):
                self._on_attempt(notice.status)
            elif isinstance(notice, ConnectionClosing):
                self._close(Cause.CLOSED_BY_READER, "the reader has announced that it disconnects")
            elif isinstance(notice, RospecChanged):
                self._on_rospec(notice)
            else:
                self._events.append(notice)

    def _on_attempt(self, status: int) -> None:
        if self.phase is not Phase.AWAITING_EVENT:
            if status != _SUCCESS:
                self._events.append(AnotherClient())
        elif status == _SUCCESS:
            self.phase = Phase.SETTING_UP
            self._begin(session_steps.establish(self.config, self.reader))
        else:
            unknown = (
                Cause.REFUSED,
                f"the reader refuses the connection with the unknown status {status}",
            )
            self._close(*_FAILED_ATTEMPTS.get(status, unknown))

    def _on_rospec(self, change: RospecChanged) -> None:
        if change.rospec != ROSPEC_ID:
            return
        self.reader.started = change.kind == _STARTED
        if change.kind == _ENDED and self.phase is Phase.RUNNING:
            # Or has it? A reader may have held back the end of the one that we have replaced.
            self._suspicion = "it ended on the reader"
            self._begin(session_steps.verify(ended=True))
        elif change.kind == _PREEMPTED:
            self._stopped(f"ROSpec {change.preempted_by} has taken its place")

    def _stopped(self, why: str) -> None:
        if self.phase is not Phase.RUNNING:
            return
        self._drop_steps()
        self.phase = Phase.REARMING
        self._events.append(
            Stopped(reason=f"the inventory has stopped: {why}; it is started again")
        )
        self._restart_at_us = self._now_us + self._backoff.failed(self._now_us)

    # --- requests and replies

    def _begin(self, steps: Steps) -> None:
        self._drop_steps()
        self._steps = steps
        self._advance(None)

    def _drop_steps(self) -> None:
        if self._steps is not None:
            self._steps.close()
        self._steps = self._pending = None

    def _advance(self, reply: Reply | None) -> None:
        """Hand the reply to the dialogue under way, and send its next request."""
        assert self._steps is not None
        self._pending = None
        try:
            request = next(self._steps) if reply is None else self._steps.send(reply)
        except StopIteration as end:
            self._steps = None
            self._finished(end.value)
        except SetupError as error:
            self._close(error.cause, error.reason)
        except LlrpError as error:  # a ROSpec that cannot be built
            self._close(Cause.REFUSED, str(error))
        else:
            self._ask(request)

    def _ask(self, request: Message) -> None:
        request.id = self._next_id()
        reply_s = LEAVING_REPLY_S if self.phase is Phase.CLOSING else REPLY_S
        if self._send(request):
            self._pending = _Pending(request, self._now_us + _us(reply_s))

    def _next_id(self) -> int:
        self._last_id = self._last_id % _MAX_ID + 1
        return self._last_id

    def _on_reply(self, message: Message) -> None:
        if (switching := self._switching.pop(message.id, None)) is not None:
            output, request = switching
            if (refused := refusal_in(message, request)) is not None:
                self.counters.refused += 1
                self._events.append(OutputRefused(port=output, reason=str(refused)))
            return
        pending = self._pending
        if (
            pending is None
            or message.id != pending.message.id
            or message.name not in ("ERROR_MESSAGE", f"{pending.message.name}_RESPONSE")
        ):
            self.counters.stray += 1
            return
        refusal = refusal_in(message, pending.message)
        self.counters.refused += refusal is not None
        self._advance(refusal or message)

    def _skip(self, frame: bytes, error: LlrpError) -> None:
        """A message that cannot be read; if it is the awaited reply, waiting longer is no use."""
        self.counters.undecodable += 1
        if self._pending is None or len(frame) < MESSAGE_HEADER.size:
            return
        if MESSAGE_HEADER.unpack_from(frame)[2] == self._pending.message.id:
            self._advance(self._unread(f"was answered with what cannot be read: {error}"))

    def _unread(self, what: str) -> Refusal:
        assert self._pending is not None
        name = self._pending.message.name
        return Refusal(request=name, reason=f"{name} {what}")

    def _finished(self, result: bool | None) -> None:
        """A dialogue has come to its end."""
        if self.phase is Phase.CLOSING:
            self._close(Cause.FINISHED, "we have left")
        elif self.phase is Phase.RUNNING:
            if result is False:
                self.reader.started = False
                self._stopped(self._suspicion)
        else:
            self._went_up()

    def _went_up(self) -> None:
        first_time = self.phase is Phase.SETTING_UP
        self.phase = Phase.RUNNING
        self._vouched_us = self._now_us
        self._backoff.succeeded(self._now_us)
        self._events.append(
            Up(
                version=self.reader.version,
                capabilities=self.reader.capabilities,
                notes=tuple(dict.fromkeys(self.reader.notes)),
            )
        )
        if first_time:
            # Only now, with the ROSpec in place, may the reader let go of what it has held back.
            # There is no reply to this one; some send an ERROR_MESSAGE, which counts as stray.
            self._send(Message("ENABLE_EVENTS_AND_REPORTS", id=self._next_id()))
            for port, connected in sorted(self.reader.antennas.items()):
                self._events.append(AntennaChanged(port=port, connected=connected))

    def _send(self, message: Message) -> bool:
        message.version = self.reader.version
        try:
            self._out += encode(message)
        except LlrpError as error:  # only a profile with impossible numbers leads here
            self._close(Cause.REFUSED, f"the settings of this reader cannot be sent: {error}")
            return False
        return True

    def _close(self, cause: Cause, reason: str) -> None:
        self._drop_steps()
        self._restart_at_us = _NEVER_US
        self.phase = Phase.CLOSED
        self._events.append(Closed(cause=cause, reason=reason))


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)

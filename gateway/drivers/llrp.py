"""The driver `llrp`: all LLRP readers of a site, on non-blocking sockets, in the core thread.

drain:  sockets ──▶ sessions and one intake ──▶ reads of all readers in one array, statuses
"""

from __future__ import annotations

import logging
import random
import selectors
import time
from dataclasses import asdict

from gateway.drivers.base import DriverContext
from gateway.drivers.llrp_events import Interpreter
from gateway.drivers.llrp_link import Link
from gateway.drivers.llrp_outputs import Pulses
from gateway.drivers.llrp_reads import ReadMapper
from gateway.drivers.llrp_status import Announcer
from gateway.errors import DriverError
from gateway.llrp.reports import ReportIntake
from gateway.model.alert import RuleAction
from gateway.model.device import ReaderConfig
from gateway.model.outcome import Inputs
from gateway.model.reads import Reads

logger = logging.getLogger(__name__)

#: Readers between dialing and inventory at one time, when a whole site comes back at once.
MOST_HANDSHAKES = 32
#: Ending all inventories in good order may take this long.
CLOSE_S = 2.0
#: What the intake can tell apart.
MAX_READERS = 65_536
SURVEY_US = 1_000_000

_CLOSE_STEP_S = 0.02


class LlrpReaders:
    """Every LLRP reader of the site. Raises DriverError for settings that cannot work together."""

    def __init__(self, context: DriverContext, rng: random.Random | None = None) -> None:
        _check(context)
        self._clock = context.clock
        self._antenna_numbers = context.site.antenna_numbers
        self._selector = selectors.DefaultSelector()
        self._intake = ReportIntake()
        self._mapper = ReadMapper(context)
        self._links = [
            self._link(source, config, rng or random.Random())
            for source, config in enumerate(context.readers)
        ]
        self._pulses = Pulses({link.config.id: link for link in self._links})
        self._told_skipped = [0] * len(self._links)
        self._survey_at_us = 0

    def _link(self, source: int, config: ReaderConfig, rng: random.Random) -> Link:
        announcer = Announcer(config.id, {port.port for port in config.ports})
        utc, uptime = self._mapper.utc, self._mapper.uptime
        interpreter = Interpreter(source, config, announcer, utc, uptime)
        return Link(source, config, self._intake, self._selector, announcer, interpreter, rng)

    def start(self) -> None:
        """Have every reader dialed, or listened for, from the next drain on."""
        now_us = self._clock.now_us()
        for link in self._links:
            link.start(now_us)

    def drain(self, inputs: Inputs, now_us: int) -> None:
        """Append the reads that have come in, and what has changed; returns without waiting."""
        self._pulses.run(now_us)
        self._turn(now_us, wait_s=0)
        reads = self._mapper.take(self._intake, now_us)
        if len(reads):
            inputs.reads.append(reads)
            self._trust_reads(reads, now_us)
        for source, ahead_us in self._mapper.clock_news():
            self._links[source].announcer.clock(ahead_us, now_us)
        if now_us >= self._survey_at_us:
            self._survey_at_us = now_us + SURVEY_US
            self._log_skipped()
        for link in self._links:
            if link.announcer.has_news:
                inputs.statuses += link.announcer.take()

    def act(self, action: RuleAction, now_us: int) -> None:
        """Pulse an output of one of these readers, if that is what is asked."""
        self._pulses.ask(action, now_us)

    def close(self) -> None:
        """Stop every inventory that is ours, within two seconds, and let go of the readers."""
        ends_s = time.monotonic() + CLOSE_S
        for link in self._links:
            link.leave(self._clock.now_us())
        while any(link.is_open for link in self._links) and time.monotonic() < ends_s:
            self._turn(self._clock.now_us(), wait_s=_CLOSE_STEP_S)
        for link in self._links:
            link.abort()
        self._selector.close()

    @property
    def counters(self) -> dict[str, dict[str, int]]:
        """By reader id, what its connections have carried and met; any thread may ask."""
        return {link.config.id: self._counters(source) for source, link in enumerate(self._links)}

    def _turn(self, now_us: int, wait_s: float) -> None:
        """Take in what has arrived, see to what is due, begin what may begin."""
        for key, mask in self._selector.select(wait_s):
            key.data(mask, now_us)
        waiting = []
        for link in self._links:
            if link.due_us <= now_us:
                if link.wants_leave(now_us):
                    waiting.append(link)
                else:
                    link.tick(now_us)
        if waiting:
            free = MOST_HANDSHAKES - sum(link.is_shaking_hands(now_us) for link in self._links)
            waiting.sort(key=lambda link: link.turn_us)
            for link in waiting[: max(0, free)]:
                link.begin(now_us)

    def _trust_reads(self, reads: Reads, now_us: int) -> None:
        """An antenna that brings reads is connected, whatever the reader has said before."""
        for link in self._links:
            for port in tuple(link.announcer.disconnected):
                number = self._antenna_numbers.get((link.config.id, port))
                if number is not None and (reads["antenna"] == number).any():
                    link.announcer.read_from(port, now_us)

    def _log_skipped(self) -> None:
        for source, told in enumerate(self._told_skipped):
            skipped = self._intake.skipped[source]
            if skipped and not told:
                logger.warning(
                    "reader '%s' sends tag reports that cannot be read; they are skipped and "
                    "counted; the first: %s",
                    self._links[source].config.id,
                    self._intake.last_errors.get(source, ""),
                )
            self._told_skipped[source] = skipped

    def _counters(self, source: int) -> dict[str, int]:
        link, mapper = self._links[source], self._mapper
        return {
            **asdict(link.traffic),
            **asdict(link.counters),
            "input_changes": link.input_changes,
            "reports": int(mapper.received[source]),
            "skipped": self._intake.skipped[source],
            "unmapped": int(mapper.unmapped[source]),
            "unnumbered": int(mapper.unnumbered[source]),
        }


def _check(context: DriverContext) -> None:
    """Refuse what cannot work together, in words."""
    if len(context.readers) > MAX_READERS:
        raise DriverError(f"there are {len(context.readers)} readers, more than {MAX_READERS}")
    listeners: dict[tuple[str, int], str] = {}
    for reader in context.readers:
        if not reader.host and not reader.listen:
            raise DriverError(
                f"reader '{reader.id}' has no address: set `address: HOST:PORT`, or `listen: true` "
                "if the reader connects to the gateway"
            )
        if not reader.listen:
            continue
        other = listeners.setdefault((reader.host, reader.port), reader.id)
        if other != reader.id:
            raise DriverError(
                f"readers '{other}' and '{reader.id}' both connect to port {reader.port} of the "
                "gateway: each listening reader needs a port of its own"
            )

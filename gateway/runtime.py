"""The core thread: drain every device, tick, hand on. Nothing else runs in it.

loop:  inputs = drain;  outcome = core.tick(inputs, now);  store ◀─ outcome;  sleep to the next tick
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from gateway.clock import Clock
from gateway.core import Core
from gateway.drivers.base import Actuator, Driver
from gateway.errors import GatewayError
from gateway.model.alert import RuleAction
from gateway.model.command import Command
from gateway.model.outcome import Inputs, Outcome
from gateway.rules.rule import RuleSet
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

#: Each socket is read at most once in this time: waking up for every message is what costs.
TICK_S = 0.05
#: An outcome is handed on at least this often, so that the store shows that it is alive.
HEARTBEAT_TICKS = 20
#: Commands that may wait for the next tick.
MAX_COMMANDS = 1_000
#: Whoever has rules taken up waits so long for the core to follow them.
ADOPTED_S = 2.0
#: Questions that may wait for the end of a tick.
MAX_QUESTIONS = 100

T = TypeVar("T")
Tap = Callable[[Inputs], None]


class Runtime:
    """Owns the drivers and the core while it runs. `failure` is set when the thread ended badly."""

    def __init__(
        self,
        core: Core,
        drivers: Sequence[Driver],
        clock: Clock,
        submit: Callable[[Outcome], None],
        metrics: Metrics,
        health: Health,
        *,
        failed: Callable[[], None],
        tick_s: float = TICK_S,
    ) -> None:
        self.failure: BaseException | None = None
        self._core, self._drivers, self._clock = core, drivers, clock
        self._submit, self._metrics, self._health = submit, metrics, health
        self._failed = failed
        self._tick_s = tick_s
        self._commands: deque[Command] = deque()
        self._actions: deque[RuleAction] = deque()
        self._questions: deque[Callable[[], None]] = deque()
        self._taps: tuple[Tap, ...] = ()
        self._stop = threading.Event()
        self._counted = _Counted(core, metrics)
        self._thread = threading.Thread(target=self._run, name="core", daemon=True)

    def start(self) -> None:
        """Start the devices, then tick."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End the devices in good order and the thread with them; False if it hangs for so long.

        A thread that hangs is left behind, to end with the process, and not waited for again.
        """
        waited = self._stop.is_set()
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(0.0 if waited else timeout_s)
        return not self._thread.is_alive()

    def ask(self, body: dict[str, Any]) -> Future[Any]:
        """Have a command done; any thread may ask. See `Command` for the answer.

        Raises GatewayError when too many wait already.
        """
        if len(self._commands) >= MAX_COMMANDS:
            raise GatewayError(f"{MAX_COMMANDS} commands wait already: try again in a moment")
        answer: Future[Any] = Future()
        command = Command(time_us=self._clock.now_us(), body=body, answer=answer)
        self._commands.append(command)
        return answer

    def look(self, question: Callable[[Core], T]) -> Future[T]:
        """Have the core looked at between two ticks; any thread may ask.

        A question must be quick and change nothing. Raises GatewayError when too many wait already.
        """
        if len(self._questions) >= MAX_QUESTIONS:
            raise GatewayError(f"{MAX_QUESTIONS} questions wait already: try again in a moment")
        answer: Future[T] = Future()

        def give() -> None:
            try:
                answer.set_result(question(self._core))
            except Exception as error:  # noqa: BLE001 - it is the one who asked who is told
                answer.set_exception(error)

        self._questions.append(give)
        return answer

    def adopt(self, rules: RuleSet) -> None:
        """Follow other rules; any thread may ask. On return they are in force, if nothing hangs."""
        self._core.watch.adopt(rules)
        with suppress(TimeoutError, GatewayError):
            self.ask({"rules": "changed"}).result(ADOPTED_S)

    def act(self, actions: Iterable[RuleAction]) -> None:
        """Have devices do something in the next tick; any thread may ask."""
        for action in actions:
            if len(self._actions) >= MAX_COMMANDS:
                logger.error("too much is asked of devices at once: '%s' is left out", action.kind)
                return
            self._actions.append(action)

    def tap(self, tap: Tap) -> Callable[[], None]:
        """Show every tick's inputs to `tap`, in the core thread; gives the way to end that.

        The core has put the times on the gateway's clock by then. A tap must be quick, and copy.
        """
        self._taps = (*self._taps, tap)

        def end() -> None:
            self._taps = tuple(t for t in self._taps if t is not tap)

        return end

    def _run(self) -> None:
        try:
            # What exists now stays: collections must not walk a million tags again and again.
            if gc.isenabled():  # else the start was made without, and has made next to none
                gc.collect()
            gc.freeze()
            for driver in self._drivers:
                driver.start()
            self._loop()
        except BaseException as error:  # the daemon must end, loudly, and be restarted
            logger.critical("the core failed", exc_info=True)
            self.failure = error
            self._failed()
        finally:
            for driver in self._drivers:
                driver.close()

    def _loop(self) -> None:
        next_s = time.monotonic()
        ticks = 0
        while not self._stop.is_set():
            begun_s = time.perf_counter()
            self._tick(heartbeat=ticks % HEARTBEAT_TICKS == 0)
            self._metrics.tick_seconds.observe(time.perf_counter() - begun_s)
            self._health.beat("core")
            ticks += 1
            # After an overrun the next tick starts at once, and the beat is not caught up with.
            next_s = max(next_s + self._tick_s, time.monotonic())
            self._stop.wait(next_s - time.monotonic())

    def _tick(self, *, heartbeat: bool) -> None:
        now_us = self._clock.now_us()
        inputs = Inputs()
        for driver in self._drivers:
            driver.drain(inputs, now_us)
        while self._commands:
            inputs.commands.append(self._commands.popleft())
        while self._actions:
            action = self._actions.popleft()
            for driver in self._drivers:
                if isinstance(driver, Actuator):
                    driver.act(action, now_us)
        outcome = self._core.tick(inputs, now_us)
        for tap in self._taps:
            tap(inputs)
        self._counted.update()
        if heartbeat and (crowded := self._core.crowded) is not None:
            self._health.alarm("tags", crowded)
        while self._questions:
            self._questions.popleft()()
        if heartbeat or _worth_telling(outcome):
            self._submit(outcome)


def _worth_telling(outcome: Outcome) -> bool:
    return bool(
        outcome.durable
        or outcome.acks
        or outcome.provisional
        or outcome.provisional_passages
        or outcome.sensor_health
        or outcome.sensors
        or outcome.statuses
    )


class _Counted:
    """Brings the core's counts into the metrics, once a tick."""

    def __init__(self, core: Core, metrics: Metrics) -> None:
        self._core, self._metrics = core, metrics
        self._by_antenna = np.zeros(len(core.site.antennas), dtype=np.int64)
        self._before: dict[str, int] = {}

    def update(self) -> None:
        counts, metrics = self._core.counts, self._metrics
        new = counts.received_by_antenna - self._by_antenna
        for number in np.flatnonzero(new).tolist():
            metrics.reads[self._core.site.antennas[number].reader].inc(int(new[number]))
        self._by_antenna += new
        metrics.reads_coalesced.inc(self._new("coalesced", counts.coalesced))
        metrics.reads_late.inc(self._new("late", counts.late))
        metrics.reads_shed["rows"].inc(self._new("shed", counts.shed))
        metrics.reads_shed["tags"].inc(self._new("refused", self._core.tags.refused))
        metrics.tags_known.set(self._core.tags.known)
        early = self._new("forgotten early", counts.forgotten_early)
        metrics.tags_forgotten["room"].inc(early)
        metrics.tags_forgotten["age"].inc(self._new("forgotten", counts.forgotten) - early)

    def _new(self, name: str, total: int) -> int:
        new = total - self._before.get(name, 0)
        self._before[name] = total
        return new

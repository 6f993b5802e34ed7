"""Replay: a recording through the core, the clock being the recording's own arrival times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.core import Core
from gateway.drivers.recording import Recording
from gateway.location.epochs import EPOCH_US
from gateway.model.outcome import Inputs, Outcome

#: Length of a tick while nothing comes in and nothing is being decided.
SLOW_TICK_US = 1_000_000


class Replay:
    """One run of recordings through one core."""

    def __init__(self, core: Core, recording: Recording) -> None:
        self._core, self._recording = core, recording
        self._waiting = Inputs()  # of ticks in which nothing could be decided
        self.movements = 0
        self.passages = 0
        self.alerts = 0

    def outcomes(self, paths: Iterable[Path], tick_us: int, drain_us: int = 0) -> Iterator[Outcome]:
        """Every outcome that holds something, in order.

        Between lines the virtual clock goes on as a running gateway's would. After the last line it
        goes just far enough for its epoch to close, and `drain_us` further.
        """
        now_us = 0
        for at_us, inputs in self._recording.batches(paths, tick_us):
            if now_us:
                yield from self._idle(now_us, at_us - tick_us, tick_us)
            now_us = at_us
            yield from self._tick(inputs, now_us)
        if now_us:
            yield from self._run(now_us)  # now all is known of how late readers are
            end_us = self._recording.last_at_us + self._core.epochs.lateness_us + EPOCH_US
            yield from self._idle(now_us, max(now_us, end_us) + drain_us, tick_us)

    def _idle(self, now_us: int, end_us: int, tick_us: int) -> Iterator[Outcome]:
        """Ticks without input up to `end_us`, in long strides while only slow timers run."""
        while now_us < end_us:
            stride_us = tick_us if self._core.engine.busy else max(tick_us, SLOW_TICK_US)
            now_us = min(now_us + stride_us, end_us)
            yield from self._tick(Inputs(), now_us)

    def _tick(self, inputs: Inputs, now_us: int) -> Iterator[Outcome]:
        """One tick; where it can decide nothing, its inputs are taken with the next one's."""
        self._waiting.add(inputs)
        if self._core.epochs.may_close(now_us):
            yield from self._run(now_us)

    def _run(self, now_us: int) -> Iterator[Outcome]:
        inputs, self._waiting = self._waiting, Inputs()
        outcome = self._core.tick(inputs, now_us)
        self.movements += len(outcome.movements)
        self.passages += len(outcome.passages)
        self.alerts += len(outcome.alerts)
        told = outcome.movements or outcome.passages or outcome.alerts
        if told or outcome.provisional or outcome.refused:
            yield outcome

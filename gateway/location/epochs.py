"""Ticks carry, epochs decide: inputs are put into fixed 100 ms epochs of event time.

An epoch is handed out once the watermark has passed its end: the clock less the lateness allowed.
Which epoch an input belongs to depends on its event time and its arrival alone — never on the tick
that happened to fetch it — so that live, replayed and simulated runs agree.

The lateness allowed starts at the site's setting and grows, up to `MAX_LATENESS_US`, with what the
readers show (a reader that reports once a second is always late); it falls back when the last two
minutes showed less. Inputs later than that keep their event time and enter the oldest open epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.location.sightings import coalesce
from gateway.model.command import Command
from gateway.model.device import DeviceStatus, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.reads import Reads, joined

EPOCH_US = 100_000
EPOCHS_PER_TIMER = 10
#: What is costly to decide is decided this often: in between too little is added to the picture.
TURN_US = 500_000
#: A reader later than this is draining a backlog; its reads do not hold up the others.
MAX_LATENESS_US = 2_000_000
#: The lateness seen is remembered over this and the span before it.
MEMORY_US = 60_000_000
#: Margin over the lateness seen, as a fraction of 8: a report is rarely as late as the next one.
MARGIN_EIGHTHS = 10

#: When something that is no read arrived, how it is taken, and what it is.
_Arrived = tuple[int, Callable[[Any], None], Any]


def is_turn(end_us: int) -> bool:
    """Whether the epoch that ends then is one after which costly things are decided."""
    return end_us % TURN_US == 0


@dataclass(slots=True)
class Epoch:
    """Everything that happened in one span of event time. `end_us` is exclusive."""

    end_us: int
    reads: list[Reads] = field(default_factory=list)
    sensors: list[SensorReading] = field(default_factory=list)
    statuses: list[DeviceStatus] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    @property
    def timer(self) -> bool:
        """Whether this is the epoch of its second that is always handed out, for slow timers."""
        return (self.end_us // EPOCH_US - 1) % EPOCHS_PER_TIMER == 0

    def joined_reads(self) -> Reads:
        """All reads of the epoch in one array."""
        return joined(self.reads)


class Epochs:
    """Collects inputs and hands out closed epochs in order."""

    def __init__(self, lateness_us: int, coalesce_rows: int, max_rows: int) -> None:
        self._least_us = lateness_us
        self._lateness_us = lateness_us
        self._floor = 0  # oldest open epoch; never goes back, even when the lateness grows
        self._seen_us = [0, 0]  # most lateness seen in this and in the previous span of memory
        self._span = -1
        self._open: dict[int, Epoch] = {}
        self._closed = -1  # number of the last epoch handed out
        self._last_at_us = 0
        self._rows = 0
        self._coalesce_rows = coalesce_rows
        self._max_rows = max_rows
        self.coalesced = 0
        self.shed = 0
        self.late = 0

    @property
    def lateness_us(self) -> int:
        """How far the watermark is behind the clock now."""
        return self._lateness_us

    @property
    def rows(self) -> int:
        """Reads that wait for their epoch to close."""
        return self._rows

    def waiting_tags(self) -> npt.NDArray[np.uint32]:
        """The tags of which reads wait."""
        waiting = [reads["tag"] for epoch in self._open.values() for reads in epoch.reads]
        return np.unique(np.concatenate(waiting)) if waiting else np.zeros(0, np.uint32)

    def add(self, inputs: Inputs, reads: Reads) -> None:
        """Take `reads` (in order of arrival) and all else of one tick's inputs, as it arrived."""
        others: list[_Arrived] = [(s.time_us, self.add_statuses, s) for s in inputs.statuses]
        others += [(r.at_us, self.add_sensors, r) for r in inputs.sensors]
        others += [(c.time_us, self.add_commands, c) for c in inputs.commands]
        others.sort(key=itemgetter(0))
        before = np.searchsorted(reads["at_us"], [at_us for at_us, _, _ in others]).tolist()
        begun = 0
        for (_, add, other), end in zip(others, before, strict=True):
            self.add_reads(reads[begun:end])
            begun = end
            add((other,))
        self.add_reads(reads[begun:])

    def add_reads(self, reads: Reads) -> None:
        """Take reads in order of arrival; their `time_us` must be on the gateway's clock."""
        if not len(reads):
            return
        self._begin(int(reads["at_us"][0]))
        at_us = np.maximum(reads["at_us"], self._last_at_us)
        self._last_at_us = int(at_us[-1])
        time_us = np.minimum(reads["time_us"], at_us)
        reads["time_us"] = time_us
        np.minimum(reads["first_us"], time_us, out=reads["first_us"])
        numbers = time_us // EPOCH_US
        floors = self._floors(at_us, at_us - time_us)
        late = numbers < floors
        if late.any():
            self.late += int(np.count_nonzero(late))
            numbers = np.maximum(numbers, floors)
        self._place(reads, numbers)

    def add_sensors(self, sensors: Iterable[SensorReading]) -> None:
        """Take sensor readings in order of arrival."""
        for reading in sensors:
            self._epoch(self._number(reading.time_us, reading.at_us)).sensors.append(reading)

    def add_statuses(self, statuses: Iterable[DeviceStatus]) -> None:
        """Take changes of devices; their time is when the gateway learned of them."""
        for status in statuses:
            self._epoch(self._number(status.time_us, status.time_us)).statuses.append(status)

    def add_commands(self, commands: Iterable[Command]) -> None:
        """Take commands; their time is when they were given."""
        for command in commands:
            self._epoch(self._number(command.time_us, command.time_us)).commands.append(command)

    def may_close(self, now_us: int) -> bool:
        """Whether an epoch may be complete by then, whatever arrives until then."""
        # The lateness allowed falls only with a new span.
        same = now_us // MEMORY_US == self._span
        lateness_us = self._lateness_us if same else self._least_us
        return self._closed < max(self._floor, (now_us - lateness_us) // EPOCH_US) - 1

    def closed(self, now_us: int, busy: Callable[[], bool]) -> Iterator[Epoch]:
        """Hand out every epoch that the watermark has passed, in order.

        Empty ones are left out, but for one a second (timers), unless `busy()` asks for all.
        """
        self._floor = max(self._floor, (now_us - self._lateness_us) // EPOCH_US)
        last = self._floor - 1
        if self._closed < 0:
            self._closed = last
        while self._closed < last:
            number = self._closed + 1
            if number not in self._open and not busy():
                number = min(self._next(number), last)
            self._closed = number
            epoch = self._open.pop(number, None)
            if epoch is None:
                if number % EPOCHS_PER_TIMER and not busy():
                    continue
                epoch = Epoch(end_us=(number + 1) * EPOCH_US)
            self._rows -= sum(map(len, epoch.reads))
            yield epoch

    def _next(self, number: int) -> int:
        """The next epoch worth handing out: the next timer, or the next that holds something."""
        timer = number + -number % EPOCHS_PER_TIMER
        return min([timer, *(n for n in self._open if n < timer)])

    def _begin(self, at_us: int) -> None:
        """The first input has arrived: the oldest epoch is that which is open by then."""
        if self._closed < 0:
            self._closed = (at_us - self._least_us) // EPOCH_US - 1

    def _number(self, time_us: int, at_us: int) -> int:
        self._begin(at_us)
        self._last_at_us = at_us = max(at_us, self._last_at_us)
        self._floor = max(self._floor, (at_us - self._lateness_us) // EPOCH_US)
        return max(min(time_us, at_us) // EPOCH_US, self._floor)

    def _epoch(self, number: int) -> Epoch:
        number = max(number, self._closed + 1)
        epoch = self._open.get(number)
        if epoch is None:
            epoch = self._open[number] = Epoch(end_us=(number + 1) * EPOCH_US)
        return epoch

    def _floors(
        self, at_us: npt.NDArray[np.int64], delay_us: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The oldest open epoch at each row's arrival, given what was known just before it."""
        most_us = int(delay_us.max())
        first_span, last_span = int(at_us[0]) // MEMORY_US, int(at_us[-1]) // MEMORY_US
        if first_span == last_span == self._span and most_us <= self._seen_us[0]:
            floors = np.maximum((at_us - self._lateness_us) // EPOCH_US, self._floor)
            self._floor = int(floors[-1])
            return floors
        floors = np.empty(len(at_us), dtype=np.int64)
        for row, (at, delay) in enumerate(zip(at_us.tolist(), delay_us.tolist(), strict=True)):
            self._floor = max(self._floor, (at - self._lateness_us) // EPOCH_US)
            floors[row] = self._floor
            self._learn(at // MEMORY_US, delay)
        return floors

    def _learn(self, span: int, delay_us: int) -> None:
        """Follow the lateness that the readers show, up at once and down after two spans."""
        if span != self._span:
            self._seen_us = [0, self._seen_us[0] if span == self._span + 1 else 0]
            self._span = span
        if delay_us <= MAX_LATENESS_US:
            self._seen_us[0] = max(self._seen_us[0], delay_us)
        wanted_us = max(self._seen_us) * MARGIN_EIGHTHS // 8
        self._lateness_us = max(self._least_us, min(wanted_us, MAX_LATENESS_US))

    def _place(self, reads: Reads, numbers: npt.NDArray[np.int64]) -> None:
        first, last = int(numbers.min()), int(numbers.max())
        if self._rows + len(reads) > self._max_rows:
            self._coalesce()
            room = max(0, self._max_rows - self._rows)
            self.shed += max(0, len(reads) - room)
            reads, numbers = reads[:room], numbers[:room]
            if not room:
                return
        if first == last:
            self._epoch(first).reads.append(reads)
        else:
            order = np.argsort(numbers, kind="stable")
            sorted_numbers = numbers[order]
            cuts = np.flatnonzero(np.diff(sorted_numbers)) + 1
            for part in np.split(order, cuts):
                self._epoch(int(numbers[part[0]])).reads.append(reads.take(part))
        self._rows += len(reads)
        if self._rows > self._coalesce_rows:
            self._coalesce()

    def _coalesce(self) -> None:
        """Merge what waits, per tag, antenna and epoch: coarser evidence, none lost."""
        for epoch in self._open.values():
            before = sum(map(len, epoch.reads))
            if before:
                epoch.reads = [coalesce(epoch.joined_reads())]
                self.coalesced += before - len(epoch.reads[0])
                self._rows -= before - len(epoch.reads[0])

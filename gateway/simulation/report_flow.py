"""The way of reads out of an emulated reader: accumulated as asked, sent or kept, counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from gateway.llrp.codec import Parameter
from gateway.model.reads import Reads, empty_reads
from gateway.simulation.reports import MAX_TAGS, Backlog, Reporter

#: How many reads are taken from the backlog at a time, so that a slow client stays bounded.
REPLAY_ROWS = 1_000
WARN_AT_PERCENT = 80
RELAX_AT_PERCENT = 50


class Trigger(IntEnum):
    """ROReportTrigger."""

    NONE = 0
    N_TAGS_OR_AI_SPEC = 1
    N_TAGS_OR_RO_SPEC = 2
    SECONDS_OR_AI_SPEC = 3
    SECONDS_OR_RO_SPEC = 4
    MILLISECONDS_OR_AI_SPEC = 5
    MILLISECONDS_OR_RO_SPEC = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTrigger:
    """When a reader sends what it has accumulated."""

    trigger: Trigger = Trigger.N_TAGS_OR_RO_SPEC
    n: int = 1

    @classmethod
    def of(cls, report_spec: Parameter, *, ai_spec_tags: int = 0) -> ReportTrigger:
        """As a ROReportSpec says; an unknown trigger is taken for none.

        An AISpec that is over after `ai_spec_tags` tags, and then begins again, is as good as a
        report of that many tags.
        """
        number = report_spec.field("ROReportTrigger") or 0
        trigger = Trigger(number) if number in set(Trigger) else Trigger.NONE
        n = int(report_spec.field("N") or 0)
        if trigger is Trigger.N_TAGS_OR_AI_SPEC and ai_spec_tags:
            n = min(n, ai_spec_tags) if n else ai_spec_tags
        return cls(trigger=trigger, n=n)

    @property
    def by_tags(self) -> int:
        """How many tags make a report; 0: their number does not matter."""
        counts = self.trigger in (Trigger.N_TAGS_OR_AI_SPEC, Trigger.N_TAGS_OR_RO_SPEC)
        return self.n if counts else 0

    @property
    def period_s(self) -> float:
        """How often a report is due; 0: time does not matter."""
        if self.trigger in (Trigger.SECONDS_OR_AI_SPEC, Trigger.SECONDS_OR_RO_SPEC):
            return float(self.n)
        milliseconds = (Trigger.MILLISECONDS_OR_AI_SPEC, Trigger.MILLISECONDS_OR_RO_SPEC)
        return self.n / 1000 if self.trigger in milliseconds else 0.0

    @property
    def at_end_of_ai_spec(self) -> bool:
        """Whether the end of an AISpec is a reason to report."""
        return self.trigger in (
            Trigger.N_TAGS_OR_AI_SPEC,
            Trigger.SECONDS_OR_AI_SPEC,
            Trigger.MILLISECONDS_OR_AI_SPEC,
        )


class ReportFlow:
    """Reads in, RO_ACCESS_REPORT bytes out.

    `send(frames, reads)` writes; `ready()` says whether it may; `next_ids(n)` gives the first of n
    message ids; `warn(percent)` is told when the buffer fills up, with 100 when it overflows.
    """

    def __init__(
        self,
        *,
        capacity: int,
        send: Callable[[bytes], None],
        ready: Callable[[], bool],
        next_ids: Callable[[int], int],
        warn: Callable[[int], None],
    ) -> None:
        self._send, self._ready, self._next_ids, self._warn = send, ready, next_ids, warn
        self._backlog = Backlog(capacity)
        self._reporter: Reporter | None = None
        self._trigger = ReportTrigger()
        self._accumulated = empty_reads()
        self._warned_percent = 0
        self.sent = 0
        self.dropped = 0  # because the buffer was full

    @property
    def kept(self) -> int:
        """Reads that wait to be sent or reported."""
        return len(self._backlog) + len(self._accumulated)

    def use(self, reporter: Reporter, trigger: ReportTrigger) -> None:
        """Report in this form from now on, what is kept included."""
        self._reporter, self._trigger = reporter, trigger

    def offer(self, reads: Reads) -> None:
        """Reads that have just been made, in order of time."""
        if len(reads) == 0 or self._reporter is None:
            return
        if self._trigger.by_tags == 1:
            self._out(reads)
            return
        merged = self._reporter.combine(np.concatenate([self._accumulated, reads]))
        n = self._trigger.by_tags
        whole = len(merged) // n * n if n else 0
        self._accumulated = merged[whole : whole + self._backlog.capacity]
        self.dropped += len(merged) - whole - len(self._accumulated)
        self._out(merged[:whole])

    def flush(self) -> None:
        """Report what has been accumulated."""
        due, self._accumulated = self._accumulated, empty_reads()
        self._out(due)

    def poll(self) -> None:
        """GET_REPORT: what has been accumulated, or an empty report."""
        if self.kept == 0 and self._reporter is not None:
            self._send(self._reporter.batch(empty_reads(), self._next_ids(1)))
        self.flush()

    def pump(self) -> None:
        """Send what was kept, as far as the client takes it."""
        while len(self._backlog) and self._ready():
            self._write(self._backlog.take(REPLAY_ROWS))
        if len(self._backlog) * 100 < self._backlog.capacity * RELAX_AT_PERCENT:
            self._warned_percent = 0

    def _out(self, reads: Reads) -> None:
        if len(reads) == 0:
            return
        self.pump()
        if not len(self._backlog) and self._ready():
            self._write(reads)
            return
        lost = self._backlog.add(reads)
        self.dropped += lost
        percent = 100 if lost else len(self._backlog) * 100 // max(1, self._backlog.capacity)
        if percent >= WARN_AT_PERCENT and percent > self._warned_percent:
            # Once on filling up, once on overflowing, until it has been emptied again.
            self._warned_percent = 100 if lost else 99
            self._warn(percent)

    def _write(self, reads: Reads) -> None:
        reporter = self._reporter
        assert reporter is not None, "reads are only kept while there is a form for them"
        self.sent += len(reads)
        if self._trigger.by_tags == 1:
            self._send(reporter.singles(reads, self._next_ids(len(reads))))
            return
        size = min(self._trigger.by_tags or MAX_TAGS, MAX_TAGS)
        for start in range(0, len(reads), size):
            self._send(reporter.batch(reads[start : start + size], self._next_ids(1)))

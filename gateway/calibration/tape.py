"""Tape: recordings that have been read once, to be replayed from memory again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gateway.drivers.recording import Complain, Recording
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex

#: A running gateway's tick, the longest that it uses.
TICK_US = 50_000


class Tape(Recording):
    """What recordings hold. `batches` gives it again, whatever it is asked to read."""

    def __init__(
        self, site: Site, tags: TagIndex, paths: Sequence[Path], complain: Complain
    ) -> None:
        super().__init__(site, tags, complain)
        self.site, self.tags = site, tags
        self._held = list(super().batches(paths, TICK_US))
        self._ended_us = self.last_at_us

    @property
    def start_us(self) -> int:
        """When its first batch arrived; 0 for an empty one."""
        return self._held[0][0] if self._held else 0

    def batches(self, paths: Iterable[Path], tick_us: int) -> Iterator[tuple[int, Inputs]]:  # noqa: ARG002
        """The batches as they were read; the core may write into its reads."""
        for at_us, inputs in self._held:
            yield (
                at_us,
                Inputs(
                    reads=[reads.copy() for reads in inputs.reads],
                    sensors=list(inputs.sensors),
                    statuses=list(inputs.statuses),
                    commands=list(inputs.commands),
                ),
            )
        self.last_at_us = self._ended_us

    def in_order(self) -> Reads:
        """All reads in order of event time, a copy."""
        parts = [part for _, inputs in self._held for part in inputs.reads]
        reads = np.concatenate(parts) if parts else empty_reads()
        ordered: Reads = reads[np.argsort(reads["time_us"], kind="stable")]
        return ordered

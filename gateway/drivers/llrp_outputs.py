"""General purpose outputs: a stack light or a siren on a reader, switched on for a while."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Mapping
from typing import Protocol

from gateway.model.alert import RuleAction

logger = logging.getLogger(__name__)

#: A pulse that is not told how long lasts so long.
PULSE_S = 5.0
MAX_PULSE_S = 3_600.0
#: Switchings off that may wait; a rule that asks for more asks too often.
MAX_PULSES = 1_000
#: A reader that could not be asked to switch off is asked again.
AGAIN_US = 1_000_000


class _Output(Protocol):
    def switch(self, output: int, on: bool, now_us: int) -> bool: ...


class Pulses:
    """Outputs by reader id; what was switched on is switched off, also after a new connection."""

    def __init__(self, readers: Mapping[str, _Output]) -> None:
        self._readers = readers
        self._ends: dict[tuple[str, int], int] = {}  # (reader, output) → when it ends
        self._due: list[tuple[int, str, int]] = []

    def ask(self, action: RuleAction, now_us: int) -> None:
        """Begin a pulse, or make one that is on last longer; nothing for other readers."""
        reader = str(action.options.get("reader"))
        if action.kind != "gpo" or reader not in self._readers:
            return
        port = int(action.options["port"])
        pulse_s = min(float(action.options.get("pulse_s") or PULSE_S), MAX_PULSE_S)
        if len(self._due) >= MAX_PULSES:
            logger.error("reader '%s': too many pulses of its outputs wait; none is added", reader)
            return
        if not self._readers[reader].switch(port, True, now_us):
            logger.warning(
                "reader '%s': output %d is not switched, the reader is away", reader, port
            )
            return
        ends_us = max(now_us + round(pulse_s * 1e6), self._ends.get((reader, port), 0))
        self._ends[reader, port] = ends_us
        heapq.heappush(self._due, (ends_us, reader, port))

    def run(self, now_us: int) -> None:
        """Switch off what has been on for long enough."""
        while self._due and self._due[0][0] <= now_us:
            at_us, reader, port = heapq.heappop(self._due)
            if self._ends.get((reader, port)) != at_us:
                continue  # it was made to last longer
            if self._readers[reader].switch(port, False, now_us):
                del self._ends[reader, port]
            else:
                self._ends[reader, port] = now_us + AGAIN_US
                heapq.heappush(self._due, (now_us + AGAIN_US, reader, port))

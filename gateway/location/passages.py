"""Passages: tags that went through the same door the same way at the same time are one load."""

from __future__ import annotations

import uuid
from dataclasses import replace

from gateway.model.movement import MOVEMENT_NAMESPACE, Decision, Direction
from gateway.model.passage import PassageDecision

#: Crossings further apart than this belong to different loads.
GAP_US = 4_000_000
#: A load is complete when nothing joined it for this long.
CLOSE_US = 8_000_000


class Passages:
    """Joins confirmed crossings into loads."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._open: dict[tuple[str, Direction], PassageDecision] = {}

    @property
    def busy(self) -> bool:
        """Whether a load is being put together."""
        return bool(self._open)

    def join(self, decisions: list[Decision]) -> tuple[list[Decision], list[PassageDecision]]:
        """The same decisions with their passage; and loads that ended because another began."""
        closed: list[PassageDecision] = []
        joined: list[Decision] = []
        for decision in sorted(decisions, key=lambda d: (d.event_time_us, d.tag)):
            if decision.door is None or decision.direction is None:
                joined.append(decision)
                continue
            key = (decision.door, decision.direction)
            load = self._open.get(key)
            if load is not None and decision.event_time_us - load.end_us > GAP_US:
                closed.append(self._open.pop(key))
                load = None
            if load is None:
                load = self._open[key] = self._begin(decision.door, decision.direction, decision)
            load.tags.append(decision.tag)
            load.start_us = min(load.start_us, decision.event_time_us)
            load.end_us = max(load.end_us, decision.event_time_us)
            load.confidence = max(load.confidence, decision.confidence)
            joined.append(replace(decision, passage=load.id))
        return joined, closed

    def close(self, end_us: int) -> list[PassageDecision]:
        """Loads that nothing joined for a while."""
        done = [key for key, load in self._open.items() if end_us - load.end_us >= CLOSE_US]
        return [self._open.pop(key) for key in done]

    def _begin(self, door: str, direction: Direction, first: Decision) -> PassageDecision:
        name = f"{self._site}/passage/{door}/{direction}/{first.event_time_us}"
        return PassageDecision(
            id=str(uuid.uuid5(MOVEMENT_NAMESPACE, name)),
            door=door,
            direction=direction,
            start_us=first.event_time_us,
            end_us=first.event_time_us,
            confidence=0.0,
        )

"""Conditions on what is so at the time: the hour, sensors, traffic, shipments, stock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.model.device import SensorKind
from gateway.rules.bounds import Bounds
from gateway.rules.conditions import NO, YES, Answer
from gateway.rules.facts import Facts, View
from gateway.rules.schedule import Schedule, local
from gateway.rules.template import clean, duration


@dataclass(frozen=True, slots=True, kw_only=True)
class InSchedule:
    """The event's time, or now for a state, is in a schedule."""

    schedule: Schedule
    name: str = "schedule"
    timed: bool = True

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether the time is in it."""
        if facts.event_us is not None:
            return self.schedule.holds(facts.event_us), None
        return self.schedule.holds(now_us), self.schedule.next_change_us(now_us)

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """The time on the site's clock."""
        at_us = now_us if facts.event_us is None else facts.event_us
        return f"{local(at_us, self.schedule.timezone):%a %H:%M}"

    def wanted(self) -> str:
        """The schedule."""
        return str(self.schedule)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorIs:
    """A sensor says something, for some time. By its id, or by its kind at the door or zone."""

    sensor: str = ""
    kind: SensorKind | None = None
    value: bool | str | None = None
    bounds: Bounds | None = None
    for_s: float = 0.0
    name: str = "sensors"

    @property
    def timed(self) -> bool:
        """How long it has held grows."""
        return self.for_s > 0

    def sensors(self, facts: Facts, view: View) -> list[str]:
        """The sensors that are meant; one of them is enough."""
        if self.sensor:
            return [self.sensor]
        if self.kind is None:
            return []
        if "sensor" in facts.values:
            own: str = facts.values["sensor"]
            return [own] if view.sensors.kind(own) is self.kind else []
        found = view.sensors.of(facts.values.get("door"), self.kind)
        return found or view.sensors.of(facts.values.get("zone"), self.kind)

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether one of the sensors says so, for long enough."""
        waits: list[int] = []
        for sensor in self.sensors(facts, view):
            state = view.sensors.state(sensor)
            if state is None or not self._says(state.value):
                continue
            due_us = state.since_us + round(self.for_s * 1e6)
            if now_us >= due_us:
                return YES
            waits.append(due_us)
        return False, min(waits, default=None)

    def _says(self, value: bool | float | str) -> bool:
        if self.bounds is not None:
            return isinstance(value, int | float) and self.bounds.hold(value)
        return self.value is None or value == self.value

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """What they say, and for how long."""
        told = []
        for sensor in self.sensors(facts, view):
            state = view.sensors.state(sensor)
            held_s = view.sensors.held_s(sensor, now_us)
            said = "nothing yet" if state is None else f"{_word(view, sensor, state.value)}"
            told.append(f"{sensor} {said}" + (f" for {duration(held_s)}" if held_s else ""))
        return "; ".join(told) or "no such sensor"

    def wanted(self) -> str:
        """The sensor and what it has to say."""
        says = str(self.bounds) if self.bounds else "any value"
        if self.value is not None:
            says = word_of(self.kind, self.value)
        held = f" for {duration(self.for_s)}" if self.for_s else ""
        return f"{self.sensor or self.kind} {says}{held}"


_WORDS = {
    SensorKind.CONTACT: ("closed", "open"),
    SensorKind.BEAM: ("clear", "broken"),
    SensorKind.MOTION: ("still", "moving"),
}


def word_of(kind: SensorKind | None, value: bool | float | str) -> str:
    """What a value means in words: a contact that is true is `open`."""
    if isinstance(value, bool):
        return _WORDS[kind][value] if kind in _WORDS else ("off", "on")[value]
    return clean(str(value))


def _word(view: View, sensor: str, value: bool | float | str) -> str:
    return word_of(view.sensors.kind(sensor), value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSeconds:
    """For so long nothing went through the door (`traffic`) or the sensor was silent (`absent`)."""

    name: str
    least_s: float
    timed: bool = True

    def _elapsed_s(self, facts: Facts, view: View, now_us: int) -> float:
        if self.name == "traffic":
            return view.quiet_s(facts.values.get("door") or "", now_us)
        return view.silent_s(facts.values.get("sensor") or "", now_us)

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether it has been so long."""
        missing_s = self.least_s - self._elapsed_s(facts, view, now_us)
        return (True, None) if missing_s <= 0 else (False, now_us + max(1, round(missing_s * 1e6)))

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """How long it has been."""
        return f"none for {duration(self._elapsed_s(facts, view, now_us))}"

    def wanted(self) -> str:
        """How long it has to be."""
        return f"none for {duration(self.least_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnheardFor:
    """A reader or antenna that was heard once has read nothing for so long."""

    least_s: float
    name: str = "reads"
    timed: bool = True

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether it has been so long; never, where nothing was ever read."""
        quiet_s = view.unheard_s(facts, now_us)
        if quiet_s is None:
            return NO
        missing_s = self.least_s - quiet_s
        return (True, None) if missing_s <= 0 else (False, now_us + max(1, round(missing_s * 1e6)))

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """How long it has been."""
        quiet_s = view.unheard_s(facts, now_us)
        return "never any" if quiet_s is None else f"none for {duration(quiet_s)}"

    def wanted(self) -> str:
        """How long it has to be."""
        return f"none for {duration(self.least_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentIs:
    """The tag is expected by a shipment, or is not; or the site works with shipments at all."""

    expected: bool | None = None
    in_use: bool | None = None
    timed: bool = False

    @property
    def name(self) -> str:
        """`shipment` or `shipments`."""
        return "shipment" if self.in_use is None else "shipments"

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether it is so."""
        if self.in_use is not None:
            return view.knowledge.shipments_in_use() is self.in_use, None
        return (view.field(facts, "shipment", now_us) is not None) is self.expected, None

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """The shipment, or whether there are any."""
        if self.in_use is not None:
            return "in use" if view.knowledge.shipments_in_use() else "not in use"
        return view.field(facts, "shipment", now_us)

    def wanted(self) -> str:
        """As it is written."""
        if self.in_use is not None:
            return "in use" if self.in_use else "not in use"
        return "expected" if self.expected else "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockIs:
    """How many tags of the SKU are inside: within bounds, or below the minimum of its item."""

    bounds: Bounds | None = None
    below_minimum: bool = False
    name: str = "stock"
    timed: bool = False

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether the count is so; an SKU without a minimum is never below it."""
        sku = facts.values.get("sku") or ""
        count = view.stock.count(sku)
        if count is None:
            return NO
        if self.below_minimum:
            minimum = view.stock.minimum(sku)
            if minimum is None or count >= minimum:
                return NO
        return self.bounds is None or self.bounds.hold(count), None

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """The count and the minimum."""
        sku = facts.values.get("sku") or ""
        return f"{view.stock.count(sku)}, minimum {view.stock.minimum(sku)}"

    def wanted(self) -> str:
        """What is given."""
        parts = [str(self.bounds) if self.bounds else "", "minimum" * self.below_minimum]
        return "below " * self.below_minimum + " and ".join(p for p in parts if p)

"""ROSpecs: what an emulated reader has been told to do, and the life cycle of that.

    ADD ─▶ disabled ─ENABLE─▶ inactive ─START or a start trigger─▶ active
                                  ◀─STOP or a stop trigger──

One ROSpec is active at a time. Its AISpecs follow each other in a circle, as on readers in the
field; one without a stop trigger stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from gateway.llrp.codec import Parameter
from gateway.simulation.personality import Personality
from gateway.simulation.refusal import Code, Refused, refused_field, refused_parameter, status
from gateway.simulation.rospec_check import (
    BY_GPI,
    BY_NUMBER_OF_TAGS,
    DURATION,
    GPI_OR_TIMEOUT,
    IMMEDIATE,
    PERIODIC,
    RO_SPEC,
    TAG_OBSERVATION,
    check,
)


class State(IntEnum):
    """CurrentState of a ROSpec."""

    DISABLED = 0
    INACTIVE = 1
    ACTIVE = 2


class Timer(Protocol):
    """Something that can be called off, such as asyncio's TimerHandle."""

    def cancel(self) -> None:
        """Call it off."""


@dataclass(slots=True)
class RoSpec:
    """One ROSpec as it was added."""

    parameter: Parameter
    state: State = State.DISABLED
    index: int = 0  # of the AISpec that runs, from 0
    waiting: bool = False  # its start trigger fired while another was active
    timers: dict[str, Timer] = field(default_factory=dict)  # by what they end: start, stop, ai

    @property
    def id(self) -> int:
        """ROSpecID."""
        return int(self.parameter.field("ROSpecID"))

    @property
    def ai_specs(self) -> list[Parameter]:
        """Its AISpecs, in order."""
        return self.parameter.all("AISpec")

    @property
    def antennas(self) -> list[int]:
        """Antennas of the AISpec that runs; [0] stands for all."""
        specs = self.ai_specs
        return list(specs[self.index].field("AntennaIDs")) if specs else [0]

    @property
    def inventory_parameter_spec_id(self) -> int:
        """Of the AISpec that runs."""
        spec = self.ai_specs[self.index].first("InventoryParameterSpec")
        return int(spec.field("InventoryParameterSpecID")) if spec is not None else 0

    @property
    def ends_after_tags(self) -> int:
        """After how many tags the AISpec that runs is over and begins again; 0: not by tags."""
        specs = self.ai_specs
        trigger = specs[self.index].first("AISpecStopTrigger") if specs else None
        if trigger is None or trigger.field("AISpecStopTriggerType") != TAG_OBSERVATION:
            return 0
        observed = trigger.first("TagObservationTrigger")
        if observed is None or observed.field("TriggerType") not in BY_NUMBER_OF_TAGS:
            return 0
        return int(observed.field("NumberOfTags"))

    def trigger(self, name: str) -> Parameter:
        """ROSpecStartTrigger or ROSpecStopTrigger; an empty one where it is absent."""
        boundary = self.parameter.first("ROBoundarySpec")
        found = boundary.first(name) if boundary is not None else None
        return found or Parameter(name)

    def described(self) -> Parameter:
        """As GET_ROSPECS answers, with the present state."""
        fields = {**self.parameter.fields, "CurrentState": int(self.state)}
        return Parameter("ROSpec", fields, self.parameter.children)


class Listener(Protocol):
    """Who wants to know what happens to ROSpecs."""

    def ro_spec_started(self, spec: RoSpec) -> None:
        """It is active now."""

    def ro_spec_ended(self, spec: RoSpec) -> None:
        """It was active until now."""

    def ai_spec_ended(self, spec: RoSpec) -> None:
        """One AISpec of an active ROSpec is over; the next one begins."""


class RoSpecs:
    """All ROSpecs of a reader. `call_later(seconds, function)` is the event loop's."""

    def __init__(
        self,
        personality: Personality,
        listener: Listener,
        call_later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self._personality = personality
        self._listener = listener
        self._call_later = call_later
        self._specs: dict[int, RoSpec] = {}
        self.active: RoSpec | None = None

    def add(self, parameter: Parameter) -> None:
        """ADD_ROSPEC; raises Refused."""
        check(parameter, self._personality)
        number = int(parameter.field("ROSpecID"))
        if number in self._specs:
            raise refused_parameter(f"ROSpec {number} exists", path=(RO_SPEC,), field=0)
        if len(self._specs) >= self._personality.max_ro_specs:
            text = f"no more than {self._personality.max_ro_specs} ROSpecs"
            raise refused_parameter(text, path=(RO_SPEC,), code=Code.P_OVERFLOW_PARAMETER)
        self._specs[number] = RoSpec(parameter)

    def delete(self, number: int) -> None:
        """DELETE_ROSPEC; 0 stands for all."""
        for spec in self._chosen(number):
            self._end(spec)
            _call_off(spec)
            del self._specs[spec.id]

    def enable(self, number: int) -> None:
        """ENABLE_ROSPEC; 0 stands for all."""
        for spec in self._chosen(number):
            if spec.state is State.DISABLED:
                spec.state = State.INACTIVE
                self._arm(spec)

    def disable(self, number: int) -> None:
        """DISABLE_ROSPEC; 0 stands for all."""
        for spec in self._chosen(number):
            self._end(spec)
            _call_off(spec)
            spec.state = State.DISABLED

    def start(self, number: int) -> None:
        """START_ROSPEC; one that is active already stays so."""
        spec = self._one(number)
        if spec.state is State.DISABLED:
            raise Refused(status(Code.M_FIELD_ERROR, f"ROSpec {number} is disabled"))
        if self.active is not None and self.active is not spec:
            raise Refused(status(Code.M_FIELD_ERROR, f"ROSpec {self.active.id} is active"))
        self._begin(spec)

    def stop(self, number: int) -> None:
        """STOP_ROSPEC; one that is not active stays so."""
        self._end(self._one(number))

    def described(self) -> list[Parameter]:
        """All ROSpecs in the order in which they were added."""
        return [spec.described() for spec in self._specs.values()]

    def gpi_changed(self, port: int, level: bool) -> None:
        """Fire the triggers that wait for this level at this port."""
        for spec in list(self._specs.values()):
            if spec.state is State.INACTIVE and _fires(spec, "ROSpecStartTrigger", port, level):
                self._begin(spec)
            elif spec.state is State.ACTIVE and _fires(spec, "ROSpecStopTrigger", port, level):
                self._end(spec)

    def close(self) -> None:
        """Call off all timers."""
        for spec in self._specs.values():
            _call_off(spec)

    def _arm(self, spec: RoSpec) -> None:
        trigger = spec.trigger("ROSpecStartTrigger")
        kind = trigger.field("ROSpecStartTriggerType")
        periodic = trigger.first("PeriodicTriggerValue")
        if kind == IMMEDIATE:
            self._begin(spec)
        elif kind == PERIODIC and periodic is not None:
            period_s = periodic.field("Period") / 1000

            def fire() -> None:
                self._begin(spec)
                if period_s:
                    spec.timers["start"] = self._call_later(period_s, fire)

            spec.timers["start"] = self._call_later(periodic.field("Offset") / 1000, fire)

    def _begin(self, spec: RoSpec) -> None:
        if self.active is not None:
            spec.waiting = self.active is not spec
            return
        spec.state, spec.index, self.active = State.ACTIVE, 0, spec
        spec.waiting = False
        trigger = spec.trigger("ROSpecStopTrigger")
        kind, timeout_ms = trigger.field("ROSpecStopTriggerType"), 0
        if kind == DURATION:
            timeout_ms = trigger.field("DurationTriggerValue")
        elif kind == GPI_OR_TIMEOUT and (gpi := trigger.first("GPITriggerValue")) is not None:
            timeout_ms = gpi.field("Timeout")
        if timeout_ms:
            spec.timers["stop"] = self._call_later(timeout_ms / 1000, lambda: self._end(spec))
        self._listener.ro_spec_started(spec)
        self._time_ai_spec(spec)

    def _time_ai_spec(self, spec: RoSpec) -> None:
        duration_ms = _ai_spec_ms(spec.ai_specs[spec.index]) if spec.ai_specs else 0
        if not duration_ms:
            return

        def over() -> None:
            self._listener.ai_spec_ended(spec)
            spec.index = (spec.index + 1) % len(spec.ai_specs)
            self._time_ai_spec(spec)

        spec.timers["ai"] = self._call_later(duration_ms / 1000, over)

    def _end(self, spec: RoSpec) -> None:
        spec.waiting = False
        if spec.state is not State.ACTIVE:
            return
        _call_off(spec, "stop", "ai")
        self._listener.ro_spec_ended(spec)
        spec.state, self.active = State.INACTIVE, None
        following = next((s for s in self._specs.values() if s.waiting), None)
        if following is not None:
            self._begin(following)

    def _chosen(self, number: int) -> list[RoSpec]:
        return list(self._specs.values()) if number == 0 else [self._one(number)]

    def _one(self, number: int) -> RoSpec:
        if number not in self._specs:
            raise refused_field(f"there is no ROSpec {number}", number=0)
        return self._specs[number]


def _call_off(spec: RoSpec, *names: str) -> None:
    """Call off the timers of these names; without names, all of them."""
    for name in names or tuple(spec.timers):
        timer = spec.timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _fires(spec: RoSpec, name: str, port: int, level: bool) -> bool:
    trigger = spec.trigger(name)
    wanted = BY_GPI if name == "ROSpecStartTrigger" else GPI_OR_TIMEOUT
    gpi = trigger.first("GPITriggerValue")
    return (
        trigger.field(f"{name}Type") == wanted
        and gpi is not None
        and gpi.field("GPIPortNum") == port
        and bool(gpi.field("GPIEvent")) is level
    )


def _ai_spec_ms(spec: Parameter) -> int:
    """How long an AISpec runs; 0: as long as its ROSpec."""
    trigger = spec.first("AISpecStopTrigger") or Parameter("")
    kind = trigger.field("AISpecStopTriggerType")
    if kind == DURATION:
        return int(trigger.field("DurationTrigger"))
    inner = {GPI_OR_TIMEOUT: "GPITriggerValue", TAG_OBSERVATION: "TagObservationTrigger"}
    value = trigger.first(inner[kind]) if kind in inner else None
    return int(value.field("Timeout")) if value is not None else 0

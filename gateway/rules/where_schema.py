"""The models of `where`: the conditions of each kind of rule, before they are checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gateway.model.device import ReaderState, SensorKind
from gateway.model.movement import Direction, Kind
from gateway.model.place import ZoneKind
from gateway.rules.fields import On
from gateway.rules.schedule import DAYS
from gateway.settings.report import quoted, suggestion
from gateway.settings.section import Section
from gateway.settings.values import Duration as Seconds
from gateway.settings.values import SensorId, text_of

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")


def listed(value: Any) -> Any:
    """A single value as a list of it."""
    return value if isinstance(value, list | tuple) or value is None else [value]


def _chosen(value: Any) -> Any:
    """A value, or a list of them, as `{in: [...]}`."""
    return value if isinstance(value, dict) else {"in": listed(value)}


def _compared(value: Any) -> Any:
    """A plain number is what has to be equalled."""
    return value if isinstance(value, dict) else {"equals": value}


def _with_unit(value: Any) -> Any:
    """A time says in what it is counted: people who write `for: 5` mean minutes."""
    if _NUMBER.fullmatch(text := str(value).strip()) and float(text):
        raise ValueError(f"expected a duration with its unit, such as {text}s, {text}m or {text}h")
    return value


def such_as(example: str) -> Callable[[Any], Any]:
    """Wants a mapping, and shows one."""

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected {example}")  # noqa: TRY004 - pydantic wants ValueError
        return value

    return check


def _minutes(value: Any) -> int:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("expected a time of day such as 06:00 or 22:30")
    return 24 * 60 if found[1] is None else int(found[1]) * 60 + int(found[2])


def one_text(value: Any) -> str:
    """A line of text, of bounded length."""
    text = text_of(value)
    if not isinstance(text, str) or not text or len(text) > 500 or not text.isprintable():
        raise ValueError("expected one line of text, at most 500 characters")
    return text


Duration = Annotated[Seconds, BeforeValidator(_with_unit)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(one_text)]
Minutes = Annotated[int, BeforeValidator(_minutes)]
Names = Annotated[tuple[Text, ...], BeforeValidator(listed)]


class Among(Section):
    """One of some texts, or anything but some."""

    any_of: Annotated[tuple[Text, ...], BeforeValidator(listed)] | None = Field(None, alias="in")
    none_of: Annotated[tuple[Text, ...], BeforeValidator(listed)] = Field((), alias="not")


class AmongZones(Among):
    """Zones by id, those that are a part of them included, or by kind."""

    kind: Annotated[tuple[ZoneKind, ...], BeforeValidator(listed)] | None = None
    not_kind: Annotated[tuple[ZoneKind, ...], BeforeValidator(listed)] = ()


class Compared(Section):
    """A number within bounds."""

    above: Number | None = None
    below: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    equals: Number | None = None

    @model_validator(mode="after")
    def _something(self) -> Compared:
        if all(value is None for _, value in self):
            raise ValueError("expected above, below, at_least, at_most or equals")
        return self


class Lasting(Section):
    """Seconds within bounds, written as durations."""

    above: Duration | None = None
    below: Duration | None = None
    at_least: Duration | None = None
    at_most: Duration | None = None

    @model_validator(mode="after")
    def _something(self) -> Lasting:
        if all(value is None for _, value in self):
            raise ValueError("expected above, below, at_least or at_most, such as {at_least: 4h}")
        return self


class ItemWhere(Section):
    """What the catalog has to know of a tag."""

    known: bool | None = None
    sku: Annotated[Among, BeforeValidator(_chosen)] | None = None
    category: Annotated[Among, BeforeValidator(_chosen)] | None = None
    at_home: bool | None = None
    allowed: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> ItemWhere:
        if all(value is None for _, value in self):
            raise ValueError("expected known, sku, category, at_home or allowed")
        return self


def _two_times(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError('expected two times of day, such as ["22:00", "06:00"]')
    return value


def _days(value: Any) -> Any:
    for day in listed(value):
        if day not in (*DAYS, "weekdays", "weekend"):
            hint = suggestion(str(day), DAYS)
            raise ValueError(
                f"expected {', '.join(DAYS)}, weekdays or weekend, got {quoted(str(day))}{hint}"
            )
    return listed(value)


class ScheduleWhere(Section):
    """Days and hours on the site's clock."""

    days: Annotated[tuple[str, ...], BeforeValidator(_days)] = ()
    between: Annotated[tuple[Minutes, Minutes], BeforeValidator(_two_times)] | None = None
    outside: bool = False


class SensorWhere(Section):
    """What a sensor has to say: one by its id, or those of a kind at the rule's door or zone."""

    sensor: SensorId | None = None
    kind: SensorKind | None = None
    says: Text | None = Field(None, alias="is")
    above: Number | None = None
    below: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    equals: Number | None = None
    for_s: Duration = Field(0.0, alias="for")

    @model_validator(mode="after")
    def _one_sensor(self) -> SensorWhere:
        if (self.sensor is None) == (self.kind is None):
            raise ValueError("expected either sensor (its id) or kind (such as contact)")
        return self


class TrafficWhere(Section):
    """How long nothing has gone through the door."""

    none_for: Duration


TrafficHere = Annotated[TrafficWhere, BeforeValidator(such_as("{none_for: 10m}"))]
LastingHere = Annotated[Lasting, BeforeValidator(such_as("a comparison, such as {at_least: 4h}"))]
ItemHere = Annotated[ItemWhere, BeforeValidator(such_as("conditions, such as {allowed: false}"))]
ZonesHere = Annotated[AmongZones, BeforeValidator(_chosen)]
AmongHere = Annotated[Among, BeforeValidator(_chosen)]
Kinds = Annotated[tuple[ZoneKind, ...], BeforeValidator(listed)]
Sensors = Annotated[tuple[SensorWhere, ...], BeforeValidator(listed)]


class _AnyWhere(Section):
    schedule: ScheduleWhere | None = None
    sensors: Sensors = ()
    shipments: Literal["in_use"] | None = None


class _TagWhere(_AnyWhere):
    zone: ZonesHere | None = None
    zone_kind: Kinds | None = None
    epc: AmongHere | None = None
    item: ItemHere | None = None
    shipment: Literal["absent", "expected"] | None = None


def _held(value: Any) -> bool | str:
    given: dict[str | bool, str | bool] = {"true": True, "false": False, "from": "from", "to": "to"}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value not in given:
        raise ValueError("expected true, false, from or to")
    return given[value]


class MovementWhere(_TagWhere):
    """What a movement has to be like."""

    kind: Annotated[tuple[Kind, ...], BeforeValidator(listed)] | None = None
    from_: ZonesHere | None = Field(None, alias="from")
    to: ZonesHere | None = None
    door: AmongHere | None = None
    direction: Direction | None = None
    dwell: LastingHere | None = None
    held: Annotated[bool | str, BeforeValidator(_held)] | None = None
    confidence: Annotated[Compared, BeforeValidator(_compared)] | None = None
    elsewhere: Annotated[Compared, BeforeValidator(_compared)] | None = None


PresenceWord = Literal["present", "missing", "departed", "unknown"]


class PresenceWhere(_TagWhere):
    """Where a tag has to be, and for how long."""

    state: Annotated[tuple[PresenceWord, ...], BeforeValidator(listed)] | None = None
    dwell: LastingHere | None = None
    held: bool | None = None


class PassageWhere(_AnyWhere):
    """What a passage has to be like."""

    door: AmongHere | None = None
    direction: Direction | None = None
    verdict: AmongHere | None = None
    tags: Annotated[Compared, BeforeValidator(_compared)] | None = None
    confidence: Annotated[Compared, BeforeValidator(_compared)] | None = None


class ReadingWhere(_AnyWhere):
    """What sensors have to say, at which doors or zones."""

    door: AmongHere | None = None
    zone: ZonesHere | None = None
    zone_kind: Kinds | None = None
    sensor: AmongHere | None = None
    traffic: TrafficHere | None = None


class ReadsWhere(Section):
    """How long nothing has been read, by who has read before."""

    none_for: Duration


class ReaderWhere(_AnyWhere):
    """How a reader, or an antenna, has to be."""

    reader: AmongHere | None = None
    antenna: Annotated[int, Field(ge=1)] | None = None
    state: Annotated[tuple[ReaderState, ...], BeforeValidator(listed)] | None = None
    up: bool | None = None
    reads: Annotated[ReadsWhere, BeforeValidator(such_as("{none_for: 2h}"))] | None = None


def _stock(value: Any) -> Any:
    """`{below: minimum}` is below the minimum of the SKU's item."""
    if not isinstance(value, dict):
        raise ValueError("expected {below: minimum}, or a number such as {below: 5}")  # noqa: TRY004
    below = value.get("below")
    if below == "minimum":
        return {k: v for k, v in value.items() if k != "below"} | {"below_minimum": True}
    if isinstance(below, str) and below.isalpha():
        hint = suggestion(below, ["minimum"])
        raise ValueError(f"below: expected a number or minimum, got {quoted(below)}{hint}")
    return value


class StockWhere(Section):
    """How many tags of the SKU have to be inside."""

    below_minimum: bool = False
    above: Number | None = None
    below: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None


class TimerWhere(_AnyWhere):
    """What has to be so whenever it is looked at."""

    door: AmongHere | None = None
    zone: ZonesHere | None = None
    zone_kind: Kinds | None = None
    sku: AmongHere | None = None
    stock: Annotated[StockWhere, BeforeValidator(_stock)] | None = None
    traffic: TrafficHere | None = None


#: The conditions of each kind of rule.
WHERES: dict[On, type[Section]] = {
    On.MOVEMENT: MovementWhere,
    On.PRESENCE: PresenceWhere,
    On.PASSAGE: PassageWhere,
    On.READING: ReadingWhere,
    On.READER: ReaderWhere,
    On.TIMER: TimerWhere,
}

"""`where` made into conditions, every name in it checked against the site."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.model.device import BINARY_KINDS, SensorConfig, SensorKind
from gateway.model.place import Site, ZoneKind
from gateway.rules.bounds import Bounds
from gateway.rules.circumstances import (
    ForSeconds,
    InSchedule,
    SensorIs,
    ShipmentIs,
    StockIs,
    UnheardFor,
)
from gateway.rules.conditions import (
    Choice,
    Condition,
    EpcIs,
    ItemIs,
    NumberIs,
    TextIs,
    ZoneHeld,
)
from gateway.rules.epc_pattern import EpcPattern, parse_pattern
from gateway.rules.facts import Places
from gateway.rules.fields import On
from gateway.rules.schedule import DAYS, Schedule
from gateway.rules.where_schema import (
    Among,
    AmongZones,
    Compared,
    ItemWhere,
    Lasting,
    ScheduleWhere,
    SensorWhere,
    StockWhere,
)
from gateway.settings.node import Node, Step
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.section import Section

_SWITCH = {"true": True, "on": True, "false": False, "off": False}
#: What the values of a sensor that is on or off are called.
WORDS: dict[SensorKind, dict[str, bool]] = {
    SensorKind.CONTACT: {"open": True, "closed": False} | _SWITCH,
    SensorKind.BEAM: {"broken": True, "clear": False} | _SWITCH,
    SensorKind.MOTION: {"moving": True, "still": False} | _SWITCH,
}
_VERDICTS = ("complete", "short", "over", "wrong-door", "unexpected", "empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What rule files may name.

    `named` is for a site with problems of its own: the ids of each kind that are written there,
    those of entries that do not fit as well, None where nobody can say.
    """

    site: Site
    sensors: tuple[SensorConfig, ...] = ()
    sinks: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()  # those of the kind mqtt
    readers: tuple[str, ...] | None = None  # None: those of the site's antennas
    named: Mapping[str, Collection[str] | None] = field(default_factory=dict)

    def ids(self, what: str) -> Collection[str] | None:
        """Every zone, door, sensor, reader or sink by its id; None where nobody can say."""
        if what in self.named:
            return self.named[what]
        readers = self.site.readers if self.readers is None else self.readers
        return {
            "zone": tuple(zone.id for zone in self.site.zones),
            "door": tuple(door.id for door in self.site.doors),
            "sensor": tuple(sensor.id for sensor in self.sensors),
            "reader": readers,
            "sink": self.sinks,
        }[what]

    def check(self, what: str, name: str, at: Node, report: Report) -> None:
        """Report a name that nothing of this kind has."""
        check_name(what, name, self.ids(what), at, report)


def check_name(what: str, name: str, known: Iterable[str] | None, at: Node, report: Report) -> None:
    """Report a name that is none of those `known`; None: it may be right."""
    if known is None or report.full:
        return
    names = list(known)
    if name not in names:
        hint = suggestion(name, names)
        report.problem(at.place, f"there is no {what} {quoted(name)}{hint}")


class WhereBuilder:
    """Makes conditions of one `where` (or `resolve`) that stands at `node`."""

    def __init__(self, world: World, places: Places, report: Report) -> None:
        self._world, self._places, self._report = world, places, report
        self._kinds = {sensor.id: sensor.kind for sensor in world.sensors}

    def conditions(self, on: On, where: Section, node: Node) -> tuple[Condition, ...]:
        """All of them, the cheap ones first; what is wrong is in the report."""
        found = list(self._conditions(on, where, node))
        if on is On.PRESENCE and not any(c.name == "state" for c in found):
            present = Choice(any_of=frozenset({"present"}))
            found.insert(0, TextIs(name="state", field="state", choice=present))
        return tuple(sorted(found, key=lambda c: not isinstance(c, TextIs | NumberIs)))

    def _conditions(self, on: On, where: Section, node: Node) -> Iterator[Condition]:
        for name, written in type(where).model_fields.items():
            value = getattr(where, name)
            if value is None or value == ():
                continue
            key = written.alias or name
            at = node.at(key)
            match value:
                case AmongZones():
                    yield self._zone(key, value, at)
                case Among() if key == "epc":
                    yield self._epc(value, at)
                case Among():
                    yield self._text(key, value, at)
                case Lasting():
                    yield NumberIs(
                        name=key, field=key, bounds=_bounds(value), growing=on is On.PRESENCE
                    )
                case Compared():
                    yield NumberIs(name=key, field=key, bounds=_bounds(value))
                case ItemWhere():
                    yield _item(value)
                case ScheduleWhere():
                    yield InSchedule(schedule=self._schedule(value))
                case StockWhere():
                    yield _stock(value)
                case _:
                    yield from self._other(on, key, value, at)

    def _other(self, on: On, key: str, value: object, at: Node) -> Iterator[Condition]:
        match key, value:
            case "sensors", tuple():
                for number, sensor in enumerate(value):
                    yield self._sensor(sensor, at.child(number) or at)
            case "zone_kind", tuple():
                yield TextIs(
                    name=key,
                    field="zone",
                    choice=Choice(any_of=self._of_kinds(value)),
                    words=" or ".join(value),
                )
            case "traffic", _:
                yield ForSeconds(name=key, least_s=value.none_for)  # type: ignore[attr-defined]
            case "held", _:
                both = ("from", "to") if on is On.MOVEMENT else ("zone",)
                sides = {"from": ("from",), "to": ("to",)}
                yield ZoneHeld(fields=sides.get(str(value), both), held=value is not False)
            case "reads", _:
                yield UnheardFor(least_s=value.none_for)  # type: ignore[attr-defined]
            case "shipments", _:
                yield ShipmentIs(in_use=True)
            case "shipment", _:
                yield ShipmentIs(expected=value == "expected")
            case "up", bool():
                yield TextIs(
                    name=key,
                    field="state",
                    choice=Choice(
                        any_of=frozenset({"up"}) if value else None,
                        none_of=frozenset() if value else frozenset({"up"}),
                    ),
                    words="up" if value else "not up",
                )
            case "antenna", int():
                yield NumberIs(name=key, field=key, bounds=Bounds(equals=value))
            case _, tuple():
                texts = frozenset(str(v) for v in value)
                yield TextIs(name=key, field=key, choice=Choice(any_of=texts))
            case _:
                yield TextIs(name=key, field=key, choice=Choice(any_of=frozenset({str(value)})))

    def _each(self, names: Iterable[str], at: Node, *steps: Step) -> Iterator[tuple[str, Node]]:
        """The names with where each is written, in a list or alone."""
        inner = at.at(*steps)
        for number, name in enumerate(names):
            yield name, inner.child(number) or inner

    def _zone(self, key: str, among: AmongZones, at: Node) -> TextIs:
        for name, place in [
            *self._each(among.any_of or (), at, "in"),
            *self._each(among.none_of, at, "not"),
        ]:
            self._world.check("zone", name, place, self._report)
        any_of = None if among.any_of is None else self._parts(among.any_of)
        if among.kind is not None:
            of_kind = self._of_kinds(among.kind)
            any_of = of_kind if any_of is None else any_of & of_kind
        none_of = self._parts(among.none_of) | self._of_kinds(among.not_kind)
        words = [*(among.any_of or ()), *(f"any {k}" for k in among.kind or ())]
        words += [f"not {z}" for z in (*among.none_of, *among.not_kind)]
        return TextIs(
            name=key,
            field=key,
            choice=Choice(any_of=any_of, none_of=none_of),
            words=" or ".join(words) or "anything",
        )

    def _parts(self, zones: Iterable[str]) -> frozenset[str]:
        return frozenset(part for zone in zones for part in self._places.parts(zone))

    def _of_kinds(self, kinds: Iterable[ZoneKind]) -> frozenset[str]:
        wanted = frozenset(kinds)
        return frozenset(zone.id for zone in self._world.site.zones if zone.kind in wanted)

    def _text(self, key: str, among: Among, at: Node) -> TextIs:
        for name, place in [
            *self._each(among.any_of or (), at, "in"),
            *self._each(among.none_of, at, "not"),
        ]:
            if key == "verdict":
                check_name(key, name, _VERDICTS, place, self._report)
            elif key in ("door", "sensor", "reader"):
                self._world.check(key, name, place, self._report)
        return TextIs(name=key, field=key, choice=choice_of(among))

    def _epc(self, among: Among, at: Node) -> EpcIs:
        def patterns(names: Iterable[str], step: str) -> tuple[EpcPattern, ...]:
            found = []
            for text, place in self._each(names, at, step):
                try:
                    found.append(parse_pattern(text))
                except ValueError as error:
                    self._report.problem(place.place, f"{quoted(text)}: {error}")
            return tuple(found)

        return EpcIs(
            any_of=patterns(among.any_of or (), "in"), none_of=patterns(among.none_of, "not")
        )

    def _schedule(self, given: ScheduleWhere) -> Schedule:
        groups = {"weekdays": DAYS[:5], "weekend": DAYS[5:]}
        days = [DAYS.index(d) for day in given.days for d in groups.get(day, (day,))]
        begin, end = given.between or (0, 24 * 60)
        return Schedule(
            timezone=self._world.site.timezone,
            days=frozenset(days) if days else frozenset(range(7)),
            begin_minute=begin,
            end_minute=end,
            outside=given.outside,
        )

    def _sensor(self, given: SensorWhere, at: Node) -> SensorIs:
        kind = given.kind
        if given.sensor is not None:
            self._world.check("sensor", given.sensor, at.at("sensor"), self._report)
            kind = self._kinds.get(given.sensor)
        bounds = {
            name: value
            for name in ("above", "below", "at_least", "at_most", "equals")
            if (value := getattr(given, name)) is not None
        }
        if kind is not None and bounds and kind in BINARY_KINDS:
            self._report.problem(at.place, f"a {kind} has no number to compare: use is")
        return SensorIs(
            sensor=given.sensor or "",
            kind=kind,
            value=None if given.says is None else self._said(given.says, kind, at.at("is")),
            bounds=Bounds(**bounds) if bounds else None,
            for_s=given.for_s,
        )

    def _said(self, text: str, kind: SensorKind | None, at: Node) -> bool | str:
        if kind not in BINARY_KINDS:
            if kind is not None and kind is not SensorKind.BARCODE:
                self._report.problem(at.place, f"a {kind} is a number: use above, below or equals")
            return text
        words = WORDS[SensorKind(kind)]
        if text not in words:
            named = " or ".join(list(words)[:2])
            self._report.problem(
                at.place, f"a {kind} is {named}, not {quoted(text)}{suggestion(text, words)}"
            )
        return words.get(text, True)


def choice_of(among: Among) -> Choice:
    """The choice as it is compared."""
    any_of = None if among.any_of is None else frozenset(among.any_of)
    return Choice(any_of=any_of, none_of=frozenset(among.none_of))


def _bounds(given: Compared | Lasting) -> Bounds:
    return Bounds(**given.model_dump())


def _item(given: ItemWhere) -> ItemIs:
    return ItemIs(
        known=given.known,
        sku=None if given.sku is None else choice_of(given.sku),
        category=None if given.category is None else choice_of(given.category),
        at_home=given.at_home,
        allowed=given.allowed,
    )


def _stock(given: StockWhere) -> StockIs:
    bounds = given.model_dump(exclude={"below_minimum"}, exclude_none=True)
    return StockIs(bounds=Bounds(**bounds) if bounds else None, below_minimum=given.below_minimum)

"""A small language for stories about rules: a rule file, events in seconds, what was told.

bench = Bench(tmp_path, "rules: [...]")
bench.moved("E1", to="bin-1", at_s=0)
bench.wait(200)
assert bench.told == ["120 misplaced firing epc=…"]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.model.alert import AlertState, RuleChange, RuleRow
from gateway.model.catalog import Item, KeyKind
from gateway.model.device import DeviceStatus, ReaderState, SensorConfig, SensorKind, SensorReading
from gateway.model.movement import Direction, Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind
from gateway.rules.build_where import World
from gateway.rules.engine import RuleEngine
from gateway.rules.files import load_rules
from gateway.rules.rule import RuleSet

S = 1_000_000
#: A Monday, 10:00 in Berlin.
START_US = 1_732_525_200_000_000

SITE = Site(
    id="test",
    name="Test site",
    timezone="Europe/Berlin",
    zones=(
        Zone(id="yard", kind=ZoneKind.OUTSIDE),
        Zone(id="hall", kind=ZoneKind.TRANSIT),
        Zone(id="staging", kind=ZoneKind.STAGING, name="Staging 1"),
        Zone(id="bin-1", name="Bin 1", parent="hall"),
        Zone(id="bin-2", parent="hall"),
        Zone(id="quarantine", kind=ZoneKind.QUARANTINE),
    ),
    doors=(
        Door(id="door-1", inside="staging", outside="yard", contact="door-1/contact"),
        Door(id="door-2", inside="staging", outside="yard"),
    ),
    antennas=(
        Antenna(reader="dock", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="aisle", port=1, zones=("bin-1",)),
    ),
)
WORLD = World(
    site=SITE,
    sensors=(
        SensorConfig(id="door-1/contact", kind=SensorKind.CONTACT),
        SensorConfig(id="door-1/temp", kind=SensorKind.TEMPERATURE),
        SensorConfig(id="bin-1/temp", kind=SensorKind.TEMPERATURE),
    ),
    sinks=("log", "wms"),
)


def epc_of(name: str) -> str:
    """The EPC of a tag's name, in hex."""
    return f"30{name.encode().hex().upper():0<22}"


class Catalog:
    """Items and shipments that a test gives."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.shipments: dict[str, str] = {}
        self.in_use = False
        self.holds: set[str] = set()
        self.verdicts: dict[str, str] = {}  # what loads through a door would get now
        self.known: list[tuple[str, str | None, Presence, int]] = []

    def give(self, tag: str, /, **facts: Any) -> None:
        """Say what a tag is on."""
        epc = epc_of(tag)
        self.items[epc] = Item(kind=KeyKind.EPC, key=epc, **facts)

    def item(self, epc: str) -> Item | None:
        return self.items.get(epc)

    def shipments_in_use(self) -> bool:
        return self.in_use

    def shipment_expects(self, epc: str, door: str | None) -> str | None:
        return self.shipments.get(epc)

    def held(self, zone: str) -> bool:
        return zone in self.holds

    def judged(self, passage: Passage) -> Passage | None:
        if passage.door not in self.verdicts:
            return None
        verdict = self.verdicts[passage.door]
        return replace(passage, verdict=verdict, expected={"shipment": "S-1"})

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        return iter(self.known)


def rules_of(directory: Path, text: str, world: World = WORLD) -> RuleSet:
    """The rules of a file of this text."""
    path = directory / "rules.yaml"
    path.write_text(text)
    return load_rules(path, world)


class Bench:
    """One engine, fed by hand. Times are seconds since the start."""

    def __init__(self, directory: Path, text: str, catalog: Catalog | None = None) -> None:
        self.catalog = catalog or Catalog()
        self.directory = directory
        self.rules = rules_of(directory, text)
        self.engine = RuleEngine(self.rules, SITE, self.catalog)
        self.changes: list[RuleChange] = []
        self.store: dict[tuple[str, str], RuleRow] = {}
        self.now_us = START_US
        self._seq = 0

    @property
    def told(self) -> list[str]:
        """`<seconds> <rule> <state> <key>` of every change that is not one to pending."""
        return [
            f"{(c.at_us - START_US) / S:g} {c.rule} {c.state} {c.key}"
            for c in self.changes
            if c.state is not AlertState.PENDING
        ]

    @property
    def summaries(self) -> list[str]:
        """What was said when something fired."""
        return [c.summary for c in self.changes if c.state is AlertState.FIRING]

    def restart(self) -> None:
        """Another process, from what was stored."""
        self.engine = RuleEngine(self.rules, SITE, self.catalog)
        self.engine.restore(self.store.values(), self.now_us)

    def wait(self, until_s: float, *, step_s: float = 1.0) -> None:
        """Let event time run to `until_s`."""
        end_us = START_US + round(until_s * S)
        while self.now_us < end_us:
            self._step(Outcome(number=1, now_us=0), min(self.now_us + round(step_s * S), end_us))

    def moved(self, name: str, to: str | None = None, *, at_s: float, **changes: Any) -> Movement:
        """A tag moves; `kind`, `from_zone`, `door`, `direction` … may be given."""
        self._seq += 1
        epc, at_us = epc_of(name), START_US + round(at_s * S)
        values: dict[str, Any] = {
            "id": movement_id("test", epc, self._seq),
            "seq": self._seq,
            "site": "test",
            "epc": epc,
            "epc_uri": None,
            "kind": Kind.MOVED,
            "status": Status.CONFIRMED,
            "from_zone": None,
            "to_zone": to,
            "door": None,
            "direction": None,
            "passage": None,
            "event_time_us": at_us,
            "record_time_us": at_us,
            "confidence": 0.99,
        }
        movement = Movement(**(values | changes))
        self._at(at_us, Outcome(number=1, now_us=at_us, movements=[movement]))
        return movement

    def left(self, name: str, *, at_s: float, door: str = "door-1") -> None:
        """A tag goes out through a door."""
        self.moved(name, "yard", at_s=at_s, from_zone="staging", door=door, direction=Direction.OUT)

    def passed(
        self, door: str = "door-1", *, at_s: float, tags: Iterable[str] = (), **changes: Any
    ) -> None:
        """A load goes through a door."""
        self._seq += 1
        at_us = START_US + round(at_s * S)
        values: dict[str, Any] = {
            "id": f"passage-{self._seq}",
            "site": "test",
            "door": door,
            "direction": Direction.OUT,
            "status": Status.CONFIRMED,
            "start_us": at_us - S,
            "end_us": at_us,
            "event_time_us": at_us,
            "record_time_us": at_us,
            "epcs": tuple(epc_of(name) for name in tags),
            "confidence": 0.9,
        }
        self._at(at_us, Outcome(number=1, now_us=at_us, passages=[Passage(**(values | changes))]))

    def says(self, sensor: str, value: bool | float, *, at_s: float) -> None:
        """A sensor says something."""
        at_us = START_US + round(at_s * S)
        reading = SensorReading(sensor=sensor, value=value, time_us=at_us, at_us=at_us)
        self._at(at_us, Outcome(number=1, now_us=at_us, sensors=[reading]))

    def reader(
        self, reader: str, state: ReaderState, *, at_s: float, port: int | None = None
    ) -> None:
        """A reader, or an antenna of it, changes."""
        at_us = START_US + round(at_s * S)
        status = DeviceStatus(reader=reader, state=state, reason="lost", time_us=at_us, port=port)
        self._at(at_us, Outcome(number=1, now_us=at_us, statuses=[status]))

    def _at(self, at_us: int, outcome: Outcome) -> None:
        self._step(outcome, max(self.now_us, at_us))

    def _step(self, outcome: Outcome, time_us: int) -> None:
        self.now_us = time_us
        self.changes += self.engine.step(outcome, time_us)
        for row in self.engine.rows():
            if row.body is None:
                self.store.pop((row.rule, row.key), None)
            else:
                self.store[row.rule, row.key] = row

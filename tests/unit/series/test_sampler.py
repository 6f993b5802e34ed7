"""The sampler: what happens becomes the contract's points, at the contract's pace."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from gateway.model.device import DeviceStatus, ReaderState, SensorConfig, SensorKind, SensorReading
from gateway.model.movement import Direction, Kind, Status
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind
from gateway.model.reads import NO_RSSI_CDBM, Reads, empty_reads
from gateway.series import sampler as sampler_module
from gateway.series.antenna_reads import AntennaReads, Tally
from gateway.series.points import Point
from gateway.series.sampler import WINDOW_US, Sampler
from tests.outcomes import NOW_US, movement, outcome

SITE = Site(
    id="dc-north",
    zones=(
        Zone(id="yard", kind=ZoneKind.OUTSIDE),
        Zone(id="staging-1", kind=ZoneKind.STAGING),
        Zone(id="bin-a"),
    ),
    doors=(Door(id="door-1", inside="staging-1", outside="yard"),),
    antennas=(
        Antenna(reader="dock-1", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="dock-1", port=2, zones=("bin-a",)),
        Antenna(reader="aisle", port=1, zones=("bin-a", "staging-1")),
    ),
)
SENSORS = (
    SensorConfig(id="door-1/inner", kind=SensorKind.BEAM),
    SensorConfig(id="door-1/temp", kind=SensorKind.TEMPERATURE),
    SensorConfig(id="scanner", kind=SensorKind.BARCODE),
)
NOTHING = Tally(reads=0, tags=0, rssi_mean_dbm=None, rssi_max_dbm=None)


class Scene:
    """A sampler whose zones hold what the test says."""

    def __init__(self) -> None:
        self.tags = [0, 0, 0]
        self.sampler = Sampler(SITE, ["dock-1", "spare"], SENSORS, self.tags.__getitem__)
        self.sampler.survey(NOW_US)  # every zone is told once

    def after(self, told: Outcome) -> list[Point]:
        self.sampler.apply(told)
        return self.sampler.survey(NOW_US)


def named(point: Point) -> dict[str, object]:
    """Tags and fields of a point by name; what is absent is left out."""
    measurement = point.measurement
    pairs = [*zip(measurement.tags, point.tags, strict=True)]
    values = [*zip(measurement.fields, point.fields, strict=True)]
    return {k: v for k, v in (*pairs, *values) if v is not None}


def only(points: Sequence[Point], name: str) -> list[dict[str, object]]:
    return [named(p) for p in points if p.measurement.name == name]


def status(up: bool, **changes: object) -> DeviceStatus:
    values: dict[str, object] = {
        "reader": "dock-1",
        "state": ReaderState.UP if up else ReaderState.DOWN,
        "reason": "told",
        "time_us": NOW_US,
    }
    return DeviceStatus(**(values | changes))  # type: ignore[arg-type]


def test_every_zone_is_told_once_and_then_when_it_changes() -> None:
    tags = [4, 0, 0]
    sampler = Sampler(SITE, [], (), tags.__getitem__)
    first = only(sampler.survey(NOW_US), "zone")
    assert [(p["zone"], p["tags"]) for p in first] == [("yard", 4), ("staging-1", 0), ("bin-a", 0)]
    assert sampler.survey(NOW_US) == []
    tags[2] = 7
    (point,) = sampler.survey(NOW_US + 5)
    assert point.time_us == NOW_US + 5
    assert named(point) == {"site": "dc-north", "zone": "bin-a", "tags": 7, "arrived": 0, "left": 0}


def test_a_movement_counts_at_both_of_its_zones() -> None:
    moved = movement(
        door="door-1", direction=Direction.OUT, confidence=0.75, dwell_s=3.0, event_time_us=NOW_US
    )
    points = Scene().after(outcome(movements=[moved]))
    zones = {p["zone"]: (p["arrived"], p["left"]) for p in only(points, "zone")}
    assert zones == {"yard": (1, 0), "staging-1": (0, 1)}
    (point,) = only(points, "movement")
    assert point == {
        "site": "dc-north",
        "kind": "moved",
        "to_zone": "yard",
        "door": "door-1",
        "direction": "out",
        "epc": moved.epc,
        "from_zone": "staging-1",
        "id": moved.id,
        "confidence": 0.75,
        "dwell_s": 3.0,
    }


def test_a_tag_that_is_missing_has_left_and_arrives_when_it_is_found() -> None:
    missing = movement(kind=Kind.MISSING, from_zone="bin-a", to_zone=None)
    found = movement(seq=2, kind=Kind.ARRIVED, from_zone=None, to_zone="bin-a")
    scene = Scene()
    (left,) = only(scene.after(outcome(movements=[missing])), "zone")
    (arrived,) = only(scene.after(outcome(movements=[found])), "zone")
    assert (left["zone"], left["arrived"], left["left"]) == ("bin-a", 0, 1)
    assert (arrived["zone"], arrived["arrived"], arrived["left"]) == ("bin-a", 1, 0)


def test_what_is_taken_back_is_told_as_such_and_counted_backwards() -> None:
    points = Scene().after(outcome(movements=[movement(status=Status.RETRACTED)]))
    (point,) = only(points, "movement")
    assert point["kind"] == "retracted"
    zones = {p["zone"]: (p["arrived"], p["left"]) for p in only(points, "zone")}
    assert zones == {"yard": (0, 1), "staging-1": (1, 0)}


@pytest.mark.parametrize(
    ("sensor", "value", "told"),
    [
        ("door-1/inner", True, {"kind": "beam", "state": True}),
        ("door-1/temp", 21, {"kind": "temperature", "value": 21.0}),
        ("scanner", "4006381333931", None),
        ("unknown", 1.0, None),
    ],
)
def test_sensors_have_a_state_or_a_value(
    sensor: str, value: bool | float | str, told: dict[str, object] | None
) -> None:
    reading = SensorReading(sensor=sensor, value=value, time_us=NOW_US - 9, at_us=NOW_US)
    points = Scene().after(outcome(sensors=[reading]))
    assert [p.time_us for p in points] == ([] if told is None else [NOW_US - 9])
    expected = [] if told is None else [{"site": "dc-north", "sensor": sensor} | told]
    assert only(points, "sensor") == expected


def test_readers_and_antennas_are_told_every_ten_seconds() -> None:
    scene = Scene()
    begin_us = NOW_US // WINDOW_US * WINDOW_US
    assert not scene.sampler.window_due(begin_us)
    assert not scene.sampler.window_due(begin_us + WINDOW_US - 1)
    assert scene.sampler.window_due(begin_us + WINDOW_US)
    scene.sampler.apply(outcome(statuses=[status(up=True, clock_offset_us=-1_500)]))
    tallies = [Tally(reads=100, tags=7, rssi_mean_dbm=-60.5, rssi_max_dbm=-51.0), NOTHING, NOTHING]
    points = scene.sampler.window(begin_us + WINDOW_US, tallies)
    assert {p.time_us for p in points} == {begin_us}
    door, bin_a, aisle = only(points, "reads")
    assert door == {
        "site": "dc-north",
        "reader": "dock-1",
        "antenna": "1",
        "door": "door-1",
        "reads": 100,
        "tags": 7,
        "rssi_mean_dbm": -60.5,
        "rssi_max_dbm": -51.0,
    }
    assert (bin_a["zone"], bin_a["reads"], aisle["zone"]) == ("bin-a", 0, "bin-a+staging-1")
    dock, spare, aisle = only(points, "reader")
    assert dock == {
        "site": "dc-north",
        "reader": "dock-1",
        "up": 1,
        "reads_per_s": 10.0,
        "clock_offset_ms": -1.5,
        "reconnects": 0,
    }
    assert (spare["reader"], spare["up"], aisle["reader"]) == ("spare", 0, "aisle")
    assert not scene.sampler.window_due(begin_us + WINDOW_US)


def test_a_reader_that_comes_up_again_has_reconnected() -> None:
    scene = Scene()
    changes = [status(up) for up in (True, False, True, True, False, True)]
    scene.sampler.apply(outcome(statuses=[*changes, status(up=False, port=1)]))
    assert not scene.sampler.window_due(NOW_US)
    dock, *_ = only(scene.sampler.window(NOW_US + WINDOW_US, [NOTHING] * 3), "reader")
    assert (dock["up"], dock["reconnects"]) == (1, 2)
    dock, *_ = only(scene.sampler.window(NOW_US + 2 * WINDOW_US, [NOTHING] * 3), "reader")
    assert dock["reconnects"] == 0


def test_points_that_nobody_asks_for_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "MOST_WAITING", 3)
    scene = Scene()
    points = scene.after(outcome(movements=[movement(seq=n) for n in range(1, 6)]))
    assert len(only(points, "movement")) == 3
    assert scene.sampler.shed == 2


def reads(*rows: tuple[int, int, int]) -> Reads:
    """Reads of (antenna, tag, rssi in 1/100 dBm)."""
    made = empty_reads(len(rows))
    for row, (antenna, tag, rssi) in zip(made, rows, strict=True):
        row["antenna"], row["tag"], row["rssi_cdbm"] = antenna, tag, rssi
    return made


def test_reads_are_summed_up_per_antenna() -> None:
    gathered = AntennaReads(3)
    assert gathered.drain() == [NOTHING] * 3
    gathered.take(
        Inputs(reads=[reads((0, 1, -6_000), (0, 1, -5_000)), reads((2, 9, NO_RSSI_CDBM))])
    )
    gathered.take(Inputs(reads=[reads((0, 2, -7_000), (0, 1, NO_RSSI_CDBM))]))
    assert gathered.drain() == [
        Tally(reads=4, tags=2, rssi_mean_dbm=-60.0, rssi_max_dbm=-50.0),
        NOTHING,
        Tally(reads=1, tags=1, rssi_mean_dbm=None, rssi_max_dbm=None),
    ]
    assert gathered.drain() == [NOTHING] * 3


def test_reads_that_nobody_drains_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.series.antenna_reads.MOST_ROWS", 10)
    gathered = AntennaReads(1)
    for _ in range(20):
        gathered.take(Inputs(reads=[reads((0, 1, -6_000))]))
    assert (gathered.drain()[0].reads, gathered.shed) == (11, 9)
    gathered.take(Inputs(reads=[reads((0, 1, -6_000))]))
    assert gathered.drain()[0].reads == 1


def test_none_is_lost_between_two_threads() -> None:
    gathered = AntennaReads(2)
    one = np.repeat(reads((1, 5, -6_000)), 3)

    def take() -> None:
        for _ in range(2_000):
            gathered.take(Inputs(reads=[one]))

    taking = threading.Thread(target=take)
    taking.start()
    total = 0
    while taking.is_alive():
        total += gathered.drain()[1].reads
    taking.join()
    assert total + gathered.drain()[1].reads == 6_000

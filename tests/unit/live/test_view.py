"""The live view: what is where, after what was committed."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest

from gateway.live import Counts, EventKind, LiveView, TagTable
from gateway.model.alert import Alert, AlertState, Severity
from gateway.model.device import ReaderState, SensorHealth, SensorReading
from gateway.model.movement import Presence, Status
from gateway.model.tags import NO_TAG, TagIndex
from tests.unit.live.world import (
    GTIN,
    NOW_US,
    PLAIN,
    SGTIN,
    SITE,
    SSCC_TAG,
    movement,
    new_view,
    outcome,
    passage,
    row,
    status,
)


@dataclass
class Stored:
    """Tags as the store gives them back."""

    epcs: list[bytes]
    zone_ids: list[str]
    zones: npt.NDArray[Any]
    presence: npt.NDArray[Any]
    since_us: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    last_us: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    seq: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    confidence: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    seq_floor: int = 0


def _stored(epcs: list[bytes], zones: list[int], presences: list[int]) -> Stored:
    rows = len(epcs)
    return Stored(
        epcs=epcs,
        zone_ids=["yard", "demolished", "staging-1"],
        zones=np.array(zones, np.int32),
        presence=np.array(presences, np.uint8),
        since_us=np.full(rows, NOW_US),
        last_us=np.full(rows, NOW_US + 1),
        seq=np.arange(rows, dtype=np.uint32) + 5,
        confidence=np.full(rows, 0.994, np.float32),
    )


def test_a_committed_tag_is_found_with_everything_known_of_it() -> None:
    view = new_view(SGTIN)
    view.apply(outcome(tags=[row(SGTIN, seq=17)]))
    tag = view.tag(SGTIN)
    assert tag is not None
    assert tag.zone is not None
    assert SITE.zones[tag.zone].id == "staging-1"
    assert (tag.presence, tag.since_us, tag.last_us) == (Presence.PRESENT, NOW_US, NOW_US)
    assert (tag.seq, tag.confidence) == (17, 0.9941)


def test_a_tag_that_was_never_read_is_not_there_and_one_just_read_is_new() -> None:
    view = new_view(SGTIN)
    assert view.tag(PLAIN) is None
    tag = view.tag(SGTIN)
    assert tag is not None
    assert (tag.presence, tag.zone) == (Presence.NEW, None)


def test_the_engine_may_know_a_later_read_than_the_last_commit() -> None:
    reads = {0: NOW_US + 7, 1: NOW_US - 7}
    view = new_view(SGTIN, PLAIN, last_read_us=reads.get)
    view.apply(outcome(tags=[row(SGTIN), row(PLAIN)]))
    assert [view.tag_numbered(n).last_us for n in (0, 1)] == [NOW_US + 7, NOW_US]


def test_counts_follow_tags_from_zone_to_zone() -> None:
    view = new_view(SGTIN, PLAIN, SSCC_TAG)
    view.apply(outcome(tags=[row(SGTIN), row(PLAIN), row(SSCC_TAG, presence=Presence.UNKNOWN)]))
    assert view.counts(0) == Counts(present=2, unknown=1, missing=0)
    view.apply(outcome(tags=[row(SGTIN, "yard"), row(PLAIN, presence=Presence.MISSING)]))
    assert view.counts(0) == Counts(present=0, unknown=1, missing=1)
    assert view.counts(2) == Counts(present=1, unknown=0, missing=0)
    view.apply(outcome(tags=[row(SGTIN, None, Presence.DEPARTED)]))
    assert view.counts(2) == Counts(present=0, unknown=0, missing=0)


def test_presence_is_unknown_while_a_device_that_watches_the_zone_does_not_work() -> None:
    view = new_view(SGTIN, PLAIN, SSCC_TAG)
    view.apply(outcome(statuses=[status(), status("bins-1")]))
    view.apply(outcome(tags=[row(SGTIN), row(PLAIN, presence=Presence.MISSING)]))
    view.apply(outcome(tags=[row(SSCC_TAG, "bin-a-01")]))
    revisions = view.zone_revisions.copy()
    down = status(state=ReaderState.DOWN, reason="No answer.")
    view.apply(outcome(statuses=[down]))
    assert [view.tag_numbered(n).presence for n in range(3)] == [
        Presence.UNKNOWN,
        Presence.MISSING,
        Presence.PRESENT,
    ]
    assert view.counts(0) == Counts(present=0, unknown=1, missing=1)
    assert view.counts(1) == Counts(present=1, unknown=0, missing=0)
    assert view.select(presence=Presence.UNKNOWN, limit=9).numbers == (0,)
    assert view.select(presence=Presence.PRESENT, limit=9).numbers == (2,)
    assert [a != b for a, b in zip(view.zone_revisions, revisions, strict=True)] == [1, 0, 1]
    view.apply(outcome(statuses=[status()]))
    assert view.tag_numbered(0).presence is Presence.PRESENT
    assert view.counts(0) == Counts(present=1, unknown=0, missing=1)
    assert view.select(presence=Presence.UNKNOWN, limit=9).numbers == ()


def test_one_antenna_that_fails_blinds_only_the_zones_that_it_watches() -> None:
    view = new_view(SGTIN, PLAIN)
    view.apply(outcome(statuses=[status(), status("bins-1")]))
    view.apply(outcome(tags=[row(SGTIN), row(PLAIN, "bin-a-01")]))
    view.apply(outcome(statuses=[status("bins-1", ReaderState.DOWN, port=1, reason="No cable.")]))
    presences = [view.tag_numbered(n).presence for n in (0, 1)]
    assert presences == [Presence.PRESENT, Presence.UNKNOWN]
    assert view.gtin_tally(GTIN) == {(0, Presence.PRESENT): 1}


def test_revisions_grow_for_the_zones_concerned_and_for_no_other() -> None:
    view = new_view(SGTIN)
    view.apply(outcome(tags=[row(SGTIN)]))
    view.apply(outcome(tags=[row(SGTIN, "yard")], now_us=NOW_US + 5))
    assert view.zone_revisions == [2, 0, 1]
    assert view.zone_changed_us == [NOW_US + 5, None, NOW_US + 5]
    assert view.revision == 2


def test_pages_give_every_tag_of_a_zone_once() -> None:
    epcs = [bytes([n, n]) for n in range(10)]
    view = new_view(*epcs)
    view.apply(outcome(tags=[row(e, "yard" if n % 2 else "bin-a-01") for n, e in enumerate(epcs)]))
    first = view.select(zone=2, limit=3)
    assert first.numbers == (1, 3, 5)
    assert first.after == 5
    second = view.select(zone=2, limit=3, after=first.after)
    assert (second.numbers, second.after) == ((7, 9), None)


def test_departed_tags_are_known_but_in_no_zone() -> None:
    view = new_view(SGTIN, PLAIN)
    view.apply(outcome(tags=[row(SGTIN, "yard", Presence.DEPARTED), row(PLAIN, "yard")]))
    assert view.select(zone=2, limit=9).numbers == (1,)
    assert view.select(limit=9).numbers == (0, 1)
    assert view.select(presence=Presence.DEPARTED, limit=9).numbers == (0,)


def test_all_tags_of_a_gtin_are_found_and_counted_by_zone() -> None:
    others = [SGTIN[:-1] + bytes([n]) for n in range(3)]
    view = new_view(SGTIN, PLAIN, SSCC_TAG, *others)
    view.apply(outcome(tags=[row(SGTIN), row(PLAIN), row(SSCC_TAG)]))
    view.apply(outcome(tags=[row(others[0], "yard"), row(others[1], "yard")]))
    assert view.select(gtin=GTIN, limit=9).numbers == (0, 3, 4)
    assert view.gtin_tally(GTIN) == {(0, Presence.PRESENT): 1, (2, Presence.PRESENT): 2}
    assert view.gtins.behind == 0
    assert view.select(gtin="10614141123455", limit=9).numbers == ()


def test_the_stored_state_is_taken_over() -> None:
    view = new_view()
    view.restore(_stored([SGTIN, PLAIN, SSCC_TAG], [2, -1, 1], [1, 4, 1]))
    tag = view.tag(SGTIN)
    assert tag is not None
    assert (tag.zone, tag.seq, tag.last_us, tag.confidence) == (0, 5, NOW_US + 1, 0.994)
    assert view.tag_numbered(1).presence is Presence.DEPARTED
    assert view.tag_numbered(2).zone is None  # its zone is no longer configured
    assert view.counts(0) == Counts(present=1, unknown=0, missing=0)
    view.apply(outcome(tags=[row(SGTIN, "yard", seq=6)]))
    assert view.counts(0) == Counts(present=0, unknown=0, missing=0)


def test_stored_tags_beyond_the_capacity_of_the_index_are_left_out() -> None:
    view = LiveView(SITE, TagIndex(capacity=1))
    view.restore(_stored([SGTIN, PLAIN], [2, 2], [1, 1]))
    assert view.tags_known == 1
    assert view.counts(0).present == 1


def test_an_empty_store_restores_to_nothing() -> None:
    view = new_view()
    view.restore(_stored([], [], []))
    assert view.tags_known == 0
    assert view.select(limit=5).numbers == ()


def test_a_million_tags_take_less_than_forty_megabytes() -> None:
    numbers = np.arange(1_000_000, dtype=np.uint32)
    stored = _stored([], [], [])
    stored.zones = np.zeros(len(numbers), np.int32)
    stored.presence = np.ones(len(numbers), np.uint8)
    stored.since_us = stored.last_us = np.full(len(numbers), NOW_US)
    stored.seq = numbers
    stored.confidence = np.ones(len(numbers), np.float32)
    tracemalloc.start()
    try:
        table = TagTable(3)
        table.restore(numbers, stored, SITE.zone_numbers)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(table) == 1_000_000
    assert held < 40_000_000
    assert table.counts(2).present == 1_000_000


def test_a_full_index_in_the_stored_numbers_is_no_row() -> None:
    table = TagTable(3)
    stored = _stored([SGTIN, PLAIN], [0, 0], [1, 1])
    table.restore(np.array([NO_TAG, 0], np.uint32), stored, SITE.zone_numbers)
    assert len(table) == 1


def test_everything_committed_is_told_once_in_order() -> None:
    view = new_view(SGTIN)
    view.apply(
        outcome(
            tags=[row(SGTIN)],
            statuses=[status()],
            sensor_health=[SensorHealth(sensor="door-1/inner", problem="Stuck.", time_us=NOW_US)],
            provisional_passages=[passage(status=Status.PROVISIONAL)],
            provisional=[movement(status=Status.PROVISIONAL)],
            movements=[movement()],
            passages=[passage()],
        )
    )
    events = view.events.after(0, 10)
    assert [e.kind for e in events] == [
        EventKind.READER,
        EventKind.SENSOR,
        EventKind.PROVISIONAL,
        EventKind.MOVEMENT,
        EventKind.PROVISIONAL_PASSAGE,
        EventKind.PASSAGE,
    ]
    assert [e.id for e in events] == [1, 2, 3, 4, 5, 6]
    assert events[3].body == movement().to_json()
    assert view.devices.sensors["door-1/inner"].problem == "Stuck."
    assert events[3].zones == ("staging-1", "yard")
    assert orjson.loads(events[0].body)["reader"] == "dock-1"


def test_readers_and_antennas_are_as_they_last_said() -> None:
    view = new_view()
    devices = view.devices
    assert list(devices.readers) == ["dock-1", "bins-1"]
    assert devices.why_blind("yard") == "reader dock-1 is connecting: Not connected yet."
    view.apply(outcome(statuses=[status()]))
    assert devices.readers["dock-1"].since_us == NOW_US
    assert devices.why_blind("yard") is None
    view.apply(outcome(statuses=[status(state=ReaderState.FAULTY, port=2, reason="No cable.")]))
    assert devices.why_blind("yard") == "antenna 2 of reader dock-1 is faulty: No cable."
    assert devices.why_blind("bin-a-01") is not None
    assert devices.why_blind("no-such-zone") is None


def test_a_reader_keeps_the_time_when_it_came_into_its_state() -> None:
    view = new_view()
    later = status(reason="Inventory runs again.")
    view.apply(outcome(statuses=[status()]))
    view.apply(outcome(statuses=[later]))
    reader = view.devices.readers["dock-1"]
    assert (reader.since_us, reader.reason) == (NOW_US, "Inventory runs again.")


@pytest.mark.parametrize("configured", [True, False])
def test_sensors_keep_their_latest_value(configured: bool) -> None:
    view = new_view()
    name = "hall/temp" if configured else "replayed"
    late, early = (
        SensorReading(sensor=name, value=value, time_us=NOW_US + offset, at_us=NOW_US)
        for value, offset in ((21.5, 5), (3.0, 0))
    )
    view.apply(outcome(sensors=[late, early]))
    sensor = view.devices.sensors[name]
    assert (sensor.value, sensor.time_us) == (21.5, NOW_US + 5)
    assert sensor.unit == ("C" if configured else None)


def test_an_alert_is_an_event_of_the_zones_that_it_is_about() -> None:
    view = new_view()
    alert = Alert(
        id="a", fingerprint="f", site=SITE.id, rule="misplaced", group="zone=bin-a-01",
        state=AlertState.FIRING, severity=Severity.WARNING, summary="it is there",
        started_us=NOW_US, fired_us=NOW_US, resolved_us=None, event_time_us=NOW_US,
        record_time_us=NOW_US, change=1, count=1, fields={"zone": "bin-a-01", "from": None},
    )  # fmt: skip
    view.apply(outcome(alerts=[alert]))
    (event,) = view.events.after(0, 10)
    assert (event.kind, event.zones, event.body) == (
        EventKind.ALERT,
        ("bin-a-01",),
        alert.to_json(),
    )


def test_a_tag_that_is_forgotten_is_not_there_any_more_and_its_number_is_let_go() -> None:
    gone: list[int] = []
    view = new_view(
        SGTIN, PLAIN, last_read_us=lambda _: 0, let_go=lambda n: gone.extend(n.tolist())
    )
    view.apply(outcome(tags=[row(SGTIN, presence=Presence.MISSING), row(PLAIN)]))
    staging = view.zone_revisions[0]
    view.apply(outcome(forgotten=[SGTIN]))
    assert view.tag(SGTIN) is None
    assert (view.tags_known, view.counts(0)) == (1, Counts(1, 0, 0))
    assert view.zone_revisions[0] == staging + 1, "one missing tag less is news"
    assert view.select(limit=10).numbers == (1,)
    assert gone == [0]
    view.apply(outcome(forgotten=[PLAIN], tags=[row(PLAIN, seq=9)]))
    state = view.tag(PLAIN)
    assert state is not None
    assert state.seq == 9, "it is back: that came after it was forgotten"


def test_a_number_that_another_tag_has_now_is_found_under_that_tags_gtin() -> None:
    tags = TagIndex()
    view = LiveView(SITE, tags, let_go=tags.release)
    for epc in (SGTIN, PLAIN):
        tags.add(epc)
        view.apply(outcome(tags=[row(epc)]))
    assert view.select(limit=10, gtin=GTIN).numbers == (0,)
    view.apply(outcome(forgotten=[SGTIN, PLAIN]))
    assert view.gtin_tally(GTIN) == {}
    assert tags.numbers([SGTIN, SSCC_TAG]).tolist() == [1, 0], "they have changed places"
    view.apply(outcome(tags=[row(SSCC_TAG), row(SGTIN)]))
    assert view.gtins.behind == 2
    assert view.select(limit=10, gtin=GTIN).numbers == (1,)
    assert view.gtins.behind == 0

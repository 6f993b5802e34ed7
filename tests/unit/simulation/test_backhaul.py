"""From a read to its arrival: reports, clocks, delays, what is held and what comes twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gateway.model.reads import Reads
from gateway.simulation.backhaul import Backhaul, ReaderClock, merged
from gateway.simulation.inventory import Slice
from gateway.simulation.scenario_parts import Reports
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.serving import reads
from tests.unit.simulation.traffics import SECOND_US, scenario, world

SLICE_US = 50_000


def slices(seconds: float, per_slice: int = 5) -> list[tuple[Slice, Reads]]:
    """Slices of 50 ms with some reads in each, of ten tags in turn."""
    made = []
    for n in range(round(seconds * 1e6 / SLICE_US)):
        cut = Slice(
            antenna=0, start_us=n * SLICE_US, end_us=(n + 1) * SLICE_US, channel=1, frequency_hz=9e8
        )
        rows = reads(*((n * per_slice + k) % 10 for k in range(per_slice)), time_us=cut.start_us)
        rows["time_us"] += 100 * np.arange(per_slice)
        rows["first_us"] = rows["at_us"] = rows["time_us"]
        made.append((cut, rows))
    return made


def carried(reports: Reports, seconds: float = 10, *, down_s: tuple[float, float] = (0, 0),
            clock: ReaderClock | None = None) -> Reads:  # fmt: skip
    """What a gateway gets, in order of arrival, with the link down for a time."""
    backhaul = Backhaul(reports, clock or ReaderClock(), np.random.default_rng(1))
    parts = [
        backhaul.carry(rows, cut, delivers=not down_s[0] <= cut.start_us / 1e6 < down_s[1])
        for cut, rows in slices(seconds)
    ]
    whole = np.concatenate(parts)
    ordered: Reads = whole[np.argsort(whole["at_us"], kind="stable")]
    return ordered


def test_without_any_trouble_reads_arrive_as_they_are_made() -> None:
    given = np.concatenate([rows for _, rows in slices(10)])
    assert carried(Reports()).tobytes() == given.tobytes()


def test_a_report_tells_of_each_tag_once_with_first_last_count_and_most_power() -> None:
    rows = reads(3, 5, 3, 3)
    rows["first_us"] = rows["time_us"] = [10, 20, 30, 40]
    rows["rssi_cdbm"] = [-6000, -5000, -5500, -7000]
    rows["channel"] = [1, 2, 3, 4]
    five, three = merged(rows)
    assert (three["first_us"], three["time_us"], three["count"]) == (10, 40, 3)
    assert (three["rssi_cdbm"], three["channel"]) == (-5500, 4)
    assert (five["first_us"], five["time_us"], five["count"]) == (20, 20, 1)


def test_what_different_antennas_read_is_not_put_together() -> None:
    assert len(merged(reads(3, 3, antenna=[1, 2]))) == 2


def test_reports_come_at_their_interval_and_lose_nothing() -> None:
    reported = carried(Reports(report_every_ms=500), seconds=20)
    times = np.unique(reported["at_us"])
    assert 38 <= len(times) <= 40
    assert np.abs(np.diff(times) - 500_000).max() <= SLICE_US
    given = np.concatenate([rows for _, rows in slices(20)])
    assert 0 <= len(given) - reported["count"].sum() < 60  # the last report is still to come
    assert (reported["first_us"] <= reported["time_us"]).all()
    assert (reported["time_us"] <= reported["at_us"]).all()
    assert (reported["at_us"] - reported["first_us"] <= 550_000).all()


def test_a_report_comes_earlier_when_many_tags_wait() -> None:
    reported = carried(Reports(report_every_ms=5_000, report_every_tags=10), seconds=10)
    times, sizes = np.unique(reported["at_us"], return_counts=True)
    assert np.median(np.diff(times)) == 2 * SLICE_US  # five new tags in each slice
    assert (sizes >= 10).sum() >= len(sizes) - 2


def test_reports_by_number_alone_need_no_interval() -> None:
    reported = carried(Reports(report_every_tags=10), seconds=2)
    assert len(np.unique(reported["at_us"])) == 20


def test_a_delay_keeps_the_order_of_sending() -> None:
    delayed = carried(Reports(delay_ms=(5, 80)))
    late_us = delayed["at_us"] - delayed["time_us"]
    assert late_us.min() >= 5_000
    assert late_us.mean() > 40_000
    assert (np.diff(delayed["time_us"]) >= 0).all()


def test_late_reports_are_overtaken_and_arrive() -> None:
    delayed = carried(Reports(late=0.1, late_ms=(200, 2_000)))
    late_us = delayed["at_us"] - delayed["time_us"]
    assert 0.06 < (late_us > 0).mean() < 0.14
    assert (np.diff(delayed["time_us"]) < 0).any()
    assert 200_000 <= late_us[late_us > 0].min() <= late_us.max() <= 2_000_000
    assert len(delayed) == 1_000


def test_what_is_held_while_the_link_is_down_is_replayed_first_and_in_order() -> None:
    got = carried(Reports(), seconds=20, down_s=(5, 12))
    assert len(got) == 2_000
    held = got[(got["time_us"] >= 5e6) & (got["time_us"] < 12e6)]
    assert held["at_us"].min() >= 12e6
    assert (np.diff(got["time_us"]) >= 0).all()
    assert (got["at_us"] >= got["time_us"]).all()
    # The backlog takes a moment, then reads are as they were.
    assert (got["at_us"] == got["time_us"])[got["time_us"] > 14e6].all()


def test_what_was_sent_last_comes_again_after_an_interruption() -> None:
    got = carried(Reports(resent_s=1.5), seconds=20, down_s=(5, 8))
    _, counts = np.unique(got[["time_us", "tag", "antenna"]], return_counts=True)
    assert set(counts) == {1, 2}
    twice = got[:-1][np.isin(got["time_us"][:-1], got["time_us"][1:]) & (got["at_us"][:-1] >= 8e6)]
    again = twice[twice["time_us"] < 5e6]
    assert 120 <= len(again) <= 160
    assert again["time_us"].min() >= 3.4e6


def test_a_clock_is_off_by_its_offset_and_drifts() -> None:
    clock = ReaderClock(offset_us=150_000, drift_ppm=-20)
    got = carried(Reports(), seconds=10, clock=clock)
    ahead_us = got["time_us"] - got["at_us"]
    assert ahead_us[0] == 150_000
    assert ahead_us[-1] == pytest.approx(150_000 - 200, abs=2)
    assert (got["first_us"] == got["time_us"]).all()


def test_each_reader_has_a_clock_of_its_own_within_the_limits() -> None:
    reports = {"clock_offset_ms": [20, 200], "clock_drift_ppm": [0, 20]}
    clocks = world(warehouse(doors=8), reports=reports).clocks
    offsets = [c.offset_us for c in clocks.values()]
    assert len(set(offsets)) == len(offsets) == 9
    assert all(20_000 <= abs(o) <= 200_000 for o in offsets)
    assert min(offsets) < 0 < max(offsets)
    assert all(abs(c.drift_ppm) <= 20 for c in clocks.values())


@pytest.mark.parametrize(
    "reports",
    [
        {"report_every_ms": 300, "delay_ms": [2, 30], "late": 0.05},
        {"report_every_tags": 20, "clock_offset_ms": [0, 3000], "clock_drift_ppm": [0, 20]},
    ],
)
def test_what_arrives_does_not_depend_on_how_time_is_cut(reports: dict[str, Any]) -> None:
    faults = {"outage_every_s": [3, 5], "outage_s": [2, 4], "outages_kept": 0.5}
    described = scenario(reports={**reports, "resent_s": 1}, faults=faults)
    whole = World(warehouse(), described, 5).advance(15 * SECOND_US)
    other = World(warehouse(), described, 5)
    steps = np.sort(np.random.default_rng(0).integers(0, 15 * SECOND_US, 150)).tolist()
    parts = [other.advance(step) for step in (*steps, 15 * SECOND_US)]
    assert np.concatenate([p.reads for p in parts]).tobytes() == whole.reads.tobytes()
    assert [s for p in parts for s in p.statuses] == whole.statuses
    assert [f for p in parts for f in p.truth] == whole.truth
    assert len(whole.statuses) > 4


def test_what_happens_and_what_arrives_are_the_same_reads() -> None:
    described = scenario(reports={"delay_ms": [0, 50], "clock_offset_ms": [10, 20]})
    made = World(warehouse(), described, 5).happen(10 * SECOND_US).reads
    got = World(warehouse(), described, 5).advance(10 * SECOND_US).reads
    assert 0 <= len(made) - len(got) < 40
    names = ["tag", "antenna", "rssi_cdbm", "channel"]
    assert (np.sort(made[names])[: len(got)]["tag"] >= 0).all()
    assert (made["time_us"] == made["at_us"]).all()
    assert not (got["time_us"] == got["at_us"]).any()

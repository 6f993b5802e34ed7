"""The baselines on tiny streams whose outcome follows from how they are defined."""

from __future__ import annotations

import pytest

from gateway.bench.baselines.debounce import Debounce
from gateway.bench.baselines.edgex import EdgeX, Profile
from gateway.bench.baselines.last_read import LastRead
from gateway.bench.baselines.places import Places
from gateway.bench.sites import rack
from tests.unit.bench.stories import (
    IN_1,
    IN_2,
    OUT_1,
    OUT_2,
    SITE,
    every,
    feed,
    reads,
    told,
)


class TestPlaces:
    def test_antennas_of_one_side_of_a_door_are_one_side(self) -> None:
        places = Places(SITE)
        assert places.side[IN_1] == places.side[IN_1 + 1]
        assert len({places.side[a] for a in (IN_1, OUT_1, IN_2, OUT_2)}) == 4

    def test_outside_is_the_same_zone_before_every_door(self) -> None:
        places = Places(SITE)
        assert places.zone[OUT_1] == places.zone[OUT_2]
        assert places.zone[IN_1] != places.zone[IN_2]

    def test_an_antenna_that_sees_several_bins_counts_for_the_nearest(self) -> None:
        site = rack(columns=12, levels=2, antennas=6)
        zone = site.zones[Places(site).zone[0]]
        assert zone.id in ("bin-01-1", "bin-02-1")


class TestLastRead:
    def test_every_read_decides_at_once(self) -> None:
        rows = reads((1, 0, IN_1), (2, 0, OUT_1), (3, 0, OUT_1), (4, 0, IN_1))
        assert told(feed(LastRead(SITE), rows, 5)) == [
            "staging-1 @1/1", "out door-1 @2/2", "in door-1 @4/4",
        ]  # fmt: skip

    def test_a_read_at_another_door_is_a_move_but_no_passage(self) -> None:
        rows = reads((1, 0, IN_1), (2, 0, IN_2), (3, 0, OUT_1))
        assert told(feed(LastRead(SITE), rows, 5)) == [
            "staging-1 @1/1", "staging-2 @2/2", "yard @3/3",
        ]  # fmt: skip


class TestDebounce:
    def test_a_tag_has_moved_when_it_was_read_nowhere_else_for_three_seconds(self) -> None:
        rows = reads((1, 0, IN_1), (2, 0, OUT_1), (2.5, 0, OUT_1))
        assert told(feed(Debounce(SITE), rows, 4.9)) == ["staging-1 @1/1"]
        assert told(feed(Debounce(SITE), rows, 6)) == ["staging-1 @1/1", "out door-1 @2/5"]

    def test_a_read_at_the_old_place_begins_it_anew(self) -> None:
        rows = reads((1, 0, IN_1), (2, 0, OUT_1), (4.9, 0, IN_1), (5, 0, OUT_1))
        assert told(feed(Debounce(SITE), rows, 10)) == ["staging-1 @1/1", "out door-1 @5/8"]

    def test_a_load_that_is_read_from_both_sides_stays_where_it_is(self) -> None:
        both = every(0.5, 1, 20, 0, IN_1) + every(0.5, 1.2, 20, 0, OUT_1)
        assert len(feed(Debounce(SITE), reads(*both), 20)) == 1

    def test_the_three_seconds_end_before_a_later_read_of_the_same_batch(self) -> None:
        rows = reads((1, 0, IN_1), (2, 0, OUT_1), (5.5, 0, IN_1))
        assert told(feed(Debounce(SITE), rows, 9, step_s=9)) == [
            "staging-1 @1/1", "out door-1 @2/5", "in door-1 @5.5/8.5",
        ]  # fmt: skip


class TestEdgeX:
    @pytest.mark.parametrize(
        ("silent_ms", "offset_db"),
        [(0, 6.0), (500, 6.0), (750, 4.0), (1_250, 0.0), (2_000, -6.0)],
    )
    def test_the_offset_holds_and_then_falls(self, silent_ms: float, offset_db: float) -> None:
        assert Profile().offset_db(silent_ms) == pytest.approx(offset_db)

    def test_the_retail_profile_holds_for_a_minute(self) -> None:
        retail = Profile(holdoff_ms=60_000, slope_db_per_ms=-0.0005)
        assert retail.offset_db(60_000) == pytest.approx(6.0)
        assert retail.offset_db(72_000) == pytest.approx(0.0)

    def test_six_decibels_are_not_enough_but_more_are(self) -> None:
        here = [(1.0 + n / 10, 0, IN_1, -60.0) for n in range(20)]
        same = [(1.05 + n / 10, 0, OUT_1, -54.0) for n in range(20)]
        more = [(1.05 + n / 10, 0, OUT_1, -53.5) for n in range(20)]
        assert told(feed(EdgeX(SITE), reads(*here, *same), 3)) == ["staging-1 @1/1"]
        assert told(feed(EdgeX(SITE), reads(*here, *more), 3)) == [
            "staging-1 @1/1", "out door-1 @1.15/1.15",
        ]  # fmt: skip

    def test_a_weaker_antenna_wins_when_the_own_one_has_been_silent(self) -> None:
        rows = reads((1, 0, IN_1, -50.0), (2.5, 0, OUT_1, -54.0), (2.8, 0, OUT_1, -54.0))
        # 1.8 s of silence: 10.4 dB below the hold of 6 dB
        assert told(feed(EdgeX(SITE), rows, 4)) == ["staging-1 @1/1", "out door-1 @2.8/2.8"]

    def test_one_read_at_another_antenna_never_moves(self) -> None:
        rows = reads((1, 0, IN_1, -70.0), (30, 0, OUT_1, -40.0))
        assert told(feed(EdgeX(SITE), rows, 31)) == ["staging-1 @1/1"]

    def test_only_the_last_twenty_powers_count_and_they_never_age(self) -> None:
        old = [(1.0 + n / 10, 0, IN_1, -80.0) for n in range(20)]
        strong = [(10.0 + n / 10, 0, IN_1, -40.0) for n in range(20)]
        # 1.0 s after the last of them the offset is 2 dB; -45 is 5 dB weaker than the last twenty
        late = [(12.8, 0, OUT_1, -45.0), (12.9, 0, OUT_1, -45.0)]
        assert told(feed(EdgeX(SITE), reads(*old, *strong, *late), 14)) == ["staging-1 @1/1"]

    def test_antennas_of_one_zone_are_one_place(self) -> None:
        rows = reads(
            (1, 0, IN_1, -60.0), (1.1, 0, IN_1 + 1, -40.0), (1.2, 0, IN_1 + 1, -40.0)
        )  # fmt: skip
        assert told(feed(EdgeX(SITE), rows, 4)) == ["staging-1 @1/1"]

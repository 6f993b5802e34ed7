"""Scoring on hand-made truth and calls: every figure has an answer that can be counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import LIFTED_US, NO_LOAD, SETTLES_US, Seen, Truth
from gateway.bench.accuracy_zones import NO_COLUMN, score_zones
from gateway.bench.calls import NOWHERE, Call, calls_of
from gateway.bench.scoring import score_doors
from gateway.model.movement import Direction, Kind, Status
from gateway.model.outcome import Outcome
from gateway.model.reads import Reads, empty_reads
from tests.outcomes import movement
from tests.unit.bench.stories import (
    IN_1,
    IN_2,
    OUT_1,
    SITE,
    STAGING_1,
    STAGING_2,
    YARD,
    S,
    at,
    call,
    carried,
    crossed,
    epc,
    every,
    index,
    reads,
    standing,
    stood,
)  # fmt: skip

SPAN = (at(0), at(1_000))
ALL_DAY = at(1_000)


def score(facts: list[dict[str, Any]], calls: list[Call], rows: Reads | None = None) -> Tally:
    """Doors, zones and flaps of a story that lasts 1,000 s."""
    truth = Truth.of(facts, SITE, index(20), ALL_DAY)
    seen = Seen(empty_reads() if rows is None else rows, SITE)
    tally = score_doors(truth, calls, seen, SPAN)
    columns = np.full(len(SITE.zones) + 1, NO_COLUMN, dtype=np.int64)
    columns[[YARD, STAGING_1, STAGING_2]] = [5, 0, 1]
    score_zones(truth, calls, seen, SPAN, columns, tally)
    return tally


def latency(tally: Tally, name: str) -> float:
    ((seconds, _),) = tally.latencies[name]
    return seconds


def totals(tally: Tally, *names: str) -> list[float]:
    return [tally.total(name) for name in names]


class TestMatching:
    def test_a_call_near_its_crossing_is_right(self) -> None:
        tally = score([crossed(1, 100)], [call(1, 101)])
        assert totals(tally, "crossings", "found", "right_way", "calls", "true_calls") == [1] * 5

    @pytest.mark.parametrize(
        "wrong",
        [call(2, 100), call(1, 100, door=1), call(1, 105.1), call(1, 94.9)],
        ids=["another tag", "another door", "too late", "too early"],
    )
    def test_a_call_elsewhere_is_false_and_the_crossing_missed(self, wrong: Call) -> None:
        tally = score([crossed(1, 100)], [wrong])
        assert totals(tally, "crossings", "found", "calls", "true_calls") == [1, 0, 1, 0]

    def test_the_wrong_direction_is_found_but_not_right(self) -> None:
        tally = score([crossed(1, 100)], [call(1, 100, direction=Direction.IN)])
        assert totals(tally, "found", "right_way", "true_calls") == [1, 0, 1]

    def test_two_calls_for_one_crossing_are_one_too_many(self) -> None:
        tally = score([crossed(1, 100)], [call(1, 99), call(1, 100.5)])
        assert totals(tally, "found", "calls", "true_calls") == [1, 2, 1]

    def test_out_and_in_again_are_matched_with_the_nearest_each(self) -> None:
        facts = [crossed(1, 100), crossed(1, 104, direction="in")]
        calls = [call(1, 103.5, direction=Direction.IN), call(1, 100.5)]
        assert totals(score(facts, calls), "found", "right_way") == [2, 2]

    def test_what_happened_outside_the_span_is_not_asked_for(self) -> None:
        facts = [crossed(1, -3), crossed(2, 1_002)]
        tally = score(facts, [call(1, -2), call(2, 1_001), call(3, 1_200)])
        # Tag 2 was called within the span, but its crossing was not in it.
        assert totals(tally, "crossings", "calls") == [0, 0]


class TestReadable:
    def test_two_reads_at_that_door_within_three_seconds_are_enough(self) -> None:
        rows = reads((97.5, 1, IN_1), (102.5, 1, OUT_1), (99, 2, IN_1), (101, 2, IN_2))
        tally = score([crossed(1, 100), crossed(2, 100)], [call(1, 100)], rows)
        assert totals(tally, "crossings", "readable", "readable_found") == [2, 1, 1]

    def test_an_aggregated_read_counts_as_often_as_it_says(self) -> None:
        rows = reads((100, 1, IN_1))
        rows["count"] = 2
        assert score([crossed(1, 100)], [], rows).total("readable") == 1


class TestLatencies:
    def test_from_the_crossing_to_the_first_word_and_to_the_confirmation(self) -> None:
        announced = call(1, 100.2, decided_s=100.8, status=Status.PROVISIONAL)
        tally = score([crossed(1, 100)], [announced, call(1, 100.1, decided_s=103.5)])
        assert latency(tally, "provisional_s") == pytest.approx(0.8)
        assert latency(tally, "confirmed_s") == pytest.approx(3.5)

    def test_without_an_announcement_the_confirmation_is_the_first_word(self) -> None:
        tally = score([crossed(1, 100)], [call(1, 100, decided_s=103.0)])
        assert tally.latencies["provisional_s"] == tally.latencies["confirmed_s"]

    def test_a_word_in_the_wrong_direction_is_none(self) -> None:
        announced = call(
            1, 100, decided_s=100.5, direction=Direction.IN, status=Status.PROVISIONAL
        )  # fmt: skip
        tally = score([crossed(1, 100)], [announced, call(1, 100, decided_s=103.0)])
        assert latency(tally, "provisional_s") == pytest.approx(3.0)
        assert totals(tally, "announced", "withdrawn") == [1, 1]


class TestRetractions:
    def test_what_was_taken_back_is_neither_found_nor_false(self) -> None:
        told = call(1, 100, id="a")
        taken_back = call(1, 100, decided_s=109, id="a", status=Status.RETRACTED)
        tally = score([], [told, taken_back])
        assert totals(tally, "told", "retracted", "calls") == [1, 1, 0]

    def test_only_the_call_of_that_id_is_taken_back(self) -> None:
        calls = [call(1, 100, id="a"), call(2, 100, id="b")]
        calls.append(call(1, 100, decided_s=109, id="a", status=Status.RETRACTED))
        assert totals(score([crossed(2, 100)], calls), "told", "retracted", "found") == [2, 1, 1]


class TestStanding:
    FACTS = (stood(1, 0, "staging-1"),)
    #: What is certain: from when it has settled until it might have been lifted.
    SECONDS = 1_000 - (SETTLES_US + LIFTED_US) / S

    def test_hours_count_where_a_tag_was_read_at_a_door(self) -> None:
        rows = reads((100, 1, IN_1), (200, 1, IN_1))
        tally = score([*self.FACTS, stood(2, 0, "staging-1")], [], rows)
        assert tally.total("standing_h") == pytest.approx(self.SECONDS / 3_600)
        assert tally.total("mouth_h") == 0

    def test_a_tag_that_both_sides_read_stands_in_the_mouth(self) -> None:
        rows = reads(*every(10, 100, 200, 1, IN_1), *every(10, 105, 205, 1, OUT_1))
        tally = score(list(self.FACTS), [call(1, 300), call(1, 400)], rows)
        assert tally.total("mouth_h") == pytest.approx(self.SECONDS / 3_600)
        assert totals(tally, "standing_false", "mouth_false") == [2, 2]

    def test_a_tag_that_will_be_lifted_soon_is_not_standing(self) -> None:
        rows = reads(*every(1, 0, 1_000, 1, IN_1))
        tally = score([*self.FACTS, crossed(1, 300)], [call(1, 280)], rows)
        assert tally.total("standing_false") == 0
        assert totals(tally, "calls", "true_calls") == [1, 0]


class TestTruthThatTellsMore:
    """Of lifting and of cartons."""

    def lifted(self, kind: str, name: str, at_s: float) -> dict[str, Any]:
        return {"t": at(at_s), kind: name, "lifted": True}

    def test_a_tag_stands_until_its_load_is_lifted(self) -> None:
        facts = standing([1], 0, "staging-1") + standing([1], 400, "staging-2")
        facts += [self.lifted("pallet", epc(1), 390)]
        truth = Truth.of(facts, SITE, index(9), ALL_DAY)
        settles_s = SETTLES_US / S
        assert truth.standing[1] == [(at(settles_s), at(390)), (at(400 + settles_s), ALL_DAY)]

    def test_a_load_that_waits_in_the_door_on_its_truck_does_not_stand(self) -> None:
        facts = [*standing([1], 0, "staging-1"), self.lifted("pallet", epc(1), 300)]
        facts += [crossed(1, 310), *standing([1], 350, "yard")]
        truth = Truth.of(facts, SITE, index(9), ALL_DAY)
        assert not truth.stands(1, at(330))
        assert truth.stands(1, at(299))
        assert truth.stands(1, at(361))

    def test_a_loose_carton_is_a_load(self) -> None:
        carton = {"t": at(0), "carton": "carton-1", "zone": "staging-1"}
        facts = [carton | {"tags": [epc(1), epc(2)]}]
        facts += [stood(tag, 0, "staging-1") | {"carton": "carton-1"} for tag in (1, 2)]
        facts += [self.lifted("carton", "carton-1", 500)]
        truth = Truth.of(facts, SITE, index(9), ALL_DAY)
        assert truth.members == [(1, 2)]
        assert truth.load_of == {1: 0, 2: 0}
        assert not truth.stands(2, at(600))

    def test_a_load_may_be_told_of_before_its_tags_are(self) -> None:
        turned = {"t": at(5), "pallet": epc(1), "turned": "door-1"}
        truth = Truth.of([turned, carried([1, 2], 100)], SITE, index(9), at(200))
        assert truth.members == [(1, 2)]
        assert truth.load_of == {1: 0, 2: 0}

    def test_the_cartons_of_a_pallet_vote_apart(self) -> None:
        facts = standing([1, 2], 0, "staging-1")
        for fact, name in zip(facts[1:], ("carton-1", "carton-2"), strict=True):
            fact["carton"] = name
        rows = reads((0, 1, IN_1), (0, 2, IN_1))
        zones = {1: STAGING_1, 2: YARD}
        calls = [Call(tag=t, zone=z, event_us=at(0), decided_us=at(0)) for t, z in zones.items()]
        tally = score(facts, calls, rows)
        assert tally.total("carton_known") == 2 * TestStanding.SECONDS
        assert tally.total("carton_right") == TestStanding.SECONDS


class TestPallets:
    TAGS = (1, 2, 3, 4)

    def read(self, *tags: int) -> Reads:
        return reads(*[(99 + n, tag, IN_1) for tag in tags for n in (0, 1, 2)])

    def facts(self) -> list[dict[str, Any]]:
        return [carried([*self.TAGS], 100), *(crossed(tag, 100) for tag in self.TAGS)]

    def test_half_of_the_readable_tags_make_a_pallet(self) -> None:
        rows = self.read(1, 2)  # 3 and 4 are dead
        tally = score(self.facts(), [call(1, 100)], rows)
        assert totals(tally, "pallets", "pallets_found") == [1, 1]

    def test_less_than_half_do_not(self) -> None:
        tally = score(self.facts(), [call(1, 100)], self.read(1, 2, 3))
        assert totals(tally, "pallets", "pallets_found") == [1, 0]

    def test_neither_do_tags_that_went_the_other_way(self) -> None:
        calls = [call(tag, 100, direction=Direction.IN) for tag in self.TAGS]
        tally = score(self.facts(), calls, self.read(*self.TAGS))
        assert totals(tally, "found", "pallets_found") == [4, 0]

    def test_a_pallet_that_nobody_could_read_is_counted_apart(self) -> None:
        tally = score(self.facts(), [])
        assert totals(tally, "pallets", "pallets_unreadable") == [0, 1]

    def test_half_of_its_readable_tags_make_a_false_pallet_once(self) -> None:
        facts = standing([*self.TAGS], 0, "staging-1")
        calls = [call(1, 100), call(2, 100.5), call(2, 101)]
        tally = score(facts, calls, self.read(*self.TAGS))
        assert tally.total("pallets_false") == 1

    def test_a_single_tag_is_no_false_pallet(self) -> None:
        facts = standing([*self.TAGS], 0, "staging-1")
        tally = score(facts, [call(1, 100)], self.read(1))
        assert tally.total("pallets_false") == 0

    def test_counts_go_to_the_load_of_the_tag(self) -> None:
        facts = standing([1, 2], 0, "staging-1") + standing([3], 0, "staging-1")
        tally = score(facts, [call(3, 100), call(9, 100)])
        assert tally.counts["calls"].tolist() == [0, 1, 1]


class TestConfidence:
    def test_sure_calls_are_counted_with_those_that_were_right(self) -> None:
        calls = [call(1, 100, confidence=0.995), call(2, 100, confidence=0.99)]
        calls += [call(3, 100, confidence=0.9), call(4, 100, confidence=None)]
        tally = score([crossed(1, 100), crossed(3, 100)], calls)
        assert totals(tally, "sure", "sure_right") == [2, 1]
        assert sorted(tally.confidences) == [
            (0.9, True, NO_LOAD), (0.99, False, NO_LOAD), (0.995, True, NO_LOAD),
        ]  # fmt: skip


class TestZones:
    def believe(self, zone: int, decided_s: float, tag: int = 1) -> Call:
        return Call(tag=tag, zone=zone, event_us=at(decided_s), decided_us=at(decided_s))

    def test_a_zone_is_believed_from_the_decision_on(self) -> None:
        rows = reads((0, 1, IN_1))
        facts = [stood(1, 0, "staging-1"), stood(1, 500, "staging-2")]
        calls = [self.believe(STAGING_1, 100), self.believe(STAGING_2, 550)]
        tally = score(facts, calls, rows)
        assert totals(tally, "zone_known", "zone_right") == [1_000, 400 + 450]

    def test_a_crossing_changes_the_zone(self) -> None:
        facts = [stood(1, 0, "staging-1"), crossed(1, 500)]
        calls = [self.believe(STAGING_1, 0), call(1, 500, decided_s=500)]
        assert totals(score(facts, calls, reads((0, 1, IN_1))), "zone_right") == [1_000]

    def test_a_tag_is_asked_for_from_its_first_read_on(self) -> None:
        facts = [stood(1, 0, "staging-1"), stood(2, 0, "staging-1")]
        tally = score(facts, [self.believe(STAGING_1, 900)], reads((900, 1, IN_1)))
        assert totals(tally, "zone_known", "zone_right") == [100, 100]

    def test_flaps_are_changes_of_mind_about_a_tag_that_stands(self) -> None:
        rows = reads((100, 1, IN_1), (200, 1, IN_1))
        zones = [STAGING_1, STAGING_2, STAGING_2, STAGING_1, NOWHERE]
        calls = [self.believe(zone, 100 * n) for n, zone in enumerate(zones, start=1)]
        tally = score([stood(1, 0, "staging-1")], calls, rows)
        assert tally.total("flaps") == 3
        assert tally.total("standing_days") == pytest.approx(TestStanding.SECONDS / 86_400)

    def test_provisional_calls_change_no_belief(self) -> None:
        calls = [self.believe(STAGING_1, 0), call(1, 100, status=Status.PROVISIONAL)]
        tally = score([stood(1, 0, "staging-1")], calls, reads((0, 1, IN_1)))
        assert tally.total("zone_right") == 1_000


class TestColumns:
    def test_near_is_one_column_off(self) -> None:
        facts = standing([1, 2, 3, 4], 0, "staging-1")  # column 0
        rows = reads(*[(0, tag, IN_1) for tag in (1, 2, 3)])  # tag 4 is dead
        zones = {1: STAGING_1, 2: STAGING_2, 3: YARD}  # columns 0, 1 and 5
        calls = [Call(tag=t, zone=z, event_us=at(0), decided_us=at(0)) for t, z in zones.items()]
        tally = score(facts, calls, rows)
        asked = tally.total("column_known")
        assert asked == 3 * TestStanding.SECONDS
        assert totals(tally, "column_right", "column_near") == [asked / 3, asked * 2 / 3]

    @pytest.mark.parametrize(
        ("zones", "right", "near"),
        [
            ((STAGING_1, STAGING_1, YARD), 1, 1),
            ((STAGING_2, STAGING_2, STAGING_1), 0, 1),
            ((YARD, YARD, STAGING_1), 0, 0),
            ((NOWHERE, NOWHERE, STAGING_1), 1, 1),
            ((NOWHERE, NOWHERE, NOWHERE), 0, 0),
        ],
        ids=["right", "near", "off", "who knows nothing has no vote", "nobody knows"],
    )
    def test_the_column_of_a_carton_is_what_most_of_its_tags_say(
        self, zones: tuple[int, ...], right: int, near: int
    ) -> None:
        facts = standing([1, 2, 3], 0, "staging-1")
        rows = reads(*[(0, tag, IN_1) for tag in (1, 2, 3)])
        calls = [
            Call(tag=tag, zone=zone, event_us=at(0), decided_us=at(0))
            for tag, zone in enumerate(zones, start=1)
        ]
        tally = score(facts, calls, rows)
        asked = tally.total("carton_known")
        assert asked == TestStanding.SECONDS
        assert totals(tally, "carton_right", "carton_near") == [right * asked, near * asked]

    @pytest.mark.parametrize(
        ("moved", "believed_s", "alerts"),
        [(True, 100, [1, 1]), (False, 100, [1, 0]), (False, 30, [0, 0]), (True, None, [0, 0])],
        ids=["it is there", "it is not", "not for a minute", "nobody noticed"],
    )
    def test_a_carton_believed_elsewhere_for_a_minute_would_raise_an_alert(
        self, moved: bool, believed_s: float | None, alerts: list[float]
    ) -> None:
        facts = standing([1, 2], 0, "staging-1")
        if moved:
            facts += standing([1, 2], 200, "staging-2")
        calls = []
        for tag in (1, 2):
            calls.append(Call(tag=tag, zone=STAGING_1, event_us=at(0), decided_us=at(0)))
            if believed_s is not None:
                there, back = at(220), at(220 + believed_s)
                calls.append(Call(tag=tag, zone=STAGING_2, event_us=there, decided_us=there))
                calls.append(Call(tag=tag, zone=STAGING_1, event_us=back, decided_us=back))
        tally = score(facts, calls, reads((0, 1, IN_1), (0, 2, IN_1)))
        assert totals(tally, "misplaced", "misplaced_right") == alerts

    @pytest.mark.parametrize(("at_home", "alerts"), [(0.3, [0, 0]), (0.01, [1, 1])])
    def test_who_doubts_that_it_has_left_raises_none(
        self, at_home: float, alerts: list[float]
    ) -> None:
        facts = standing([1], 0, "staging-1") + standing([1], 100, "staging-2")
        chances = {STAGING_1: at_home, STAGING_2: 0.99 - at_home}
        calls = [Call(tag=1, zone=STAGING_1, event_us=at(0), decided_us=at(0))]
        there = at(120)
        calls.append(Call(tag=1, zone=STAGING_2, event_us=there, decided_us=there, chances=chances))
        tally = score(facts, calls, reads((0, 1, IN_1)))
        assert totals(tally, "misplaced", "misplaced_right") == alerts
        assert totals(tally, "misplaceable", "misplaced_told") == [1, alerts[0]]


class TestCallsOfTheCore:
    def calls(self, **changes: Any) -> list[Call]:
        values: dict[str, Any] = {"epc": epc(1), "from_zone": "staging-1", "to_zone": "yard"}
        outcome = Outcome(number=1, now_us=at(5), movements=[movement(1, **(values | changes))])
        return list(calls_of([outcome], SITE, index(3)))

    def test_a_movement_through_a_door_is_a_call(self) -> None:
        (made,) = self.calls(door="door-2", direction=Direction.OUT, confidence=0.97)
        assert (made.tag, made.zone, made.door) == (1, YARD, 1)
        assert made.direction is Direction.OUT
        assert made.confidence == 0.97

    def test_a_retraction_says_where_the_tag_is_after_all(self) -> None:
        (made,) = self.calls(status=Status.RETRACTED)
        assert made.zone == STAGING_1

    def test_a_departed_tag_is_nowhere(self) -> None:
        (made,) = self.calls(kind=Kind.DEPARTED, to_zone=None)
        assert made.zone == NOWHERE

    def test_a_missing_tag_is_where_it_was(self) -> None:
        assert self.calls(kind=Kind.MISSING, to_zone=None) == []

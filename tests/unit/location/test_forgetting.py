"""Forgetting: who is gone for long is not known any more, who is present always is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.location.forgetting import MOST_AT_ONCE, Forgetting
from gateway.location.states import TagStates
from gateway.model.device import DeviceStatus, ReaderState
from gateway.model.movement import Kind, Presence
from gateway.model.outcome import Inputs
from gateway.model.tuning import LocationTuning
from tests.scene import START_US, S, epc_of
from tests.turnover import Turnover, lapse

HOUR_S = 3_600.0


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turnover]:
    lapse(monkeypatch)
    made = Turnover(tmp_path, LocationTuning(forget_after_s=5 * HOUR_S, max_tags=1_000))
    yield made
    made.close()


def due(states: TagStates, tags: int, at_s: float, **tuning: Any) -> list[int]:
    forgetting = Forgetting(states, LocationTuning(**tuning))
    return [int(tag) for tag in forgetting.due(tags, round(at_s * S))]


def states_of(*tags: tuple[Presence, float]) -> TagStates:
    """Tags with their presence and when they were last read, in seconds."""
    states = TagStates()
    for number, (presence, last_s) in enumerate(tags):
        states.presence[number], states.last_us[number] = presence, round(last_s * S)
    return states


def test_only_who_is_gone_and_unread_for_long_is_due() -> None:
    states = states_of(
        (Presence.MISSING, 1_000),
        (Presence.PRESENT, 1_000),
        (Presence.DEPARTED, 1_000),
        (Presence.NEW, 1_000),
        (Presence.UNKNOWN, 1_000),
        (Presence.MISSING, 9_000),
        (Presence.NEW, 0),
    )
    assert due(states, 7, 1_000 + 7_199, forget_after_s=7_200) == []
    assert due(states, 7, 1_000 + 7_200, forget_after_s=7_200) == [0, 2, 3]


def test_for_want_of_room_the_longest_gone_go_first_and_never_who_is_present() -> None:
    gone = [(Presence.DEPARTED, 5_000.0 - n) for n in range(20)]
    states = states_of(*gone, *[(Presence.PRESENT, 100.0)] * 12)
    assert due(states, 32, 6_000, max_tags=64) == []
    assert due(states, 32, 6_000, max_tags=32) == [18, 19]
    assert due(states, 32, 6_000, max_tags=16) == [*range(3, 20)], "30 have room for 15"
    assert due(states, 32, 5_300, max_tags=16) == [], "they may not even have gone for good"


def test_a_flood_is_forgotten_in_portions_the_longest_gone_first() -> None:
    tags = MOST_AT_ONCE + 5_000
    states = TagStates(tags)
    states.presence[:] = Presence.MISSING
    states.last_us[:] = np.arange(tags, 0, -1) * S
    assert due(states, tags, 90 * 86_400) == list(range(5_000, tags))


def test_a_tag_that_went_missing_is_forgotten_everywhere(gateway: Turnover) -> None:
    gateway.stay("A", "dock/1", at_s=10)
    gateway.run(4.9 * HOUR_S)
    number = gateway.tags.find(epc_of("A"))
    assert number is not None
    assert gateway.live.tag(epc_of("A")) is not None
    assert gateway.stored() == {epc_of("A")}
    gateway.run(6 * HOUR_S)
    assert gateway.live.tag(epc_of("A")) is None
    assert gateway.stored() == set()
    assert gateway.live.tags_known == 0
    assert gateway.live.counts(gateway.site.zone_numbers["staging"]).missing == 0
    assert gateway.tags.find(epc_of("A")) is None, "its number is free for others"
    gateway.stay("B", "dock/1", at_s=7 * HOUR_S)
    gateway.run(7.5 * HOUR_S)
    assert gateway.tags.find(epc_of("B")) == number
    state = gateway.live.tag(epc_of("B"))
    assert state is not None
    assert (state.seq, state.presence) == (4, Presence.MISSING)


def test_who_left_to_where_nobody_looks_any_more_is_told_as_departed_in_the_end(
    gateway: Turnover,
) -> None:
    gateway.stay("A", "dock/2", at_s=10)
    gateway.run(60)
    down = DeviceStatus(
        reader="dock", port=2, state=ReaderState.DOWN, reason="test", time_us=gateway.now_us
    )
    gateway.core.tick(Inputs(statuses=[down]), gateway.now_us)
    gateway.run(4.9 * HOUR_S)
    assert [m.kind for m in gateway.movements] == [Kind.ARRIVED], "unseen is not gone"
    gateway.run(7 * HOUR_S)
    assert [m.kind for m in gateway.movements] == [Kind.ARRIVED, Kind.DEPARTED]
    assert gateway.movements[1].event_time_us - START_US == (13 + 5 * 3_600) * S
    assert gateway.stored() == set()


def test_a_tag_that_comes_back_has_other_ids(gateway: Turnover) -> None:
    for hour in (0, 10, 20):
        gateway.stay("A", "dock/1", at_s=hour * HOUR_S + 10)
        gateway.stay("B", "dock/1", at_s=hour * HOUR_S + 10)
    gateway.run(15 * HOUR_S)
    gateway.restart()
    gateway.run(30 * HOUR_S)
    told = [m for m in gateway.movements if m.epc == epc_of("A").hex().upper()]
    assert [m.kind for m in told] == [Kind.ARRIVED, Kind.MISSING] * 3
    assert [m.seq for m in told] == [1, 2, 3, 4, 5, 6], "small, and never again"
    assert len({m.id for m in gateway.movements}) == 12


def test_what_was_forgotten_while_the_gateway_was_off_is_not_loaded(gateway: Turnover) -> None:
    gateway.stay("A", "dock/1", at_s=10)
    gateway.stay("C", "dock/1", at_s=1_000)
    gateway.run(0.5 * HOUR_S)
    gateway.now_us = START_US + round(5 * HOUR_S + 60) * S
    gateway.restart()
    assert gateway.stored() == {epc_of("C")}, "A is gone for more than five hours"
    assert gateway.tags.known == 1
    gateway.stay("A", "dock/1", at_s=6 * HOUR_S)
    gateway.run(6.5 * HOUR_S)
    told = [m.seq for m in gateway.movements if m.epc == epc_of("A").hex().upper()]
    assert told == [1, 2, 3, 4]


def test_a_tag_that_was_only_seen_is_forgotten_without_a_word(gateway: Turnover) -> None:
    for number in range(50):
        gateway.tags.add(epc_of(f"ghost-{number}"))  # numbered, but its reads were shed
    gateway.stay("A", "dock/1", at_s=10)
    gateway.run(0.5 * HOUR_S)
    assert gateway.tags.known == 1
    assert not gateway.forgotten


def test_while_a_commit_waits_no_number_is_given_anew(gateway: Turnover) -> None:
    gateway.stay("A", "dock/1", at_s=10)
    gateway.run(4 * HOUR_S)
    gateway.run(7 * HOUR_S, commits=False)
    assert [epc for _, epc in gateway.forgotten] == [epc_of("A")]
    assert gateway.tags.find(epc_of("A")) is not None
    gateway.commit()
    gateway.run(7.5 * HOUR_S)
    assert gateway.tags.find(epc_of("A")) is None


def test_nothing_in_the_core_still_means_a_tag_that_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is added to the engine later: what it keeps by tag number has to be forgotten."""
    lapse(monkeypatch)
    tuning = LocationTuning(forget_after_s=5 * HOUR_S, max_tags=10_000)
    gateway = Turnover(tmp_path, tuning, reuses=False)
    first = 3_001  # numbers that mean nothing else
    gateway.tags.numbers(n.to_bytes(2) for n in range(first))
    gateway.stay("early", "dock/1", at_s=5)
    names = [f"N{n:010}" for n in range(20)]  # their numbers follow each other: they are kin
    for name in names:
        gateway.stay(name, "aisle/1", at_s=30, for_s=20)
        gateway.stay(name, "dock/1", at_s=60, for_s=4)
        gateway.stay(name, "dock/2", at_s=64, for_s=8)
    gateway.run(50)
    numbers = {n for n in map(gateway.tags.find, map(epc_of, names)) if n is not None}
    assert min(numbers) > first
    found = [*found_in(gateway.core, numbers)]
    gateway.run(0.3 * HOUR_S)
    found += found_in(gateway.core, numbers)
    for place in ("states.seq", "_kin._next", "_mates._members", "_passages._complete", "_begins"):
        assert [name for name in found if place in name], f"this test does not look at {place}"
    gateway.run(7 * HOUR_S)
    assert len(gateway.forgotten) == 21
    assert not len(gateway.core.engine._doors._tracks)
    # Rows of tracks that are over are free, whatever is written in them.
    assert {name.rpartition("_tracks.")[2] for name in found_in(gateway.core, numbers)} <= {
        "tag: an entry"
    }
    gateway.close()


def found_in(core: Any, numbers: set[int]) -> Iterator[str]:
    """Where in the core any of these numbers is a key, an entry, or a row that says something."""
    seen: set[int] = set()
    rest: list[tuple[str, Any]] = [
        ("engine", core.engine),
        ("epochs", core.epochs),
        ("sequences", core._sequences),
    ]
    while rest:
        name, thing = rest.pop()
        if id(thing) in seen or isinstance(thing, str | bytes | int | float | None | type):
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            if thing.dtype.kind in "iu" and thing.size and np.isin(thing, [*numbers]).any():
                yield f"{name}: an entry"
            if len(thing) > max(numbers):
                told = thing[sorted(numbers)]
                if (told != thing[2_999]).any():  # the tag with that number was never read
                    yield f"{name}: a row"
        elif isinstance(thing, dict):
            if numbers & {key for key in thing if isinstance(key, int)}:
                yield f"{name}: a key"
            rest += [(f"{name}[{key!r:.20}]", value) for key, value in thing.items()]
        elif hasattr(thing, "__iter__") and hasattr(thing, "__len__"):
            if numbers & {entry for entry in thing if isinstance(entry, int)}:
                yield f"{name}: an entry"
            rest += [(f"{name}[]", value) for value in thing]
        elif type(thing).__module__.startswith("gateway.location"):
            names = [*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())]
            rest += [(f"{name}.{part}", getattr(thing, part)) for part in names]
        elif type(thing).__module__.startswith("gateway.model.sequences"):
            rest += [(f"{name}.{part}", value) for part, value in vars(thing).items()]

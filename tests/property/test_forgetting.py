"""What holds however tags come, go, are forgotten and come back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.movement import Kind, Movement, Presence, Status
from gateway.model.tuning import LocationTuning
from tests.scene import epc_of
from tests.turnover import LAPSE_S, Turnover, lapse

ANTENNAS = ("dock/1", "dock/2", "aisle/1", "aisle/2")
TAGS = tuple(f"T{n}" for n in range(40))
GONE = (Kind.MISSING, Kind.DEPARTED)
TUNING = LocationTuning(forget_after_s=3_600.0, max_tags=32)

#: What happens one after the other: tags stay somewhere, time passes, or the gateway starts anew.
stays = st.tuples(
    st.just("stay"),
    st.lists(st.sampled_from(TAGS), min_size=1, max_size=12, unique=True),
    st.sampled_from(ANTENNAS),
    st.sampled_from([0.0, 3.0, 3.0]),
)
waits = st.tuples(st.just("wait"), st.sampled_from([30.0, 700.0, 2_000.0, 5_000.0]))
stories = st.lists(
    st.one_of(stays, waits, st.tuples(st.sampled_from(["restart", "late"]))),
    min_size=4,
    max_size=14,
)


@contextmanager
def turnover(**options: Any) -> Iterator[Turnover]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        lapse(patch)  # hours go by in a moment
        gateway = Turnover(Path(folder), TUNING, **options)
        try:
            yield gateway
        finally:
            gateway.close()


def play(gateway: Turnover, story: list[tuple[Any, ...]]) -> Iterator[None]:
    """Let it happen; stops after each step to be looked at."""
    at_s, commits = 5.0, True
    for step in story:
        if step[0] == "stay":
            for tag in step[1]:
                gateway.stay(tag, step[2], at_s=at_s, for_s=step[3])
            at_s += 15.0
        elif step[0] == "wait":
            at_s += step[1]
        elif step[0] == "late":
            commits = not commits
        else:
            gateway.restart()
        gateway.run(at_s, commits=commits)
        yield
    gateway.run(at_s + 3 * LAPSE_S)
    gateway.commit()
    yield


@settings(max_examples=8)
@given(stories)
def test_no_id_is_given_twice_and_nobody_present_is_forgotten(story: list[tuple[Any, ...]]) -> None:
    with turnover() as gateway:
        checked = 0
        for _ in play(gateway, story):
            checked = check(gateway, checked)
            assert gateway.most_known <= TUNING.max_tags
            assert len(gateway.tags) <= TUNING.max_tags
            assert len(gateway.core.engine.states.zone) == 1024, "columns have not grown"
        told = [m for m in gateway.movements if m.status is Status.CONFIRMED]
        assert len({m.id for m in told}) == len(told)
        agree(gateway)


def check(gateway: Turnover, checked: int) -> int:
    """Who was forgotten of late was gone by its last movement, and its numbers only grow."""
    last: dict[bytes, Movement] = {}
    for movement in gateway.movements:
        epc = bytes.fromhex(movement.epc)
        if movement.status is Status.CONFIRMED:
            assert epc not in last or movement.seq > last[epc].seq
            last[epc] = movement
    for _, epc in gateway.forgotten[checked:]:
        assert [m for m in gateway.movements if bytes.fromhex(m.epc) == epc and m.kind in GONE]
    there = {epc for epc, m in last.items() if m.kind not in GONE}
    for epc in there:
        number = gateway.tags.find(epc)
        assert number is not None, "a tag that is present is known"
        assert gateway.core.engine.states.presence[number] == Presence.PRESENT
    return len(gateway.forgotten)


def agree(gateway: Turnover) -> None:
    """Core, live view and store know the same tags, and the same of them."""
    assert gateway.live.tags_known == len(gateway.stored())
    for name in TAGS:
        epc = epc_of(name)
        state, stored = gateway.live.tag(epc), epc in gateway.stored()
        assert stored == (state is not None and state.presence is not Presence.NEW)
        if state is not None and stored:
            number = gateway.tags.find(epc)
            assert number is not None
            row = gateway.core.tag_row(number)
            zone = None if state.zone is None else gateway.site.zones[state.zone].id
            assert (row.zone, row.presence, row.seq) == (zone, state.presence, state.seq)


@settings(max_examples=3)
@given(stories, st.sampled_from([0.1, 0.2, 0.9]))
def test_the_tick_decides_nothing_about_forgetting(
    story: list[tuple[Any, ...]], tick_s: float
) -> None:
    story = [step for step in story if step[0] != "restart"]
    told = []
    ways: list[dict[str, Any]] = [
        {"tick_s": 0.5},
        {"tick_s": tick_s},
        {"tick_s": 0.5, "reuses": False},
    ]
    for options in ways:
        # With room for all: what finds none is shed, and that depends on what came first.
        with turnover(spare=100, **options) as gateway:
            for _ in play(gateway, story):
                pass
            movements = [replace(m, record_time_us=0) for m in gateway.movements]
            # What happens at one and the same time has no order: numbers of tags may be others.
            movements.sort(key=lambda m: (m.event_time_us, m.epc, m.seq))
            told.append([m.to_json() for m in movements])
            assert not gateway.shed
    assert told[0] == told[1] == told[2]

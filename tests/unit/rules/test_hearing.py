"""A reader that is up may hear nothing: who was heard once and is silent is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.device import ReaderState
from gateway.model.outcome import Outcome
from gateway.watch import Watch
from tests.rule_bench import START_US, Bench, S
from tests.scene import Scene

RULES = """
rules:
  - id: silent
    on: reader
    where: {up: true, reads: {none_for: 10m}}
    alert: {key: [reader, antenna], summary: "{antenna} of {reader}: {quiet}"}
  - id: deaf
    on: reader
    where: {reads: {none_for: 20m}}
    alert: {summary: "{reader}"}
"""
DOCK, AISLE = 0, 1


def heard(bench: Bench, *antennas: int, at_s: float) -> None:
    at_us = START_US + round(at_s * S)
    bench._at(at_us, Outcome(number=1, now_us=at_us, heard=antennas))


def test_an_antenna_that_was_heard_and_is_silent_is_told_until_it_is_heard_again(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, RULES)
    heard(bench, DOCK, AISLE, at_s=1)
    for second in range(100, 1_000, 100):
        heard(bench, AISLE, at_s=second)
    bench.wait(1_210)
    heard(bench, DOCK, at_s=1_300)
    bench.wait(1_301)
    assert bench.told == [
        "601 silent firing reader=dock;antenna=1",
        "1201 deaf firing reader=dock",
        "1300 silent resolved reader=dock;antenna=1",
        "1300 deaf resolved reader=dock",
    ]
    assert bench.summaries[0] == "1 of dock: 10m"


def test_an_antenna_that_was_never_heard_is_not_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, RULES)
    bench.reader("dock", ReaderState.UP, at_s=0)
    bench.wait(5_000, step_s=100)
    assert bench.told == []


def test_the_antennas_of_a_reader_that_goes_down_are_not_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, RULES)
    heard(bench, DOCK, at_s=1)
    bench.wait(700)
    bench.reader("dock", ReaderState.DOWN, at_s=800)
    bench.reader("dock", ReaderState.UP, at_s=900)
    assert [line for line in bench.told if "silent" in line] == [
        "601 silent firing reader=dock;antenna=1",
        "800 silent resolved reader=dock;antenna=1",
        "900 silent firing reader=dock;antenna=1",
    ]


def test_who_was_heard_is_known_after_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, RULES)
    heard(bench, DOCK, at_s=1)
    bench.wait(300)
    bench.restart()
    bench.wait(650)
    assert bench.told == ["601 silent firing reader=dock;antenna=1"]


def test_it_is_written_down_once_a_minute(tmp_path: Path) -> None:
    bench = Bench(tmp_path, RULES)
    written = 0
    for tenth in range(1_200):
        heard(bench, DOCK, at_s=1 + tenth / 10)
        written += bool(bench.engine.rows()) or ("", "heard") in bench.store
        bench.store.pop(("", "heard"), None)
    assert written == 2


def test_the_core_tells_which_antennas_were_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    told: set[int] = set()
    step = Watch.step

    def look_on(watch: Watch, epoch: Outcome, time_us: int) -> None:
        told.update(epoch.heard)
        step(watch, epoch, time_us)

    monkeypatch.setattr(Watch, "step", look_on)
    scene = Scene()
    scene.read("A1", "aisle/1", every_s=0.5, for_s=2)
    scene.read("A2", "dock/2", every_s=0.5, for_s=2)
    scene.run()
    assert told == {1, 2}

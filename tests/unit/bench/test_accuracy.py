"""The accuracy benchmark as a whole, on a short world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.bench import accuracy
from gateway.bench.accuracy_worlds import SETTINGS, recorded
from gateway.core import Core
from gateway.drivers.recording import Recording
from gateway.errors import GatewayError
from gateway.model.tags import TagIndex
from gateway.replay import Replay
from gateway.settings.configuration import load

BASELINES = ["last read", "debounce", "smurf", "edgex"]
DETECTORS = [["gateway", *BASELINES], ["gateway", "calibrated", *BASELINES]]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """60 s of doors and of bins, with what was kept of them."""
    folder = tmp_path_factory.mktemp("worlds")
    result = accuracy.run(seeds=(101,), seconds=60.0, only=["shifted", "bins-nominal"], keep=folder)
    return result, folder


def test_every_detector_is_scored_on_doors_and_on_bins(
    short: tuple[dict[str, Any], Path],
) -> None:
    settings = short[0]["settings"]
    assert [list(found["detectors"]) for found in settings.values()] == DETECTORS
    for figures in settings["shifted"]["detectors"].values():
        assert figures["recall"]["of"] > 0
        assert figures["recall"]["low"] <= figures["recall"]["value"] <= figures["recall"]["high"]
    for figures in settings["bins-nominal"]["detectors"].values():
        assert figures["column"]["value"] is not None
        assert figures["precision"]["value"] is None


def test_all_detectors_are_asked_for_the_same_crossings(
    short: tuple[dict[str, Any], Path],
) -> None:
    detectors = short[0]["settings"]["shifted"]["detectors"].values()
    assert len({figures["recall"]["of"] for figures in detectors}) == 1
    assert len({figures["recall_of_readable"]["of"] for figures in detectors}) == 1


def test_the_parameters_of_the_simulation_are_part_of_the_result(
    short: tuple[dict[str, Any], Path],
) -> None:
    parameters = short[0]["settings"]["shifted"]["parameters"]
    assert parameters["radio"]["band"] == "etsi"
    assert "turn_back" in parameters["traffic"]


def test_a_person_sees_the_gateway_first_with_its_targets(
    short: tuple[dict[str, Any], Path],
) -> None:
    lines = accuracy.table(short[0]).splitlines()
    heads = [line.split("|")[2:-1] for line in lines if " target " in line]
    heads = [[cell.strip() for cell in head] for head in heads]
    assert heads == [["target", *detectors] for detectors in DETECTORS]
    assert any("column, carton" in line and ">= 0.93" in line for line in lines)


def test_what_is_kept_can_be_replayed_by_hand(short: tuple[dict[str, Any], Path]) -> None:
    folder = short[1]
    configuration = load(folder / "bins-nominal-101-60s-site")
    tags, complaints = TagIndex(), list[str]()
    recording = Recording(configuration.site, tags, complaints.append)
    replay = Replay(Core(configuration.site, tags, configuration.location), recording)
    assert (
        sum(
            len(o.movements)
            for o in replay.outcomes([folder / "bins-nominal-101-60s.jsonl"], 50_000)
        )
        > 0
    )
    assert complaints == []
    assert recording.counts.elsewhere == 0


def test_the_same_seeds_give_the_same_figures(short: tuple[dict[str, Any], Path]) -> None:
    again = accuracy.run(seeds=(101,), seconds=60.0, only=["bins-nominal"])
    once = short[0]["settings"]["bins-nominal"]
    assert again["settings"]["bins-nominal"]["detectors"] == once["detectors"]


@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_setting_can_be_recorded_and_read_again(name: str, tmp_path: Path) -> None:
    world = recorded(name, seed=7, seconds=3.0, folder=tmp_path, keep=False)
    assert world.tape.counts.reads > 100
    assert {fact["zone"] for fact in world.facts if "zone" in fact} <= set(
        world.tape.site.zone_numbers
    )
    assert list(tmp_path.iterdir()) == []


def test_without_baselines_there_is_one_short_table() -> None:
    result = accuracy.run(seeds=(101,), seconds=40.0, only=["bells"], baselines=False)
    assert list(result["settings"]["bells"]["detectors"]) == ["gateway"]
    lines = accuracy.table(result).splitlines()
    assert lines[2].split() == ["|", "|", "bells", "|"]
    assert all(line.startswith("|") for line in lines[2:])


def test_bins_are_also_told_as_they_are_after_a_labelled_walk() -> None:
    result = accuracy.run(seeds=(7,), seconds=30.0, only=["rack"], baselines=False)
    found = result["settings"]["rack"]
    assert list(found["detectors"]) == ["gateway", "calibrated"]
    assert set(found["targets"]["column"]) == {"target", "met", "calibrated"}
    assert found["detectors"]["calibrated"]["precision"]["value"] is None
    lines = accuracy.table(result).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[2:-1]] == ["rack", "… calibrated"]


def test_an_unknown_setting_is_told_with_what_may_be_meant() -> None:
    with pytest.raises(GatewayError, match=r"no setting 'bins'.*nominal, hard"):
        accuracy.run(only=["bins"])


def test_a_world_that_was_kept_is_not_simulated_again(tmp_path: Path) -> None:
    once = recorded("bells", seed=7, seconds=3.0, folder=tmp_path)
    recording = tmp_path / "bells-7-3s.jsonl"
    recording.write_bytes(b"".join(recording.read_bytes().splitlines(keepends=True)[:50]))
    again = recorded("bells", seed=7, seconds=3.0, folder=tmp_path)
    assert again.tape.site == once.tape.site
    assert (again.tape.counts.reads, again.facts) == (50, once.facts)

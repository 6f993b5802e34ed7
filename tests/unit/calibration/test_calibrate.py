"""`rfid-gateway calibrate` at a rack with an antenna that has too little power, and at a dock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from gateway.bench.accuracy_worlds import recorded
from gateway.bench.sites import rack, write_site
from gateway.bench.walks import walks_file
from gateway.cli import calibrate, replay
from gateway.demo.truth import read_truth
from gateway.settings.configuration import load
from gateway.simulation.recorder import opened, record
from gateway.simulation.scenario import named
from gateway.simulation.warehouse import World

RUNNER = CliRunner()
TOO_WEAK_DB = 12.0


def calibrated(folder: Path, *more: str, walks: str = "walks.yaml") -> Any:
    """Calibrate the site in a folder; what is told as JSON."""
    result = RUNNER.invoke(
        calibrate.app,
        [
            "--site", str(folder / "site"), "--walks", str(folder / walks),
            str(folder / "walks.jsonl"), "--folds", "2", "--json", *more,
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def write_walks(folder: Path, facts: list[dict[str, Any]]) -> None:
    walks = walks_file(facts, min(fact["t"] for fact in facts))
    (folder / "walks.yaml").write_text(yaml.safe_dump(walks), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Shelves:
    """A calibrated site: its folder, what was told, and its movements before and after."""

    folder: Path
    told: Any
    before: bytes
    after: bytes


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Shelves:
    """A rack of six columns before three antennas; nobody knows that the second is too weak."""
    folder = tmp_path_factory.mktemp("shelves")
    site = rack(columns=6, levels=2, antennas=3)
    write_site(site, folder / "site")
    weak = replace(site.antennas[1], power_dbm=30.0 - TOO_WEAK_DB)
    real = replace(site, antennas=(site.antennas[0], weak, site.antennas[2]))
    with opened(folder / "walks.jsonl") as out, opened(folder / "truth.jsonl") as truth:
        record(World(real, named("bins-nominal"), 3), seconds=90.0, out=out, truth=truth)
    write_walks(folder, read_truth(folder / "truth.jsonl"))
    before = movements(folder)
    told = calibrated(folder)
    return Shelves(folder, told, before, movements(folder))


def movements(folder: Path) -> bytes:
    out = folder / "movements.jsonl"
    options = ["--site", str(folder / "site"), str(folder / "walks.jsonl"), "--out", str(out)]
    assert RUNNER.invoke(replay.app, options).exit_code == 0
    return out.read_bytes()


def test_an_antenna_with_too_little_power_is_found_and_bins_are_told_better(
    shelves: Shelves,
) -> None:
    zones = shelves.told["zones"]
    assert shelves.told["kept"] == ["zones"]
    assert zones["zones"]["zones_right"] > zones["shipped"]["zones_right"]
    calibration = load(shelves.folder / "site", secrets=False).calibration
    offset_db = calibration.antenna_offset_db["rack-1", 2]
    assert -1.4 * TOO_WEAK_DB < offset_db < -0.5 * TOO_WEAK_DB


def test_the_site_is_decided_with_the_file_from_then_on(shelves: Shelves) -> None:
    calibration = load(shelves.folder / "site", secrets=False).calibration
    assert calibration.version == shelves.told["version"]
    assert len(calibration.version) == 12
    assert shelves.after != shelves.before


def test_the_same_walks_give_the_same_file(shelves: Shelves, tmp_path: Path) -> None:
    calibrated(shelves.folder, "--out", str(tmp_path / "again.yaml"))
    written = shelves.folder / "site" / "config" / "calibration.yaml"
    assert (tmp_path / "again.yaml").read_bytes() == written.read_bytes()


def test_at_doors_the_choice_that_costs_least_is_kept(tmp_path: Path) -> None:
    world = recorded("bells", 105, 40.0, tmp_path)
    (tmp_path / "bells-105-40s-site").rename(tmp_path / "site")
    (tmp_path / "bells-105-40s.jsonl").rename(tmp_path / "walks.jsonl")
    write_walks(tmp_path, world.facts)
    told = calibrated(tmp_path, "--false-alarm-cost", "3")
    costs = {
        name: score["passes"] - score["found"] + 3 * score["false"]
        for name, score in told["doors"].items()
    }
    kept = ", ".join(told["kept"]) or "shipped"
    assert costs[kept] == min(costs.values())
    assert len({score["passes"] for score in told["doors"].values()}) == 1
    assert (tmp_path / "site" / "config" / "calibration.yaml").exists() is bool(told["kept"])


def test_a_mistake_in_the_walks_is_told_with_its_place(shelves: Shelves, tmp_path: Path) -> None:
    (tmp_path / "walks.yaml").write_text("walks: [{begin: 5, end: 1}]\n")
    result = RUNNER.invoke(
        calibrate.app,
        [
            "--site",
            str(shelves.folder / "site"),
            "--walks",
            str(tmp_path / "walks.yaml"),
            "x.jsonl",
        ],
    )
    assert "walks.yaml:1:9: 'what' is required in walks[0]" in str(result.exception)

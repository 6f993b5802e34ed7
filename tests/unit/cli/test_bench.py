"""`rfid-gateway bench`: a table of benchmarks, run by name."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import orjson
import pytest
from typer.testing import CliRunner

from gateway.cli import bench
from gateway.cli.bench import BENCHMARKS, Benchmark

RUNNER = CliRunner()


@pytest.fixture
def only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with a benchmark that takes no time."""
    module = ModuleType("fake")
    cases = [{"case": "a", "per_s": 12_345.5}, {"case": "b", "per_s": None}]
    module.run = lambda times=3: {"times": times, "cases": cases}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake", module)
    row = Benchmark(function="fake:run", summary="nothing", quick={"times": 1})
    monkeypatch.setattr(bench, "BENCHMARKS", {"fake": row})


def test_every_benchmark_of_the_table_exists() -> None:
    for row in BENCHMARKS.values():
        module, _, function = row.function.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.usefixtures("only_one")
def test_figures_are_for_a_person_unless_json_is_asked_for() -> None:
    result = RUNNER.invoke(bench.app, ["fake"])
    assert result.exit_code == 0
    assert "times: 3" in result.stdout
    assert "12,345.5" in result.stdout


@pytest.mark.usefixtures("only_one")
def test_json_holds_the_machine_and_every_result() -> None:
    result = RUNNER.invoke(bench.app, ["--json"])
    told = orjson.loads(result.stdout)
    assert told["results"]["fake"]["times"] == 3
    assert {"version", "python", "machine", "cores"} <= told.keys()


@pytest.mark.usefixtures("only_one")
def test_quick_runs_ask_for_less() -> None:
    told = orjson.loads(RUNNER.invoke(bench.app, ["fake", "--quick", "--json"]).stdout)
    assert told["results"]["fake"]["times"] == 1


def test_an_unknown_name_is_told_with_what_may_be_meant() -> None:
    result = RUNNER.invoke(bench.app, ["acuracy"])
    assert result.exit_code == 2
    words = " ".join(result.stderr.split())
    assert "there is no benchmark 'acuracy'. Did you mean 'accuracy'?" in words


def test_only_accuracy_keeps_worlds() -> None:
    result = RUNNER.invoke(bench.app, ["decode", "--keep", "somewhere"])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "option", [["--only", "nominal"], ["--keep", "worlds"], ["--seconds", "60"]]
)
def test_options_of_the_accuracy_benchmark_are_for_no_other(option: list[str]) -> None:
    result = RUNNER.invoke(bench.app, ["decode", *option])
    assert result.exit_code == 2

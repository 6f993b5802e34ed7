"""`rfid-gateway bench`: the benchmarks behind docs/benchmarks.md."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark: a function that gives its figures as a mapping that JSON can hold.

    A module that also has `table(figures)` says itself how they look on a terminal. `quick` are
    the arguments of a run that only shows that it works.
    """

    function: str  # module:function
    summary: str
    quick: Mapping[str, Any] = field(default_factory=dict)
    by_name_only: bool = False  # it takes a quarter of an hour


#: A new benchmark is one module and one row.
BENCHMARKS: dict[str, Benchmark] = {
    "decode": Benchmark(
        function="gateway.bench.decode:run",
        summary="tag reports per CPU-second from bytes to rows, beside sllurp",
        quick={"reports": 5_000},
    ),
    "movements": Benchmark(
        function="gateway.bench.movements:run",
        summary="tag reports per CPU-second from bytes to movements, beside sllurp",
        quick={"seconds": 2.0},
    ),
    "load": Benchmark(
        function="gateway.bench.load:run",
        summary="the daemon with 100 readers of 1,000 reports a second each, over sockets",
        quick={"readers": 5, "seconds": 3.0},
    ),
    "commit": Benchmark(
        function="gateway.bench.commit:run",
        summary="movements committed per second, and how long a commit takes",
        quick={"movements": 1_000, "tags": 10_000},
    ),
    "outbox": Benchmark(
        function="gateway.bench.outbox:run",
        summary="a day without upstream at 10 movements a second, and one sink beside a bad one",
        quick={"movements": 2_000, "isolation_s": 2.0},
        by_name_only=True,
    ),
    "series": Benchmark(
        function="gateway.bench.series:run",
        summary="points of time series per CPU-second, and what they take in spool and history",
        quick={"points": 5_000},
    ),
    "known-tags": Benchmark(
        function="gateway.bench.known_tags:run",
        summary="memory and start with a million known tags",
        quick={"tags": 10_000},
    ),
    "rules": Benchmark(
        function="gateway.bench.rules:run",
        summary="200 rules at 1,000 movements a second, and 100,000 timers",
        quick={"seconds": 2.0, "pending": 2_000},
    ),
    "accuracy": Benchmark(
        function="gateway.bench.accuracy:run",
        summary="doors, zones and bins against the truth, beside four baselines",
        quick={"seeds": (101,), "seconds": 100.0, "baselines": False},
        by_name_only=True,
    ),
}

_LIST = "\n\n".join(f"{name}: {row.summary}" for name, row in BENCHMARKS.items())


@app.command(
    epilog=f"{_LIST}\n\nExamples: rfid-gateway bench decode · "
    "rfid-gateway bench accuracy --quick --only nominal,hard --keep worlds"
)
def bench(
    name: Annotated[str | None, typer.Argument(help="Which one; absent: all but accuracy.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Shorter: to see that it works.")] = False,
    only: Annotated[
        str, typer.Option(help="accuracy: these settings alone, with commas: nominal,hard")
    ] = "",
    seconds: Annotated[
        float | None, typer.Option(min=30.0, max=86_400.0, help="accuracy: length of each world.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="accuracy: keep sites, recordings and their truth there; what is there is used."
        ),
    ] = None,
) -> None:
    """Measure the gateway on this machine: the figures of docs/benchmarks.md.

    Rates are per CPU-second of one core; a peer is measured in the same run, on the same input.
    """
    import logging

    if name is not None and name not in BENCHMARKS:
        raise typer.BadParameter(_unknown(name), param_hint="NAME")
    settings = [part.strip() for part in only.split(",")] if only else None
    asked = {"keep": keep, "only": settings, "seconds": seconds}
    asked = {option: value for option, value in asked.items() if value is not None}
    if asked and name != "accuracy":
        hint = ", ".join(f"--{option}" for option in asked)
        raise typer.BadParameter("only for: rfid-gateway bench accuracy", param_hint=hint)
    progress = logging.INFO if sys.stderr.isatty() else logging.WARNING
    logging.basicConfig(level=progress, format="%(message)s")
    results: dict[str, Any] = {}
    quickly = [key for key, row in BENCHMARKS.items() if quick or not row.by_name_only]
    for chosen in quickly if name is None else [name]:
        logging.getLogger(__name__).info("%s: %s", chosen, BENCHMARKS[chosen].summary)
        arguments = (dict(BENCHMARKS[chosen].quick) if quick else {}) | asked
        module, function = _load(BENCHMARKS[chosen])
        results[chosen] = getattr(module, function)(**arguments)
        if not as_json:
            typer.echo(f"{chosen}\n{_text(module, results[chosen])}\n")
    if as_json:
        sys.stdout.buffer.write(_json({**_machine(), "results": results}))


def _load(benchmark: Benchmark) -> tuple[ModuleType, str]:
    import importlib

    module, _, function = benchmark.function.partition(":")
    return importlib.import_module(module), function


def _text(module: ModuleType, figures: dict[str, Any]) -> str:
    """As the benchmark itself would have it; else a line for each figure, a table for lists."""
    if hasattr(module, "table"):
        return str(module.table(figures))
    from gateway.cli.terminal import columns

    lines = []
    for key, value in figures.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            rows = [[_number(cell) for cell in row.values()] for row in value]
            lines.append(columns([label.replace("_", " ") for label in value[0]], rows))
        else:
            lines.append(f"{key.replace('_', ' ')}: {_number(value)}")
    return "\n".join(f"  {line}" for text in lines for line in text.splitlines())


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return f"{value:,}"


def _json(content: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import os
    import platform

    from gateway import __version__

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
    }


def _unknown(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, BENCHMARKS, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"there is no benchmark '{name}'.{hint} There are {', '.join(BENCHMARKS)}."

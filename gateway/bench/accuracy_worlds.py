"""The worlds of the accuracy benchmark: settings, and recordings of them with their truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from gateway.bench.bell_dock import BellDock
from gateway.bench.gate_runs import GateRuns
from gateway.bench.plain_rack import K_FACTOR_DB, PlainRack
from gateway.bench.premises import site_of
from gateway.bench.sites import write_site
from gateway.calibration.tape import Tape
from gateway.demo.truth import read_truth
from gateway.drivers.recording_lines import lines_of
from gateway.errors import GatewayError
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import opened, record
from gateway.simulation.scenario import named
from gateway.simulation.warehouse import World

BELLS, GATES = "bells", "gates"
#: Worlds that are not of the simulator: each draws its own site and what happens there.
_OTHERS: Mapping[str, Callable[[int], BellDock | GateRuns | PlainRack]] = {
    BELLS: BellDock,
    GATES: GateRuns,
    **{name: partial(PlainRack, k_factor_db=db) for name, db in K_FACTOR_DB.items()},
}
#: setting → what it is; all but those are built-in scenarios of the simulator, with a site.
SETTINGS: Mapping[str, str] = {
    "nominal": "six doors, an ordinary day",
    "hard": "six doors closer together, scatter, deaf tags, slow readers, outages",
    "calm": "the six doors on a calm day: straight through or back, nothing in mouths",
    "calm-hard": "the hard dock on a calm day: its radio and outages, not its traffic",
    "shifted": "four doors of another kind, a setting that training never sees",
    "parked": "six doors, loads beside each and in many a mouth, little traffic",
    BELLS: "docks out of a textbook: another simulator, power a bell over distance",
    GATES: "gates without a wall, both antennas hear all of it: runs as in published recordings",
    "bins-nominal": "24 bins in 12 columns, 6 antennas, cartons of 8 tags",
    "bins-hard": "the same bins among more scatter, with an outage",
    "rack": "the same bins out of a textbook: another simulator, a carton about each bin's middle",
    "rack-hard": "the same textbook with as much scatter as direct path",
}


@dataclass(slots=True, kw_only=True)
class Recorded:
    """A recording that was read again, its truth, and what it took to read it."""

    tape: Tape
    facts: list[dict[str, Any]]
    parse_cpu_s: float


def parameters(name: str) -> dict[str, Any]:
    """All numbers of a setting's scenario, the defaults included; none of other simulators."""
    return {} if name in _OTHERS else asdict(named(name))


def recorded(name: str, seed: int, seconds: float, folder: Path, *, keep: bool = True) -> Recorded:
    """Simulate a world, write it down in `folder`, and read it again as a replay would.

    Unless they are to be kept, the files are gone afterwards; if they are, the site is beside them,
    and a world that has been kept is not simulated again.
    """
    stem = f"{name}-{seed}-{seconds:g}s"
    recording, truth = folder / f"{stem}.jsonl", folder / f"{stem}.truth.jsonl"
    kept = folder / f"{stem}-site"
    if kept.exists():
        site = _own_site(name, seed)
    else:
        make = _record_other if name in _OTHERS else _record_scenario
        site = make(name, seed, seconds, recording, truth)
    begun_s = time.process_time()
    tape = Tape(site, TagIndex(), [recording], _never)
    parse_cpu_s = time.process_time() - begun_s
    facts = read_truth(truth)
    if keep:
        write_site(site, kept)
    else:
        recording.unlink()
        truth.unlink()
    return Recorded(tape=tape, facts=facts, parse_cpu_s=parse_cpu_s)


def _own_site(name: str, seed: int) -> Site:
    """The site of a setting; other simulators draw theirs by the seed."""
    site = _OTHERS[name](seed).site if name in _OTHERS else site_of(named(name).site)
    assert site is not None
    return site


def _record_scenario(name: str, seed: int, seconds: float, recording: Path, truth: Path) -> Site:
    site = _own_site(name, seed)
    with opened(recording) as out, opened(truth) as facts:
        record(World(site, named(name), seed), seconds=seconds, out=out, truth=facts)
    return site


def _record_other(name: str, seed: int, seconds: float, recording: Path, truth: Path) -> Site:
    world = _OTHERS[name](seed)
    with opened(recording) as out, opened(truth) as facts:
        for inputs, noted in world.run(seconds):
            out.writelines(lines_of(inputs, world.site, world.tags))
            facts.writelines(orjson.dumps(fact) + b"\n" for fact in noted)
    return world.site


def _never(complaint: str) -> None:
    raise GatewayError(f"the benchmark's own recording is broken: {complaint}")

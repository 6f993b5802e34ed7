"""The worlds of the accuracy benchmark: settings, and recordings of them with their truth."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from gateway.bench.bell_dock import BellDock
from gateway.bench.premises import site_of
from gateway.bench.sites import write_site
from gateway.demo.truth import read_truth
from gateway.drivers.recording import Recording, lines_of
from gateway.errors import GatewayError
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import opened, record
from gateway.simulation.scenario import named
from gateway.simulation.warehouse import World

#: A running gateway's tick, the longest that it uses.
TICK_US = 50_000

BELLS = "bells"
#: setting → what it is; all but one are built-in scenarios of the simulator that bring their site.
SETTINGS: Mapping[str, str] = {
    "nominal": "six doors, an ordinary day",
    "hard": "six doors closer together, scatter, deaf tags, slow readers, outages",
    "shifted": "four doors of another kind, a setting that training never sees",
    "parked": "six doors, loads beside each and in many a mouth, little traffic",
    BELLS: "docks out of a textbook: another simulator, power a bell over distance",
    "bins-nominal": "24 bins in 12 columns, 6 antennas, cartons of 8 tags",
    "bins-hard": "the same bins among more scatter, with an outage",
}


@dataclass(slots=True, kw_only=True)
class Recorded:
    """A recording and its truth, read again: batches as a replay gives them."""

    site: Site
    tags: TagIndex
    batches: list[tuple[int, Inputs]]
    facts: list[dict[str, Any]]
    last_at_us: int
    reads: int
    parse_cpu_s: float

    def in_order(self) -> Reads:
        """All reads in order of event time, a copy."""
        parts = [part for _, inputs in self.batches for part in inputs.reads]
        reads = np.concatenate(parts) if parts else empty_reads()
        ordered: Reads = reads[np.argsort(reads["time_us"], kind="stable")]
        return ordered


class Held(Recording):
    """A recording that has been read already, to be replayed from memory."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded.site, recorded.tags, _never)
        self._recorded = recorded

    def batches(self, paths: Iterable[Path], tick_us: int) -> Iterator[tuple[int, Inputs]]:  # noqa: ARG002
        """The batches as they were read; the core may write into its reads."""
        for at_us, inputs in self._recorded.batches:
            yield (
                at_us,
                Inputs(
                    reads=[reads.copy() for reads in inputs.reads],
                    sensors=list(inputs.sensors),
                    statuses=list(inputs.statuses),
                ),
            )
        self.last_at_us = self._recorded.last_at_us


def parameters(name: str) -> dict[str, Any]:
    """All numbers of a setting's scenario, the defaults included; none of the textbook docks."""
    return {} if name == BELLS else asdict(named(name))


def recorded(name: str, seed: int, seconds: float, folder: Path, *, keep: bool = True) -> Recorded:
    """Simulate a world, write it down in `folder`, and read it again as a replay would.

    Unless they are to be kept, the files are gone afterwards; if they are, the site is beside them.
    """
    stem = f"{name}-{seed}"
    recording, truth = folder / f"{stem}.jsonl", folder / f"{stem}.truth.jsonl"
    make = _record_bells if name == BELLS else _record_scenario
    site = make(name, seed, seconds, recording, truth)
    tags = TagIndex()
    source = Recording(site, tags, _never)
    begun_s = time.process_time()
    batches = list(source.batches([recording], TICK_US))
    parse_cpu_s = time.process_time() - begun_s
    noted = read_truth(truth)
    if keep:
        write_site(site, folder / f"{stem}-site")
    else:
        recording.unlink()
        truth.unlink()
    return Recorded(
        site=site,
        tags=tags,
        batches=batches,
        facts=noted,
        last_at_us=source.last_at_us,
        reads=source.counts.reads,
        parse_cpu_s=parse_cpu_s,
    )


def _record_scenario(name: str, seed: int, seconds: float, recording: Path, truth: Path) -> Site:
    scenario = named(name)
    site = site_of(scenario.site)
    assert site is not None
    with opened(recording) as out, opened(truth) as facts:
        record(World(site, scenario, seed), seconds=seconds, out=out, truth=facts)
    return site


def _record_bells(name: str, seed: int, seconds: float, recording: Path, truth: Path) -> Site:  # noqa: ARG001
    world = BellDock(seed)
    with opened(recording) as out, opened(truth) as facts:
        for inputs, noted in world.run(seconds):
            out.writelines(lines_of(inputs, world.site, world.tags))
            facts.writelines(orjson.dumps(fact) + b"\n" for fact in noted)
    return world.site


def _never(complaint: str) -> None:
    raise GatewayError(f"the benchmark's own recording is broken: {complaint}")

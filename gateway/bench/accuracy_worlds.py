"""The worlds of the accuracy benchmark: settings, and recordings of them with their truth."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from gateway.bench import sites
from gateway.demo.truth import read_truth
from gateway.drivers.recording import Recording
from gateway.errors import GatewayError
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.settings.document import read_document
from gateway.settings.report import Report
from gateway.simulation.recorder import opened, record
from gateway.simulation.scenario import Scenario, from_mapping
from gateway.simulation.warehouse import World

#: A running gateway's tick, the longest that it uses.
TICK_US = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A kind of world: a site, and the scenario file of the same name."""

    name: str
    summary: str
    site: Callable[[], Site]


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            name="nominal",
            summary="six doors, an ordinary day",
            site=sites.dock,
        ),
        Setting(
            name="hard",
            summary="six doors closer together, scatter, deaf tags, slow readers",
            site=lambda: sites.dock(pitch_m=3.5),
        ),
        Setting(
            name="shifted",
            summary="four doors of another kind, a setting that training never sees",
            site=lambda: sites.dock(
                4, 4.6, power_dbm=26.0, antenna_height_m=2.7, inside_m=1.6, outside_m=-0.8
            ),
        ),
        Setting(
            name="parked",
            summary="six doors with a load beside each of them, little traffic",
            site=sites.dock,
        ),
        Setting(
            name="bins",
            summary="24 bins in 12 columns, 6 antennas, cartons of 8 tags",
            site=sites.rack,
        ),
        Setting(
            name="bins-hard",
            summary="the same bins among more scatter",
            site=sites.rack,
        ),
    )
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


def scenario(name: str) -> Scenario:
    """The scenario of a setting, from its file."""
    with resources.as_file(resources.files("gateway.bench") / "scenarios" / f"{name}.yaml") as path:
        report = Report()
        node = read_document(path, report)
        report.raise_problems()
    return from_mapping({} if node is None else node.plain(), name=name)


def scenario_numbers(name: str) -> dict[str, Any]:
    """All numbers of a setting's scenario, the defaults included."""
    return dataclasses.asdict(scenario(name))


def recorded(
    setting: Setting, seed: int, seconds: float, folder: Path, *, keep: bool = True
) -> Recorded:
    """Simulate a world, write it down in `folder`, and read it again as a replay would.

    Unless they are to be kept, the files are gone afterwards.
    """
    site = setting.site()
    stem = f"{setting.name}-{seed}"
    recording, truth = folder / f"{stem}.jsonl", folder / f"{stem}.truth.jsonl"
    world = World(site, scenario(setting.name), seed)
    with opened(recording) as out, opened(truth) as facts:
        record(world, seconds=seconds, out=out, truth=facts)
    tags = TagIndex()
    source = Recording(site, tags, _never)
    begun_s = time.process_time()
    batches = list(source.batches([recording], TICK_US))
    parse_cpu_s = time.process_time() - begun_s
    noted = read_truth(truth)
    if not keep:
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


def _never(complaint: str) -> None:
    raise GatewayError(f"the benchmark's own recording is broken: {complaint}")

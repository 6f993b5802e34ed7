"""A labelled walk of a rack, as a person would make it: ten known tags in every bin, for 20 s.

It is made with another seed than any world that is scored: other cartons, other tags, other
scatter. Only what antennas and bins are like is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import orjson
import yaml

from gateway.bench.plain_rack import K_FACTOR_DB, PlainRack
from gateway.bench.premises import site_of
from gateway.bench.sites import rack, write_site
from gateway.calibration.run import Sources, calibrated
from gateway.demo.truth import read_truth
from gateway.drivers.recording_lines import lines_of
from gateway.errors import GatewayError
from gateway.model.calibration import Calibration
from gateway.model.place import Site
from gateway.settings.calibration_file import USUAL_FILE
from gateway.settings.configuration import load
from gateway.simulation.recorder import opened, record
from gateway.simulation.scenario import Scenario, named
from gateway.simulation.scenario_parts import NEVER, Faults
from gateway.simulation.warehouse import World

#: Added to the seed of a world gives that of its walk.
OTHER_SEED = 5_000
#: Tags are put down, and known to lie there from the first until the second.
SETTLED_S, WALK_S = 10.0, 30.0
TAGS_PER_BIN = 10
#: Tags are spread over the bin: in so many cartons of so many; the textbook's have eight each.
CARTONS_PER_BIN, TAGS_PER_CARTON, PLAIN_CARTONS_PER_BIN = 3, 4, 2
#: Two folds tell whether what was measured helps; more cost time.
FOLDS = 2

#: The settings with bins.
RACKS = ("bins-nominal", "bins-hard", *K_FACTOR_DB)

Fact = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RackWalk:
    """The files of a walk, and the site directory that it calibrates."""

    site: Path
    walks: Path
    recording: Path

    def calibration(self) -> Calibration:
        """What `rfid-gateway calibrate` makes of it, as the site's own file says."""
        (self.site / USUAL_FILE).unlink(missing_ok=True)  # of an earlier run
        sources = Sources(
            site=self.site, walks=self.walks, recordings=[self.recording], folds=FOLDS
        )
        calibrated(sources, complain=_never, progress=lambda _: None)
        return load(self.site, secrets=False).calibration


def walked(name: str, seed: int, folder: Path) -> RackWalk:
    """Walk the rack of a setting, for the world of that seed; all files go to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    walk = RackWalk(
        site=folder / "site", walks=folder / "walks.yaml", recording=folder / "walks.jsonl"
    )
    truth = folder / "walks.truth.jsonl"
    make = _record_plain if name in K_FACTOR_DB else _record_scenario
    write_site(make(name, seed + OTHER_SEED, walk.recording, truth), walk.site)
    content = {"bins": _bins(read_truth(truth))}
    walk.walks.write_text(yaml.safe_dump(content, sort_keys=False, width=120), encoding="utf-8")
    return walk


def _record_scenario(name: str, seed: int, recording: Path, truth: Path) -> Site:
    scenario = _still(named(name))
    site = site_of(scenario.site)
    assert site is not None
    with opened(recording) as out, opened(truth) as facts:
        record(World(site, scenario, seed), seconds=WALK_S, out=out, truth=facts)
    return site


def _still(scenario: Scenario) -> Scenario:
    """The same rack with some cartons in every bin, while nothing moves and everything works."""
    cartons = (CARTONS_PER_BIN, CARTONS_PER_BIN)
    stock = replace(
        scenario.stock,
        bins_filled=1.0,
        cartons_per_bin=cartons,
        tags_per_carton=TAGS_PER_CARTON,
    )
    traffic = replace(
        scenario.traffic,
        put_away_every_s=NEVER,
        pick_every_s=NEVER,
        unseen_move_every_s=NEVER,
    )
    return replace(scenario, stock=stock, traffic=traffic, faults=Faults())


def _record_plain(name: str, seed: int, recording: Path, truth: Path) -> Site:
    cartons = PLAIN_CARTONS_PER_BIN * len(rack().zones)
    world = PlainRack(seed, k_factor_db=K_FACTOR_DB[name], cartons=cartons, still=True)
    with opened(recording) as out, opened(truth) as facts:
        for inputs, noted in world.run(WALK_S):
            out.writelines(lines_of(inputs, world.site, world.tags))
            facts.writelines(orjson.dumps(fact) + b"\n" for fact in noted)
    return world.site


def _bins(facts: list[Fact]) -> list[Fact]:
    """The entries of a walks file: ten tags of each bin, from all of its cartons."""
    cartons: dict[str, list[list[str]]] = {}
    for fact in facts:
        if "carton" in fact and "zone" in fact and fact.get("tags"):
            cartons.setdefault(fact["zone"], []).append(fact["tags"])
    times = {"begin": f"{SETTLED_S:g}s", "end": f"{WALK_S:g}s"}
    return [
        {"zone": zone, "tags": _dealt(cartons[zone])[:TAGS_PER_BIN], **times}
        for zone in sorted(cartons)
    ]


def _dealt(cartons: list[list[str]]) -> list[str]:
    """One tag of each carton after the other."""
    return [tag for tag in chain.from_iterable(zip_longest(*cartons)) if tag is not None]


def _never(complaint: str) -> None:
    raise GatewayError(f"the benchmark's own walk is broken: {complaint}")

"""How often the gateway is right about doors, zones and bins, beside four baselines.

Every setting is simulated with seeds that no training uses, written down as a recording, and that
recording replayed through the gateway's core and through each baseline: all see the same reads.
Where there are bins, a labelled walk with yet another seed calibrates the gateway, and the same
recording is replayed with that calibration, too.
"""

from __future__ import annotations

import difflib
import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gateway.bench import sites
from gateway.bench.accuracy_figures import figures
from gateway.bench.accuracy_loads import score_loads
from gateway.bench.accuracy_table import table
from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_targets import CALIBRATED, GATEWAY, TARGETS
from gateway.bench.accuracy_truth import Seen, Span, Truth
from gateway.bench.accuracy_worlds import SETTINGS, Recorded, parameters, recorded
from gateway.bench.accuracy_zones import columns_by_number, score_zones
from gateway.bench.baselines.debounce import Debounce
from gateway.bench.baselines.edgex import EdgeX
from gateway.bench.baselines.last_read import LastRead
from gateway.bench.baselines.places import Baseline
from gateway.bench.baselines.smurf import Smurf
from gateway.bench.calls import Call, calls_of
from gateway.bench.rack_walk import RACKS, walked
from gateway.bench.scoring import score_doors
from gateway.calibration.tape import TICK_US
from gateway.core import Core
from gateway.errors import GatewayError
from gateway.model.calibration import Calibration
from gateway.model.place import Site
from gateway.model.reads import Reads
from gateway.replay import Replay

__all__ = ["run", "table"]

SEEDS = (101, 102, 103, 104, 105)
SECONDS = 200.0
#: What happens before this is not asked for: everybody is new at first. Nor is what happens so
#: shortly before the end that it cannot be decided.
WARM_UP_US = 15_000_000
DECIDED_US = 10_000_000
BATCH_US = 100_000

BASELINES: dict[str, Callable[[Site], Baseline]] = {
    "last read": LastRead,
    "debounce": Debounce,
    "smurf": Smurf,
    "edgex": EdgeX,
}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Cost:
    """What it took to replay: CPU seconds."""

    reads: int = 0
    parse_s: float = 0.0
    decide_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "reads": self.reads,
            "reads_per_cpu_s": round(self.reads / max(self.parse_s + self.decide_s, 1e-9)),
            "reads_per_cpu_s_without_parsing": round(self.reads / max(self.decide_s, 1e-9)),
        }


@dataclass(slots=True, kw_only=True)
class _Results:
    """The tallies of one setting, a list over the seeds for each detector."""

    baselines: Mapping[str, Callable[[Site], Baseline]]
    tallies: dict[str, list[Tally]] = field(default_factory=dict)
    cost: _Cost = field(default_factory=_Cost)

    def add(self, detector: str, tally: Tally) -> None:
        self.tallies.setdefault(detector, []).append(tally)


def run(
    seeds: Sequence[int] = SEEDS,
    seconds: float = SECONDS,
    only: Sequence[str] | None = None,
    keep: Path | None = None,
    *,
    baselines: bool = True,
) -> dict[str, Any]:
    """Figures with intervals over all seeds, for every setting (or `only` some) and detector.

    `keep` is a directory for the sites, the recordings and their truth, to be replayed by hand or
    in the next run: a world that is there already is not simulated again.
    The same arguments give the same figures, the speeds of replay apart.
    """
    found = {}
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for name in _known(only):
            results = _Results(baselines=BASELINES if baselines else {})
            for seed in seeds:
                _log.info("%s, seed %d: simulating %g s", name, seed, seconds)
                world = recorded(name, seed, seconds, folder, keep=keep is not None)
                calibration = None
                if name in RACKS:
                    walk = walked(name, seed, folder / f"{name}-{seed}-walk")
                    calibration = walk.calibration()
                _run_world(world, calibration, results)
            found[name] = _found(name, results)
    return {
        "measures": "movements against the truth of simulated warehouses",
        "seeds": list(seeds),
        "seconds": seconds,
        "interval": "[95 % interval by bootstrap over the loads of all seeds]",
        "settings": found,
    }


def _known(only: Sequence[str] | None) -> list[str]:
    """Settings in their order; all of them unless some are asked for."""
    for name in only or ():
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise GatewayError(
                f"there is no setting '{name}'.{hint} There are {', '.join(SETTINGS)}."
            )
    return [name for name in SETTINGS if only is None or name in only]


def _found(name: str, results: _Results) -> dict[str, Any]:
    # The gateway's own first, then what it is held against.
    ours = [detector for detector in (GATEWAY, CALIBRATED) if detector in results.tallies]
    found = {key: figures(results.tallies[key]) for key in (*ours, *results.baselines)}
    return {
        "summary": SETTINGS[name],
        "parameters": parameters(name),
        "replay": results.cost.as_json(),
        "targets": {
            key: {"target": str(target), "met": target.met_by(found[GATEWAY][key])}
            | ({CALIBRATED: target.met_by(found[CALIBRATED][key])} if CALIBRATED in found else {})
            for key, target in TARGETS[name].items()
        },
        "detectors": {
            detector: {key: figure.as_json() for key, figure in of.items()}
            for detector, of in found.items()
        },
    }


def _run_world(world: Recorded, calibration: Calibration | None, results: _Results) -> None:
    """The core, if need be once more and calibrated, and every baseline on one recording."""
    tape = world.tape
    site, tags, end_us = tape.site, tape.tags, tape.last_at_us
    reads = tape.in_order()
    span = (tape.start_us + WARM_UP_US, end_us - DECIDED_US)
    truth = Truth.of(world.facts, site, tags, end_us)
    seen = Seen(reads, site)
    core, begun_s = Core(site, tags), time.process_time()
    outcomes = list(Replay(core, tape).outcomes([], TICK_US, DECIDED_US))
    results.cost.decide_s += time.process_time() - begun_s
    results.cost.parse_s += world.parse_cpu_s
    results.cost.reads += tape.counts.reads
    calls = list(calls_of(outcomes, site, tags))
    tally = _score(site, truth, calls, seen, span)
    score_loads(truth, outcomes, seen, span, tally, site, tags)
    results.add(GATEWAY, tally)
    if calibration is not None:
        core = Core(site, tags, calibration=calibration)
        calls = list(calls_of(Replay(core, tape).outcomes([], TICK_US, DECIDED_US), site, tags))
        results.add(CALIBRATED, _score(site, truth, calls, seen, span))
    for name, make in results.baselines.items():
        calls = _baseline_calls(make(site), reads, end_us + DECIDED_US)
        results.add(name, _score(site, truth, calls, seen, span))


def _score(site: Site, truth: Truth, calls: list[Call], seen: Seen, span: Span) -> Tally:
    tally = score_doors(truth, calls, seen, span)
    columns = columns_by_number(site, sites.columns_of(site))
    score_zones(truth, calls, seen, span, columns, tally)
    return tally


def _baseline_calls(baseline: Baseline, reads: Reads, end_us: int) -> list[Call]:
    """Feed a baseline the way it likes it best: in order of event time, in short batches."""
    if not len(reads):
        return []
    calls: list[Call] = []
    steps_us = np.arange(int(reads["time_us"][0]) + BATCH_US, end_us + BATCH_US, BATCH_US)
    ends = np.searchsorted(reads["time_us"], steps_us)
    start = 0
    for to_us, end in zip(steps_us.tolist(), ends.tolist(), strict=True):
        calls += baseline.feed(reads[start:end], to_us)
        start = end
    return calls

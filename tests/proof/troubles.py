"""What goes wrong in a simulated day, worked out from a seed before it begins."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.proof.world import S

#: How many of each come in an hour, on average.
PER_HOUR = {
    "reader": 0.5,
    "sink": 1.0,
    "clock": 0.2,
    "disk": 0.3,
    "death": 0.7,
    "restart": 0.3,
}
SINK_FAULTS = ("retry", "retry later", "hold", "takes and fails", "takes half and fails", "mistake")
CLOCK_STEPS_S = (-86_400, -3_600, -61, -1.5, 1.5, 61, 3_600, 86_400)
LASTS_S = {"reader": (5.0, 2_400.0), "sink": (1.0, 3_600.0), "disk": (1.0, 120.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something goes wrong at a true time, some of it until another."""

    kind: str  # reader | sink | clock | disk | death | restart
    at_us: int
    until_us: int = 0
    which: int = 0  # the zone whose reader, or the sink
    how: str = ""  # of a sink
    step_us: int = 0  # of the host's clock


def troubles(seed: int, begin_us: int, end_us: int, zones: int, sinks: int) -> list[Trouble]:
    """Everything that goes wrong between two times, in order."""
    rng = random.Random(f"{seed}/troubles")
    found = []
    for kind, per_hour in PER_HOUR.items():
        at_us = begin_us
        while (at_us := at_us + round(rng.expovariate(per_hour / 3_600) * S)) < end_us:
            lasts_s = rng.uniform(*LASTS_S.get(kind, (0.0, 0.0)))
            found.append(Trouble(
                kind=kind,
                at_us=at_us,
                until_us=min(at_us + round(lasts_s * S), end_us),
                which=rng.randrange(zones if kind == "reader" else sinks),
                how=rng.choice(SINK_FAULTS),
                step_us=round(rng.choice(CLOCK_STEPS_S) * S),
            ))  # fmt: skip
    return sorted(found, key=lambda trouble: trouble.at_us)

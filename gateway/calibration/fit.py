"""Fit: a calibration from walks, each part kept only if it helps walks that it has not seen.

The walks are dealt into folds. For each fold the parts are fitted to the walks of all others, and
the whole recording is replayed with them; only the walks of the fold itself are then asked for. So
are, in bins, tags that took no part in the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway.calibration.antennas import door_offsets
from gateway.calibration.doors import Samples, fit_trim, labelled
from gateway.calibration.measured import Measured
from gateway.calibration.tape import Tape
from gateway.calibration.trial import Score, Trial
from gateway.calibration.walks import Lying, Walk
from gateway.calibration.zones import zone_tables
from gateway.model.calibration import NO_CALIBRATION, NO_TRIM, Calibration
from gateway.model.tuning import LocationTuning

FOLDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A calibration, and what it is worth: scores by cross-validation."""

    calibration: Calibration
    shipped: Score
    levelled: Score  # with antennas and zones as measured
    trimmed: Score  # and with the classifier's weights trimmed
    kept: tuple[str, ...]  # of antennas, weights, zones

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "shipped": asdict(self.shipped),
            "levelled": asdict(self.levelled),
            "trimmed": asdict(self.trimmed),
            "kept": list(self.kept),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a calibration is made from, and how dear a false passage is."""

    tape: Tape
    measured: Measured
    walks: Sequence[Walk]
    lying: Sequence[Lying]
    tuning: LocationTuning
    false_alarm_cost: float

    def levelled(self, walks: Sequence[Walk], counts: Callable[[int], bool]) -> Calibration:
        """Antennas and zones as measured."""
        site = self.tape.site
        offsets, zones = zone_tables(site, self.lying, self.measured, counts)
        at_doors = door_offsets(site, walks, self.measured)
        return Calibration(antenna_offset_db={**offsets, **at_doors}, zone_power_db=zones)

    def trimmed(
        self, levelled: Calibration, samples: Samples, walks: Sequence[Walk]
    ) -> Calibration:
        """The same with weights fitted to what was sampled in a replay with it."""
        data = labelled(samples, walks, self.measured, self.tape.site)
        trim = NO_TRIM if data is None else fit_trim(data, self.false_alarm_cost)
        return replace(levelled, doors=trim)

    def trial(self, calibration: Calibration, samples: Samples | None = None) -> Trial:
        """A replay."""
        return Trial(self.tape, self.tuning, calibration, samples)


def fitted(material: Material, folds: int, tell: Callable[[str], None]) -> Fitted:
    """The best calibration that can be made of walks; `tell` hears how far it is."""
    tell("replaying with the shipped calibration")
    before = material.trial(NO_CALIBRATION)
    shipped = before.walks(material.walks, material.walks, material.measured)
    shipped += before.zones(material.lying, material.measured, lambda _: True)
    levelled = trimmed = Score()
    for fold in range(folds):
        tell(f"replaying without the walks of fold {fold + 1} of {folds}")
        first, second = _fold(material, fold, folds)
        levelled, trimmed = levelled + first, trimmed + second
    tell("fitting to all walks")
    found = material.levelled(material.walks, lambda _: True)
    samples = Samples()
    material.trial(found, samples)
    found = material.trimmed(found, samples, material.walks)
    kept = _kept(shipped, levelled, trimmed, material.false_alarm_cost)
    return Fitted(
        calibration=_only(found, kept, material),
        shipped=shipped,
        levelled=levelled,
        trimmed=trimmed,
        kept=kept,
    )


def _fold(material: Material, fold: int, folds: int) -> tuple[Score, Score]:
    """What is decided of a fold's walks by calibrations that were fitted to the others."""
    asked = [walk for n, walk in enumerate(_dealt(material.walks)) if n % folds == fold]
    others = [walk for walk in material.walks if walk not in asked]
    counts = [lambda tag: tag % folds == fold, lambda tag: tag % folds != fold]
    calibration = material.levelled(others, counts[1])
    samples, scores = Samples(), []
    first = material.trial(calibration, samples)
    second = material.trial(material.trimmed(calibration, samples, others))
    for trial in (first, second):
        score = trial.walks(asked, material.walks, material.measured)
        scores.append(score + trial.zones(material.lying, material.measured, counts[0]))
    return scores[0], scores[1]


def _dealt(walks: Sequence[Walk]) -> list[Walk]:
    """Walks of one kind after the other, so that every fold gets some of each."""
    return sorted(walks, key=lambda walk: (walk.what, walk.door or "", walk.number))


def _kept(shipped: Score, levelled: Score, trimmed: Score, cost: float) -> tuple[str, ...]:
    """The parts that help; what is as good without a part goes without it."""
    doors = [score.cost(cost) for score in (shipped, levelled, trimmed)]
    best = doors.index(min(doors))
    kept = [(), ("antennas",), ("antennas", "weights")][best]
    return (*kept, "zones") if levelled.zones_right > shipped.zones_right else kept


def _only(found: Calibration, kept: tuple[str, ...], material: Material) -> Calibration:
    """What is kept of a calibration."""
    at_doors = {(a.reader, a.port) for a in material.tape.site.antennas if a.door is not None}
    offsets = {
        key: db
        for key, db in found.antenna_offset_db.items()
        if ("antennas" if key in at_doors else "zones") in kept
    }
    return Calibration(
        antenna_offset_db=offsets,
        zone_power_db=found.zone_power_db if "zones" in kept else {},
        doors=found.doors if "weights" in kept else NO_TRIM,
    )

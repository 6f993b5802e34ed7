"""Fit: a calibration from walks, each part kept only if it helps walks that it has not seen.

The walks are dealt into folds. For each fold the parts are fitted to the walks of all others, and
the whole recording is replayed with them; only the walks of the fold itself are then asked for. So
are, in bins, tags that took no part in the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway.calibration.antennas import door_offsets
from gateway.calibration.doors import Samples, fit_trim, labelled
from gateway.calibration.measured import Measured
from gateway.calibration.tape import Tape
from gateway.calibration.trial import Score, Trial
from gateway.calibration.walks import Lying, Walk
from gateway.calibration.zones import zone_tables
from gateway.model.calibration import NO_CALIBRATION, NO_TRIM, Calibration, DoorTrim
from gateway.model.tuning import LocationTuning

#: What can be measured at doors, by the names of the parts of a calibration; the first that costs
#: least is taken, so that nothing is corrected for nothing.
SHIPPED = ""
ANTENNAS, WEIGHTS, BOTH = "antennas", "weights", "antennas, weights"
ZONES = "zones"
DOOR_CHOICES = (SHIPPED, ANTENNAS, WEIGHTS, BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A calibration, and what it is worth: scores by cross-validation of each choice."""

    calibration: Calibration
    doors: Mapping[str, Score]
    zones: Mapping[str, Score]  # of SHIPPED and ZONES
    kept: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "doors": {name or "shipped": asdict(score) for name, score in self.doors.items()},
            "zones": {name or "shipped": asdict(score) for name, score in self.zones.items()},
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

    def trim(self, samples: Samples, walks: Sequence[Walk]) -> DoorTrim:
        """Weights that fit what was sampled in a replay."""
        data = labelled(samples, walks, self.measured, self.tape.site)
        return NO_TRIM if data is None else fit_trim(data, self.false_alarm_cost)

    def trial(self, calibration: Calibration, samples: Samples | None = None) -> Trial:
        """A replay."""
        return Trial(self.tape, self.tuning, calibration, samples)

    def at_doors(self, trial: Trial, asked: Sequence[Walk]) -> Score:
        """How a replay told the walks that are asked for."""
        return trial.walks(asked, self.walks, self.measured)

    def in_zones(self, trial: Trial, counts: Callable[[int], bool]) -> Score:
        """Where a replay believed the tags that are asked for."""
        return trial.zones(self.lying, self.measured, counts)


def fitted(material: Material, folds: int, tell: Callable[[str], None]) -> Fitted:
    """The best calibration that can be made of walks; `tell` hears how far it is."""
    tell("replaying as shipped")
    plain = Samples()
    before = material.trial(NO_CALIBRATION, plain)
    doors = dict.fromkeys(DOOR_CHOICES, Score())
    doors[SHIPPED] = material.at_doors(before, material.walks)
    zones = {SHIPPED: material.in_zones(before, _every), ZONES: Score()}
    for fold in range(folds):
        tell(f"replaying without the walks of fold {fold + 1} of {folds}")
        _try(material, fold, folds, plain, doors, zones)
    kept = _kept(doors, zones, material.false_alarm_cost)
    tell("fitting to all walks")
    return Fitted(calibration=_made(material, plain, kept), doors=doors, zones=zones, kept=kept)


def _every(tag: int) -> bool:  # noqa: ARG001
    return True


def _try(
    material: Material,
    fold: int,
    folds: int,
    plain: Samples,
    doors: dict[str, Score],
    zones: dict[str, Score],
) -> None:
    """Add what is decided of a fold's walks by calibrations that were fitted to the others."""
    asked = [walk for n, walk in enumerate(_dealt(material.walks)) if n % folds == fold]
    others = [walk for walk in material.walks if walk not in asked]
    levelled = material.levelled(others, lambda tag: tag % folds != fold)
    samples = Samples()
    trial = material.trial(levelled, samples)
    zones[ZONES] += material.in_zones(trial, lambda tag: tag % folds == fold)
    doors[ANTENNAS] += material.at_doors(trial, asked)
    if not asked:
        return
    weights = Calibration(doors=material.trim(plain, others))
    doors[WEIGHTS] += material.at_doors(material.trial(weights), asked)
    both = replace(levelled, doors=material.trim(samples, others))
    doors[BOTH] += material.at_doors(material.trial(both), asked)


def _dealt(walks: Sequence[Walk]) -> list[Walk]:
    """Walks of one kind after the other, so that every fold gets some of each."""
    return sorted(walks, key=lambda walk: (walk.what, walk.door or "", walk.number))


def _kept(doors: Mapping[str, Score], zones: Mapping[str, Score], cost: float) -> tuple[str, ...]:
    """The parts that help; what is as good without a part goes without it."""
    best = min(DOOR_CHOICES, key=lambda choice: doors[choice].cost(cost))
    kept = tuple(best.split(", ")) if best else ()
    return (*kept, ZONES) if zones[ZONES].zones_right > zones[SHIPPED].zones_right else kept


def _made(material: Material, plain: Samples, kept: tuple[str, ...]) -> Calibration:
    """What is kept, fitted to all walks."""
    levelled = material.levelled(material.walks, _every)
    at_doors = {(a.reader, a.port) for a in material.tape.site.antennas if a.door is not None}
    offsets = {
        key: db
        for key, db in levelled.antenna_offset_db.items()
        if (ANTENNAS if key in at_doors else ZONES) in kept
    }
    made = Calibration(
        antenna_offset_db=offsets,
        zone_power_db=levelled.zone_power_db if ZONES in kept else {},
    )
    if WEIGHTS not in kept:
        return made
    samples = plain
    if ANTENNAS in kept:
        samples = Samples()
        material.trial(made, samples)
    return replace(made, doors=material.trim(samples, material.walks))

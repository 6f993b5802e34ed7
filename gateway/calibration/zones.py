"""Zones: how well the antennas hear them, from tags that are known to lie there.

Each tag has a level of its own (how it is mounted, what is behind it); what is left of its power
when that is taken off belongs to the zone and the antenna. Where physics has an expectation, the
measured mean is pulled toward it, the more so, the better physics does at this site: how far zones
are off from it, beyond what the scatter of single tags explains, is measured as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from gateway.calibration.measured import Measured
from gateway.calibration.walks import Lying
from gateway.location.coverage import Coverage
from gateway.location.profiles import Profiles
from gateway.location.shares import whole_dbm
from gateway.model.calibration import AntennaKey
from gateway.model.place import Site

#: The physical expectation counts as so many tags, at least and at most.
LEAST_PRIOR_TAGS, MOST_PRIOR_TAGS = 5.0, 100.0
#: A median over so many tags is believed half.
HALF_BELIEVED = 20.0
LEAST_DB = 1.5
#: What is not heard is at least this much below what hardly can be heard.
BELOW_DB = 2.0
ROUNDS = 6
#: Physics is judged by zones with so many tags, and the antennas that heard most of them.
LEAST_TAGS, LEAST_ANTENNAS, OFTEN = 4, 2, 0.7

Floats = npt.NDArray[np.float64]
ZonePower = dict[str, dict[AntennaKey, float]]
#: Whether a tag may be learnt from.
Counts = Callable[[int], bool]


def zone_tables(
    site: Site, lying: Iterable[Lying], measured: Measured, counts: Counts
) -> tuple[dict[AntennaKey, float], ZonePower]:
    """Offsets of the antennas that watch zones, and the power of each zone that has tags."""
    profiles = Profiles(Coverage(site))
    zones, power = _table(site, lying, measured, counts)
    if not len(power):
        return {}, {}
    prior = np.full((len(site.zones), len(site.antennas)), np.nan)
    known = profiles.row[:-1] >= 0
    prior[known] = profiles.expected_db[profiles.row[:-1][known], :-1]
    floor_dbm = measured.weakest_dbm - BELOW_DB
    offsets = _offsets(site, zones, power, prior, floor_dbm)
    levelled, floors_dbm = power - offsets, floor_dbm - offsets
    known_zones = np.unique(zones).tolist()
    of_zone = {zone: levelled[zones == zone] for zone in known_zones}
    first = [_zone(of_zone[z], prior[z], floors_dbm, LEAST_PRIOR_TAGS) for z in known_zones]
    prior_tags = _prior_tags(
        [(own, prior[z]) for z, (_, own) in zip(known_zones, first, strict=True)]
    )
    found: ZonePower = {}
    for zone in known_zones:
        table, _ = _zone(of_zone[zone], prior[zone], floors_dbm, prior_tags)
        found[site.zones[zone].id] = {
            (a.reader, a.port): round(float(db), 1) + 0.0  # never -0.0
            for a, db in zip(site.antennas, table, strict=True)
            if np.isfinite(db)
        }
    shifts = zip(site.antennas, offsets.tolist(), strict=True)
    return {(a.reader, a.port): round(db, 1) for a, db in shifts if db}, found


def _table(
    site: Site, lying: Iterable[Lying], measured: Measured, counts: Counts
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Zone numbers and mean power (tags, antennas) of the tags that lay somewhere."""
    zones, power, rates = [], [], []
    for entry in lying:
        for tag in measured.tags(entry.tags):
            means, rate = measured.means_dbm(tag, entry.begin_us, entry.end_us)
            if counts(tag) and np.isfinite(means).any():
                zones.append(site.zone_numbers[entry.zone])
                power.append(means)
                rates.append(rate)
    shape = (len(zones), len(site.antennas))
    looks = np.array(rates).reshape(shape)
    looks /= np.maximum(looks.max(axis=0, initial=0.0), 1e-9)
    looks /= np.maximum(looks.max(axis=1, keepdims=True, initial=0.0), 1e-9)
    apart = np.array([antenna.door is None for antenna in site.antennas], dtype=bool)
    share = np.where(apart, looks, 1.0)
    return np.array(zones, dtype=np.intp), whole_dbm(np.array(power).reshape(shape), share)


def _offsets(
    site: Site, zones: npt.NDArray[np.intp], power: Floats, prior: Floats, floor_dbm: float
) -> Floats:
    """How much better than physics expects antennas hear, those at doors left alone."""
    offsets = np.zeros(len(site.antennas))
    expected = prior[zones]
    some = np.isfinite(power - expected).any(axis=1)
    power, expected = power[some], expected[some]
    if not len(power):
        return offsets
    expected = expected + np.nanmedian(power - expected, axis=1, keepdims=True)
    # Of an antenna that should have heard a tag and did not it is known that it heard it no better
    # than what hardly can be heard.
    silent = np.isnan(power) & (expected > floor_dbm)
    off = np.where(silent, floor_dbm, power) - expected
    for number, antenna in enumerate(site.antennas):
        column = off[:, number]
        known = column[np.isfinite(column)]
        if antenna.door is None and len(known):
            offsets[number] = np.median(known) * len(known) / (len(known) + HALF_BELIEVED)
    return np.where(np.abs(offsets) >= LEAST_DB, offsets, 0.0)


def _zone(
    power: Floats, prior: Floats, floor_dbm: Floats, prior_tags: float
) -> tuple[Floats, Floats]:
    """One zone's power by antenna, NaN where no tag was heard; and that of each of its tags.

    Of a tag its own level is taken off; what was not heard of it is as weak as it must be.
    """
    heard = np.isfinite(power)
    expected = np.where(np.isfinite(prior), prior, 0.0)
    weight = np.where(np.isfinite(prior), prior_tags, 0.0)
    mean = expected
    for _ in range(ROUNDS):
        level = np.nanmean(np.where(heard, power - mean, np.nan), axis=1, keepdims=True)
        # What was not heard is as weak as what hardly can be heard, or weaker.
        unheard = np.minimum(floor_dbm - level, mean)
        own = np.where(heard, power - level, unheard)
        mean = (own.sum(axis=0) + weight * expected) / (len(power) + weight)
    return np.where(heard.any(axis=0), mean, np.nan), np.where(heard, own, np.nan)


def _prior_tags(zones: list[tuple[Floats, Floats]]) -> float:
    """How many tags the physical expectation is worth, by how well it does in all zones.

    `zones` has the power of the tags of each, their levels taken off, and what physics expects.
    """
    scatter, off, chance = [], [], []
    for own, expected in zones:
        often = (np.isfinite(own).mean(axis=0) >= OFTEN) & np.isfinite(expected)
        heard = own[:, often]
        heard = heard[np.isfinite(heard).all(axis=1)]
        tags, antennas = heard.shape
        if tags < LEAST_TAGS or antennas < LEAST_ANTENNAS:
            continue
        heard = heard - heard.mean(axis=1, keepdims=True)
        # Levels that were taken off have taken some of the scatter with them.
        spread = heard.var(axis=0, ddof=1).sum() / (antennas - 1)
        scatter.append(spread)
        off.append(np.var(heard.mean(axis=0) - expected[often], ddof=1))
        chance.append(spread / tags)
    if not off:
        return LEAST_PRIOR_TAGS
    wrong = max(float(np.mean(off) - np.mean(chance)), 1e-9)
    return float(np.clip(np.mean(scatter) / wrong, LEAST_PRIOR_TAGS, MOST_PRIOR_TAGS))

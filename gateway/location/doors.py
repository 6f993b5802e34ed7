"""Doors: did the tag pass, and which way?

A case opens when a tag's power stands out over its own baseline at a door; it is announced when
the classifier is fairly sure, and confirmed once the tag has stayed on its new side for a while.
A load that turns back looks like a passage until then.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.location import passage_model
from gateway.location.coverage import INSIDE, OUTSIDE, Coverage
from gateway.location.epochs import EPOCH_US
from gateway.location.explain import antenna_reads
from gateway.location.passage_model import Features, Floats
from gateway.location.sightings import Sightings
from gateway.location.states import NO_ZONE, TagStates
from gateway.location.tracks import BIN_US, SILENT_DBM, Numbers, Tracks
from gateway.model.device import SensorReading
from gateway.model.movement import Decision, Direction, Kind, Presence, Status, iso_utc

#: A case opens at this much over the baseline, on the side where it stands out more.
OPEN_DB = 6.0
PROVISIONAL = 0.85
CONFIRMED = 0.95
SETTLE_S = 2.5  # how long the new side must have held
SETTLE_WITH_BEAMS_S = 1.5
GIVE_UP_S = 7.0
#: Tags whose crossings are this close travel together.
GROUP_S = 1.5
#: Doors compete within this many bins of the crossing.
RIVAL_BINS = 8
BEAM_US = 4_000_000
#: A tag that arrived where a passage leads may have been put there by its first reads: the passage
#: counts when it came this soon after them, and is this sure.
FIRST_READS_US = 8_000_000
CONTRADICTS = 0.98


class Doors:
    """Decides passages of tags, and knows which tags are just now at a door."""

    def __init__(self, coverage: Coverage, states: TagStates) -> None:
        self._coverage, self._states = coverage, states
        self._tracks = Tracks(coverage)
        site = coverage.site
        self._doors = len(site.doors)
        self._beam_of = {
            d.inner_beam: (n, INSIDE) for n, d in enumerate(site.doors) if d.inner_beam
        }
        self._beam_of |= {
            d.outer_beam: (n, OUTSIDE) for n, d in enumerate(site.doors) if d.outer_beam
        }
        self._beams: dict[tuple[int, int], list[int]] = {}  # (door, side) → times it was broken
        self.open_tags: Numbers = np.zeros(0, dtype=np.intp)

    @property
    def busy(self) -> bool:
        """Whether any tag is at a door: time alone may decide."""
        return len(self._tracks) > 0

    def observe(self, sightings: Sightings, sensors: Iterable[SensorReading], end_us: int) -> None:
        """Enter one epoch."""
        for reading in sensors:
            spot = self._beam_of.get(reading.sensor)
            if spot is not None and reading.value is True:
                times = self._beams.setdefault(spot, [])
                times.append(reading.time_us)
                del times[:-16]
        self._tracks.advance(end_us)
        self._tracks.add(sightings)

    def side_first_seen(self, tag: int, door: int, end_us: int) -> int:
        """The side on which a tag was stronger when it was first seen at a door of late."""
        row = self._tracks.row_of(tag, door)
        if row is None:
            return INSIDE
        order = passage_model.order_features(*self._tracks.window(np.array([row]), end_us))
        return OUTSIDE if order["first_side"][0] > 0.0 else INSIDE

    def decide(self, end_us: int) -> list[Decision]:
        """Passages that are announced or confirmed at the end of this epoch."""
        if end_us // BIN_US == (end_us - EPOCH_US) // BIN_US:
            return []  # nothing has been added to the picture but part of a bin
        rows = self._candidates(end_us)
        self.open_tags = np.zeros(0, dtype=np.intp)
        if not len(rows):
            return []
        features = self._features(rows, end_us)
        chances = passage_model.probabilities(features)
        outward = chances[:, 0] > chances[:, 1]
        chance = np.where(outward, chances[:, 0], chances[:, 1])
        settle = np.where(features.beams_s != 0.0, SETTLE_WITH_BEAMS_S, SETTLE_S)
        after = np.where(outward, features.last_side, -features.last_side) > 0.0
        ripe = (features.since_peak_s >= settle) & after & (chance >= CONFIRMED)
        early = (features.since_peak_s >= 0.5) & (chance >= PROVISIONAL) & ~ripe
        spent = (features.since_peak_s >= GIVE_UP_S) & ~ripe
        tracks, decisions = self._tracks, []
        for i in np.flatnonzero(ripe | early).tolist():
            row, sign = int(rows[i]), 1 if outward[i] else -1
            confirmed = bool(ripe[i])
            if not confirmed and tracks.announced[row] == sign:
                continue
            decision = self._decision(row, i, features, chances[i], bool(outward[i]), confirmed)
            if decision is not None:
                decisions.append(decision)
            tracks.announced[row] = 0 if confirmed else sign
        done = rows[ripe | spent]
        tracks.settled_us[done] = end_us
        tracks.announced[done] = 0
        still = rows[~(ripe | spent) & (chance >= 0.3)]
        self.open_tags = np.unique(tracks.tag[still])
        return decisions

    def _candidates(self, end_us: int) -> Numbers:
        """Tracks that stood out over their baseline of late, and are not settled."""
        tracks = self._tracks
        if not len(tracks):
            return np.zeros(0, dtype=np.intp)
        recent_us = tracks.last_us.max(axis=1)
        live = np.flatnonzero((recent_us > end_us - 10_000_000) & (recent_us > tracks.settled_us))
        peaks = tracks.peak_dbm[live].max(axis=2)
        prominence = np.where(peaks > SILENT_DBM, peaks - tracks.baseline_dbm[live], -99.0)
        return np.asarray(live[prominence.max(axis=1) >= OPEN_DB])

    def _features(self, rows: Numbers, end_us: int) -> Features:
        tracks = self._tracks
        power, ages_s = tracks.window(rows, end_us)
        order = passage_model.order_features(power, ages_s)
        peak_dbm = order["peak_dbm"]
        heard = peak_dbm > float(SILENT_DBM)
        both = heard[:, INSIDE] & heard[:, OUTSIDE]
        prominence = np.where(heard, peak_dbm - tracks.baseline_dbm[rows], 0.0)
        weaker = np.where(both, prominence.min(axis=1), prominence.max(axis=1))
        centroid_s = np.where(both, np.diff(order["centroid_s"], axis=1)[:, 0], 0.0)
        peaks_s = np.where(both, np.diff(order["peak_s"], axis=1)[:, 0], 0.0)
        top_s = order["peak_s"][np.arange(len(rows)), peak_dbm.argmax(axis=1)]
        crossing_s = np.where(both, order["centroid_s"].mean(axis=1), top_s)
        last_peak_s = np.where(both, order["peak_s"].max(axis=1), top_s)
        crossing_us = end_us + np.round(crossing_s * 1e6).astype(np.int64)
        group_s, group = self._groups(rows, crossing_s, centroid_s, prominence.max(axis=1))
        return Features(
            centroid_s=centroid_s,
            peaks_s=peaks_s,
            last_side=order["last_side"],
            first_side=order["first_side"],
            prominence_db=weaker,
            rivalry_db=self._rivalry(rows, power, np.searchsorted(ages_s, crossing_s)),
            from_inside=self._prior(rows, self._coverage.inside),
            from_outside=self._prior(rows, self._coverage.outside),
            group_s=group_s,
            group=group,
            beams_s=self._beam_order(tracks.door[rows], crossing_us),
            both=both,
            since_peak_s=-last_peak_s,
            crossing_us=crossing_us,
        )

    def _groups(
        self, rows: Numbers, crossing_s: Floats, centroid_s: Floats, prominence: Floats
    ) -> tuple[Floats, Floats]:
        """Mean order and number of the other tags that crossed at the same door and time."""
        order, size = np.zeros(len(rows)), np.zeros(len(rows))
        doors = self._tracks.door[rows]
        clipped = np.clip(centroid_s, -2.5, 2.5)
        for door in np.unique(doors).tolist():
            here = np.flatnonzero(doors == door)
            near = np.abs(crossing_s[here, None] - crossing_s[None, here]) <= GROUP_S
            near &= prominence[here] >= OPEN_DB
            np.fill_diagonal(near, val=False)
            size[here] = near.sum(axis=1)
            order[here] = (near @ clipped[here]) / np.maximum(size[here], 1.0)
        return order, size

    def _rivalry(self, rows: Numbers, power: npt.NDArray[np.float32], at: Numbers) -> Floats:
        """How much stronger the tag was here than at other doors around its crossing, in dB."""
        tracks = self._tracks
        margin = np.full(len(rows), 10.0)
        tags = tracks.tag
        several = np.flatnonzero(np.bincount(tags, minlength=1) > 1)
        mine = np.flatnonzero(np.isin(tags[rows], several))
        if not len(mine):
            return margin
        around = np.abs(np.arange(power.shape[2])[None, :] - at[mine, None]) <= RIVAL_BINS
        here_dbm = np.where(around, power[mine].max(axis=1), SILENT_DBM).max(axis=1)
        others_dbm = np.full(len(mine), SILENT_DBM)
        strongest = tracks.recent().max(axis=1)
        for shift in range(1, self._doors):
            # Tracks are ordered by tag: those of one tag are neighbours.
            for neighbour in (rows[mine] - shift, rows[mine] + shift):
                valid = (neighbour >= 0) & (neighbour < len(tags))
                valid &= tags[np.clip(neighbour, 0, len(tags) - 1)] == tags[rows[mine]]
                heard = strongest[np.clip(neighbour, 0, len(tags) - 1)]
                best = np.where(around, heard, SILENT_DBM).max(axis=1)
                others_dbm = np.maximum(others_dbm, np.where(valid, best, SILENT_DBM))
        margin[mine] = np.minimum(10.0, here_dbm - others_dbm)
        return margin

    def _prior(self, rows: Numbers, origin: npt.NDArray[np.int16]) -> Floats:
        """+1 where the tag is in the zone that a passage would start from, -1 where it is not."""
        tags, states = self._tracks.tag[rows], self._states
        there = states.zone[tags] == origin[self._tracks.door[rows]]
        known = states.presence[tags] == Presence.PRESENT
        return np.where(known, np.where(there, 1.0, -1.0), 0.0)

    def _beam_order(self, doors: Numbers, crossing_us: npt.NDArray[np.int64]) -> Floats:
        """Outer minus inner beam in seconds, of the breaks nearest to the crossing; else 0."""
        order = np.zeros(len(doors))
        for door in np.unique(doors).tolist():
            sides = [self._beams.get((door, side)) for side in (INSIDE, OUTSIDE)]
            if not all(sides):
                continue
            here = np.flatnonzero(doors == door)
            inner_us, outer_us = (_nearest(crossing_us[here], times) for times in sides)
            near = np.maximum(
                np.abs(inner_us - crossing_us[here]), np.abs(outer_us - crossing_us[here])
            )
            order[here] = np.where(near <= BEAM_US, (outer_us - inner_us) / 1e6, 0.0)
        return order

    def _decision(
        self, row: int, i: int, features: Features, chances: npt.NDArray[np.float64],
        outward: bool, confirmed: bool,
    ) -> Decision | None:  # fmt: skip
        tracks, states, site = self._tracks, self._states, self._coverage.site
        tag, door = int(tracks.tag[row]), site.doors[int(tracks.door[row])]
        to_zone, behind = (door.outside, door.inside) if outward else (door.inside, door.outside)
        here = int(states.zone[tag]) if states.presence[tag] == Presence.PRESENT else NO_ZONE
        event_us = max(int(features.crossing_us[i]), int(states.since_us[tag]))
        if here == site.zone_numbers[to_zone]:
            arrived_us = event_us - int(states.since_us[tag])
            if arrived_us > FIRST_READS_US or states.seq[tag] > 1 or chances.max() < CONTRADICTS:
                return None
            here = NO_ZONE
        from_zone = site.zones[here].id if here != NO_ZONE else behind
        evidence = {
            "reads": antenna_reads(site, states, tag),
            "sensors": self._sensor_story(int(tracks.door[row]), event_us),
            "runner_up": {
                "what": "no passage" if chances[2] >= chances[:2].min() else "the other way",
                "probability": round(float(np.sort(chances)[-2]), 4),
            },
            "reasons": passage_model.reasons(features, i, outward),
            "tags_alongside": int(features.group[i]),
        }
        return Decision(
            tag=tag,
            kind=Kind.MOVED,
            status=Status.CONFIRMED if confirmed else Status.PROVISIONAL,
            event_time_us=event_us,
            from_zone=from_zone,
            to_zone=to_zone,
            door=door.id,
            direction=Direction.OUT if outward else Direction.IN,
            confidence=float(chances[0] if outward else chances[1]),
            dwell_s=(event_us - int(states.since_us[tag])) / 1e6 if here != NO_ZONE else None,
            evidence=evidence,
        )

    def _sensor_story(self, door: int, at_us: int) -> list[dict[str, str]]:
        beams = [(s, spot) for s, spot in self._beam_of.items() if spot[0] == door]
        story = [
            {"sensor": sensor, "broken": iso_utc(time_us)}
            for sensor, spot in beams
            for time_us in self._beams.get(spot, ())
            if abs(time_us - at_us) <= BEAM_US
        ]
        return sorted(story, key=lambda change: change["broken"])


def _nearest(at_us: npt.NDArray[np.int64], times_us: list[int] | None) -> npt.NDArray[np.int64]:
    """For each moment the nearest of `times_us`."""
    times = np.array(times_us)
    return np.asarray(times[np.abs(times[None, :] - at_us[:, None]).argmin(axis=1)])

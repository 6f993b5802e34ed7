"""Scoring zones and bins: where tags were believed to be, second by second, and where they were.

A tag counts from its first read on: of one that was never read nobody can know anything. Zones are
*settled* while the tag surely stands still; bins and flaps are asked of settled tags only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import NO_LOAD, Seen, Span, Truth
from gateway.bench.calls import NOWHERE, Call
from gateway.bench.scoring import READABLE_READS, clipped
from gateway.model.movement import Status
from gateway.model.place import Site

SAMPLE_US = 1_000_000
#: A tag that is so surely in another column for so many samples raises an alert for its carton.
ELSEWHERE = 0.98
MISPLACED_SAMPLES = 60
#: A carton that has stood elsewhere for so much longer should have raised one.
TELLABLE_SAMPLES = MISPLACED_SAMPLES + 15
#: Far from every column.
NO_COLUMN = -1_000_000

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Belief = tuple[Ints, Ints]  # since when, which zone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    """One tag of a carton: arrays by sample, and what was said of it."""

    there: Ints  # columns
    believed: Ints
    asked: Flags
    calls: list[Call]


def score_zones(
    truth: Truth, calls: Iterable[Call], seen: Seen, span: Span, column_of: Ints, tally: Tally
) -> None:
    """Add to `tally` everything about zones, and about bins where zones have a column.

    `column_of` is by zone number, its last entry for nowhere; `NO_COLUMN` where there is none.
    """
    samples = np.arange(span[0], span[1], SAMPLE_US, dtype=np.int64)
    told = _told(calls)
    cartons: dict[tuple[int, str | None], list[_Tag]] = defaultdict(list)
    for tag, facts in truth.zones.items():
        first_us, load = seen.first_us(tag), truth.load_of.get(tag, NO_LOAD)
        if first_us is None:
            continue
        belief = _belief(told[tag])
        there, believed = _at(samples, facts), _at(samples, belief)
        known = (samples >= first_us) & (there != NOWHERE)
        settled = known & _stands(truth, tag, samples)
        right = believed == there
        tally.add("zone_known", load, np.count_nonzero(known))
        tally.add("zone_right", load, np.count_nonzero(known & right))
        tally.add("zone_settled", load, np.count_nonzero(settled))
        tally.add("zone_settled_right", load, np.count_nonzero(settled & right))
        _count_flaps(truth, tag, belief, seen, span, tally)
        asked = settled & (column_of[there] != NO_COLUMN)
        if asked.any():
            carton = truth.carton_of.get(tag)
            cartons[load, carton].append(
                _Tag(
                    there=column_of[there],
                    believed=column_of[believed],
                    asked=asked,
                    calls=told[tag],
                )
            )
    for (load, _), tags in cartons.items():
        column = _count_columns(load, tags, tally)
        _count_misplaced(load, column, tags, column_of, samples, tally)


def columns_by_number(site: Site, columns: dict[str, int]) -> Ints:
    """Columns by zone id as an array by zone number, with an entry for nowhere."""
    known = [columns.get(zone.id, NO_COLUMN) for zone in site.zones]
    return np.array([*known, NO_COLUMN], dtype=np.int64)


def _told(calls: Iterable[Call]) -> dict[int, list[Call]]:
    """Tag → what was said of it for good, in order of decision."""
    told: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.status is not Status.PROVISIONAL:
            told[call.tag].append(call)
    for said in told.values():
        said.sort(key=lambda call: call.decided_us)
    return told


def _belief(said: list[Call]) -> Belief:
    """From when on which zone was believed."""
    times = np.array([call.decided_us for call in said], dtype=np.int64)
    zones = np.array([call.zone for call in said], dtype=np.int64)
    changed = np.ones(len(zones), dtype=bool)
    changed[1:] = zones[1:] != zones[:-1]
    return times[changed], zones[changed]


def _at(samples: Ints, belief: Belief) -> Ints:
    """The zone at each time; nowhere before the first."""
    since_us, zones = belief
    last = np.searchsorted(since_us, samples, side="right")
    return np.concatenate([[NOWHERE], zones])[last]


def _stands(truth: Truth, tag: int, samples: Ints) -> Flags:
    stands: Flags = np.zeros(len(samples), dtype=bool)
    for start, end in truth.standing.get(tag, ()):
        stands |= (samples >= start) & (samples < end)
    return stands


def _count_flaps(
    truth: Truth, tag: int, belief: Belief, seen: Seen, span: Span, tally: Tally
) -> None:
    """Changes of mind, the first one apart, about a tag that stands still and is read."""
    load, changes = truth.load_of.get(tag, NO_LOAD), belief[0][1:]
    for start, end in clipped(truth.standing.get(tag, ()), span):
        if seen.reads(tag, (start, end)) < READABLE_READS:
            continue
        tally.add("standing_days", load, (end - start) / 8.64e10)
        tally.add("flaps", load, np.count_nonzero((changes >= start) & (changes < end)))


def _count_columns(load: int, tags: list[_Tag], tally: Tally) -> Ints:
    """Columns of single tags, and of the carton (or load) by the vote of its tags.

    Gives the column where the carton is, by sample.
    """
    there, believed = (np.stack([getattr(t, name) for t in tags]) for name in ("there", "believed"))
    asked = np.stack([tag.asked for tag in tags])
    off = np.abs(believed - there)
    tally.add("column_known", load, np.count_nonzero(asked))
    tally.add("column_right", load, np.count_nonzero(asked & (off == 0)))
    tally.add("column_near", load, np.count_nonzero(asked & (off <= 1)))
    columns = np.unique(believed[asked & (believed != NO_COLUMN)])
    if load == NO_LOAD or not len(columns):
        columns = np.array([NO_COLUMN])
    votes = np.stack([np.count_nonzero(asked & (believed == c), axis=0) for c in columns])
    elected = np.where(votes.max(axis=0) > 0, columns[votes.argmax(axis=0)], NO_COLUMN)
    present = asked.any(axis=0)
    column: Ints = np.where(asked, there, NO_COLUMN).max(axis=0)
    apart = np.abs(elected - column)
    tally.add("carton_known", load, np.count_nonzero(present))
    tally.add("carton_right", load, np.count_nonzero(present & (apart == 0)))
    tally.add("carton_near", load, np.count_nonzero(present & (apart <= 1)))
    return column


def _count_misplaced(
    load: int, column: Ints, tags: list[_Tag], column_of: Ints, samples: Ints, tally: Tally
) -> None:
    """What a rule for misplaced stock would tell, did every carton belong where it stood first."""
    known = column != NO_COLUMN
    home = int(column[known][0])
    alarmed = np.zeros(len(samples), dtype=bool)
    for tag in tags:
        for start, end in _runs(_elsewhere(tag.calls, home, column_of, samples) >= ELSEWHERE):
            alarmed[start + MISPLACED_SAMPLES : end] = True
    for start, _ in _runs(alarmed):
        if known[start]:
            tally.add("misplaced", load)
            tally.add("misplaced_right", load, column[start] != home)
    for start, end in _runs(known & (column != home)):
        if end - start >= TELLABLE_SAMPLES:
            tally.add("misplaceable", load)
            tally.add("misplaced_told", load, alarmed[start:end].any())


def _elsewhere(said: list[Call], home: int, column_of: Ints, samples: Ints) -> Floats:
    """How likely a tag is in another column, as it was last said, by sample."""
    likely = [0.0]
    for call in said:
        if call.chances is None:
            likely.append(float(column_of[call.zone] not in (home, NO_COLUMN)))
        else:
            likely.append(sum(p for zone, p in call.chances.items() if column_of[zone] != home))
    last = np.searchsorted([call.decided_us for call in said], samples, side="right")
    return np.asarray(np.array(likely)[last])


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Where flags are set, from each first one until after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

"""Scoring zones and bins: where tags were believed to be, second by second, and where they were.

A tag counts from its first read on: of one that was never read nobody can know anything. Zones are
*settled* while the tag surely stands still; bins and flaps are asked of settled tags only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import NO_LOAD, Seen, Span, Truth
from gateway.bench.calls import NOWHERE, Call
from gateway.bench.scoring import READABLE_READS, clipped
from gateway.model.movement import Status
from gateway.model.place import Site

SAMPLE_US = 1_000_000
#: A carton believed elsewhere for so many samples would raise an alert.
MISPLACED_SAMPLES = 60
#: Far from every column.
NO_COLUMN = -1_000_000

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Belief = tuple[Ints, Ints]  # since when, which zone


def score_zones(
    truth: Truth, calls: Iterable[Call], seen: Seen, span: Span, column_of: Ints, tally: Tally
) -> None:
    """Add to `tally` everything about zones, and about bins where zones have a column.

    `column_of` is by zone number, its last entry for nowhere; `NO_COLUMN` where there is none.
    """
    samples = np.arange(span[0], span[1], SAMPLE_US, dtype=np.int64)
    beliefs = _beliefs(calls)
    nothing: Belief = (samples[:0], samples[:0])
    cartons: dict[tuple[int, str | None], list[tuple[Ints, Ints, Flags]]] = defaultdict(list)
    for tag, facts in truth.zones.items():
        first_us, load = seen.first_us(tag), truth.load_of.get(tag, NO_LOAD)
        if first_us is None:
            continue
        belief = beliefs.get(tag, nothing)
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
            cartons[load, carton].append((column_of[there], column_of[believed], asked))
    for (load, _), tags in cartons.items():
        _count_columns(load, tags, tally)


def columns_by_number(site: Site, columns: dict[str, int]) -> Ints:
    """Columns by zone id as an array by zone number, with an entry for nowhere."""
    known = [columns.get(zone.id, NO_COLUMN) for zone in site.zones]
    return np.array([*known, NO_COLUMN], dtype=np.int64)


def _beliefs(calls: Iterable[Call]) -> dict[int, Belief]:
    """Tag → from when on which zone was believed, in order of decision."""
    decided: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for call in calls:
        if call.status is not Status.PROVISIONAL:
            decided[call.tag].append((call.decided_us, call.zone))
    beliefs = {}
    for tag, told in decided.items():
        times, zones = np.array(sorted(told, key=lambda t: t[0]), dtype=np.int64).T
        changed = np.concatenate([[True], zones[1:] != zones[:-1]])
        beliefs[tag] = (times[changed], zones[changed])
    return beliefs


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


def _count_columns(load: int, tags: list[tuple[Ints, Ints, Flags]], tally: Tally) -> None:
    """Columns of single tags, and of the carton (or load) by the vote of its tags."""
    there, believed, asked = (np.stack(part) for part in zip(*tags, strict=True))
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
    column = np.where(asked, there, NO_COLUMN).max(axis=0)
    apart = np.abs(elected - column)
    tally.add("carton_known", load, np.count_nonzero(present))
    tally.add("carton_right", load, np.count_nonzero(present & (apart == 0)))
    tally.add("carton_near", load, np.count_nonzero(present & (apart <= 1)))
    _count_misplaced(load, column, elected, tally)


def _count_misplaced(load: int, column: Ints, elected: Ints, tally: Tally) -> None:
    """Cartons believed in another column than their first one for a minute: are they there?

    What an alert for misplaced stock would say, did every carton belong where it stood first.
    """
    known = column[column != NO_COLUMN]
    if not len(known):
        return
    away = (elected != NO_COLUMN) & (elected != known[0])
    ends = np.concatenate([away[1:] & (elected[1:] == elected[:-1]), [False]])
    start = 0
    for end in np.flatnonzero(~ends).tolist():
        alarmed = start + MISPLACED_SAMPLES
        if away[end] and alarmed <= end and column[alarmed] != NO_COLUMN:
            tally.add("misplaced", load)
            tally.add("misplaced_right", load, column[alarmed] != known[0])
        start = end + 1

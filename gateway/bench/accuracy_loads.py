"""Scoring passages: what a supervisor sees — one load through one door, with what was on it.

Only the gateway joins tags to passages; the baselines know nothing but tags.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import NO_LOAD, PalletCrossing, Seen, Span, Truth
from gateway.bench.scoring import NEAR_US, readable, within
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.model.tags import TagIndex


def score_loads(
    truth: Truth, outcomes: Iterable[Outcome], seen: Seen, span: Span, tally: Tally,
    site: Site, tags: TagIndex,
) -> None:  # fmt: skip
    """Add to `tally` how the passages of the gateway fit what crossed.

    A pallet's passage is that which holds most of its readable tags; it must hold at least half of
    them. A pallet is split when several passages hold some. A passage with tags is false when no
    pallet crossed there at the time. An empty crossing is found by a passage without tags.
    """
    passages = [p for o in outcomes for p in o.passages if p.direction is not None or not p.epcs]
    loaded = [
        (p, frozenset(tags.add(bytes.fromhex(epc)) for epc in p.epcs)) for p in passages if p.epcs
    ]
    for crossed in truth.pallets:
        at_us = crossed.time_us
        read = {tag for tag in crossed.tags if readable(seen, tag, crossed.door, at_us)}
        if not read or not within(at_us, span):
            continue
        fitting = [held for passage, held in loaded if _fits(passage, crossed, site)]
        shares = [len(read & held) for held in fitting if read & held]
        tally.add("passable", crossed.load)
        tally.add("passages_found", crossed.load, 2 * max(shares, default=0) >= len(read))
        tally.add("pallets_split", crossed.load, len(shares) > 1)
    for passage, held in loaded:
        if within(passage.event_time_us, span):
            load = truth.load_of.get(min(held), NO_LOAD)
            right = any(_fits(passage, crossed, site) for crossed in truth.pallets)
            tally.add("passages", load)
            tally.add("passages_right", load, right)
    empty = [p for p in passages if not p.epcs]
    for crossing in truth.empties:
        if within(crossing.time_us, span):
            tally.add("empties", NO_LOAD)
            found = any(_meets(p, crossing.door, crossing.time_us, site) for p in empty)
            tally.add("empties_found", NO_LOAD, found)


def _fits(passage: Passage, crossed: PalletCrossing, site: Site) -> bool:
    same_way = passage.direction == crossed.direction
    return same_way and _meets(passage, crossed.door, crossed.time_us, site)


def _meets(passage: Passage, door: int, time_us: int, site: Site) -> bool:
    """Whether a passage was at a door at a time, or nearly so."""
    near = passage.start_us - NEAR_US <= time_us <= passage.end_us + NEAR_US
    return near and site.door_numbers[passage.door] == door

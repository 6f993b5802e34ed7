"""Scoring passages: what a supervisor sees — one load through one door, with what was on it.

Only the gateway joins tags to passages; the baselines know nothing but tags.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import PalletCrossing, Seen, Span, Truth
from gateway.bench.scoring import NEAR_US, readable
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.model.tags import TagIndex


def score_loads(
    truth: Truth, outcomes: Iterable[Outcome], seen: Seen, span: Span, tally: Tally,
    site: Site, tags: TagIndex,
) -> None:  # fmt: skip
    """Add to `tally` how the passages of the gateway fit the pallets that crossed.

    A pallet's passage is that which holds most of its readable tags; it must hold at least half of
    them. A pallet is split when several passages hold some. A passage without any pallet that
    crossed there at the time is false; one without tags says nothing of pallets and is left out.
    """
    passages = [p for o in outcomes for p in o.passages if p.epcs and p.direction is not None]
    carried = [frozenset(tags.add(bytes.fromhex(epc)) for epc in p.epcs) for p in passages]
    for load in truth.pallets:
        read = {tag for tag in load.tags if readable(seen, tag, load.door, load.time_us)}
        if not read or not span[0] <= load.time_us <= span[1]:
            continue
        held = [
            len(read & on_it)
            for passage, on_it in zip(passages, carried, strict=True)
            if _fits(passage, load, site) and read & on_it
        ]
        tally.add("loads", load.pallet)
        tally.add("loads_found", load.pallet, 2 * max(held, default=0) >= len(read))
        tally.add("loads_split", load.pallet, len(held) > 1)
    for passage, on_it in zip(passages, carried, strict=True):
        if span[0] <= passage.event_time_us <= span[1]:
            pallet = truth.pallet_of.get(min(on_it), -1)
            right = any(_fits(passage, load, site) for load in truth.pallets)
            tally.add("passages", pallet)
            tally.add("passages_right", pallet, right)


def _fits(passage: Passage, load: PalletCrossing, site: Site) -> bool:
    return (
        site.door_numbers[passage.door] == load.door
        and passage.direction == load.direction
        and passage.start_us - NEAR_US <= load.time_us <= passage.end_us + NEAR_US
    )

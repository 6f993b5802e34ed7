"""Scoring: the calls of a detector against the truth, added up per load.

A call belongs to a crossing of the same tag through the same door within 5 s of it, one to one, the
nearest pairs first; whether it has the direction right is asked of pairs only. Tags of one load (a
pallet, a loose carton) move together, and so do the mistakes with them: everything is therefore
added up per load, and whoever wants intervals draws loads (`accuracy_figures.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import NO_LOAD, Crossing, PalletCrossing, Seen, Span, Truth
from gateway.bench.calls import NO_DOOR, Call
from gateway.model.movement import Direction, Status

NEAR_US = 5_000_000
#: A crossing is readable when the tag was read at that door so often within this time of it.
READABLE_US = 3_000_000
READABLE_READS = 2
#: A call with at least this confidence claims to be as good as certain.
SURE = 0.99


def score_doors(truth: Truth, calls: Iterable[Call], seen: Seen, span: Span) -> Tally:
    """Everything about doors and standing tags, of what happened within `span`."""
    tally = Tally(len(truth.members))
    told, announced, retracted = _sorted_out(calls)
    final = [call for call in told if call.id not in retracted]
    pairs = match(truth.crossings, final)
    for call in told:
        load = truth.load_of.get(call.tag, NO_LOAD)
        if within(call.event_us, span):
            tally.add("told", load)
            tally.add("retracted", load, call.id in retracted)
    _count_crossings(truth, pairs, seen, span, tally)
    false = _count_calls(truth, pairs, final, span, tally)
    _count_announced(truth, announced, final, span, tally)
    _count_latencies(truth, pairs, announced, span, tally)
    _count_standing(truth, false, seen, span, tally)
    _count_pallets(truth, pairs, false, seen, span, tally)
    return tally


def match(crossings: list[Crossing], calls: list[Call]) -> dict[int, Call]:
    """Index of a crossing → the call that belongs to it."""
    by_place: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, call in enumerate(calls):
        by_place[call.tag, call.door].append(number)
    near = [
        (abs(calls[c].event_us - crossing.time_us), n, c)
        for n, crossing in enumerate(crossings)
        for c in by_place.get((crossing.tag, crossing.door), ())
        if abs(calls[c].event_us - crossing.time_us) <= NEAR_US
    ]
    pairs: dict[int, Call] = {}
    used: set[int] = set()
    for _, n, c in sorted(near):
        if n not in pairs and c not in used:
            pairs[n] = calls[c]
            used.add(c)
    return pairs


def _sorted_out(calls: Iterable[Call]) -> tuple[list[Call], list[Call], set[str]]:
    """Passages that were told, those that were announced, and the ids that were taken back."""
    told, announced, retracted = list[Call](), list[Call](), set[str]()
    for call in calls:
        if call.door == NO_DOOR or call.direction is None:
            continue
        if call.status is Status.RETRACTED:
            retracted.add(call.id)
        else:
            (announced if call.status is Status.PROVISIONAL else told).append(call)
    return told, announced, retracted


def _count_crossings(
    truth: Truth, pairs: dict[int, Call], seen: Seen, span: Span, tally: Tally
) -> None:
    for number, crossing in enumerate(truth.crossings):
        if not within(crossing.time_us, span):
            continue
        load, call = truth.load_of.get(crossing.tag, NO_LOAD), pairs.get(number)
        could_be_read = readable(seen, crossing.tag, crossing.door, crossing.time_us)
        tally.add("crossings", load)
        tally.add("readable", load, could_be_read)
        if call is not None:
            tally.add("found", load)
            tally.add("readable_found", load, could_be_read)
            tally.add("right_way", load, call.direction == crossing.direction)


def _count_calls(
    truth: Truth, pairs: dict[int, Call], final: list[Call], span: Span, tally: Tally
) -> list[Call]:
    """Count what stands in the end; returns the calls that belong to no crossing."""
    crossing_of = {id(call): truth.crossings[number] for number, call in pairs.items()}
    false = []
    for call in final:
        crossing = crossing_of.get(id(call))
        if not within(call.event_us if crossing is None else crossing.time_us, span):
            continue
        load = truth.load_of.get(call.tag, NO_LOAD)
        tally.add("calls", load)
        tally.add("true_calls", load, crossing is not None)
        if crossing is None:
            false.append(call)
        if call.confidence is not None:
            right = crossing is not None and call.direction == crossing.direction
            tally.confidences.append((call.confidence, right, load))
            tally.add("sure", load, call.confidence >= SURE)
            tally.add("sure_right", load, right and call.confidence >= SURE)
    return false


def _count_announced(
    truth: Truth, announced: list[Call], final: list[Call], span: Span, tally: Tally
) -> None:
    """What was announced, and what of it never came."""
    by_passage: dict[tuple[int, int, Direction | None], list[int]] = defaultdict(list)
    for call in final:
        by_passage[call.tag, call.door, call.direction].append(call.event_us)
    for call in announced:
        if not within(call.event_us, span):
            continue
        came = by_passage.get((call.tag, call.door, call.direction), ())
        load = truth.load_of.get(call.tag, NO_LOAD)
        tally.add("announced", load)
        tally.add("withdrawn", load, all(abs(t - call.event_us) > NEAR_US for t in came))


def _count_latencies(
    truth: Truth, pairs: dict[int, Call], announced: list[Call], span: Span, tally: Tally
) -> None:
    """From each crossing to its call, and to the first word of it in the right direction."""
    words: dict[tuple[int, int, Direction | None], list[Call]] = defaultdict(list)
    for call in announced:
        words[call.tag, call.door, call.direction].append(call)
    for number, call in pairs.items():
        crossing = truth.crossings[number]
        if call.direction != crossing.direction or not within(crossing.time_us, span):
            continue
        load, crossed_us = truth.load_of.get(call.tag, NO_LOAD), crossing.time_us
        before = words.get((call.tag, call.door, call.direction), ())
        near = [w.decided_us for w in before if abs(w.event_us - crossed_us) <= NEAR_US]
        first_us = min([call.decided_us, *near])
        tally.latencies["confirmed_s"].append(((call.decided_us - crossed_us) / 1e6, load))
        tally.latencies["provisional_s"].append(((first_us - crossed_us) / 1e6, load))


def _count_standing(truth: Truth, false: list[Call], seen: Seen, span: Span, tally: Tally) -> None:
    """Hours in which tags stood still and were read at a door; passages that they made there.

    A tag is in the *mouth* of a door when it is read by both of its sides.
    """
    false_us: dict[int, list[int]] = defaultdict(list)
    for call in false:
        false_us[call.tag].append(call.event_us)
    for tag, spans in truth.standing.items():
        for start, end in clipped(spans, span):
            sides = seen.at_doors(tag, (start, end)).values()
            if all(sum(side) < READABLE_READS for side in sides):
                continue
            load, hours = truth.load_of.get(tag, NO_LOAD), (end - start) / 3.6e9
            wrong = sum(start <= t < end for t in false_us.get(tag, ()))
            tally.add("standing_h", load, hours)
            tally.add("standing_false", load, wrong)
            if any(min(side) >= READABLE_READS for side in sides):
                tally.add("mouth_h", load, hours)
                tally.add("mouth_false", load, wrong)


def _count_pallets(
    truth: Truth, pairs: dict[int, Call], false: list[Call], seen: Seen, span: Span, tally: Tally
) -> None:
    """A pallet is found when at least half of its readable tags are, in the right direction."""
    called: dict[tuple[int, int, Direction], list[int]] = defaultdict(list)
    for number, call in pairs.items():
        crossing = truth.crossings[number]
        if call.direction == crossing.direction:
            key = (crossing.tag, crossing.door, crossing.direction)
            called[key].append(crossing.time_us)
    for crossed in truth.pallets:
        if not within(crossed.time_us, span):
            continue
        door, load = crossed.door, crossed.load
        read = [tag for tag in crossed.tags if readable(seen, tag, door, crossed.time_us)]
        if not read:
            tally.add("pallets_unreadable", load)
            continue
        found = sum(_called(called, tag, crossed) for tag in read)
        tally.add("pallets", load)
        tally.add("pallets_found", load, 2 * found >= len(read))
    _count_false_pallets(truth, false, seen, tally)


def _called(
    called: dict[tuple[int, int, Direction], list[int]], tag: int, crossed: PalletCrossing
) -> bool:
    times = called.get((tag, crossed.door, crossed.direction), ())
    return any(abs(t - crossed.time_us) <= NEAR_US for t in times)


def _count_false_pallets(truth: Truth, false: list[Call], seen: Seen, tally: Tally) -> None:
    """A pallet passed falsely: so did at least half of its tags that were read there, and two."""
    by_load: dict[tuple[int, int, Direction | None], list[Call]] = defaultdict(list)
    for call in sorted(false, key=lambda call: call.event_us):
        load = truth.load_of.get(call.tag, NO_LOAD)
        if load != NO_LOAD:
            by_load[load, call.door, call.direction].append(call)
    for (load, door, _), calls in by_load.items():
        for together in _bursts(calls):
            first, last = together[0].event_us, together[-1].event_us
            around = (first - READABLE_US, last + READABLE_US)
            reads = [seen.at_door(tag, door, around) for tag in truth.members[load]]
            read = sum(count >= READABLE_READS for count in reads)
            tags = len({call.tag for call in together})
            tally.add("pallets_false", load, tags >= 2 and 2 * tags >= read)


def _bursts(calls: list[Call]) -> list[list[Call]]:
    """Calls in order of time, cut where nothing happened for a while."""
    bursts: list[list[Call]] = []
    for call in calls:
        if bursts and call.event_us - bursts[-1][-1].event_us <= NEAR_US:
            bursts[-1].append(call)
        else:
            bursts.append([call])
    return bursts


def readable(seen: Seen, tag: int, door: int, time_us: int) -> bool:
    """Whether a tag that crossed a door at a time was read there often enough to be noticed."""
    around = (time_us - READABLE_US, time_us + READABLE_US)
    return seen.at_door(tag, door, around) >= READABLE_READS


def clipped(spans: Iterable[Span], span: Span) -> list[Span]:
    """What of `spans` lies within `span`."""
    cut = [(max(start, span[0]), min(end, span[1])) for start, end in spans]
    return [(start, end) for start, end in cut if end > start]


def within(time_us: int, span: Span) -> bool:
    """Whether a time lies in a span, its ends included."""
    return span[0] <= time_us <= span[1]

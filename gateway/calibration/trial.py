"""Trial: a replay with some calibration, held against what the walks say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gateway.calibration.doors import Listener, Samples
from gateway.calibration.measured import Measured
from gateway.calibration.tape import TICK_US, Tape
from gateway.calibration.walks import Lying, Walk, What
from gateway.core import Core
from gateway.model.calibration import Calibration
from gateway.model.movement import Movement, Status
from gateway.model.tuning import LocationTuning
from gateway.replay import Replay

#: A movement belongs to a walk from so long before it until so long after it.
BEFORE_US, AFTER_US = 2_000_000, 3_000_000
#: After the last line time goes on for so long, so that everything is decided.
DECIDED_US = 10_000_000
#: A tag that is put down is asked for so much later, and again after each second.
SETTLES_US, SAMPLE_US = 8_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Score:
    """Counts; they add up."""

    passes: int = 0  # tags that were carried through a door
    found: int = 0  # told with the right door and direction
    false: int = 0  # told through any door, and not so
    zones: int = 0  # moments of tags that lay in a zone
    zones_right: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.passes + other.passes,
            self.found + other.found,
            self.false + other.false,
            self.zones + other.zones,
            self.zones_right + other.zones_right,
        )

    def cost(self, false_alarm_cost: float) -> float:
        """What its mistakes at doors cost; one passage missed costs 1."""
        return self.passes - self.found + false_alarm_cost * self.false


class Trial:
    """One replay of a tape, and what was decided in it."""

    def __init__(
        self,
        tape: Tape,
        tuning: LocationTuning,
        calibration: Calibration,
        samples: Samples | None = None,
    ) -> None:
        core = Core(tape.site, tape.tags, tuning, calibration=calibration)
        if samples is not None:
            core.engine.replace_doors(lambda coverage, states: Listener(coverage, states, samples))
        self._site = tape.site
        self._moves: dict[int, list[Movement]] = defaultdict(list)
        for outcome in Replay(core, tape).outcomes([], TICK_US, DECIDED_US):
            for movement in outcome.movements:
                self._moves[tape.tags.add(bytes.fromhex(movement.epc))].append(movement)

    def walks(self, asked: Iterable[Walk], known: Sequence[Walk], measured: Measured) -> Score:
        """How the walks that are asked for were told, out of all that are known of."""
        by_tag: dict[int, list[Walk]] = defaultdict(list)
        for walk in known:
            for tag in measured.tags(walk.tags):
                by_tag[tag].append(walk)
        right = {tag: self._right(tag, walks) for tag, walks in by_tag.items()}
        return sum((self._walk(walk, measured.tags(walk.tags), right) for walk in asked), Score())

    def zones(
        self, lying: Iterable[Lying], measured: Measured, counts: Callable[[int], bool]
    ) -> Score:
        """Where tags were believed that lay somewhere."""
        score = Score()
        for entry in lying:
            moments = range(entry.begin_us + SETTLES_US, entry.end_us, SAMPLE_US)
            for tag in filter(counts, measured.tags(entry.tags)):
                right = sum(self._zone(tag, at_us) == entry.zone for at_us in moments)
                score += Score(zones=len(moments), zones_right=right)
        return score

    def _right(self, tag: int, walks: Sequence[Walk]) -> dict[int, str]:
        """Number of a walk → the movement that tells of it; no movement tells of two."""
        found: dict[int, str] = {}
        for movement in self._standing(tag):
            for walk in walks:
                here = movement.door == walk.door and movement.direction == walk.what.value
                begin_us, end_us = walk.begin_us - BEFORE_US, walk.end_us + AFTER_US
                during = begin_us <= movement.event_time_us <= end_us
                if here and during and walk.number not in found:
                    found[walk.number] = movement.id
                    break
        return found

    def _walk(self, walk: Walk, tags: Sequence[int], right: dict[int, dict[int, str]]) -> Score:
        through, score = walk.what in (What.OUT, What.IN), Score()
        for tag in tags:
            explained = right[tag].values()
            false = sum(
                walk.begin_us <= m.event_time_us <= walk.end_us and m.id not in explained
                for m in self._standing(tag)
            )
            found = walk.number in right[tag]
            score += Score(passes=int(through), found=int(found), false=false)
        return score

    def _standing(self, tag: int) -> list[Movement]:
        """Passages of a tag that were not taken back."""
        moves = self._moves[tag]
        retracted = {m.id for m in moves if m.status is Status.RETRACTED}
        return [m for m in moves if m.direction is not None and m.id not in retracted]

    def _zone(self, tag: int, at_us: int) -> str | None:
        zone = None
        for movement in self._moves[tag]:
            if movement.record_time_us > at_us:
                break
            taken_back = movement.status is Status.RETRACTED
            zone = movement.from_zone if taken_back else movement.to_zone
        return zone

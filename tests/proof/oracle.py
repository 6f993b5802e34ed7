"""The oracle: what receivers were told against what really happened, tag by tag.

It knows the world and when the gateway could see it, and nothing of the gateway's own state.

* Lost: a tag stayed in a zone, the gateway saw it long enough, and was not told there.
* Phantom: a tag was told in a zone, or missing, when it was not.
* Order: each tag's movements are numbered 1, 2, 3 … and each leaves the zone that it was told in.
* Changed: one id with two bodies.
"""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.proof.world import Episode, Habits, S, World

#: Seen without a break for so long, a stay has to be told: the promise is 5 s, for what is read at
#: least each second.
TOLD_AFTER_US = 8 * S
#: A decision may fall so long after a tag has left: it was nearly made when it did.
LINGER_US = 12 * S
#: Timers look once a second, in simulated days once in ten, and a movement tells milliseconds.
SLACK_US = 13 * S
#: So far may an event be from the truth: what a reader's clock is off and not believed yet.
CLOCK_US = 3 * S
#: In a storage zone, by default.
MISSING_AFTER_US = 600 * S

Span = tuple[int, int]


class BrokenError(AssertionError):
    """A promise was broken; the message says which, and by what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A movement as a receiver has it; `decided_us` is the true time of the decision."""

    seq: int
    kind: str
    from_zone: str | None
    to_zone: str | None
    decided_us: int
    event_us: int | None = None  # None: the gateway's clock was stepped, so do not compare


@dataclass(slots=True)
class Verdict:
    """How much was compared."""

    movements: int = 0
    obliged: int = 0  # episodes that had to be told, and were
    repeated: int = 0  # deliveries beyond the first of the same id and body


@dataclass(slots=True)
class Watched:
    """When the gateway could see a zone and keep what it decided: spans of true time by zone."""

    spans: dict[int, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def add(self, zone: int, since_us: int, upto_us: int) -> None:
        """The zone was watched in this span."""
        if upto_us > since_us:
            self.spans[zone].append((since_us, upto_us))

    def longest_us(self, zone: int, since_us: int, upto_us: int) -> int:
        """The longest time without a break that a zone was watched in a span."""
        return max(
            (upto - since for since, upto in self.within(zone, since_us, upto_us)), default=0
        )

    def within(self, zone: int, since_us: int, upto_us: int) -> list[Span]:
        """When a zone was watched in a span."""
        spans = self.spans[zone]
        first = bisect.bisect_right(spans, since_us, key=lambda span: span[1])
        last = bisect.bisect_left(spans, upto_us, key=lambda span: span[0])
        return [(max(s, since_us), min(u, upto_us)) for s, u in spans[first:last]]


def unique(bodies: Iterable[bytes | str], name: str) -> tuple[list[dict[str, Any]], int]:
    """Movements in the order of their first delivery, and how many were repetitions."""
    first: dict[str, dict[str, Any]] = {}
    repeated = 0
    for body in bodies:
        movement = json.loads(body)
        before = first.setdefault(movement["id"], movement)
        if before is not movement:
            if before != movement:
                raise BrokenError(f"{name}: two bodies, one id: {before} and {movement}")
            repeated += 1
    return list(first.values()), repeated


def told_of(movement: dict[str, Any]) -> Told:
    """What a movement says, where the gateway's clock is the true one."""
    return Told(
        seq=movement["seq"],
        kind=movement["kind"],
        from_zone=movement["from"],
        to_zone=movement["to"],
        decided_us=microseconds(movement["record_time"]),
        event_us=microseconds(movement["event_time"]),
    )


def judge(
    world: World,
    zone_ids: Sequence[str],
    watched: Watched,
    told: dict[str, list[Told]],
    upto_us: int,
    *,
    linger_us: int = LINGER_US,
    known_after_us: int = 0,
) -> Verdict:
    """Compare what one receiver has, by EPC and in order of delivery, with the truth up to a time.

    A decision may fall `linger_us` after what it is about has ended; a move is asked for only when
    the zone that was left had been watched for `known_after_us`. Raises `BrokenError` with the
    first promise that was broken.
    """
    verdict = Verdict()
    strangers = told.keys() - {world.epc(tag).hex().upper() for tag in range(world.tags)}
    if strangers:
        raise BrokenError(f"phantom: {sorted(strangers)[:3]} do not exist")
    for tag in range(world.tags):
        epc = world.epc(tag).hex().upper()
        episodes = world.episodes(tag, upto_us)
        story = _Story(epc, zone_ids, episodes, told.get(epc, []), world.habits, linger_us)
        story.known_after_us = known_after_us
        story.check_movements()
        verdict.movements += len(told.get(epc, []))
        verdict.obliged += story.check_obligations(watched, upto_us)
    return verdict


class _Story:
    """One tag."""

    def __init__(
        self,
        epc: str,
        zone_ids: Sequence[str],
        episodes: Sequence[Episode],
        told: Sequence[Told],
        habits: Habits,
        linger_us: int,
    ) -> None:
        self._epc, self._ids, self._episodes, self._told = epc, zone_ids, episodes, told
        self._slack_us = habits.silence_us + SLACK_US
        self.known_after_us = 0
        self._often_us, self._linger_us = habits.often_us, linger_us

    def check_movements(self) -> None:
        """Every movement follows from the one before, and is true."""
        zone: str | None = None
        for number, movement in enumerate(self._told, start=1):
            if movement.seq != number:
                raise BrokenError(f"order: {self._epc} has number {movement.seq}, not {number}")
            if movement.from_zone != zone:
                raise BrokenError(f"order: {self._epc} was told in {zone}, and then: {movement}")
            if movement.kind in ("arrived", "moved"):
                if movement.to_zone == zone or (zone is None) != (movement.kind == "arrived"):
                    raise BrokenError(f"phantom: {self._epc} is in {zone}, and then: {movement}")
                self._check_entry(movement)
                zone = movement.to_zone
            elif movement.kind == "missing":
                self._check_absence(movement)
                zone = None
            else:
                raise BrokenError(f"phantom: {self._epc} never leaves the site: {movement}")

    def _check_entry(self, movement: Told) -> None:
        for episode in self._episodes:
            if (
                episode.zone is not None
                and self._ids[episode.zone] == movement.to_zone
                and episode.begin_us <= movement.decided_us <= episode.end_us + self._linger_us
                and _in_episode(movement.event_us, episode)
            ):
                return
        raise BrokenError(f"phantom: {self._epc} was not there: {self._near(movement)}")

    def _check_absence(self, movement: Told) -> None:
        """It was not where it was told to be, for as long as it takes to be missed there."""
        since_us = movement.decided_us - MISSING_AFTER_US + self._slack_us
        for episode in self._episodes:
            here = episode.zone is not None and self._ids[episode.zone] == movement.from_zone
            upto_us = min(episode.end_us, movement.decided_us - self._linger_us)
            if here and max(episode.begin_us, since_us) < upto_us:
                raise BrokenError(f"phantom: {self._epc} was not away: {self._near(movement)}")

    def check_obligations(self, watched: Watched, upto_us: int) -> int:
        """Whatever was seen for long enough was told when it was over; how much that was."""
        obliged = 0
        for episode in self._episodes:
            if episode.end_us > upto_us:
                break
            if episode.zone is None:
                seen_us, enough_us = self._missed_us(watched, episode), MISSING_AFTER_US + SLACK_US
            else:
                seen_us, enough_us = self._seen_us(watched, episode, episode.zone), TOLD_AFTER_US
            wanted = None if episode.zone is None else self._ids[episode.zone]
            told = self._states_within(episode.end_us, episode.end_us + self._linger_us)
            if seen_us > enough_us and wanted not in told:
                raise BrokenError(
                    f"lost: {self._epc} was told in {told[0]}, not in {wanted}, "
                    f"at the end of {episode} of which {seen_us / S:g} s were seen"
                )
            obliged += seen_us > enough_us
        return obliged

    def _missed_us(self, watched: Watched, episode: Episode) -> int:
        """How long the zone that a tag was told in could be seen without it."""
        before = self._state_at(episode.begin_us)
        if before is None:
            return 0
        return watched.longest_us(self._ids.index(before), episode.begin_us, episode.end_us)

    def _seen_us(self, watched: Watched, episode: Episode, zone: int) -> int:
        """How long a tag was seen in a zone, often, and seen not to be where it was told."""
        longest_us = 0
        for since_us, upto_us in watched.within(zone, episode.begin_us, episode.end_us):
            often_upto_us = min(upto_us, since_us + self._often_us)
            before = self._state_at(since_us)
            if before is None or before == self._ids[zone]:
                longest_us = max(longest_us, often_upto_us - since_us)
            else:
                home = self._ids.index(before)
                known = watched.longest_us(home, since_us - self.known_after_us, since_us)
                if known >= self.known_after_us:
                    longest_us = max(longest_us, watched.longest_us(home, since_us, often_upto_us))
        return longest_us

    def _states_within(self, since_us: int, upto_us: int) -> list[str | None]:
        later = [m.to_zone for m in self._told if since_us < m.decided_us <= upto_us]
        return [self._state_at(since_us), *later]

    def _state_at(self, time_us: int) -> str | None:
        zone = None
        for movement in self._told:
            if movement.decided_us > time_us:
                break
            zone = movement.to_zone
        return zone

    def _near(self, movement: Told) -> str:
        near = [e for e in self._episodes if e.begin_us <= movement.decided_us][-3:]
        return f"{movement}; it did {near}"


def _in_episode(event_us: int | None, episode: Episode) -> bool:
    return event_us is None or (
        episode.begin_us - CLOCK_US <= event_us <= episode.end_us + CLOCK_US
    )


def microseconds(text: str) -> int:
    """A time of the contracts as microseconds since the Unix epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1e3) * 1_000


def by_tag(movements: Iterable[dict[str, Any]]) -> dict[str, list[Told]]:
    """Movements of a receiver whose gateway has the true clock, by EPC."""
    told: dict[str, list[Told]] = defaultdict(list)
    for movement in movements:
        told[movement["epc"]].append(told_of(movement))
    return told

"""Whole days in seconds: the gateway's core, store and outbox on a clock that only we move.

    python -m tests.proof.days --seed 7 --hours 10

From a seed come a world, and what goes wrong in it: readers and sinks that are away, sinks that
take and fail, a host whose clock is stepped, a disk that takes nothing, ends in good order and
sudden deaths that take with them what was not committed. A seed always gives the same deliveries
at the same times; `Days.digest` is their fingerprint.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import heapq
import itertools
import json
import random
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.model.movement import iso_utc
from tests.proof.life import Life, Surroundings, directed
from tests.proof.oracle import LINGER_US, BrokenError, Told, Verdict, Watched, judge, microseconds
from tests.proof.sinks import FickleSink
from tests.proof.troubles import Trouble, troubles
from tests.proof.world import Habits, S, World

START_US = 1_795_262_400 * S
TAGS, ZONES = 8, 4
ZONE_IDS = tuple(f"zone-{number}" for number in range(ZONES))
#: The world as far as readers and people go about; busy, so that much happens in an hour.
HABITS = Habits(
    stay_s=(240.0, 2_400.0),
    absences=0.15,
    every_s=1.0,
    settled_after_s=12.0,
    settled_every_s=10.0,
)
TICK_S = 10.0
#: How often a tag is read at home, which its leaving is told by, takes so long to learn.
KNOWN_AFTER_US = 120 * S
#: At the end everything heals, and has this long to arrive.
CALM_S = 3_700.0


class Days:
    """One seed's days."""

    def __init__(self, seed: int, hours: float, folder: Path) -> None:
        self.seed, self.hours = seed, hours
        self.world = World(seed, TAGS, ZONES, START_US, HABITS)
        clocks = random.Random(f"{seed}/clocks")
        self.around = Surroundings(
            folder=folder,
            true_us=START_US,
            zones=ZONES,
            readers_ahead_us=[round(clocks.uniform(-50.0, 50.0) * S) for _ in range(ZONES)],
        )
        self.sinks = [FickleSink("plain", seed), FickleSink("choosy", seed, rejects=0.01)]
        self.watched = Watched()
        self.decided_us: dict[str, int] = {}  # id → true time of the decision that was committed
        self.lives = 0
        self._life: Life | None = None
        self._rng = random.Random(f"{seed}/lives")
        self._waits: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def run(self) -> Verdict:
        """Let the days go by, and judge; raises `BrokenError` with a way to see it again."""
        end_us = START_US + round(self.hours * 3_600 * S)
        coming = troubles(self.seed, START_US, end_us, ZONES, len(self.sinks))
        await self._begin()
        for number, trouble in enumerate(coming):
            await self._pass_time(trouble.at_us)
            await self._meet(trouble, number)
        await self._pass_time(end_us)
        self.around.heal()
        for sink in self.sinks:
            sink.fault = None
        await self._pass_time(end_us + round(CALM_S * S))
        await self._end(sudden=False)
        return self._judge(self.around.true_us)

    @property
    def digest(self) -> str:
        """A fingerprint of all deliveries: what, when, to whom."""
        told = [(s.name, t, r.id, r.body.hex()) for s in self.sinks for t, r in s.accepted]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    async def _begin(self) -> None:
        self.lives += 1
        rng = random.Random(f"{self.seed}/{self.lives}")
        self._life = Life(self.around, self.world, ZONE_IDS, self.decided_us)
        self._life.begin(self.sinks, self._sleep, rng)
        await self._life.settle_down(lambda: len(self._waits))

    async def _end(self, *, sudden: bool) -> None:
        assert self._life is not None
        for zone, since_us, upto_us in await self._life.end(sudden=sudden):
            self.watched.add(zone, since_us, upto_us)
        self._life = None
        self._waits.clear()

    async def _pass_time(self, until_us: int) -> None:
        """Tick until then."""
        around, life = self.around, self._life
        assert life is not None
        while around.true_us < until_us:
            around.true_us = min(around.true_us + round(TICK_S * S), until_us)
            for sink in self.sinks:
                sink.now_us = around.true_us
            news = life.tick()
            if self._wake_sleepers() or news:
                await life.settle_down(lambda: len(self._waits))

    async def _meet(self, trouble: Trouble, number: int) -> None:
        if trouble.kind == "sink":
            self.sinks[trouble.which].fault = trouble.how
            self.sinks[trouble.which].until_us = trouble.until_us
        elif trouble.kind in ("death", "restart"):
            sudden = trouble.kind == "death"
            if sudden:
                assert self._life is not None
                self._life.doom()
                await self._pass_time(self.around.true_us + self._rng.randrange(8) * S)
            await self._end(sudden=sudden)
            self.around.true_us += self._rng.choice((1, 3, 20, 300)) * S
            await self._begin()
        else:
            self.around.meet(trouble)

    async def _sleep(self, seconds: float) -> None:
        """What a dispatcher calls to let time pass."""
        future = asyncio.get_running_loop().create_future()
        due_us = self.around.true_us + round(seconds * S)
        heapq.heappush(self._waits, (due_us, next(self._order), future))
        await future

    def _wake_sleepers(self) -> bool:
        """Whose time has come goes on; whether there is anybody."""
        woken = False
        while self._waits and self._waits[0][0] <= self.around.true_us:
            _, _, future = heapq.heappop(self._waits)
            if not future.done():
                future.set_result(None)
                woken = True
        return woken

    def _judge(self, upto_us: int) -> Verdict:
        verdict = Verdict()
        for sink in self.sinks:
            first: dict[str, dict[str, Any]] = {}
            for _, record in sink.accepted:
                body = json.loads(record.body)
                before = first.setdefault(record.id, body)
                if before != body:
                    raise BrokenError(f"{sink.name}: two bodies, one id: {before} and {body}")
            told = self._told_in_order(sink, first)
            linger_us = LINGER_US + round(TICK_S * S)
            verdict = judge(
                self.world,
                ZONE_IDS,
                self.watched,
                told,
                upto_us,
                linger_us=linger_us,
                known_after_us=KNOWN_AFTER_US,
            )
            verdict.repeated = len(sink.accepted) - len(first)
        return verdict

    def _told_in_order(
        self, sink: FickleSink, first: dict[str, dict[str, Any]]
    ) -> dict[str, list[Told]]:
        """By tag, in order of first delivery; what the sink refused is where it belongs."""
        told: dict[str, list[Told]] = defaultdict(list)
        refused = sink.refused
        for body in [*first.values()]:
            told[body["epc"]].append(self._told(body))
        for story in told.values():
            if [m.seq for m in story] != sorted(m.seq for m in story):
                raise BrokenError(f"{sink.name}: reordered: {story}")
        for id_, raw in refused.items():
            if id_ in first:
                raise BrokenError(f"{sink.name}: {id_} was refused and taken")
            body = json.loads(raw)
            told[body["epc"]].append(self._told(body))
        for story in told.values():
            story.sort(key=lambda m: m.seq)
        return told

    def _told(self, body: dict[str, Any]) -> Told:
        if body["id"] not in self.decided_us:
            raise BrokenError(f"phantom: {body} was never committed")
        return Told(
            seq=body["seq"],
            kind=body["kind"],
            from_zone=body["from"],
            to_zone=body["to"],
            decided_us=self.decided_us[body["id"]],
            event_us=None if self.around.steps else microseconds(body["event_time"]),
        )


def simulate(seed: int, hours: float) -> tuple[Days, Verdict]:
    """One seed, in memory where that is possible; raises `BrokenError` that says how to repeat."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="days-", dir=shm if shm.is_dir() else None))
    days = Days(seed, hours, folder)
    try:
        with directed():
            return days, asyncio.run(days.run())
    except BrokenError as broken:
        again = f"python -m tests.proof.days --seed {seed} --hours {hours:g}"
        at = iso_utc(days.around.true_us)
        raise BrokenError(f"{broken}\nseed {seed}, at {at}; the same again: {again}") from broken
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Simulate one seed and print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--hours", type=float, default=10.0)
    options = parser.parse_args()
    days, verdict = simulate(options.seed, options.hours)
    found = asdict(verdict) | {"lives": days.lives, "digest": days.digest}
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()

"""Traffic for the outbox's benchmark: movements as a dock makes them, and sinks of every temper."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence

from gateway.errors import Rejected, Retry
from gateway.model.delivery import Record
from gateway.model.movement import Kind, Movement, Presence, Status, iso_utc, movement_id
from gateway.model.outcome import Outcome, TagRow

BEGIN_US = 1_795_262_400_000_000
MOVEMENTS_PER_S = 10
_ZONES = [f"staging-{n}" for n in range(1, 7)] + ["yard"]


class Traffic:
    """Movements with their evidence, as the engine gives them: about 1.2 kB each, by seed."""

    def __init__(self, tags: int, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._tags = tags
        self._seqs = [0] * tags
        self._made = 0

    def outcome(self, movements: int) -> Outcome:
        """One tick's movements, the tags' states with them."""
        made = [self._movement() for _ in range(movements)]
        rows = [
            TagRow(
                epc=bytes.fromhex(m.epc),
                zone=m.to_zone,
                presence=Presence.PRESENT,
                since_us=m.event_time_us,
                last_us=m.event_time_us,
                seq=m.seq,
                confidence=m.confidence,
            )
            for m in made
        ]
        return Outcome(number=self._made, now_us=self._now_us(), movements=made, tags=rows)

    def _now_us(self) -> int:
        return BEGIN_US + self._made * (1_000_000 // MOVEMENTS_PER_S)

    def _movement(self) -> Movement:
        rng, now_us = self._rng, self._now_us()
        self._made += 1
        tag = rng.randrange(self._tags)
        self._seqs[tag] += 1
        serial = tag * 7919 % 100_000
        epc = f"3054257BF718{tag * 40_503 % 2**48:012X}"
        before, after = rng.sample(_ZONES, 2)
        door = f"dock-{rng.randint(1, 6)}"
        reads = [
            {
                "antenna": f"dock-{rng.randint(1, 6)}/{rng.randint(1, 4)}",
                "weight": round(rng.uniform(0.1, 9.0), 2),
                "rssi_dbm": round(rng.uniform(-78.0, -40.0), 1),
                "first": iso_utc(now_us - rng.randrange(6_000_000)),
                "last": iso_utc(now_us - rng.randrange(2_000_000)),
            }
            for _ in range(rng.randint(3, 6))
        ]
        return Movement(
            id=movement_id("dock", epc, self._seqs[tag]),
            seq=self._seqs[tag],
            site="dock",
            epc=epc,
            epc_uri=f"urn:epc:id:sgtin:0614141.81{tag % 1000:03d}.{serial}",
            kind=Kind.MOVED,
            status=Status.CONFIRMED,
            from_zone=before,
            to_zone=after,
            door=door,
            direction=None,
            passage=None,
            event_time_us=now_us - 2_300_000,
            record_time_us=now_us,
            confidence=round(rng.uniform(0.9, 1.0), 4),
            evidence={
                "reads": reads,
                "runner_up": {"zone": before, "probability": round(rng.uniform(0, 0.1), 3)},
                "reasons": [
                    [f"read at {after} for {rng.uniform(1, 6):.1f} s", rng.randint(10, 90) / 10],
                    [f"strongest at {door}", rng.randint(10, 90) / 10],
                ],
            },
        )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it, however long that takes."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in threads
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the sinks of a benchmark refuse is meant, and need not be told."""
    told = logging.getLogger("gateway.outbox")
    before = told.level
    told.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        told.setLevel(before)


class BenchSink:
    """Takes what it gets, checks the order per tag, and notes when each record came.

    `temper`: healthy, dead (no connection), slow (each batch takes 5 s) or refusing (every record).
    """

    def __init__(self, name: str, temper: str = "healthy", *, poison: float = 0.0) -> None:
        self.name = name
        self.kinds = frozenset({"movement"})
        self.max_batch = 100
        self.temper = temper
        self.taken = self.disordered = 0
        self.came_s: dict[int, float] = {}
        self.notes_times = False
        self._poison = round(poison * 2**32)
        self._last: dict[str, int] = {}

    async def open(self) -> None:
        """Nothing to get ready."""

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """As its temper is."""
        if self.temper == "dead":
            raise Retry("nobody listens there")
        if self.temper == "slow":
            await asyncio.sleep(5.0)
        if self.temper == "refusing":
            raise Rejected("the batch is not wanted")
        refused = {r.seq: "poison" for r in records if self.refuses(r.id)}
        now_s = time.perf_counter()
        for record in records:
            if record.seq in refused:
                continue
            self.taken += 1
            self.disordered += self._last.get(record.key, 0) >= record.seq
            self._last[record.key] = record.seq
            if self.notes_times:
                self.came_s.setdefault(record.seq, now_s)
        await asyncio.sleep(0)
        return refused

    def refuses(self, id_: str) -> bool:
        """Whether a record is poison to it."""
        return zlib.crc32(id_.encode()) < self._poison

    async def close(self) -> None:
        """Nothing to let go of."""

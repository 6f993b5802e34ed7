"""The power goes while the store is at work: what was said to be committed is there afterwards.

The store works once, on a disk that is recorded (`recorded_disk`); then the power is cut at any
number of points, and each time the gateway's own start has to find a sound store.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.model.outcome import Outcome
from gateway.store import cursors
from gateway.store import writer as writer_module
from gateway.store.bodies import Unpacker
from gateway.store.cursors import Joining
from gateway.store.database import Store, open_store
from gateway.store.writer import Writer
from tests.outcomes import NOW_US, Committed, epc_of, movement, outcome
from tests.proof.oracle import BrokenError
from tests.proof.recorded_disk import Operation, disk_after_cut, recording

TAGS = 20
SINK = "wms"
COMMIT_S = 20.0


@dataclass(slots=True)
class Recording:
    """What was written, and when the writer said what is durable."""

    log: list[Operation]
    submitted: list[str] = field(default_factory=list)  # ids of movements, in order
    bodies: dict[str, bytes] = field(default_factory=dict)
    acked: list[tuple[int, int]] = field(default_factory=list)  # (position, movements durable)
    settled: list[tuple[int, int]] = field(default_factory=list)  # (position, cursor of the sink)

    def durable_at(self, cut: int) -> tuple[int, int]:
        """How many movements, and which cursor, the writer had said to be durable by then."""
        movements = [count for position, count in self.acked if position <= cut]
        settled = [cursor for position, cursor in self.settled if position <= cut]
        return max(movements, default=0), max(settled, default=0)


def record(folder: Path, commits: int, seed: int, lives: int = 3) -> Recording:
    """Let a store work for some lives, each ended in good order, and record its disk."""
    rng = random.Random(seed)
    seqs = [0] * TAGS
    with recording(folder) as recorder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_module, "GROUP_S", 0.0)
        done = Recording(recorder.log)
        for _ in range(lives):
            store = open_store(folder / "state.db")
            committed = _Acks(done)
            writer = Writer(store, committed)
            writer.start()
            _join(writer)
            for _ in range(commits // lives):
                _work(writer, committed, done, seqs, rng)
            assert writer.stop()
            store.close()
    return done


def examine(done: Recording, cut: int, rng: random.Random, folder: Path) -> None:
    """Cut the power after `cut` operations and start again; raises `BrokenError`."""
    for name, content in disk_after_cut(done.log, cut, rng).items():
        (folder / name).write_bytes(content)
    store = open_store(folder / "state.db")
    try:
        _compare(done, cut, store)
        _go_on(store)
    finally:
        store.close()


class _Acks(Committed):
    """Remembers where in the recording each movement was said to be durable."""

    def __init__(self, done: Recording) -> None:
        super().__init__()
        self._done = done

    def __call__(self, outcomes: list[Outcome]) -> None:
        before = self._done.acked[-1][1] if self._done.acked else 0
        count = sum(len(one.movements) for one in outcomes)
        self._done.acked.append((len(self._done.log), before + count))
        super().__call__(outcomes)


def _join(writer: Writer) -> None:
    writer.run_soon(lambda c: cursors.join(c, [Joining(name=SINK)], NOW_US)).result(COMMIT_S)


def _work(
    writer: Writer, committed: _Acks, done: Recording, seqs: list[int], rng: random.Random
) -> None:
    """Some outcomes in a group, and now and then a sink that has got on."""
    burst = rng.choice((1, 1, 1, 3, 8))
    for _ in range(burst):
        tag = rng.randrange(TAGS)
        seqs[tag] += 1
        moved = movement(tag, seqs[tag], evidence={"why": "x" * rng.randrange(600)})
        done.submitted.append(moved.id)
        done.bodies[moved.id] = moved.to_json()
        writer.submit(outcome(0, [moved]))
    committed.wait_for(len(committed.outcomes) + burst - writer.pending, COMMIT_S)
    while writer.pending:
        committed.wait_for(len(committed.outcomes) + 1, COMMIT_S)
    if rng.random() < 0.3:
        cursor = writer.newest
        writer.run_soon(lambda c: cursors.advance(c, SINK, cursor)).result(COMMIT_S)
        done.settled.append((len(done.log), cursor))


def _compare(done: Recording, cut: int, store: Store) -> None:
    durable, cursor = done.durable_at(cut)
    where = f"cut after {cut} of {len(done.log)} operations"
    if store.quarantined is not None:
        raise BrokenError(f"{where}: the store was set aside")
    with closing(sqlite3.connect(store.path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise BrokenError(f"{where}: the store is not sound")
        stored = connection.execute("SELECT body FROM record ORDER BY seq").fetchall()
        unpack = Unpacker(connection).unpack
        bodies = [unpack(body) for (body,) in stored]
        tags = dict(connection.execute("SELECT epc, seq FROM tag").fetchall())
        last = dict(
            connection.execute("SELECT epc, max(seq) FROM movement GROUP BY epc").fetchall()
        )
        sinks = dict(connection.execute("SELECT name, delivered FROM sink").fetchall())
    if bodies != [done.bodies[id_] for id_ in done.submitted[: len(bodies)]]:
        raise BrokenError(f"{where}: what is there is not what was written, in its order")
    if len(bodies) < durable:
        raise BrokenError(f"{where}: {durable - len(bodies)} of {durable} committed rows are lost")
    if tags != last:
        raise BrokenError(f"{where}: tags and movements tell two stories")
    if sinks.get(SINK, 0) < cursor or sinks.get(SINK, 0) > len(bodies):
        raise BrokenError(f"{where}: the sink's cursor is {sinks.get(SINK)}, not {cursor}")


def _go_on(store: Store) -> None:
    """It is not only there, it works."""
    committed = Committed()
    writer = Writer(store, committed)
    writer.submit(outcome(0, [movement(TAGS, 1)]))
    writer.start()
    if not writer.stop(COMMIT_S) or not committed.outcomes:
        raise BrokenError(f"after the cut nothing can be written: {writer.trouble}")
    if bytes.fromhex(epc_of(TAGS)) not in store.load_tags().epcs:
        raise BrokenError("after the cut a new tag is not kept")

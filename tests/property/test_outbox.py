"""The outbox against a small model: whatever happens in whatever order, every sink gets it all.

A state machine appends movements, has sinks fail in every way, restarts the gateway (in good order,
or as a crash between a delivery and the commit of its cursor), adds and removes sinks, and removes
history. Order, bodies and dead letters are compared with what the model says.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.clock import SystemClock
from gateway.errors import Hold, Retry
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.store.database import open_store
from gateway.store.housekeeping import Keep, prune
from gateway.store.writer import Writer
from tests.outcomes import movement, outcome
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually

NAMES = ("a", "b", "c")
TAGS = 3
DEADLINE_S = 10.0
KEEP_NOTHING = Keep(history_s=-1e9)
#: Memory, where there is such a folder: flushes are not what is tested here.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

FAILURES: dict[str, Exception] = {
    "retry": Retry("it is away"),
    "retry later": Retry("it is busy", after_s=5.0),
    "hold": Hold("it does not want us"),
    "mistake": ZeroDivisionError("a mistake in the sink"),
}


class Forgetful(Queue):
    """A queue that can lose what it is told, as a crash does."""

    forgets = False

    async def settle(self, *arguments: Any) -> None:
        if self.forgets:
            await asyncio.Event().wait()
        await super().settle(*arguments)


async def _no_sleep(_delay_s: float) -> None:
    await asyncio.sleep(0)


class Outbox(RuleBasedStateMachine):
    """One gateway's outbox, the other sides of its sinks, and what each of them should have."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=FAST))
        self.loop = asyncio.new_event_loop()
        self.sinks: dict[str, ScriptedSink] = {}  # all that ever were
        self.active: list[str] = []
        self.expected: dict[str, list[str]] = {}
        self.seqs = [0] * TAGS
        self.numbers: dict[str, tuple[str, int]] = {}  # id → tag, sequence number
        self.bodies: dict[str, bytes] = {}
        self.delivery: asyncio.Task[None] | None = None
        self.committed = threading.Event()
        self._open()

    # What may happen.

    @initialize(names=st.sets(st.sampled_from(NAMES), min_size=1))
    def begin(self, names: set[str]) -> None:
        self._serve(sorted(names))

    @rule(tags=st.lists(st.integers(0, TAGS - 1), min_size=1, max_size=30))
    def append(self, tags: list[int]) -> None:
        moved = []
        for tag in tags:
            self.seqs[tag] += 1
            moved.append(movement(tag, self.seqs[tag]))
        for one in moved:
            self.numbers[one.id] = (one.epc, one.seq)
            self.bodies[one.id] = one.to_json()
            for expected in self.expected.values():
                expected.append(one.id)
        self.committed.clear()
        self.writer.submit(outcome(0, moved))
        assert self.committed.wait(DEADLINE_S)

    @rule(name=st.sampled_from(NAMES), how=st.lists(st.sampled_from(sorted(FAILURES)), max_size=5))
    def a_sink_fails(self, name: str, how: list[str]) -> None:
        if name in self.active:
            self.sinks[name].script.extend(FAILURES[one] for one in how)

    @rule(
        name=st.sampled_from(NAMES),
        tag=st.integers(0, TAGS - 1),
        ahead=st.integers(1, 4),
        whole_batch=st.booleans(),
    )
    def a_sink_refuses(self, name: str, tag: int, ahead: int, whole_batch: bool) -> None:
        """One of the movements to come is one that the sink will never take."""
        if name in self.active:
            sink, poison = self.sinks[name], movement(tag, self.seqs[tag] + ahead).id
            (sink.refuses_batches_with if whole_batch else sink.rejects).add(poison)

    @rule()
    def time_passes(self) -> None:
        self._run(asyncio.sleep(0.005))

    @rule()
    def everything_settles(self) -> None:
        self._settle()

    @rule()
    def restart(self) -> None:
        self._stop_serving()
        self._close()
        self._open()
        self._serve(self.active)

    @rule()
    def crash_between_delivery_and_commit(self) -> None:
        self.queue.forgets = True
        self._run(asyncio.sleep(0.01))
        self.restart()

    @rule(names=st.sets(st.sampled_from(NAMES)))
    def change_the_sinks(self, names: set[str]) -> None:
        self._stop_serving()
        self._serve(sorted(names))

    @rule()
    def history_is_removed(self) -> None:
        """Nothing that a configured sink still needs may go; the others may miss it."""
        self._stop_serving()
        assert self.writer.stop()
        while prune(self.store.writing, KEEP_NOTHING, 0):
            pass
        self._close()
        self._open()
        with self.store.reading() as reader:
            kept = {r.id for r in reader.page(0, frozenset({"movement"}), 10**6).records}
        for name in set(self.sinks) - set(self.active):
            had = set(self.sinks[name].ids) | self._aside(name)
            self.expected[name] = [i for i in self.expected[name] if i in had or i in kept]
        self._serve(self.active)

    # What must always be so.

    @invariant()
    def ids_keep_their_bodies(self) -> None:
        for sink in self.sinks.values():
            assert all(self.bodies[record.id] == record.body for record in sink.accepted)

    @invariant()
    def tags_keep_their_order(self) -> None:
        for sink in self.sinks.values():
            last: dict[str, int] = {}
            for id_ in sink.ids:
                epc, seq = self.numbers[id_]
                assert seq > last.get(epc, 0)
                last[epc] = seq

    @invariant()
    def no_dispatcher_ends(self) -> None:
        assert self.delivery is None or not self.delivery.done()

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self._stop_serving()
            self._close()
            self.loop.close()
            shutil.rmtree(self.folder)

    # How it is done.

    def _settle(self) -> None:
        """Everything arrives in order, or is among the dead letters."""
        self._run(eventually(self._all_settled, DEADLINE_S))
        for name in self.active:
            sink = self.sinks[name]
            refused = sink.rejects | sink.refuses_batches_with
            assert sink.ids == [i for i in self.expected[name] if i not in refused]
            assert self._aside(name) == refused & set(self.expected[name])

    def _all_settled(self) -> bool:
        return all(not status.pending for status in self.dispatchers.statuses)

    def _aside(self, name: str) -> set[str]:
        with self.store.reading() as reader:
            letters = [d.record.id for d in reader.dead_letters(0, 10**6) if d.sink == name]
        assert len(letters) == len(set(letters)), "set aside twice"
        return set(letters)

    def _serve(self, names: list[str]) -> None:
        for name in names:
            if name not in self.sinks:
                self.sinks[name] = ScriptedSink(name, max_batch=7)
                self.expected[name] = []
        self.active = list(names)
        self.dispatchers = Dispatchers(
            self.queue, [self.sinks[name] for name in names], sleep=_no_sleep
        )
        self.delivery = self.loop.create_task(self.dispatchers.run())
        self._run(eventually(lambda: len(self.dispatchers.statuses) == len(names), DEADLINE_S))

    def _stop_serving(self) -> None:
        if self.delivery is not None:
            self.delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self.loop.run_until_complete(self.delivery)
            self.delivery = None

    def _open(self) -> None:
        self.store = open_store(self.folder / "state.db")
        assert self.store.quarantined is None
        self.writer = Writer(self.store, self._committed)
        self.queue = Forgetful(self.store, self.writer, SystemClock())
        self.dispatchers = Dispatchers(self.queue, [])
        self.writer.start()

    def _close(self) -> None:
        self.writer.stop()
        self.queue.close()
        self.store.close()

    def _committed(self, _: object) -> None:
        self.dispatchers.wake()
        self.committed.set()

    def _run(self, what: Coroutine[Any, Any, object]) -> None:
        self.loop.run_until_complete(what)


Outbox.TestCase.settings = settings(
    settings(), max_examples=max(25, settings().max_examples // 4), stateful_step_count=30
)
TestOutbox = Outbox.TestCase

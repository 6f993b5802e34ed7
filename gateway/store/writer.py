"""The writer: one thread, one connection, one transaction for everything that has piled up.

Group commit makes `synchronous = FULL` affordable: while one group is being made durable the next
one gathers, and a group never begins sooner than `GROUP_S` after the last, so that a slow disk is
not asked for more than 50 flushes a second. A lone outcome on a quiet store is written at once.

When the disk is full, read-only or failing, nothing is dropped: the group stays, `trouble` says
why, and the commit is tried again. That is safe even after a failed flush: frames of a transaction
that did not commit do not count, and the retry writes all of them anew.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from gateway.backoff import Backoff
from gateway.model.outcome import Outcome
from gateway.store import faults, housekeeping, letting_go
from gateway.store.database import Store
from gateway.store.operations import Asked, Operation
from gateway.store.rows import Rows

logger = logging.getLogger(__name__)

#: Least time between the beginnings of two commits.
GROUP_S = 0.02
#: A group ends with the outcome that takes it past this many rows, or with so many operations.
GROUP_ROWS = 1_000
#: How often old history is looked for; at once again while there is more of it.
TIDY_S = 10.0
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 5.0


class Writer:
    """Makes outcomes durable, in order. `committed`, then their acks, are called in its thread.

    `pending` outcomes wait; none is ever shed, so whoever submits watches it. `progress` grows with
    every group that was settled, `failures` with every attempt that has to be made again. `trouble`
    is None or a sentence for the user; with `damaged` true only a restart helps, because the file
    has to be set aside. `refused` counts outcomes that no
    store could take: a mistake in the gateway, told in the log.
    """

    def __init__(
        self,
        store: Store,
        committed: Callable[[list[Outcome]], None],
        *,
        observe: Callable[[float, int], None] | None = None,
        keep: housekeeping.Keep = housekeeping.DEFAULT_KEEP,
    ) -> None:
        self.progress = self.failures = 0
        self.trouble: str | None = None
        self.damaged = False
        self.refused = 0
        self._store = store
        self._committed = committed
        self._observe = observe  # (seconds that a commit took, rows in it)
        self._keep = keep
        self._rows = Rows(store)
        self._waiting: deque[Outcome] = deque()
        self._group: list[Outcome] = []
        self._asked: deque[Asked] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._give_up = threading.Event()
        self._begun_s = float("-inf")
        self._tidy_at_s = time.monotonic() + TIDY_S
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    @property
    def pending(self) -> int:
        """Outcomes that were submitted and are not durable yet."""
        return len(self._waiting) + len(self._group)

    @property
    def duplicates(self) -> int:
        """Records that were not written because their id was there already."""
        return self._rows.duplicates

    @property
    def newest(self) -> int:
        """The seq of the last record that is durable, 0 if there is none."""
        return self._rows.newest

    def start(self) -> None:
        """Begin; what was submitted before is written first."""
        self._thread.start()

    def submit(self, outcome: Outcome) -> None:
        """Hand over an outcome; never blocks, never drops."""
        with self._wake:
            self._waiting.append(outcome)
            self._wake.notify()

    def run_soon(self, operation: Operation) -> Future[Any]:
        """Do something small in the next transaction; the future is set after its commit."""
        asked = Asked(operation)
        with self._wake:
            if self._stopping:
                asked.cancel()
            else:
                self._asked.append(asked)
                self._wake.notify()
        return asked.future

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Write what was submitted, then end; False if something could not be written in time."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            self._give_up.set()
            self._thread.join()
        for asked in self._asked:
            asked.cancel()
        if self.pending:
            logger.error("%d outcomes could not be stored before the end", self.pending)
        return not self.pending

    def _run(self) -> None:
        while self._gather():
            self._settle()
            if time.monotonic() >= self._tidy_at_s:
                self._tidy()

    def _gather(self) -> bool:
        """Wait for work and take the next group; False when all is done and over."""
        with self._wake:
            while not (self._waiting or self._asked):
                if self._stopping or self._give_up.is_set():
                    return False
                if not self._wake.wait(TIDY_S):
                    return True
        early_s = self._begun_s + GROUP_S - time.monotonic()
        if early_s > 0 and not self._stopping:
            time.sleep(early_s)
        rows = 0
        with self._wake:
            while self._waiting and rows < GROUP_ROWS:
                outcome = self._waiting.popleft()
                rows += len(outcome.movements) + len(outcome.passages) + len(outcome.tags)
                rows += len(outcome.forgotten)
                self._group.append(outcome)
        return not self._give_up.is_set()

    def _take_asked(self) -> list[Asked]:
        return [self._asked.popleft() for _ in range(min(len(self._asked), GROUP_ROWS))]

    def _settle(self) -> None:
        """Commit the group with what was asked for, however long that takes."""
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        while not self._try(self._group):
            if self._give_up.wait(backoff.next_s()):
                return
        if self.trouble is not None:
            logger.warning("the store can be written again; nothing was lost")
            self.trouble, self.damaged = None, False
        group, self._group = self._group, []
        self._hand_on(group)
        self.progress += 1

    def _try(self, group: Sequence[Outcome]) -> bool:
        """One attempt; False if it has to be made again."""
        asked = self._take_asked()
        try:
            self._commit(group, asked)
        except Exception as error:  # noqa: BLE001 - the supervising boundary of all writing
            if not faults.concerns_store(error):
                self._ask_again(asked)
                return self._commit_apart(tuple(group), error)
            self._in_trouble(error)
            self._relieve(asked, full=faults.is_full(error))
            return False
        return True

    def _ask_again(self, asked: list[Asked]) -> None:
        with self._wake:
            self._asked.extendleft(reversed(asked))

    def _commit(self, group: Sequence[Outcome], asked: Sequence[Asked]) -> None:
        """One transaction for all of it; a failure leaves nothing behind."""
        durable = [outcome for outcome in group if outcome.durable]
        if not durable and not asked:
            return
        connection = self._store.writing
        self._begun_s = time.monotonic()
        try:
            connection.execute("BEGIN IMMEDIATE")
            rows = self._rows.write(durable)
            for one in asked:
                one.run(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._rows.forget()
            raise
        self._rows.settle()
        if self._observe is not None:
            self._observe(time.monotonic() - self._begun_s, rows)
        for one in asked:
            one.answer()

    def _commit_apart(self, group: tuple[Outcome, ...], error: Exception) -> bool:
        """Something in the group cannot be stored by any store: it must not stop the others.

        False when the end came before all of them were tried.
        """
        if len(group) == 1:
            self.refused += 1
            self._group.remove(group[0])
            logger.error("outcome %d cannot be stored", group[0].number, exc_info=error)
            return True
        for outcome in group:
            while not self._try([outcome]):
                if self._give_up.wait(RETRY_MOST_S):
                    return False
        return True

    def _in_trouble(self, error: Exception) -> None:
        """Tell once what is the matter, and get a fresh connection where this one is in doubt."""
        self.failures += 1
        trouble = f"the store {self._store.path} cannot be written: {faults.words(error)}"
        if trouble != self.trouble:
            logger.error("%s; movements wait in memory, trying again", trouble)
        self.trouble = trouble
        self.damaged = faults.is_corruption(error)
        failing = faults.code_of(error) & 0xFF == sqlite3.SQLITE_IOERR
        if failing or self._store.writing.in_transaction:
            with suppress(sqlite3.Error):
                self._store.reopen()

    def _relieve(self, asked: list[Asked], *, full: bool) -> None:
        """Where rows cannot be added, cursors may still move, and for lack of room history goes."""
        undone = []
        for one in asked:
            try:
                self._commit([], [one])
            except (sqlite3.Error, MemoryError):
                undone.append(one)
        self._ask_again(undone)
        if not full:
            return
        with suppress(sqlite3.Error):
            now_us = time.time_ns() // 1_000
            letting_go.let_go(self._store.writing, self._keep, now_us, urgent=True)
            housekeeping.prune(self._store.writing, self._keep, now_us, urgent=True)

    def _hand_on(self, group: list[Outcome]) -> None:
        """Tell what is durable: first everybody who watches, then the devices that wait."""
        if not group:
            return
        try:
            self._committed(group)
        except Exception:  # the listeners' mistakes are not the store's
            logger.exception("a listener of the store failed")
        for outcome in group:
            for ack in outcome.acks:
                try:
                    ack()
                except Exception:
                    logger.exception("an acknowledgement failed")

    def _tidy(self) -> None:
        """Remove one page of what is over."""
        self._tidy_at_s = time.monotonic() + TIDY_S
        connection, now_us = self._store.writing, time.time_ns() // 1_000
        try:
            lost = letting_go.let_go(connection, self._keep, now_us)
            if housekeeping.prune(connection, self._keep, now_us) or lost:
                self._tidy_at_s = time.monotonic() + GROUP_S
            letting_go.forget_removed(connection, self._keep, now_us)
            housekeeping.bound_dead_letters(connection, self._keep)
        except sqlite3.Error as error:
            logger.warning("old history could not be removed: %s", faults.words(error))

"""Outcomes as rows: what one tick decided, written inside a transaction that the writer holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.model.alert import Alert
from gateway.model.delivery import TIME_SERIES_SINK
from gateway.model.movement import Movement, Status
from gateway.model.outcome import Measured, Memory, Message, Outcome, TagRow
from gateway.model.passage import Passage
from gateway.store.bodies import Packer
from gateway.store.database import Store
from gateway.store.ids import packed

_TAG = (
    "INSERT INTO tag VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (epc) DO UPDATE SET "
    "zone = excluded.zone, presence = excluded.presence, since_us = excluded.since_us, "
    "last_us = excluded.last_us, seq = excluded.seq, confidence = excluded.confidence"
)
_FORGET_TAG = "DELETE FROM tag WHERE epc = ?"
_SEQ_START = "INSERT OR REPLACE INTO meta VALUES ('seq_start', ?)"
_RECORD = (
    "INSERT INTO record (kind, id, version, key, created_us, body, targets) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (id, version) DO NOTHING"
)
_ZONE = "INSERT INTO zone (id) VALUES (?) ON CONFLICT (id) DO NOTHING"
_MOVEMENT = "INSERT INTO movement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PASSAGE = "INSERT INTO passage VALUES (?, ?, ?, ?, ?)"
_REMEMBER = (
    "INSERT INTO memory VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
)
_FORGET = "DELETE FROM memory WHERE kind = ? AND key = ?"

#: A retraction carries the id of what it takes back and is told as a record of its own.
_VERSIONS = {Status.CONFIRMED: 0, Status.RETRACTED: 1}


class Rows:
    """Writes outcomes through the store's writing connection; knows the numbers of the zones.

    `duplicates` counts records that were already there: their id has been told before, and telling
    it again would be a lie. `newest` is the number of the last record. Both tell what is durable:
    `settle` is called after a commit, `forget` after a rollback.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        found = store.writing.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'")
        self.newest: int = (found.fetchone() or (0,))[0]
        self.duplicates = 0
        self._newest, self._duplicates = self.newest, 0
        self._zones: dict[str, int] = {}
        self._packer = Packer(store.writing)

    def write(self, outcomes: Sequence[Outcome]) -> int:
        """Write outcomes in order, in the transaction that is open; returns the rows it took."""
        tags: dict[bytes, TagRow | None] = {}  # None: forgotten
        written = 0
        for outcome in outcomes:
            for movement in outcome.movements:
                self._movement(movement)
            for passage in outcome.passages:
                self._passage(passage)
            for alert in outcome.alerts:
                self._alert(alert)
            for message in outcome.messages:
                self._message(message)
            for measured in outcome.measured:
                self._measured(measured)
            written += len(outcome.movements) + len(outcome.passages) + len(outcome.measured)
            written += len(outcome.alerts) + len(outcome.messages)
            written += self._remember(outcome.memories)
            tags.update(dict.fromkeys(outcome.forgotten))
            tags.update((row.epc, row) for row in outcome.tags)
            if outcome.seq_start is not None:
                self._store.writing.execute(_SEQ_START, (str(outcome.seq_start),))
        self._tags(row for row in tags.values() if row is not None)
        gone = [(epc,) for epc, row in tags.items() if row is None]
        self._store.writing.executemany(_FORGET_TAG, gone)
        return written + len(tags)

    def settle(self) -> None:
        """The transaction was committed."""
        self._packer.settle()
        self.newest = self._newest
        self.duplicates += self._duplicates
        self._duplicates = 0

    def forget(self) -> None:
        """The transaction was rolled back: zones numbered in it have no number."""
        self._packer.forget()
        self._newest = self.newest
        self._duplicates = 0
        self._zones.clear()

    def _tags(self, rows: Iterable[TagRow]) -> None:
        self._store.writing.executemany(
            _TAG,
            [
                (
                    row.epc,
                    self._zone(row.zone),
                    int(row.presence),
                    row.since_us,
                    row.last_us,
                    row.seq,
                    row.confidence,
                )
                for row in rows
            ],
        )

    def _movement(self, movement: Movement) -> None:
        record = self._record(
            "movement",
            movement.id,
            _VERSIONS[movement.status],
            movement.epc,
            movement.record_time_us,
            movement.to_json(),
        )
        if record is None:
            return
        self._store.writing.execute(
            _MOVEMENT,
            (
                record,
                bytes.fromhex(movement.epc),
                movement.seq,
                movement.kind.value,
                self._zone(movement.from_zone),
                self._zone(movement.to_zone),
                movement.door,
                movement.direction.value if movement.direction else None,
                movement.event_time_us,
            ),
        )

    def _passage(self, passage: Passage) -> None:
        record = self._record(
            "passage",
            passage.id,
            _VERSIONS[passage.status],
            passage.door,
            passage.record_time_us,
            passage.to_json(),
        )
        if record is None:
            return
        direction = passage.direction.value if passage.direction else None
        self._store.writing.execute(
            _PASSAGE, (record, passage.door, direction, passage.start_us, passage.end_us)
        )

    def _alert(self, alert: Alert) -> None:
        # Whom a route tells is one thing; the time series has every alert that is told at all.
        targets = (*alert.targets, TIME_SERIES_SINK) if alert.targets else ()
        at_us, body = alert.record_time_us, alert.to_json()
        self._record("alert", alert.id, alert.notice, alert.fingerprint, at_us, body, targets)

    def _message(self, message: Message) -> None:
        targets, at_us = (message.target,), message.record_time_us
        self._record("message", message.id, 0, message.key, at_us, message.body, targets)

    def _measured(self, measured: Measured) -> None:
        at_us = measured.record_time_us
        self._record("reading", measured.id, 0, measured.sensor, at_us, measured.body)

    def _remember(self, memories: Sequence[Memory]) -> int:
        """What came last counts, also within one transaction."""
        last = {(memory.kind, memory.key): memory.body for memory in memories}
        kept = [(*name, body) for name, body in last.items() if body is not None]
        self._store.writing.executemany(_REMEMBER, kept)
        gone = [name for name, body in last.items() if body is None]
        self._store.writing.executemany(_FORGET, gone)
        return len(last)

    def _record(
        self,
        kind: str,
        id_: str,
        version: int,
        key: str,
        created_us: int,
        body: bytes,
        targets: Sequence[str] = (),
    ) -> int | None:
        """The number of the new record, None if this id and version are there already."""
        connection = self._store.writing
        stored = self._packer.pack(connection, self._newest + 1, body)
        cursor = connection.execute(
            _RECORD,
            (kind, packed(id_), version, key, created_us, stored, _listed(targets)),
        )
        if cursor.rowcount < 1:
            self._duplicates += 1
            return None
        self._newest = cursor.lastrowid or self._newest
        return self._newest

    def _zone(self, zone: str | None) -> int | None:
        """The number under which the file knows a zone."""
        if zone is None:
            return None
        number = self._zones.get(zone)
        if number is None:
            self._store.writing.execute(_ZONE, (zone,))
            found = self._store.writing.execute("SELECT number FROM zone WHERE id = ?", (zone,))
            number = int(found.fetchone()[0])
            self._zones[zone] = number
        return number


def _listed(targets: Sequence[str]) -> str | None:
    """The stored form of a list of sinks: names hold no space, so each can be searched for."""
    return f" {' '.join(targets)} " if targets else None

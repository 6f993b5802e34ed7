"""LiveView: what is where now, for look-ups; updated after each commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from gateway.live.devices import Devices
from gateway.live.gtins import GtinColumn
from gateway.live.ring import EventKind, EventRing
from gateway.live.tags import Counts, Page, StoredTags, TagState, TagTable
from gateway.model.device import DeviceStatus, SensorConfig, SensorHealth
from gateway.model.movement import Movement, Presence, iso_utc
from gateway.model.outcome import Outcome, TagRow
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.model.tags import TagIndex

#: Fields of an alert that say which zones it is about.
_ZONE_FIELDS = ("zone", "from", "to")


class LiveView:
    """The newest committed state. The main thread owns it: it calls `apply` after each commit.

    `last_read_us`, when given, answers when a tag number was last read, if the location engine
    knows it later than the last commit, 0 if never; `reads_of`, which antennas hear it, as in the
    evidence of movements. `let_go` is told the numbers of tags that are forgotten here, too.
    `first_event_id` is best the start-up time in microseconds.
    """

    def __init__(
        self,
        site: Site,
        tags: TagIndex,
        *,
        readers: Iterable[str] = (),
        sensors: Iterable[SensorConfig] = (),
        last_read_us: Callable[[int], int | None] | None = None,
        reads_of: Callable[[int], list[dict[str, Any]]] | None = None,
        let_go: Callable[[npt.NDArray[np.uint32]], None] = lambda _: None,
        first_event_id: int = 1,
    ) -> None:
        self.site = site
        self.start_id = first_event_id  # tells this process's revisions and cursors from another's
        self.revision = 0  # grows whenever any tag's state changes
        self.zone_revisions = [0] * len(site.zones)
        self.zone_changed_us: list[int | None] = [None] * len(site.zones)
        self.devices = Devices(site, readers, sensors)
        self.events = EventRing(first_id=first_event_id)
        self.gtins = GtinColumn(tags)
        self._tags = tags
        self._table = TagTable(len(site.zones))
        self._last_read_us = last_read_us
        self._reads_of = reads_of
        self._let_go = let_go
        self._door_zones = {d.id: (d.inside, d.outside) for d in site.doors}

    @property
    def tags_known(self) -> int:
        """How many tags have a state."""
        return self._table.known

    def restore(self, stored: StoredTags) -> None:
        """Take over the stored state at start-up, before any other thread numbers tags."""
        self._table.restore(self._tags.numbers(stored.epcs), stored, self.site.zone_numbers)
        self.revision += 1

    def apply(self, outcome: Outcome) -> None:
        """Take in what was committed, and tell everyone who listens."""
        if outcome.forgotten:
            self._forget(outcome)
        for row in outcome.tags:
            self._put(row, outcome.now_us)
        for reading in outcome.sensors:
            self.devices.apply_reading(reading)
        for status in outcome.statuses:
            self._tell_status(status)
        for health in outcome.sensor_health:
            self._tell_health(health)
        for movement in outcome.provisional:
            self._tell_movement(EventKind.PROVISIONAL, movement)
        for movement in outcome.movements:
            self._tell_movement(EventKind.MOVEMENT, movement)
        for passage in outcome.provisional_passages:
            self._tell_passage(EventKind.PROVISIONAL_PASSAGE, passage)
        for passage in outcome.passages:
            self._tell_passage(EventKind.PASSAGE, passage)
        for alert in outcome.alerts:
            named = map(alert.fields.get, _ZONE_FIELDS)
            zones = tuple(zone for zone in named if isinstance(zone, str))
            self.events.append(EventKind.ALERT, zones, alert.to_json())

    def tag(self, epc: bytes) -> TagState | None:
        """The state of a tag; None when no such tag was ever read, or it is forgotten."""
        number = self._tags.find(epc)
        if number is None:
            return None
        state = self.tag_numbered(number)
        unread = state.presence is Presence.NEW and state.last_us == 0
        return None if unread and self._last_read_us is not None else state

    def tag_numbered(self, number: int) -> TagState:
        """The state of a tag by its number."""
        state = self._table.state(number, self._tags.epc(number))
        read_us = self._last_read_us(number) if self._last_read_us is not None else None
        if read_us is None or read_us <= state.last_us:
            return state
        return replace(state, last_us=read_us)

    def heard_by(self, number: int) -> list[dict[str, Any]]:
        """The antennas that hear a tag, or did last; the strongest evidence first."""
        return [] if self._reads_of is None else self._reads_of(number)

    def select(
        self,
        *,
        limit: int,
        after: int = -1,
        zone: int | None = None,
        presence: Presence | None = None,
        gtin: str | None = None,
    ) -> Page:
        """Tags in the order in which they were first read; see `TagTable.select`.

        With `gtin`, every tag known is looked at first unless `gtins.behind` is 0.
        """
        among = None if gtin is None else self.gtins.equal(gtin, len(self._table))
        return self._table.select(
            limit=limit, after=after, zone=zone, presence=presence, among=among
        )

    def gtin_tally(self, gtin: str) -> dict[tuple[int | None, Presence], int]:
        """How many tags of a GTIN (14 digits) are in each zone and state."""
        return self._table.tally(self.gtins.equal(gtin, len(self._table)))

    def counts(self, zone: int) -> Counts:
        """How many tags a zone holds, by state."""
        return self._table.counts(zone)

    def _forget(self, outcome: Outcome) -> None:
        found = (self._tags.find(epc) for epc in outcome.forgotten)
        numbers = np.array([n for n in found if n is not None], dtype=np.uint32)
        self.revision += 1
        for zone in self._table.forget(numbers):
            self.zone_revisions[zone] += 1
            self.zone_changed_us[zone] = outcome.now_us
        self._let_go(numbers)

    def _put(self, row: TagRow, now_us: int) -> None:
        number = self._tags.find(row.epc)
        assert number is not None, "a tag that is decided upon has a number"
        zone = self.site.zone_numbers.get(row.zone) if row.zone is not None else None
        if self._table.is_new(number):
            self.gtins.renew(number)
        before = self._table.put(
            number,
            zone=zone,
            presence=row.presence,
            since_us=row.since_us,
            last_us=row.last_us,
            seq=row.seq,
            confidence=row.confidence,
        )
        self.revision += 1
        for changed in {before, zone} - {None}:
            assert changed is not None
            self.zone_revisions[changed] += 1
            self.zone_changed_us[changed] = now_us

    def _look_at(self, zones: Iterable[str]) -> None:
        """See which zones are blind now: of a tag in one of them nothing is known."""
        for zone in zones:
            number = self.site.zone_numbers[zone]
            if self._table.set_blind(number, self.devices.why_blind(zone) is not None):
                self.revision += 1
                self.zone_revisions[number] += 1

    def _tell_movement(self, kind: EventKind, movement: Movement) -> None:
        zones = (movement.from_zone, movement.to_zone)
        self.events.append(kind, zones, movement.to_json())

    def _tell_passage(self, kind: EventKind, passage: Passage) -> None:
        zones = self._door_zones.get(passage.door, ())
        self.events.append(kind, zones, passage.to_json())

    def _tell_health(self, health: SensorHealth) -> None:
        self.devices.apply_health(health)
        body = orjson.dumps(
            {
                "sensor": health.sensor,
                "problem": health.problem,
                "time": iso_utc(health.time_us),
            }
        )
        self.events.append(EventKind.SENSOR, (), body)

    def _tell_status(self, status: DeviceStatus) -> None:
        reader = self.devices.apply_status(status)
        self._look_at(reader.zones)
        offset_us = status.clock_offset_us
        body = orjson.dumps(
            {
                "reader": status.reader,
                "antenna": status.port,
                "state": status.state,
                "reason": status.reason,
                "time": iso_utc(status.time_us),
                "clock_offset_ms": None if offset_us is None else offset_us / 1_000,
            }
        )
        self.events.append(EventKind.READER, reader.zones, body)

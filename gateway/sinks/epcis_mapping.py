"""Movements and passages as EPCIS 2.0 events. Pure: the same body gives the same event.

    movement                   bizStep, disposition            readPoint  bizLocation
    in through a door          arriving, in_progress           door       the zone inside
    out through a door         departing, in_transit           door       none: nobody knows now
    into or between zones      by zone kind, in_progress       zone       zone; source, destination
    missing (when asked for)   cycle_counting, unknown         none       where it was last
    departed (when asked for)  departing, in_transit           none       none

A retraction repeats the event that it takes back, with its eventID, and adds an errorDeclaration.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.errors import Rejected
from gateway.model.movement import MOVEMENT_NAMESPACE
from gateway.model.place import ZoneKind
from gateway.sinks.epcis_offsets import Offsets
from gateway.sinks.epcis_places import Names

Event = dict[str, Any]
Body = Mapping[str, Any]
#: bizStep and disposition.
Words = tuple[str | None, str | None]

#: Kinds of movements that become events unless more is asked for: of the others nothing was seen.
DEFAULT_MOVEMENTS = frozenset({"arrived", "moved"})

_IN: Words = ("arriving", "in_progress")
_OUT: Words = ("departing", "in_transit")
_PALLET_IN: Words = ("receiving", "in_progress")
_PALLET_OUT: Words = ("loading", "in_progress")
_BY_KIND = {
    ZoneKind.STORAGE: "storing",
    ZoneKind.STAGING: "staging_outbound",
    ZoneKind.TRANSIT: "transporting",
    ZoneKind.QUARANTINE: "holding",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the settings say of the events in a zone, or at a door in one direction."""

    biz_step: str | None = None
    disposition: str | None = None
    source: str | None = None
    destination: str | None = None


_NOTHING_SET = Step()


@dataclass(frozen=True, slots=True, kw_only=True)
class EpcisMapping:
    """How one site's records become events.

    With `aggregate`, the only SSCC of a passage is the parent of everything else in it.
    """

    names: Names
    offsets: Offsets
    movements: frozenset[str] = DEFAULT_MOVEMENTS
    aggregate: bool = False
    steps: Mapping[str, Step] = field(default_factory=dict)  # zone:ID, door:ID:in, door:ID:out

    def movement(self, body: Body) -> Event | None:
        """The event of a movement; None when it has none. Raises `Rejected` for a broken body."""
        kind, door, direction = _text(body, "kind"), body.get("door"), body.get("direction")
        from_zone, to_zone = _id(body, "from"), _id(body, "to")
        if kind not in self.movements:
            return None
        if kind == "missing":
            where = self._where(("cycle_counting", "unknown"), at=from_zone or to_zone)
        elif kind == "departed":
            where = self._where(_OUT)
        elif isinstance(door, str) and direction in ("in", "out"):
            where = self._through(door, direction, to_zone)
        else:
            where = self._between(kind, from_zone, to_zone)
        tag = self.names.of_tag(_text(body, "epc"))
        return self._event("ObjectEvent", body, {"epcList": [tag]}, where)

    def passage(self, body: Body) -> Event | None:
        """The event of a passage; None when nothing went through."""
        tags = body.get("epcs")
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise Rejected("its epcs are not a list of EPCs")
        if not tags:
            return None
        uris = {self.names.of_tag(tag): self.names.is_pallet(tag) for tag in tags}
        pallets = [uri for uri, is_pallet in uris.items() if is_pallet]
        together = self.aggregate and len(pallets) == 1 and len(uris) > 1
        where = self._passing(_text(body, "door"), body.get("direction"), together)
        if not together:
            return self._event("ObjectEvent", body, {"epcList": list(uris)}, where)
        children = [uri for uri in uris if uri != pallets[0]]
        what = {"parentID": pallets[0], "childEPCs": children}
        return self._event("AggregationEvent", body, what, where)

    def _event(self, kind: str, body: Body, what: Event, where: Event) -> Event:
        time = _text(body, "event_time")
        event: Event = {
            "type": kind,
            "eventID": event_id(_text(body, "id")),
            "eventTime": time,
            "eventTimeZoneOffset": self.offsets.at(time),
            "action": "OBSERVE",
        }
        event |= what | where
        if body.get("status") == "retracted":
            event["errorDeclaration"] = {
                "declarationTime": _text(body, "record_time"),
                "reason": "did_not_occur",
            }
        return event

    def _passing(self, door: str, direction: object, together: bool) -> Event:
        if direction not in ("in", "out"):
            return self._where((None, None), read_at=self.names.of_door(door))
        number = self.names.site.door_numbers.get(door)
        inside = None if number is None else self.names.site.doors[number].inside
        words = (_PALLET_IN if direction == "in" else _PALLET_OUT) if together else None
        return self._through(door, str(direction), inside, words)

    def _through(
        self, door: str, direction: str, to_zone: str | None, words: Words | None = None
    ) -> Event:
        entering = direction == "in"
        return self._where(
            words or (_IN if entering else _OUT),
            self.steps.get(f"door:{door}:{direction}", _NOTHING_SET),
            read_at=self.names.of_door(door),
            at=to_zone if entering else None,
        )

    def _between(self, kind: str, from_zone: str | None, to_zone: str | None) -> Event:
        zone = self.names.zone(to_zone)
        usual: Words = (None, "in_progress")
        if zone is not None and zone.kind is ZoneKind.OUTSIDE:
            usual = _OUT
        elif zone is not None:
            arriving = kind == "arrived" and zone.kind is ZoneKind.STAGING
            usual = _IN if arriving else (_BY_KIND[zone.kind], "in_progress")
        step = self.steps.get(f"zone:{to_zone}", _NOTHING_SET)
        if to_zone is None or usual is _OUT:
            read_at = None if to_zone is None else self.names.of_zone(to_zone)
            return self._where(usual, step, read_at=read_at)
        place = self.names.of_zone(to_zone)
        if from_zone is not None:
            step = replace(
                step,
                source=step.source or self.names.of_zone(from_zone),
                destination=step.destination or place,
            )
        return self._where(usual, step, read_at=place, at=to_zone)

    def _where(
        self,
        words: Words,
        step: Step = _NOTHING_SET,
        *,
        read_at: str | None = None,
        at: str | None = None,
    ) -> Event:
        """The part of an event that says where and why; what the settings say goes first."""
        biz_step, disposition = step.biz_step or words[0], step.disposition or words[1]
        parts: Event = {
            "bizStep": biz_step,
            "disposition": disposition,
            "readPoint": read_at and {"id": read_at},
            "bizLocation": at and {"id": self.names.of_zone(at)},
            "sourceList": step.source and [{"type": "location", "source": step.source}],
            "destinationList": step.destination
            and [{"type": "location", "destination": step.destination}],
        }
        return {key: value for key, value in parts.items() if value}


def event_id(record_id: str) -> str:
    """The eventID of a record, fixed by its id alone."""
    try:
        return uuid.UUID(record_id).urn
    except ValueError:
        return uuid.uuid5(MOVEMENT_NAMESPACE, record_id).urn


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise Rejected(f"its body has no {key}")
    return value


def _id(body: Body, key: str) -> str | None:
    value = body.get(key)
    if value is not None and not isinstance(value, str):
        raise Rejected(f"{key} in its body is no identifier")
    return value

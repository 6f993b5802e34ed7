"""The models of `config/site.yaml`: zones, doors, adjacency and the floor plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.model.place import ZoneKind
from gateway.settings.section import Section
from gateway.settings.values import (
    Duration,
    DurationOrNever,
    Identifier,
    Line,
    Metres,
    Point,
    SensorId,
    Sgln,
    Size,
)


def _pair(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected two zones, such as [staging-1, aisle-1]")
    return value


def _beside_site_yaml(path: str) -> str:
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError("expected a file beside site.yaml, such as floor.svg")
    return path


ZonePair = Annotated[tuple[Identifier, Identifier], BeforeValidator(_pair)]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=1000)]


class ZoneEntry(Section):
    """Where stock can be."""

    id: Identifier
    """The zone's id, unique in the site."""
    kind: ZoneKind = ZoneKind.STORAGE
    """What it is for: storage, staging, transit, quarantine or outside."""
    name: Line = ""
    """What people call it."""
    parent: Identifier | None = None
    """The zone that this one is a part of."""
    sgln: Sgln | None = None
    """Its GS1 location, urn:epc:id:sgln:…"""
    area: Polygon | None = None
    """Its outline, [[x, y], …] in metres, at least three points."""
    missing_after: DurationOrNever | None = None
    """A tag unseen for this long is missing; `never`; absent: by kind."""
    departed_after: DurationOrNever | None = None
    """A tag unseen for this long has left the site; `never`; absent: by kind."""
    arrive_after: Duration | None = None
    """A tag first read here this long ago has arrived; absent: the reader's, or else the site's."""
    move_after: Duration | None = None
    """A tag read only here for this long has moved here; absent: the reader's, or the site's."""


class DoorSensors(Section):
    """The sensors at a door, each named by its id."""

    inner_beam: SensorId | None = None
    """The light barrier on the inside."""
    outer_beam: SensorId | None = None
    """The light barrier on the outside."""
    contact: SensorId | None = None
    """What tells that the door is open."""


class DoorEntry(Section):
    """An opening between two zones."""

    id: Identifier
    """The door's id, unique in the site."""
    inside: Identifier
    """The zone on its inside."""
    outside: Identifier
    """The zone on its outside."""
    name: Line = ""
    """What people call it."""
    position_m: Point | None = None
    """The middle of the opening, [x, y] in metres."""
    width_m: Annotated[Metres, Field(gt=0, le=100)] | None = None
    """Its width in metres."""
    sgln: Sgln | None = None
    """Its GS1 location, urn:epc:id:sgln:…"""
    sensors: DoorSensors = DoorSensors()


class PlanEntry(Section):
    """The floor plan's picture."""

    image: Annotated[Line, AfterValidator(_beside_site_yaml)] | None = None
    """SVG or PNG file beside site.yaml."""
    size_m: Size | None = None
    """What it shows, [width, depth] in metres."""


class SiteFile(Section):
    """Everything of `config/site.yaml`. Metres, x along the dock, y into the hall."""

    zones: tuple[ZoneEntry, ...] = ()
    doors: tuple[DoorEntry, ...] = ()
    adjacency: tuple[ZonePair, ...] = ()
    """Pairs of zones between which tags can move, doors apart; absent: any may follow any other."""
    plan: PlanEntry = PlanEntry()

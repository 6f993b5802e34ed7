"""The models of a rule's inline `tests`: what is given, what happens, what is expected."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from gateway.model.device import ReaderState
from gateway.model.movement import Direction
from gateway.settings.section import Section
from gateway.settings.values import Duration, Identifier, Line, SensorId, text_of

Text = Annotated[str, BeforeValidator(text_of)]
Zones = Annotated[tuple[Text, ...], BeforeValidator(lambda v: v if isinstance(v, list) else [v])]


class ItemGiven(Section):
    """What the catalog knows of a tag."""

    sku: Text | None = None
    name: Text | None = None
    category: Text | None = None
    home_zones: Zones = ()
    allowed_zones: Zones = ()
    minimum: int | None = None


class TagGiven(Section):
    """A tag that was there before the start."""

    epc: Text
    zone: Text | None = None
    since: Duration = 0.0
    state: Literal["present", "missing", "departed", "unknown"] = "present"


class Given(Section):
    """How things are when the test begins. With `shipments`, even empty, shipments are in use."""

    start: Text = "2026-11-23 10:00"
    items: dict[str, ItemGiven] = Field(default_factory=dict)
    shipments: dict[str, Text] | None = None
    tags: tuple[TagGiven, ...] = ()
    held: Zones = ()


class TagEvent(Section):
    """A movement of a tag."""

    epc: Text
    from_: Text | None = Field(None, alias="from")
    to: Text | None = None
    door: Text | None = None
    direction: Direction | None = None
    confidence: float = 0.99
    dwell: Duration | None = None


class PassageEvent(Section):
    """A load going through a door; `tags` are so many, or these."""

    door: Text
    direction: Direction = Direction.OUT
    verdict: Text | None = None
    shipment: Text | None = None
    tags: Annotated[int, Field(ge=0, le=1000)] = 1


class ReaderEvent(Section):
    """A reader, or an antenna of it, changes."""

    id: Identifier
    antenna: int | None = None
    state: ReaderState


class ReadEvent(Section):
    """An antenna of a reader reads something."""

    reader: Identifier
    antenna: int


class EventEntry(Section):
    """What happens; nothing but time, if only `at` is given."""

    at: Duration
    arrived: TagEvent | None = None
    moved: TagEvent | None = None
    departed: TagEvent | None = None
    missing: TagEvent | None = None
    passage: PassageEvent | None = None
    sensor: dict[SensorId, Text] | None = None
    reader: ReaderEvent | None = None
    read: ReadEvent | None = None
    shipments: dict[str, Text] | None = None


class ExpectEntry(Section):
    """What is told, with some of its fields; `resolved` ones are compared if any are expected."""

    at: Duration
    firing: dict[str, Any] | None = None
    resolved: dict[str, Any] | None = None
    summary: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> ExpectEntry:
        if (self.firing is None) == (self.resolved is None):
            raise ValueError("expected either firing or resolved, such as firing: {epc: E1}")
        return self


class TestEntry(Section):
    """One test of a rule."""

    name: Line = ""
    given: Given = Field(default_factory=Given)
    events: tuple[EventEntry, ...]
    expect: tuple[ExpectEntry, ...] = ()

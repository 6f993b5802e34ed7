"""The JSON objects of the API as pydantic models: they document, and tests hold answers to them.

Answers are written by hand from the live view (see `shapes`), not by these models.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.device import ReaderState, SensorKind
from gateway.model.epc_key import MAX_KEY_CHARACTERS
from gateway.model.movement import Direction, Kind, Status
from gateway.model.place import Side, ZoneKind

MAX_KEYS = 1_000

TagStateName = Literal["new", "present", "unknown", "missing", "departed"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tag(_Answer):
    """Where a tag is, since when, and how sure that is."""

    epc: str = Field(examples=["3034257BF7194E4000001A85"])
    epc_uri: str | None = Field(examples=["urn:epc:id:sgtin:0614141.812345.6789"])
    gtin: str | None = Field(description="GTIN-14, when the tag is an SGTIN.")
    sscc: str | None = Field(description="18 digits, when the tag is an SSCC.")
    state: TagStateName = Field(
        description="new: read, but not yet anywhere. unknown: the antennas that would see it are "
        "not known to work. missing: not seen where working antennas should see it. departed: its "
        "presence in the site has ended."
    )
    zone: str | None
    zone_name: str | None
    since: datetime | None = Field(description="In this zone and state since.")
    last_seen: datetime | None
    seq: int = Field(description="Number of the tag's last movement; 0: none yet.")
    confidence: float
    reason: str | None = Field(description="Why the state is unknown.")


class TagPage(_Answer):
    """Some tags, and the cursor of the next page; null at the end."""

    tags: list[Tag]
    next: str | None


class Zone(_Answer):
    """A zone and what it holds. `tags` counts those present, or unknown since a device failed."""

    id: str
    name: str
    kind: ZoneKind
    parent: str | None
    tags: int
    present: int
    unknown: int
    missing: int
    last_change: datetime | None = Field(description="Since the gateway was started.")
    blind: str | None = Field(description="Which device keeps the gateway from seeing all of it.")


class ZoneList(_Answer):
    """All zones of the site."""

    zones: list[Zone]


class DoorSensor(_Answer):
    """A sensor of a door and what it last said."""

    id: str
    value: bool | float | str | None
    time: datetime | None
    problem: str | None  # why it is not believed


class Door(_Answer):
    """An opening between two zones."""

    id: str
    name: str
    inside: str
    outside: str
    readers: list[str]
    inner_beam: DoorSensor | None
    outer_beam: DoorSensor | None
    contact: DoorSensor | None


class DoorList(_Answer):
    """All doors of the site."""

    doors: list[Door]


class Antenna(_Answer):
    """One antenna port and what it watches."""

    port: int
    up: bool
    state: ReaderState
    reason: str
    zones: list[str]
    door: str | None
    side: Side | None


class Reader(_Answer):
    """One reader; `reason` says in words why it is in its state."""

    id: str
    up: bool
    state: ReaderState
    reason: str
    since: datetime | None
    clock_offset_ms: float | None = Field(description="The reader's clock minus the gateway's.")
    antennas: list[Antenna]


class ReaderList(_Answer):
    """All readers of the site."""

    readers: list[Reader]


class Sensor(_Answer):
    """One sensor and its last value; null until it has said something."""

    id: str
    kind: SensorKind | None
    unit: str | None
    value: bool | float | str | None
    time: datetime | None
    problem: str | None  # why it is not believed


class SensorList(_Answer):
    """All sensors of the site."""

    sensors: list[Sensor]


class Movement(_Answer):
    """The change of a tag's zone, the same object as on every sink."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: str
    seq: int
    site: str
    epc: str
    epc_uri: str | None
    kind: Kind
    status: Status
    from_: str | None = Field(alias="from")
    to: str | None
    door: str | None
    direction: Direction | None
    passage: str | None
    event_time: datetime
    record_time: datetime
    confidence: float
    dwell_s: float | None = Field(description="Seconds that it was in the zone it left.")
    item: dict[str, Any] | None
    evidence: dict[str, Any]


class MovementPage(_Answer):
    """Movements in the order of their commits; `next` goes on after the last one, always."""

    movements: list[Movement]
    next: str
    more: bool = Field(description="Whether more are there already.")


class History(_Answer):
    """The movements of one tag, newest first."""

    epc: str
    movements: list[Movement]


class Why(_Answer):
    """Why a tag is believed to be where it is."""

    epc: str
    movement: Movement | None = Field(description="Its last one.")
    words: list[str] = Field(description="The last movement in plain words; times in UTC.")
    reads: list[dict[str, Any]] = Field(description="The antennas that hear it, or did last.")


class Series(_Answer):
    """One series. `before` is its last value before the first step."""

    tags: dict[str, str]
    before: float | None
    points: list[tuple[int, int, float, float, float, float]] = Field(
        description="Per step: Unix time in ms of its beginning, number of values, mean, lowest, "
        "highest, last value."
    )


class SeriesAnswer(_Answer):
    """A field of a measurement over time; not `complete` when some series were left out."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    measurement: str
    field: str
    from_: datetime = Field(alias="from")
    to: datetime
    step_s: int
    complete: bool
    series: list[Series]


class LookupRequest(BaseModel):
    """Keys to look up: EPCs in any form, SSCCs, GTINs, zones."""

    model_config = ConfigDict(extra="forbid")

    keys: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARACTERS)]],
        Field(min_length=1, max_length=MAX_KEYS),
    ]


class GtinPlace(_Answer):
    """How many tags of a GTIN are in a zone, in a state."""

    zone: str | None
    zone_name: str | None
    state: TagStateName
    tags: int


class GtinStock(_Answer):
    """Where the tags of a GTIN are."""

    gtin: str
    tags: int
    places: list[GtinPlace]


class Found(_Answer):
    """What one key stands for; the field that `kind` names is set, `problem` if nothing fits."""

    key: str
    kind: Literal["tag", "gtin", "zone"] | None
    tag: Tag | None = None
    gtin: GtinStock | None = None
    zone: Zone | None = None
    problem: str | None = None


class LookupAnswer(_Answer):
    """One entry per key, in the order of the request."""

    results: list[Found]


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457); `detail` says it in words, and what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str

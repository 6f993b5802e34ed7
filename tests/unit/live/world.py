"""A small site, and outcomes of ticks in it, for tests of the live view and of the API."""

from __future__ import annotations

from typing import Any

from gateway.live import LiveView
from gateway.model.device import DeviceStatus, ReaderState, SensorConfig, SensorKind
from gateway.model.movement import Direction, Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome, TagRow
from gateway.model.passage import Passage
from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind
from gateway.model.tags import TagIndex

SGTIN = bytes.fromhex("3074257BF7194E4000001A85")
SGTIN_URI = "urn:epc:id:sgtin:0614141.812345.6789"
GTIN = "80614141123458"
SSCC_TAG = bytes.fromhex("3174257BF4499602D2000000")
SSCC = "106141412345678908"
PLAIN = b"RFID-TAG-001"
NOW_US = 1_732_203_600_123_456  # 2024-11-21T15:40:00.123Z

SITE = Site(
    id="dc-north",
    zones=(
        Zone(id="staging-1", kind=ZoneKind.STAGING, name="Staging 1"),
        Zone(id="bin-a-01"),
        Zone(id="yard", kind=ZoneKind.OUTSIDE),
    ),
    doors=(
        Door(
            id="door-1",
            inside="staging-1",
            outside="yard",
            inner_beam="door-1/inner",
            contact="door-1/contact",
        ),
    ),
    antennas=(
        Antenna(reader="dock-1", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="dock-1", port=2, door="door-1", side=Side.OUTSIDE),
        Antenna(reader="bins-1", port=1, zones=("bin-a-01",)),
    ),
)
SENSORS = (
    SensorConfig(id="door-1/inner", kind=SensorKind.BEAM),
    SensorConfig(id="hall/temp", kind=SensorKind.TEMPERATURE, options={"unit": "C"}),
)


def new_view(*epcs: bytes, **options: Any) -> LiveView:
    """A live view of `SITE` in which these tags are numbered from 0."""
    tags = TagIndex()
    tags.numbers(epcs)
    return LiveView(SITE, tags, sensors=SENSORS, **options)


def outcome(number: int = 1, now_us: int = NOW_US, **parts: Any) -> Outcome:
    """What a tick decided."""
    return Outcome(number=number, now_us=now_us, **parts)


def row(
    epc: bytes,
    zone: str | None = "staging-1",
    presence: Presence = Presence.PRESENT,
    *,
    since_us: int = NOW_US,
    last_us: int = NOW_US,
    seq: int = 1,
    confidence: float = 0.9941,
) -> TagRow:
    """A tag's state."""
    return TagRow(
        epc=epc,
        zone=zone,
        presence=presence,
        since_us=since_us,
        last_us=last_us,
        seq=seq,
        confidence=confidence,
    )


def movement(epc: bytes = SGTIN, seq: int = 1, status: Status = Status.CONFIRMED) -> Movement:
    """The tag goes out through door-1."""
    text = epc.hex().upper()
    return Movement(
        id=movement_id(SITE.id, text, seq),
        seq=seq,
        site=SITE.id,
        epc=text,
        epc_uri=None,
        kind=Kind.MOVED,
        status=status,
        from_zone="staging-1",
        to_zone="yard",
        door="door-1",
        direction=Direction.OUT,
        passage=None,
        event_time_us=NOW_US,
        record_time_us=NOW_US,
        confidence=0.994,
    )


def passage(status: Status = Status.CONFIRMED) -> Passage:
    """One tag out through door-1."""
    return Passage(
        id="p-1",
        site=SITE.id,
        door="door-1",
        direction=Direction.OUT,
        status=status,
        start_us=NOW_US,
        end_us=NOW_US,
        event_time_us=NOW_US,
        record_time_us=NOW_US,
        epcs=(SGTIN.hex().upper(),),
        confidence=0.99,
    )


def status(
    reader: str = "dock-1",
    state: ReaderState = ReaderState.UP,
    *,
    port: int | None = None,
    reason: str = "Inventory runs.",
) -> DeviceStatus:
    """A reader (or antenna) has come into a state."""
    return DeviceStatus(reader=reader, state=state, reason=reason, time_us=NOW_US, port=port)

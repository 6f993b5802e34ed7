"""Devices: how readers and sensors are configured, what they say, and how they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class SensorKind(StrEnum):
    """What a sensor measures; `beam` is true when broken, `contact` when open."""

    BEAM = "beam"
    CONTACT = "contact"
    MOTION = "motion"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    WEIGHT = "weight"
    COUNT = "count"
    BARCODE = "barcode"


#: Kinds whose value is true or false.
BINARY_KINDS = frozenset({SensorKind.BEAM, SensorKind.CONTACT, SensorKind.MOTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderProfile:
    """What is known of a reader model (`readers/profiles/*.yaml`); every default is safe."""

    id: str = "generic"
    name: str = "Any LLRP reader"
    max_version: int = 2  # highest LLRP protocol version to negotiate: 1 = 1.0.1, 2 = 1.1
    keepalive_s: float = 5.0
    tag_population: int = 32
    session: int = 1  # Gen2 S0–S3
    mode_index: int | None = None  # C1G2RFControl ModeIndex; None: leave it to the reader
    tari_ns: int = 0
    report_every_n_tags: int = 1
    hold_reports: bool = True  # HoldEventsAndReportsUponReconnect
    vendor_pen: int | None = None  # which vendor extensions to speak: 25882 = Impinj
    search_mode: int | None = None  # ImpinjInventorySearchMode
    report_phase: bool = False
    report_rssi_centi: bool = False  # ImpinjPeakRSSI, 1/100 dBm


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderPort:
    """One antenna port as it is to be driven."""

    port: int
    power_dbm: float | None = None  # None: the reader's maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderConfig:
    """One reader."""

    id: str
    driver: str = "llrp"
    host: str = ""
    port: int = 5084
    listen: bool = False
    profile: ReaderProfile = field(default_factory=ReaderProfile)
    ports: tuple[ReaderPort, ...] = ()
    takeover: bool = False  # True: delete every ROSpec found, not only our own
    leave_running: bool = False
    clock: str = "auto"  # auto: reader's stamps when it has a UTC clock; gateway: arrival time


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """One sensor, whatever group file it came from."""

    id: str
    kind: SensorKind
    driver: str = "mqtt"
    topic: str | None = None
    decoder: str = "plain"
    options: dict[str, Any] = field(default_factory=dict)  # decoder's: field, path, unit, invert


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorReading:
    """One value of one sensor. `ack`, when set, is called once the reading's effects are durable.

    `initial`: a state that was there when we began to listen, and not an event of this moment.
    """

    sensor: str
    value: bool | float | str
    time_us: int
    at_us: int
    ack: Callable[[], None] | None = None
    initial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorHealth:
    """A sensor of a door can no longer be believed; or again, then `problem` is None."""

    sensor: str
    problem: str | None  # a sentence for the user
    time_us: int


class ReaderState(StrEnum):
    """What a reader's connection is doing, in words a user sees."""

    CONNECTING = "connecting"
    UP = "up"  # inventory runs
    DOWN = "down"  # no connection: absent, refused, lost
    OCCUPIED = "occupied"  # the reader serves another client
    FAULTY = "faulty"  # it speaks something that is not LLRP, or refuses our configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """A change of state of a reader, or of one of its antennas when `port` is given.

    `reason` is a sentence for the user. `up` is what decides: while it is False, presence at the
    antennas concerned is *unknown*.
    """

    reader: str
    state: ReaderState
    reason: str
    time_us: int
    port: int | None = None
    clock_offset_us: int | None = None  # reader's clock minus ours, when known

    @property
    def up(self) -> bool:
        """Whether the reader (or antenna) is known to be inventorying."""
        return self.state is ReaderState.UP

"""The models of `readers/*.yaml` (a reader, or a group of sensors) and of profiles."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.model.device import SensorKind
from gateway.model.place import Side
from gateway.settings.section import Section
from gateway.settings.values import Duration, Identifier, Line, PointOrHeight, SensorId, Topic


def _refuse_tls(_: Any) -> Any:
    raise ValueError("TLS to readers is not there yet: leave 'tls' out and use the plain LLRP port")


def _check_keepalive(seconds: float) -> float:
    if not 1 <= seconds <= 600:
        raise ValueError("expected a duration from 1s to 10m")
    return seconds


class ReaderSettings(Section):
    """How a reader model is driven; in a profile, or in a reader's own file to overrule it."""

    max_version: Annotated[int, Field(ge=1, le=2)] | None = None
    """Highest LLRP version to negotiate: 1 is 1.0.1, 2 is 1.1."""
    keepalive: Annotated[Duration, AfterValidator(_check_keepalive)] | None = None
    """How often the reader says that it lives; its link is dead after 2.5 times as long."""
    tag_population: Annotated[int, Field(ge=1, le=65535)] | None = None
    """How many tags are expected in the field at once."""
    session: Annotated[int, Field(ge=0, le=3)] | None = None
    """Gen2 session, 0 to 3."""
    mode_index: Annotated[int, Field(ge=0, le=65535)] | None = None
    """RF mode (C1G2RFControl ModeIndex); absent: the reader's own choice."""
    tari_ns: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Tari in nanoseconds, 0: the mode's."""
    report_every_n_tags: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Reports are sent after this many tags; 1 gives the lowest latency."""
    hold_reports: bool | None = None
    """Whether the reader keeps reports while nobody is connected."""
    vendor_pen: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] | None = None
    """Whose vendor extensions to speak: 25882 is Impinj."""
    search_mode: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Impinj inventory search mode."""
    report_phase: bool | None = None
    """Whether reports carry the phase (vendor extension)."""
    report_rssi_centi: bool | None = None
    """Whether reports carry the power in 1/100 dBm (vendor extension)."""


class ProfileFile(ReaderSettings):
    """What is known of a reader model; what is absent has the default of `generic`."""

    id: Identifier | None = None
    """The profile's id; absent: the file's name."""
    name: Line = ""
    """What people call the model."""


class AntennaEntry(Section):
    """One antenna port: it watches one side of a door, or one or more zones."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """The LLRP AntennaID."""
    door: Identifier | None = None
    """The door that it watches, with `side`."""
    side: Side | None = None
    """The side of the door: inside or outside."""
    zone: Identifier | None = None
    """The zone that it covers."""
    zones: Annotated[tuple[Identifier, ...], Field(min_length=1)] | None = None
    """The zones that it covers, when there are several."""
    power_dbm: Annotated[float, Field(ge=0, le=36, allow_inf_nan=False)] | None = None
    """Transmit power at the port; absent: the reader's maximum."""
    position_m: PointOrHeight | None = None
    """Where it hangs, [x, y] or [x, y, z] in metres."""

    @model_validator(mode="after")
    def _watches_one_thing(self) -> Self:
        given = [k for k in ("door", "zone", "zones") if getattr(self, k) is not None]
        if not given:
            raise ValueError("an antenna needs 'door' and 'side', or 'zone', or 'zones'")
        if len(given) > 1:
            raise ValueError(
                f"an antenna has one of door, zone and zones, not {' and '.join(given)}"
            )
        if self.door is not None and self.side is None:
            raise ValueError("an antenna at a door needs 'side: inside' or 'side: outside'")
        if self.door is None and self.side is not None:
            raise ValueError("'side' is for an antenna at a door; one that covers a zone has none")
        return self


class ReaderFile(ReaderSettings):
    """A reader."""

    id: Identifier | None = None
    """The reader's id, unique in the site; absent: the file's name."""
    driver: Line = "llrp"
    """What speaks to it."""
    address: Line | None = None
    """host:port of the reader; with `listen: true` where to wait for it."""
    listen: bool = False
    """Whether the reader connects to us (reader-initiated connection)."""
    tls: Annotated[Any, BeforeValidator(_refuse_tls), WithJsonSchema({"not": {}})] = None
    """Not there yet."""
    profile: Identifier = "generic"
    """The reader model, a file of readers/profiles/."""
    antennas: tuple[AntennaEntry, ...] = ()
    takeover: bool = False
    """Whether ROSpecs that others left on the reader are deleted."""
    leave_running: bool = False
    """Whether the reader goes on reading when the gateway stops."""
    clock: Literal["auto", "gateway"] = "auto"
    """auto: the reader's stamps when it has a UTC clock; gateway: time of arrival."""
    arrive_after: Duration | None = None
    """A tag that it first read this long ago has arrived; absent: the site's."""
    move_after: Duration | None = None
    """A tag read only at a new place by it for this long has moved; absent: the site's."""


class SensorEntry(Section):
    """One sensor."""

    id: SensorId
    """The sensor's id, unique in the site."""
    kind: SensorKind
    """What it measures."""
    topic: Topic | None = None
    """The MQTT topic that carries it."""
    decoder: Line = "plain"
    """How its payload is read; plain: ON, OFF, open, closed, true, false, 0, 1 or a number."""
    field: Line | None = None
    """Which field of the payload, for decoders that need it."""
    path: Line | None = None
    """Where the value is in a JSON payload."""
    unit: Line | None = None
    """The unit of a measurement."""
    invert: bool = False
    """Whether true and false change places."""


class SensorGroupFile(Section):
    """A group of sensors that share a driver."""

    id: Identifier | None = None
    """The group's id; absent: the file's name."""
    driver: Line = "mqtt"
    """Where the sensors come from."""
    sensors: tuple[SensorEntry, ...] = ()

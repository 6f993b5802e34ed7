"""The settings of one gateway: `config/gateway.yaml`, `conf.d/` and the environment.

Every setting is here with its default and its explanation, which `rfid-gateway config schema`
hands to editors and `config/gateway.yaml` repeats in comments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from gateway.model.tuning import LocationTuning, OutboxTuning, OverloadTuning
from gateway.settings.address import parse_address
from gateway.settings.http_sinks import EpcisSink, RecordKinds, WebhookSink
from gateway.settings.names import SINKS
from gateway.settings.section import SecretRef, Section
from gateway.settings.sink import SinkSection
from gateway.settings.time_series import InfluxSettings, SeriesSettings
from gateway.settings.values import (
    ByteSize,
    Duration,
    DurationOrNever,
    Gln,
    Identifier,
    Line,
    Timezone,
    TopicPrefix,
    check_line,
)


def _check_loopback(text: str) -> str:
    if not parse_address(text, default_port=8080, lowest_port=0).loopback:
        raise ValueError(
            "the API listens on loopback only (such as 127.0.0.1:8080): it has no tokens yet; "
            "put a reverse proxy with authentication in front of it to reach it from elsewhere"
        )
    return text


Port = Annotated[int, Field(ge=1, le=65535)]


class SiteIdentity(Section):
    """Which site this is."""

    id: Identifier
    """The site's id; part of every movement's id, so it never changes."""
    name: Line = ""
    """What people call the site."""
    timezone: Timezone = "UTC"
    """IANA time zone of the site, for people and schedules; times are stored in UTC."""
    gln: Gln | None = None
    """GS1 Global Location Number of the site, 13 digits."""


class TlsSettings(Section):
    """TLS to the broker; an empty `tls: {}` trusts the host's certificate authorities."""

    ca: Line | None = None
    """File of the certificate authorities to trust (PEM); relative to the site directory."""
    cert: Line | None = None
    """File of our client certificate (PEM)."""
    key: Line | None = None
    """File of its private key (PEM)."""


class MqttSettings(Section):
    """The MQTT broker: sensors come from it, movements go to it. Absent: none, or, where sensors
    come over MQTT, that of this machine."""

    host: Annotated[Line, Field(min_length=1)] = "127.0.0.1"
    """Name or address of the broker."""
    port: Port = 1883
    """Port of the broker; with TLS usually 8883."""
    username: Line | None = None
    """User name at the broker."""
    password: SecretRef | None = None
    """Password at the broker: {credential: NAME}, {file: PATH} or {env: NAME}."""
    tls: TlsSettings | None = None
    """TLS to the broker; absent: none."""
    prefix: TopicPrefix | None = None
    """First levels of the topics that are published; absent: rfid/<site id>."""
    client_id: Annotated[Line, Field(min_length=1)] | None = None
    """Client id at the broker, unique there; absent: rfid-gateway-<site id>."""


class ApiSettings(Section):
    """The HTTP API, which also serves the commands where and tail."""

    listen: Annotated[Line, AfterValidator(_check_loopback)] = "127.0.0.1:8080"
    """Address and port to listen on; loopback only."""


class MqttSink(SinkSection):
    """Movements, passages and alerts published under the prefix of `mqtt:`."""

    kind: Literal["mqtt"]
    """mqtt"""
    kinds: RecordKinds | None = None
    """What it takes: movement, passage, alert; absent: all of them."""


class FileSink(SinkSection):
    """Movements, passages and alerts appended to a file, one JSON object per line."""

    kind: Literal["file"]
    """file"""
    path: Annotated[Line, Field(min_length=1)] = "movements.jsonl"
    """The file; relative to data_dir."""
    max_size: Annotated[ByteSize, Field(ge=1_000_000)] = 100_000_000
    """A file that would grow beyond this is renamed to path.1, that one to path.2 and so on."""
    keep: Annotated[int, Field(ge=0, le=1_000)] = 10
    """How many of those are kept."""
    kinds: RecordKinds | None = None
    """What it takes: movement, passage, alert; absent: movements."""


class OutsideSink(SinkSection):
    """A sink that another distribution brings; its options are its own, texts as written."""

    model_config = ConfigDict(extra="allow")

    kind: Annotated[Line, WithJsonSchema({"type": "string", "not": {"enum": list(SINKS.ours)}})]
    """The name of its entry point."""


def _sink_tag(entry: Any) -> Any:
    """Which model an entry of `sinks:` is for, by its kind."""
    kind = entry.get("kind") if isinstance(entry, dict) else getattr(entry, "kind", None)
    if not isinstance(kind, str) or kind in SINKS.ours:
        return kind if isinstance(kind, str) else None
    return f"?{kind}" if SINKS.misfit(kind) else "outside"


SinkEntry = Annotated[
    Annotated[MqttSink, Tag("mqtt")]
    | Annotated[FileSink, Tag("file")]
    | Annotated[WebhookSink, Tag("webhook")]
    | Annotated[EpcisSink, Tag("epcis")]
    | Annotated[OutsideSink, Tag("outside")],
    Discriminator(_sink_tag),
]


class LocationSettings(Section):
    """How quickly the gateway makes up its mind; zones may override some of it."""

    lateness: Duration = 0.2
    """How long an epoch waits for reads that are on their way."""
    move_after: Duration = 4.0
    """A tag that is read only at a new place for this long has moved."""
    arrive_after: Duration = 2.0
    """A tag that was first read this long ago has arrived."""
    storage_missing_after: Duration = 600.0
    """A tag unseen for this long in a storage or quarantine zone is missing."""
    staging_missing_after: Duration = 120.0
    """A tag unseen for this long in a staging zone is missing."""
    departed_after: Duration = 3600.0
    """A tag unseen for this long in an outside zone has departed."""
    forget_after: Annotated[Duration, Field(ge=3600.0)] = 30 * 86_400.0
    """A tag that is gone (departed or missing) and unread for this long is not known any more."""
    max_tags: Annotated[int, Field(ge=1_000, le=50_000_000)] = 2_000_000
    """The most tags known at once; shortly before, those gone longest are forgotten sooner."""
    calibration: Line | None = None
    """What `rfid-gateway calibrate` wrote; relative to the site directory; absent:
    config/calibration.yaml, if there is one."""

    def tuning(self) -> LocationTuning:
        """The same as the location engine takes it."""
        times = self.model_dump(exclude={"calibration", "max_tags"})
        seconds = {f"{key}_s": value for key, value in times.items()}
        return LocationTuning(**seconds, max_tags=self.max_tags)


class OverloadSettings(Section):
    """What happens when more comes in than can be handled; everything is counted."""

    coalesce_rows: Annotated[int, Field(ge=1000)] = 200_000
    """Above this many pending reads, reads are merged per tag, antenna and epoch."""
    max_rows: Annotated[int, Field(ge=1000)] = 1_000_000
    """Above this many after merging, the newest arrivals are shed."""
    max_sensor_readings: Annotated[int, Field(ge=100)] = 100_000
    """Above this many pending sensor readings, the newest are shed."""

    def tuning(self) -> OverloadTuning:
        """The same as the runtime takes it."""
        return OverloadTuning(**dict(self))


class LogSettings(Section):
    """What the daemon says while it runs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""
    format: Literal["auto", "text", "json"] = "auto"
    """auto: text on a terminal and under systemd, else json."""


class OutboxSettings(Section):
    """How much room what waits for the sinks may take, and how long history is kept."""

    max_size: Annotated[ByteSize, Field(ge=16_000_000)] = 1_000_000_000
    """The most that the store may take on the disk; less when the disk has less."""
    when_full: Literal["wait", "let_go"] = "wait"
    """wait: new movements wait in memory. let_go: the sink furthest behind loses its oldest."""
    max_age: DurationOrNever = "never"
    """Records that a sink has not taken for so long are let go for it, counted and told."""
    history: Duration = 90 * 86_400.0
    """How long delivered records stay as history; less when room is short."""
    keep_removed: Duration = 7 * 86_400.0
    """How long a sink that was taken out of the settings may come back to where it was."""

    def tuning(self) -> OutboxTuning:
        """The same as the store takes it."""
        return OutboxTuning(
            max_bytes=self.max_size,
            let_go_when_full=self.when_full == "let_go",
            max_age_s=None if isinstance(self.max_age, str) else self.max_age,
            history_s=self.history,
            keep_removed_s=self.keep_removed,
        )


class AlertsSettings(Section):
    """Alerts; nothing can be set in this version."""


class RecordingSettings(Section):
    """Recordings made by the daemon itself; nothing can be set in this version."""


class Settings(Section):
    """Everything of `config/gateway.yaml`."""

    site: SiteIdentity
    data_dir: Annotated[Path, BeforeValidator(check_line)] = Path("/var/lib/rfid-gateway")
    """Where the gateway keeps its state; relative to the site directory."""
    mqtt: MqttSettings | None = None
    influxdb: InfluxSettings | None = None
    series: SeriesSettings = SeriesSettings()
    api: ApiSettings = ApiSettings()
    sinks: tuple[SinkEntry, ...] = ()
    """Where movements go; with `mqtt:` and no sink of kind mqtt, one is added."""
    location: LocationSettings = LocationSettings()
    overload: OverloadSettings = OverloadSettings()
    outbox: OutboxSettings = OutboxSettings()
    alerts: AlertsSettings = AlertsSettings()
    recording: RecordingSettings = RecordingSettings()
    log: LogSettings = LogSettings()

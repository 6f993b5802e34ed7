"""Settings of the time series: the database upstream, and the history that is kept here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.settings.http_sinks import ClientTls, Url
from gateway.settings.section import SecretRef, Section
from gateway.settings.values import ByteSize, Duration, Line

Name = Annotated[Line, Field(min_length=1)]


class InfluxSettings(Section):
    """The time series database: InfluxDB, or what takes its line protocol. Absent: none."""

    api: Literal["v1", "v2", "v3"] = "v2"
    """Which write API it speaks."""
    url: Url
    """Its address, without the path of the write API."""
    org: Name | None = None
    """Organisation (v2)."""
    bucket: Name | None = None
    """Bucket (v2)."""
    database: Name | None = None
    """Database (v1, v3)."""
    retention_policy: Name | None = None
    """Retention policy (v1); absent: the database's default."""
    username: Name | None = None
    """User name (v1)."""
    password: SecretRef | None = None
    """Password (v1): {credential: NAME}, {file: PATH} or {env: NAME}."""
    token: SecretRef | None = None
    """Token (v2, v3): {credential: NAME}, {file: PATH} or {env: NAME}."""
    tls: ClientTls | None = None
    """TLS with https; absent: the host's certificate authorities."""
    timeout: Annotated[Duration, Field(ge=0.1, le=300)] = 10.0
    """How long an answer may take."""
    gzip: bool = True
    """Whether what is sent is compressed."""
    spool_max: Annotated[ByteSize, Field(ge=1_000_000)] = 200_000_000
    """How much may wait on the disk while the database is away; beyond, the oldest is shed."""


class SeriesSettings(Section):
    """The history of figures that the gateway keeps itself, for its charts."""

    keep_10s: Annotated[Duration, Field(ge=60)] = 2 * 86_400.0
    """How long a figure for every 10 seconds is kept."""
    keep_1m: Annotated[Duration, Field(ge=60)] = 14 * 86_400.0
    """How long a figure for every minute is kept."""
    keep_15m: Annotated[Duration, Field(ge=900)] = 365 * 86_400.0
    """How long a figure for every quarter of an hour is kept."""
    max_size: Annotated[ByteSize, Field(ge=1_000_000)] = 200_000_000
    """The most that it takes on the disk; beyond, the oldest of the finest goes first."""

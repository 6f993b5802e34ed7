"""Delivery: the outbox's records, the contract of a sink, how sinks and brokers are set up.

The dispatcher (gateway/outbox/) owns order, retries and cursors; a sink (gateway/sinks/) tries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


class Secret:
    """A secret's text; never shown by `repr`, `str` or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """The MQTT broker. Topics that the gateway publishes begin with `prefix`, without a slash."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: Secret | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls: bool = False
    prefix: str = "rfid/site"
    client_id: str = "rfid-gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a sink's queue comes from when the sink is new."""

    was: str | None = None  # the name that it had before: it goes on where that one was
    from_beginning: bool = False  # at the oldest record there is, instead of now


#: The sink that the setting `influxdb:` adds, which has every alert whoever is told of it.
TIME_SERIES_SINK = "influxdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxConfig:
    """The time series database. `database` is what v2 calls a bucket."""

    api: str  # v1 | v2 | v3: which write API it speaks
    url: str
    database: str
    org: str | None = None
    retention_policy: str | None = None
    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    timeout_s: float = 10.0
    gzip: bool = True
    spool_bytes: int = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkConfig:
    """One entry of `sinks:`; `options` are the kind's own keys, secrets resolved to `Secret`."""

    name: str
    kind: str  # mqtt | file | …
    options: dict[str, Any] = field(default_factory=dict)
    origin: Origin = Origin()


#: What there is to deliver.
RECORD_KINDS = frozenset({"movement", "passage", "alert"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One committed thing to deliver; `id` and `body` never change over retries."""

    seq: int  # position in the outbox
    kind: str  # movement | passage | alert | message (of a rule's action, to one sink)
    id: str
    key: str  # order is kept per key: the EPC, the door, the alert's key
    body: bytes  # the contract's JSON object, UTF-8


class Sink(Protocol):
    """One place upstream. `name` is what the user calls it; `kinds` is what it takes."""

    name: str
    kinds: frozenset[str]
    max_batch: int

    async def open(self) -> None:
        """Get ready to deliver; raises `Retry` or `Hold`."""

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Deliver in order; returns {seq: reason} of the records that were rejected for good.

        Returning means that every other record is accepted by the other side. Raises `Retry` or
        `Hold` when that is not so; any of the records may then have arrived and will come again.
        """

    async def close(self) -> None:
        """Let go of connections; never raises."""


@runtime_checkable
class LiveSink(Protocol):
    """A sink that can also show states of which only the newest counts, and which may get lost."""

    def publish_live(self, topic: str, payload: bytes, retain: bool = True) -> None:
        """Show a state at `readers/<id>` or `zones/<id>`; never blocks, never raises."""

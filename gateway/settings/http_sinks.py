"""Settings of the sinks that speak HTTP: webhook and epcis."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.model.epcis import BIZ_STEPS, DISPOSITIONS, is_term, is_uri
from gateway.settings.report import quoted, suggestion
from gateway.settings.section import SecretRef, Section
from gateway.settings.sink import COMMON, SinkSection
from gateway.settings.values import Duration, Identifier, Line

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_TYPE_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
#: Headers that the sinks set themselves, or that say how the connection is used.
_OWN_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "connection", "content-length", "content-type", "cookie",
        "expect", "host", "te", "trailer", "transfer-encoding", "upgrade", "webhook-id",
        "webhook-signature", "webhook-timestamp",
    }
)  # fmt: skip


def _check_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        len(text) > 2000
        or not text.isprintable()
        or parts.scheme not in ("http", "https")
        or not parts.hostname
    ):
        raise ValueError("expected an http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError("a user or password in an address is a secret in the file: leave it out")
    return text


def _check_reach(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        if not _HOST_NAME.fullmatch(text):
            raise ValueError(
                "expected a network such as 10.0.0.0/8, an address or the name of a host"
            ) from None
    return text


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("expected the name of an HTTP header, such as X-API-Key")
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"the header {name} is set by the gateway itself")
    return name


def _check_header_value(text: str) -> str:
    if not text.isascii():
        raise ValueError("expected a value of ASCII characters")
    return text


def _check_type_prefix(text: str) -> str:
    if not _TYPE_PREFIX.fullmatch(text):
        raise ValueError("expected a prefix such as com.example.warehouse")
    return text


def _check_uri(text: str) -> str:
    if not is_uri(text):
        raise ValueError("expected a URI, such as urn:epc:id:sgln:… or https://…")
    return text


def _check_template(text: str) -> str:
    bare = re.sub(r"\{(site|place|epc|bits)\}", "x", text)
    if not is_uri(bare):
        raise ValueError("expected a URI with {place} or {epc} in it")
    return text


def _check_biz_step(text: str) -> str:
    return _checked_term(text, BIZ_STEPS, "business step")


def _check_disposition(text: str) -> str:
    return _checked_term(text, DISPOSITIONS, "disposition")


def _checked_term(text: str, words: frozenset[str], what: str) -> str:
    if not is_term(text, words):
        raise ValueError(
            f"{quoted(text)} is neither a {what} of the Core Business Vocabulary nor a URI of your "
            f"own{suggestion(text, words)}"
        )
    return text


RecordKinds = Annotated[tuple[Literal["movement", "passage", "alert"], ...], Field(min_length=1)]
EventKinds = Annotated[tuple[Literal["movement", "passage"], ...], Field(min_length=1)]
MovementKinds = Annotated[
    tuple[Literal["arrived", "moved", "departed", "missing"], ...], Field(min_length=1)
]
Url = Annotated[str, AfterValidator(_check_url)]
Uri = Annotated[Line, AfterValidator(_check_uri)]
Template = Annotated[Line, AfterValidator(_check_template)]


class ClientTls(Section):
    """Whom to trust and who to be; absent, the host's certificate authorities are trusted."""

    ca: Line | None = None
    """File of the certificate authorities to trust (PEM); relative to the site directory."""
    cert: Line | None = None
    """File of our client certificate (PEM)."""
    key: Line | None = None
    """File of its private key (PEM)."""


class HttpHeader(Section):
    """One more header of every request: a value, or a secret."""

    name: Annotated[Line, AfterValidator(_check_header_name)]
    """Name of the header."""
    value: Annotated[Line, AfterValidator(_check_header_value)] | None = None
    """Its value, when it is no secret."""
    secret: SecretRef | None = None
    """Its value: {credential: NAME}, {file: PATH} or {env: NAME}."""

    @model_validator(mode="after")
    def _one_of_both(self) -> HttpHeader:
        if (self.value is None) == (self.secret is None):
            raise ValueError("expected either value or secret")
        return self


class HttpSink(SinkSection):
    """What every sink that speaks HTTP has."""

    url: Url
    """Where to send."""
    allow: tuple[Annotated[Line, AfterValidator(_check_reach)], ...] = ()
    """Networks, addresses and hosts that may be reached though they are private."""
    timeout: Annotated[Duration, Field(ge=0.1, le=300)] = 10.0
    """How long an answer may take."""
    token: SecretRef | None = None
    """Bearer token: {credential: NAME}, {file: PATH} or {env: NAME}."""
    headers: tuple[HttpHeader, ...] = ()
    """More headers, such as an API key."""
    tls: ClientTls | None = None
    """TLS with https; absent: the host's certificate authorities."""


class WebhookSink(HttpSink):
    """CloudEvents to an address over HTTP, signed."""

    kind: Literal["webhook"]
    """webhook"""
    kinds: RecordKinds | None = None
    """What it takes: movement, passage, alert; absent: movements."""
    format: Literal["cloudevents", "alertmanager"] = "cloudevents"
    """Shape of the requests; alertmanager: alerts as Alertmanager's webhook sends them."""
    secrets: Annotated[tuple[SecretRef, ...], Field(max_length=4)] = ()
    """Secrets that sign (whsec_…); more than one while they are changed."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 1
    """Events in one request; more than 1 is the batched mode of CloudEvents."""
    parallel: Annotated[int, Field(ge=1, le=32)] = 4
    """Requests at the same time; never for the same tag."""
    source: Uri | None = None
    """Source of the events; absent: /rfid-gateway/<site id>."""
    type_prefix: Annotated[Line, AfterValidator(_check_type_prefix)] = "rfid-gateway"
    """What the types of the events begin with."""


class EpcisStep(Section):
    """What is said of the events at one door (in one direction) or in one zone."""

    door: Identifier | None = None
    """The door that this is about."""
    direction: Literal["in", "out"] | None = None
    """Through the door in this direction; absent: in both."""
    zone: Identifier | None = None
    """Or the zone."""
    biz_step: Annotated[Line, AfterValidator(_check_biz_step)] | None = None
    """bizStep instead of the usual one."""
    disposition: Annotated[Line, AfterValidator(_check_disposition)] | None = None
    """disposition instead of the usual one."""
    location: Uri | None = None
    """Identifier of the door or zone instead of its sgln."""
    source: Uri | None = None
    """Location that things come from (sourceList)."""
    destination: Uri | None = None
    """Location that things go to (destinationList)."""

    @model_validator(mode="after")
    def _one_place(self) -> EpcisStep:
        if (self.door is None) == (self.zone is None):
            raise ValueError("expected either door or zone")
        if self.direction is not None and self.door is None:
            raise ValueError("'direction' is of a door: a zone has none")
        return self


class EpcisSink(HttpSink):
    """EPCIS 2.0 events to a capture interface."""

    kind: Literal["epcis"]
    """epcis"""
    kinds: EventKinds | None = None
    """What it takes: movement, passage; absent: movements."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 100
    """The most events of one document."""
    movements: MovementKinds = ("arrived", "moved")
    """Kinds of movements that become events."""
    identifiers: Literal["digital-link", "urn"] = "digital-link"
    """How GS1 identities are written."""
    resolver: Url = "https://id.gs1.org"
    """Where the Digital Links point."""
    locations: Template = "urn:rfid-gateway:{site}:{place}"
    """Identifier of zones and doors that have no sgln."""
    tags: Template = "urn:epc:raw:{bits}.x{epc}"
    """Identifier of tags that follow no EPC scheme."""
    aggregate: bool = False
    """The only SSCC of a passage is the parent of everything else in it."""
    follow_jobs: bool = True
    """Wait for the capture job to finish before an event counts as stored."""
    on_error: Literal["rollback", "proceed"] = "rollback"
    """Whether one bad event of a document keeps out the others."""
    sensors: bool = False
    """Also what temperature, humidity, weight and count sensors measured."""
    sensors_every: Annotated[Duration, Field(ge=10)] = 600.0
    """In one event for each sensor and so much time."""
    steps: tuple[EpcisStep, ...] = ()
    """What is said at single doors and in single zones."""


def plain_options(entry: HttpSink, *, without: frozenset[str]) -> dict[str, Any]:
    """What a sink's settings say, as the sink takes it; what is absent is left out."""
    found = entry.model_dump(exclude={*COMMON, *without}, exclude_none=True)
    return {key: value for key, value in found.items() if value != ()}

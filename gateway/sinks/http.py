"""HTTP to one place upstream: checked addresses, no redirects, everything bounded.

    url: https://wms.example.com/hook    allow: [10.0.0.0/8]    timeout: 10s
    token: {credential: wms-token}       headers: {X-Warehouse: north}
    tls: {ca: ca.pem, cert: client.pem, key: client.key}

A connection goes to an address that was checked (see `addresses`), and TLS checks the certificate
for the name. Proxies of the environment are not used, cookies are not kept.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.errors import Hold, SinkError
from gateway.model.delivery import Secret, SinkConfig
from gateway.sinks.addresses import Allowed, parse_allowed
from gateway.sinks.http_status import Reply

if TYPE_CHECKING:
    from gateway.sinks.http_client import HttpClient

DEFAULT_TIMEOUT_S = 10.0

#: Options of a sink that are read here.
OPTIONS = frozenset({"url", "allow", "timeout", "token", "headers", "tls"})

#: The addresses of a name; what tests replace.
Lookup = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a sink sends, as its settings say it."""

    url: str
    allowed: Allowed = field(default_factory=Allowed)
    timeout_s: float = DEFAULT_TIMEOUT_S
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def host(self) -> str:
        """The name of the host, for people."""
        return urlsplit(self.url).hostname or ""


def endpoint_of(config: SinkConfig) -> Endpoint:
    """The endpoint of a sink; raises `SinkError` when its options are wrong."""
    options = config.options
    url = options.get("url")
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise SinkError(f"sink {config.name}: it needs a url, such as https://wms.example.com/hook")
    try:
        allowed = parse_allowed(options.get("allow") or ())
    except SinkError as error:
        raise SinkError(f"sink {config.name}: {error}") from None
    digits = host.replace(".", "").isdigit()
    # An address in the url is not resolved, so that it is checked here and never again.
    if (digits or ":" in host) and (refusal := allowed.refusal(host, host)):
        raise SinkError(f"sink {config.name}: its url is refused: {refusal}")
    headers: dict[str, str | Secret] = dict(options.get("headers") or {})
    if (token := options.get("token")) is not None:
        headers["Authorization"] = Secret(f"Bearer {_text(token)}")
    tls = options.get("tls") or {}
    return Endpoint(
        url=str(url),
        allowed=allowed,
        timeout_s=float(options.get("timeout") or DEFAULT_TIMEOUT_S),
        headers=headers,
        ca=tls.get("ca"),
        cert=tls.get("cert"),
        key=tls.get("key"),
    )


class HttpConnection:
    """Connections to an endpoint, kept open between requests. `open` before all else."""

    def __init__(self, endpoint: Endpoint, *, parallel: int = 1, lookup: Lookup | None = None):
        self.endpoint = endpoint
        self._parallel = parallel
        self._lookup = lookup or _look_up
        self._client: HttpClient | None = None
        self._headers = {name: _text(value) for name, value in endpoint.headers.items()}

    async def open(self) -> None:
        """Get ready; raises `Hold` when the files for TLS cannot be used."""
        if self._client is not None:
            return
        make, tls = await asyncio.to_thread(_prepare, self.endpoint)
        if self._client is None:  # another request may have been quicker
            self._client = make(self.endpoint, self._lookup, tls, self._parallel)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body; raises `Retry` when there is no answer, `Hold` when there may be none."""
        return await self._ask("POST", self.endpoint.url, dict(headers), body)

    async def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Ask for an address at the same host; raises as `post`, and `Hold` for another host."""
        return await self._ask("GET", url, dict(headers), None)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Reply:
        await self.open()
        assert self._client is not None
        return await self._client.ask(method, url, self._headers | headers, body)


async def _look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, by the host's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _prepare(endpoint: Endpoint) -> tuple[type[HttpClient], ssl.SSLContext | bool]:
    """What takes too long for the event loop; raises `Hold` when a file cannot be used."""
    from gateway.sinks.http_client import HttpClient  # noqa: PLC0415 - not before it is needed

    return HttpClient, _tls_context(endpoint)


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext | bool:
    """What to trust and who to be; raises `Hold` when a file cannot be used."""
    if urlsplit(endpoint.url).scheme != "https":
        return True
    try:
        context = ssl.create_default_context(cafile=endpoint.ca)
        if endpoint.cert is not None:
            context.load_cert_chain(endpoint.cert, endpoint.key)
    except (OSError, ssl.SSLError) as error:
        raise Hold(f"the files for TLS to {endpoint.host} cannot be used ({error})") from error
    return context


def _text(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)

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
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway import __version__
from gateway.errors import Hold, Retry, SinkError
from gateway.model.delivery import Secret, SinkConfig
from gateway.sinks.addresses import Allowed, parse_allowed
from gateway.sinks.http_status import Reply, one_line

#: How much of an answer is read.
RESPONSE_BYTES = 1 << 20
CONNECT_S = 5.0
DEFAULT_TIMEOUT_S = 10.0
#: Connections that have been idle for so long are closed; servers often wait 60 s.
IDLE_S = 30.0

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
        self._session: aiohttp.ClientSession | None = None
        self._headers = {name: _text(value) for name, value in endpoint.headers.items()}

    async def open(self) -> None:
        """Get ready; raises `Hold` when the files for TLS cannot be used."""
        if self._session is not None:
            return
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedResolver(self.endpoint.allowed, self._lookup),
                ssl=await asyncio.to_thread(_tls_context, self.endpoint),
                use_dns_cache=False,
                limit=self._parallel,
                keepalive_timeout=IDLE_S,
            ),
            timeout=aiohttp.ClientTimeout(
                total=self.endpoint.timeout_s, sock_connect=min(CONNECT_S, self.endpoint.timeout_s)
            ),
            headers={"User-Agent": f"rfid-gateway/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body; raises `Retry` when there is no answer, `Hold` when there may be none."""
        return await self._ask("POST", self.endpoint.url, dict(headers), body)

    async def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Ask for an address at the same host; raises as `post`, and `Hold` for another host."""
        if URL(url).origin() != URL(self.endpoint.url).origin():
            raise Hold(f"{self.endpoint.host} sends us to another host, which is not followed")
        return await self._ask("GET", url, dict(headers), None)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Reply:
        await self.open()
        assert self._session is not None
        host = self.endpoint.host
        try:
            async with self._session.request(
                method,
                URL(url),
                data=body,
                headers=self._headers | headers,
                allow_redirects=False,
            ) as response:
                return Reply(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await _bounded(response),
                )
        except TimeoutError as error:
            raise Retry(f"{host} has not answered in {self.endpoint.timeout_s:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "it does not fit"
            raise Hold(f"the certificate of {host} is not accepted: {reason}") from error
        except (aiohttp.ClientConnectorError, aiohttp.ClientOSError) as error:
            reason = (error.strerror or str(error) or type(error).__name__).lower()
            raise Retry(f"{host} cannot be reached ({reason})") from error
        except (aiohttp.ClientError, ValueError) as error:
            reason = one_line(getattr(error, "message", "") or str(error))[:200]
            raise Retry(
                f"{host} has not answered as HTTP does ({reason or type(error).__name__})"
            ) from error


class _CheckedResolver(AbstractResolver):
    """Gives the connector only addresses that may be connected to."""

    def __init__(self, allowed: Allowed, lookup: Lookup) -> None:
        self._allowed = allowed
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host that are allowed; raises `Hold` when it has only others."""
        del family  # of each kind that the host has
        found = await self._lookup(host, port)
        good = [address for address in found if self._allowed.refusal(host, address) is None]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "its name has no address")
        if not good:
            self._allowed.check(host, found[0])
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in good
        ]

    async def close(self) -> None:
        """Nothing is kept."""


async def _look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, by the host's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its beginning; what is too long costs the connection."""
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > RESPONSE_BYTES:
            response.close()
            return body[:RESPONSE_BYTES]
    return body


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

"""The one module that knows aiohttp: loading it takes a while, and waits for a first connection."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway import __version__
from gateway.errors import Hold, Retry
from gateway.sinks.http_status import Reply, one_line

if TYPE_CHECKING:
    from gateway.sinks.addresses import Allowed
    from gateway.sinks.http import Endpoint, Lookup

#: How much of an answer is read.
RESPONSE_BYTES = 1 << 20
CONNECT_S = 5.0
#: Connections that have been idle for so long are closed; servers often wait 60 s.
IDLE_S = 30.0


class HttpClient:
    """Connections to an endpoint; made and used in the event loop."""

    def __init__(
        self, endpoint: Endpoint, lookup: Lookup, tls: ssl.SSLContext | bool, parallel: int
    ) -> None:
        self._endpoint = endpoint
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedResolver(endpoint.allowed, lookup),
                ssl=tls,
                use_dns_cache=False,
                limit=parallel,
                keepalive_timeout=IDLE_S,
            ),
            timeout=aiohttp.ClientTimeout(
                total=endpoint.timeout_s, sock_connect=min(CONNECT_S, endpoint.timeout_s)
            ),
            headers={"User-Agent": f"rfid-gateway/{__version__}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """One request; raises `Retry` without an answer, `Hold` when there may be none."""
        host = self._endpoint.host
        try:
            target = URL(url)
            if target.origin() != URL(self._endpoint.url).origin():
                raise Hold(f"{host} sends us to another host, which is not followed")
            async with self._session.request(
                method,
                target,
                data=body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                return Reply(
                    status=response.status,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await _bounded(response),
                )
        except TimeoutError as error:
            raise Retry(f"{host} has not answered in {self._endpoint.timeout_s:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "it does not fit"
            raise Hold(f"the certificate of {host} is not accepted: {reason}") from error
        except (aiohttp.ClientConnectorError, aiohttp.ClientOSError) as error:
            reason = (error.strerror or str(error) or type(error).__name__).lower()
            raise Retry(f"{host} cannot be reached ({reason})") from error
        except (aiohttp.ClientError, ValueError) as error:
            said = getattr(error, "message", "") or str(error)
            # Of a head that broke off, aiohttp gives what there was of it, and no words.
            reason = one_line(said)[:200] if isinstance(said, str) else "its answer broke off"
            raise Retry(
                f"{host} has not answered as HTTP does ({reason or type(error).__name__})"
            ) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


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


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, or its beginning; what is too long costs the connection."""
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > RESPONSE_BYTES:
            response.close()
            return body[:RESPONSE_BYTES]
    return body

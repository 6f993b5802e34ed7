"""Writing lines to InfluxDB: the three write APIs, and what their answers mean.

    v1   POST /write?db=&rp=&precision=ns                         user and password
    v2   POST /api/v2/write?org=&bucket=&precision=ns             Authorization: Token …
    v3   POST /api/v3/write_lp?db=&precision=nanosecond           Authorization: Bearer …

A 400 or 422 may mean that some lines were stored, or none: the batch is sent again in halves, down
to the lines that are refused. That does no harm, because a line which is sent again overwrites
itself, and it depends on no wording. A 413 halves a batch too.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gateway.errors import Hold, Rejected, Retry
from gateway.model.delivery import InfluxConfig, Secret
from gateway.sinks.addresses import parse_allowed
from gateway.sinks.http import Endpoint, HttpConnection, Lookup
from gateway.sinks.http_status import Reply, check

#: A database is named by whoever runs the gateway, and stands in his own network as a rule.
_ANYWHERE = parse_allowed(["0.0.0.0/0", "::/0"])
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31  # zlib's word for a gzip header
#: An answer to one line that says so is about our settings, whatever its status.
_OF_THE_SETTINGS = (b"retention policy not found", b"database not found")


@dataclass(slots=True)
class Written:
    """What came of a batch: refused lines by their place in it, with the reason."""

    refused: dict[int, str] = field(default_factory=dict)
    requests: int = 0


class InfluxWriter:
    """Sends lines. `open` before all else."""

    def __init__(self, config: InfluxConfig, *, lookup: Lookup | None = None) -> None:
        self._gzip = config.gzip
        self._connection = HttpConnection(_endpoint(config), lookup=lookup)
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._gzip:
            self._headers["Content-Encoding"] = "gzip"

    async def open(self) -> None:
        """Get ready; raises `Hold`."""
        await self._connection.open()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def write(self, lines: Sequence[bytes], *, most_requests: int | None = None) -> Written:
        """Send lines; returning means that all but the refused ones are stored.

        Raises `Retry` or `Hold` when that is not so. With `most_requests`, what is still in doubt
        after so many is given up as refused.
        """
        written = Written()
        await self._write(lines, 0, written, most_requests)
        return written

    async def _write(
        self, lines: Sequence[bytes], first: int, written: Written, most_requests: int | None
    ) -> None:
        if not lines:
            return
        try:
            await self._post(lines)
        except Rejected as refusal:
            written.requests += 1
            tired = most_requests is not None and written.requests >= most_requests
            if len(lines) == 1 or tired:
                for place in range(first, first + len(lines)):
                    written.refused[place] = str(refusal)
                return
        else:
            written.requests += 1
            return
        half = len(lines) // 2
        await self._write(lines[:half], first, written, most_requests)
        await self._write(lines[half:], first + half, written, most_requests)

    async def _post(self, lines: Sequence[bytes]) -> None:
        body = request_body(lines, gzip=self._gzip)
        _check(await self._connection.post(body, self._headers), self._connection.endpoint.host)


def request_body(lines: Sequence[bytes], *, gzip: bool) -> bytes:
    """What is sent for these lines."""
    body = b"\n".join(lines) + b"\n"
    if not gzip:
        return body
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def _check(reply: Reply, host: str) -> None:
    """Return when everything was stored; else raise `Retry`, `Hold` or `Rejected`."""
    try:
        check(reply, host)
    except (Retry, Rejected) as failure:
        if any(words in reply.body for words in _OF_THE_SETTINGS):
            raise Hold(str(failure)) from failure
        raise


def _endpoint(config: InfluxConfig) -> Endpoint:
    path, query = _TARGET[config.api](config)
    return Endpoint(
        url=f"{config.url.rstrip('/')}{path}?{urlencode(query)}",
        allowed=_ANYWHERE,
        timeout_s=config.timeout_s,
        headers=_authorization(config),
        ca=config.tls_ca,
        cert=config.tls_cert,
        key=config.tls_key,
    )


def _v1(config: InfluxConfig) -> tuple[str, dict[str, str]]:
    policy = {"rp": config.retention_policy} if config.retention_policy else {}
    return "/write", {"db": config.database, **policy, "precision": "ns"}


def _v2(config: InfluxConfig) -> tuple[str, dict[str, str]]:
    query = {"org": config.org or "", "bucket": config.database, "precision": "ns"}
    return "/api/v2/write", query


def _v3(config: InfluxConfig) -> tuple[str, dict[str, str]]:
    query = {"db": config.database, "precision": "nanosecond", "accept_partial": "true"}
    return "/api/v3/write_lp", query


_TARGET = {"v1": _v1, "v2": _v2, "v3": _v3}


def _authorization(config: InfluxConfig) -> dict[str, str | Secret]:
    if config.username is not None and config.password is not None:
        pair = f"{config.username}:{config.password.reveal()}".encode()
        return {"Authorization": Secret(f"Basic {base64.b64encode(pair).decode()}")}
    if config.token is not None:
        word = "Bearer" if config.api == "v3" else "Token"
        return {"Authorization": Secret(f"{word} {config.token.reveal()}")}
    return {}

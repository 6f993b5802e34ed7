"""A client of a running gateway's API, light enough that a command answers at once.

Only the standard library, and of that only what is needed: no pydantic, no numpy, no httpx.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from gateway.errors import GatewayError, Unavailable

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_SITE = Path("/etc/rfid-gateway")
LISTEN_VARIABLE = "RFID_GATEWAY_API__LISTEN"
ANSWER_S = 10.0
#: The server says something every 15 s; a stream that is silent for longer is dead.
SILENCE_S = 40.0
_MAX_ANSWER_BYTES = 64_000_000
_MAX_LINE_BYTES = 4_000_000
_MAX_SETTINGS_BYTES = 1_000_000


class Client:
    """One connection to a gateway; errors are sentences. Use it as a context."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection, self._path = _connection(url)

    def get(self, path: str) -> Any:
        """The JSON of an answer; `GatewayError` with the gateway's own sentence for a problem."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """The JSON of the answer to a JSON body."""
        return self._ask("POST", path, json.dumps(body).encode())

    def put(self, path: str, body: object, *, report: str = "") -> Any:
        """The JSON of the answer to a JSON body, or to octets as they are.

        A refusal with the member `report` says what became of each part: it is an answer, too.
        """
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask("PUT", path, octets, report)

    def delete(self, path: str) -> Any:
        """The JSON of the answer."""
        return self._ask("DELETE", path, None)

    def lines(self, path: str, headers: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """The lines of a stream until it ends; `Unavailable` when it breaks off or falls silent.

        Returns once the gateway has agreed; the lines then come as they are iterated over.
        """
        self._connection.timeout = SILENCE_S
        response = self._request("GET", path, None, headers or {})
        if response.status != 200:
            raise _refusal(response.status, response.read(_MAX_ANSWER_BYTES))
        return self._read_lines(response)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None, report: str = "") -> Any:
        headers = {"content-type": "application/json"} if body is not None else {}
        response = self._request(method, path, body, headers)
        try:
            text = response.read(_MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from error
        taken = response.status in (200, 202)
        if not taken and not report:
            raise _refusal(response.status, text)
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise (self._not_a_gateway() if taken else _refusal(response.status, text)) from error
        if not taken and not (isinstance(answer, dict) and report in answer):
            raise _refusal(response.status, text)
        return answer

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        try:
            self._connection.request(method, self._path + path, body, dict(headers))
            return self._connection.getresponse()
        except http.client.BadStatusLine as error:
            raise self._not_a_gateway() from error
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from error

    def _read_lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        with closing(response):
            while True:
                try:
                    line = response.readline(_MAX_LINE_BYTES)
                except (OSError, http.client.HTTPException) as error:
                    raise self._away(error) from error
                if not line:
                    return
                yield line

    def _away(self, error: Exception) -> Unavailable:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unavailable(
            f"No gateway answers at {self.url} ({reason}). Start one with 'rfid-gateway run' or "
            "'rfid-gateway demo', or say where it is with --api URL."
        )

    def _not_a_gateway(self) -> GatewayError:
        return GatewayError(f"What answers at {self.url} is no rfid-gateway; see --api.")


def find_api(
    api: str | None, site: Path | None, environment: Mapping[str, str] = os.environ
) -> str:
    """The URL of the gateway's API: as told, else as the daemon would find it, else the default.

    Of the site's settings only `api.listen` is read, and only if nothing else says where.
    """
    if api is not None:
        return api if "://" in api else f"http://{api}"
    listen = environment.get(LISTEN_VARIABLE) or _listen_in(site or DEFAULT_SITE)
    return DEFAULT_URL if listen is None else _url_of(listen)


def _listen_in(site: Path) -> str | None:
    """`api.listen` of a site's settings; later files win, as in the daemon."""
    folder = site / "config"
    files = [folder / "gateway.yaml", *sorted((folder / "conf.d").glob("*.yaml"))]
    files = [file for file in files if file.is_file()]
    if not files:
        return None
    import yaml

    listen = None
    for file in files:
        try:
            with file.open("rb") as text:
                # BaseLoader: everything stays text, nothing is made of it.
                settings = yaml.load(text.read(_MAX_SETTINGS_BYTES), yaml.BaseLoader)  # noqa: S506
        except (OSError, yaml.YAMLError, RecursionError) as error:
            raise GatewayError(f"{file} cannot be read: see 'rfid-gateway check'.") from error
        section = settings.get("api") if isinstance(settings, dict) else None
        found = section.get("listen") if isinstance(section, dict) else None
        listen = found if isinstance(found, str) else listen
    return listen


def _url_of(listen: str) -> str:
    """Where to connect to for an address to listen on: every address includes loopback."""
    host, _, port = listen.rpartition(":") if not listen.endswith("]") else (listen, "", "")
    if not port.isdecimal():
        host, port = listen, "8080"
    if host in ("0.0.0.0", ""):  # noqa: S104 - told from, not bound to
        host = "127.0.0.1"
    return f"http://{'[::1]' if host == '[::]' else host}:{port}"


def _connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if host is None or parts.scheme not in ("http", "https"):
        raise GatewayError(f"'{url}' is no URL such as {DEFAULT_URL}.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=ANSWER_S), parts.path.rstrip("/")


def _refusal(status: int, text: bytes) -> GatewayError:
    """The sentence of a problem document. What passes by itself is `Unavailable`."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    detail = document.get("detail") if isinstance(document, dict) else None
    sentence = detail if isinstance(detail, str) else f"The gateway answers with HTTP {status}."
    return Unavailable(sentence) if status >= 500 else GatewayError(sentence)

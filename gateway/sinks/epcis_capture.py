"""The capture interface of an EPCIS 2.0 repository: documents in, and what became of them.

202 does not say that anything was stored: with a `Location` there is a job, which is asked until it
has finished. Servers that answer otherwise with 2xx and no job are taken at their word.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urljoin

import orjson

from gateway.errors import Rejected, Retry
from gateway.sinks.http import HttpConnection
from gateway.sinks.http_status import REASON_CHARACTERS, Reply, check

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_HEADERS = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
#: How long a job is asked for before the dispatcher hears of it; it goes on with the next try.
JOB_S = 60.0
_FIRST_ASK_S, _MOST_ASK_S, _SLOWER = 0.1, 5.0, 1.6


class TooLarge(Rejected):
    """A document with fewer events might be taken."""


class Capture:
    """Captures documents at one endpoint; `sleep` is what tests replace."""

    def __init__(
        self,
        connection: HttpConnection,
        *,
        on_error: str = "rollback",
        follow_jobs: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._connection = connection
        self._host = connection.endpoint.host
        self._on_error = on_error
        self._follow_jobs = follow_jobs
        self._sleep = sleep
        self._job: tuple[bytes, str] | None = None  # of which document, and where to ask

    async def capture(self, document: bytes, event_ids: Sequence[str]) -> dict[str, str]:
        """Have a document stored; returns {eventID: reason} of what was not, when that is told.

        Raises `Rejected` when the document as a whole was not stored, `TooLarge` if for its size.
        """
        digest = hashlib.sha256(document).digest()
        if self._job is None or self._job[0] != digest:
            job = await self._post(document)
            if job is None:
                return {}
            self._job = (digest, job)
        return await self._follow(self._job[1], event_ids)

    async def _post(self, document: bytes) -> str | None:
        """Send a document; returns where its job is, None when there is none to follow."""
        reply = await self._connection.post(
            document,
            _HEADERS
            | {"Content-Type": "application/json", "GS1-Capture-Error-Behaviour": self._on_error},
        )
        if reply.status == 413:
            raise TooLarge(f"{self._host} answers {reply.words}")
        check(reply, self._host)
        location = reply.headers.get("location")
        if reply.status != 202 or not location or not self._follow_jobs:
            return None
        return urljoin(self._connection.endpoint.url, location)

    async def _follow(self, job: str, event_ids: Sequence[str]) -> dict[str, str]:
        waited_s, pause_s = 0.0, _FIRST_ASK_S
        while waited_s < JOB_S:
            found = _job_in(await self._ask(job), self._host)
            if found["running"] is False:
                self._job = None
                return {} if found.get("success") is True else self._failed(found, event_ids)
            await self._sleep(pause_s)
            waited_s += pause_s
            pause_s = min(_MOST_ASK_S, pause_s * _SLOWER)
        raise Retry(f"{self._host} has not finished capturing after {JOB_S:g} s")

    async def _ask(self, job: str) -> Reply:
        reply = await self._connection.get(job, _HEADERS | {"Accept": "application/json"})
        if reply.status in (404, 410):
            self._job = None
            raise Retry(f"{self._host} has forgotten what it captured; it is sent again")
        try:
            check(reply, self._host)
        except Rejected as refusal:  # of the question, not of the events
            raise Retry(str(refusal)) from refusal
        return reply

    def _failed(self, job: dict[str, Any], event_ids: Sequence[str]) -> dict[str, str]:
        """Which events failed, if the rest was stored and the errors tell; else `Rejected`."""
        errors = job.get("errors")
        told = [orjson.dumps(e).decode() for e in errors] if isinstance(errors, list) else []
        if self._on_error == "proceed" and told:
            blamed = {
                event: words[:REASON_CHARACTERS]
                for words in told
                for event in event_ids
                if event.removeprefix("urn:uuid:") in words
            }
            if all(any(event.removeprefix("urn:uuid:") in t for event in blamed) for t in told):
                return blamed
        reason = "; ".join(told)[:REASON_CHARACTERS] or "no reason given"
        raise Rejected(f"{self._host} did not capture it: {reason}")


def document_of(events: Sequence[dict[str, Any]], created: str) -> bytes:
    """An EPCIS document; the same events and time give the same bytes."""
    return orjson.dumps(
        {
            "@context": [CONTEXT],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": created,
            "epcisBody": {"eventList": events},
        }
    )


def _job_in(reply: Reply, host: str) -> dict[str, Any]:
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("running"), bool):
        raise Retry(f"{host} answers the question for a capture job with something else")
    return found

"""What an answer over HTTP means for the records that were sent.

2xx                                       taken
408, 425, 429, 5xx                        later again, when Retry-After says or after a while
3xx, 401 to 407 but 408, 410, 411, 415 …  our settings are refused: keep everything
400, 409, 413, 422 and other 4xx          these records are refused
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import orjson

from gateway.errors import Hold, Rejected, Retry

#: How much of an answer's text is kept as a reason.
REASON_CHARACTERS = 300

_LATER = frozenset({408, 421, 425, 429})
#: Refusals that cannot be about a record: who we are, where we send, in what form.
_OF_THE_SETTINGS = frozenset({401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 426, 431, 451, 511})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; `body` may be cut off. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """What was answered, as a clause for people: `422 Unprocessable Content: no such SKU`."""
        try:
            name = f" {HTTPStatus(self.status).phrase}"
        except ValueError:
            name = ""
        said = _reason(self.body)
        return f"{self.status}{name}{': ' if said else ''}{said}"


def check(reply: Reply, host: str, now: datetime | None = None) -> None:
    """Return when the records were taken; else raise `Retry`, `Hold` or `Rejected`."""
    status = reply.status
    if 200 <= status < 300:
        return
    if status in _LATER or (status >= 500 and status not in _OF_THE_SETTINGS):
        raise Retry(f"{host} answers {reply.words}", retry_after_s(reply, now))
    if 300 <= status < 400:
        where = one_line(reply.headers.get("location", ""))[:100] or "nowhere"
        raise Hold(
            f"{host} answers {status} and redirects to {where}, which is not followed: set the "
            "address that is meant"
        )
    if status in _OF_THE_SETTINGS:
        raise Hold(f"{host} answers {reply.words}")
    if 400 <= status < 500:
        raise Rejected(f"{host} answers {reply.words}")
    raise Retry(f"{host} answers {status}, which is no answer")


def retry_after_s(reply: Reply, now: datetime | None = None) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or a date; None if it does not."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:  # -0000: UTC, of a place that is not told
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _reason(body: bytes) -> str:
    """What a body says, on one line; of `application/problem+json` the title and the detail."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        parts = [found.get(key) for key in ("title", "detail", "message", "error", "errorMessage")]
        told = ": ".join(dict.fromkeys(part for part in parts if isinstance(part, str) and part))
        if told:
            return one_line(told)[:REASON_CHARACTERS]
    return one_line(body.decode("utf-8", "replace"))[:REASON_CHARACTERS]


def one_line(text: str) -> str:
    """Somebody else's text on one line, bounded, without what a terminal would obey."""
    words = " ".join(text[: 4 * REASON_CHARACTERS].split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)

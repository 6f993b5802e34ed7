"""Problems: every error of the API is an `application/problem+json` document (RFC 9457)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_MAX_QUOTED = 120


class Problem(HTTPException):
    """Ends a request; `detail` is a sentence for the person who reads the answer.

    `more` are further members of the document, for programs.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self._more = more or {}

    def response(self) -> Response:
        """The document."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
            **self._more,
        }
        return Response(
            orjson.dumps(document),
            status_code=self.status_code,
            media_type=MEDIA_TYPE,
            headers=self.headers,
        )


def quoted(text: str) -> str:
    """A text of the request, for a sentence: in quotes, and short."""
    return f"'{text[:_MAX_QUOTED]}…'" if len(text) > _MAX_QUOTED else f"'{text}'"


def unknown(what: str, name: str, known: Iterable[str]) -> Problem:
    """404 for an id that the site does not have, with the nearest one that it has."""
    known = list(known)
    close = difflib.get_close_matches(name[:_MAX_QUOTED], known, n=1)
    if close:
        hint = f"Did you mean '{close[0]}'?"
    elif known:
        hint = f"There are {len(known)}: {', '.join(known[:10])}{' …' if len(known) > 10 else ''}."
    else:
        hint = "The site has none."
    return Problem(404, f"There is no {what} {quoted(name)}. {hint}")

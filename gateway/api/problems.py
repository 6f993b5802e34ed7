"""Problems: every error of the API is an `application/problem+json` document (RFC 9457)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from http import HTTPStatus

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_MAX_QUOTED = 120


class Problem(HTTPException):
    """Ends a request; `detail` is a sentence for the person who reads the answer."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)

    def response(self) -> Response:
        """The document."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
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


async def answer_problem(_: Request, error: Exception) -> Response:
    """For `Problem`."""
    assert isinstance(error, Problem)
    return error.response()


async def answer_invalid(request: Request, error: Exception) -> Response:
    """For what FastAPI refuses: every mistake in one sentence."""
    assert isinstance(error, RequestValidationError)
    mistakes = []
    for mistake in error.errors()[:10]:
        where = ".".join(str(part) for part in mistake["loc"] if part not in ("query", "body"))
        mistakes.append(f"{where or 'body'}: {mistake['msg']}")
    detail = f"{'; '.join(mistakes)}."
    if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
        detail = f"{detail} Send JSON with the header content-type: application/json."
    return Problem(400, detail).response()


async def answer_http(request: Request, error: Exception) -> Response:
    """For paths and methods that do not exist."""
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {quoted(request.url.path)}; see /api/openapi.json."
    elif error.status_code == 405:
        detail = f"{request.method} is not possible here; see /api/openapi.json."
    headers = dict(error.headers) if error.headers else None
    return Problem(error.status_code, detail, headers).response()


async def answer_failure(_: Request, __: Exception) -> Response:
    """For mistakes of ours; the log has the traceback."""
    return Problem(500, "The gateway made a mistake; its log says more.").response()

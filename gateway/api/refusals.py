"""What ends a request by an exception, ours or the framework's, as a problem document."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.problems import Problem, quoted


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

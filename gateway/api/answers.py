"""Answers: bodies as bytes, `304 Not Modified`, and movements straight from the store."""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.context import StoredMovement
from gateway.api.problems import Problem
from gateway.errors import StoreError

MEDIA_TYPE = "application/json"
T = TypeVar("T")


class JSON(Response):
    """A JSON document; built by hand, so that no model is filled on the way."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """UTF-8; text that is no Unicode cannot get here."""
        return orjson.dumps(content)


def json_answer(request: Request, body: bytes, etag: str | None = None) -> Response:
    """A ready body with its ETag (by content if none is given), or 304 when the client has it."""
    tag = f'"{etag}"' if etag is not None else f'"{zlib.crc32(body):08x}{len(body):x}"'
    if not_modified(request, tag):
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, media_type=MEDIA_TYPE, headers={"etag": tag})


def not_modified(request: Request, tag: str) -> bool:
    """Whether the client says that it has this version already."""
    held = request.headers.get("if-none-match")
    return held is not None and tag in (t.strip().removeprefix("W/") for t in held.split(","))


def movements_answer(head: dict[str, Any], rows: Sequence[StoredMovement]) -> Response:
    """`head` and the movements' own bodies, as they were told."""
    movements = [orjson.Fragment(row.body) for row in rows]
    return JSON(head | {"movements": movements})


async def stored(question: Callable[..., Sequence[T]], *arguments: Any) -> Sequence[T]:
    """Ask the store in a thread; `Problem` when it cannot answer."""
    try:
        return await asyncio.to_thread(question, *arguments)
    except (sqlite3.Error, StoreError) as error:
        raise Problem(503, f"The history cannot be read now: {error}.") from error

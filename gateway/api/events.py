"""The event stream: server-sent events out of the live view's ring.

A listener holds nothing but its place in the ring. It resumes with `Last-Event-ID`; when the ring
has moved on it gets `event: reset`, and should ask for the state anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.context import Context
from gateway.api.problems import Problem, unknown
from gateway.api.streams import StreamResponse
from gateway.live import Event, EventKind, EventRing

HEARTBEAT_S = 15.0
#: Between two chunks to one listener: what comes meanwhile goes out together.
PAUSE_S = 0.05
EVENTS_PER_CHUNK = 500
BYTES_PER_CHUNK = 256_000
RETRY_MS = 2_000
#: Told when no kind is asked for; provisional movements are not, because they may never come true.
DEFAULT_KINDS = frozenset(EventKind) - {EventKind.PROVISIONAL, EventKind.PROVISIONAL_PASSAGE}


def event_routes(context: Context) -> list[Route]:
    """`GET /api/v1/events`."""
    ring = context.live.events
    zones = context.live.site.zone_numbers

    async def events(request: Request) -> Response:
        kinds = _kinds(request.query_params.getlist("kind"))
        zone = request.query_params.get("zone")
        if zone is not None and zone not in zones:
            raise unknown("zone", zone, zones)
        text = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
        chunks = _chunks(ring, _last_id(text), kinds, zone)
        return StreamResponse(context.streams, chunks, "text/event-stream")

    return [Route("/api/v1/events", events)]


async def _chunks(
    ring: EventRing, last_id: int | None, kinds: frozenset[EventKind], zone: str | None
) -> AsyncGenerator[bytes, None]:
    place = ring.last_id if last_id is None else last_id
    yield b"retry: %d\n\n" % RETRY_MS
    if last_id is None:
        yield _place(place)
    while True:
        if not ring.holds(place):
            place = ring.last_id
            yield _reset(place)
        chunk, following = _next_chunk(ring, place, kinds, zone)
        if chunk:
            yield chunk
        if following > place:
            place = following
            await asyncio.sleep(PAUSE_S)
            continue
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await ring.wait_after(place)
        except TimeoutError:
            yield _place(place)


def _place(place: int) -> bytes:
    """An id without data: the listener can resume from here, and is told nothing."""
    return b"id: %d\n\n" % place


def _next_chunk(
    ring: EventRing, place: int, kinds: frozenset[EventKind], zone: str | None
) -> tuple[bytes, int]:
    """The frames that follow `place` and are wanted, and the place after them."""
    frames, size = [], 0
    for event in ring.after(place, EVENTS_PER_CHUNK):
        place = event.id
        if event.kind in kinds and zone in (None, *event.zones):
            frames.append(_frame(event))
            size += len(event.body)
            if size >= BYTES_PER_CHUNK:
                break
    return b"".join(frames), place


def _frame(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), event.body)


def _reset(place: int) -> bytes:
    why = "Events after your last one are no longer held, or belong to an earlier run."
    data = orjson.dumps({"reason": why})
    return b"id: %d\nevent: reset\ndata: %s\n\n" % (place, data)


def _kinds(texts: list[str]) -> frozenset[EventKind]:
    names = [name for text in texts for name in text.split(",") if name]
    for name in names:
        if name not in frozenset(EventKind):
            problem = unknown("kind of event", name, EventKind)
            raise Problem(400, problem.detail)
    return frozenset(map(EventKind, names)) or DEFAULT_KINDS


def _last_id(text: str | None) -> int | None:
    if text is None:
        return None
    # What is no number of ours cannot be resumed: the listener gets a reset.
    return int(text) if text.isdecimal() and len(text) <= 18 else -1

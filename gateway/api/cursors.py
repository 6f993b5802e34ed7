"""Cursors of pages of tags: a tag number, which holds for one run of the gateway only."""

from __future__ import annotations

from gateway.api.problems import Problem, quoted
from gateway.live import LiveView


def cursor_of(live: LiveView, number: int | None) -> str | None:
    """The cursor that goes on after a tag number; None at the end."""
    return None if number is None else f"{live.start_id:x}-{number:x}"


def number_of(live: LiveView, cursor: str | None) -> int:
    """The tag number after which a page begins; -1 without a cursor."""
    if cursor is None:
        return -1
    run, _, number = cursor.partition("-")
    try:
        known = int(run, 16) == live.start_id
        after = int(number, 16)
    except ValueError:
        raise Problem(400, f"{quoted(cursor)} is no cursor of this list.") from None
    if not known or after < 0:
        raise Problem(410, "The gateway was started since: begin again without a cursor.")
    return after

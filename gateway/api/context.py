"""Context: what the routes work with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.api.streams import Streams
from gateway.live import LiveView
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics


class StoredMovement(Protocol):
    """A movement as it was told; `cursor` is its place in the order of commits."""

    @property
    def cursor(self) -> int:
        """Grows with each commit."""

    @property
    def body(self) -> bytes:
        """The contract's JSON object."""


class History(Protocol):
    """What was committed. Called in threads of their own, several at once."""

    def movements_after(self, cursor: int, limit: int) -> Sequence[StoredMovement]:
        """Movements committed after the one with `cursor`, oldest first; 0 is the beginning."""

    def movements_of(self, epc: bytes, limit: int) -> Sequence[StoredMovement]:
        """The last movements of one tag, newest first."""


#: Begins to listen to the gateway's inputs: lines of a recording, several per item. The service
#: bounds what waits for one listener, and ends the iteration of one that is too slow.
Subscribe = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the routes work with."""

    live: LiveView
    history: History
    metrics: Metrics
    health: Health
    streams: Streams
    inputs: Subscribe | None = None

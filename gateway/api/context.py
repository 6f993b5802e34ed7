"""Context: what the routes work with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.api.streams import Streams
from gateway.live import LiveView
from gateway.series.history_query import Answer, Question
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


class Outbox(Protocol):
    """What waits for the sinks; raises `GatewayError` with a sentence for what there is not."""

    async def report(self) -> dict[str, Any]:
        """Every sink's queue."""

    async def dead_letters(self, sink: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """What was set aside (for one sink), after the one numbered `after`."""

    async def retry(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Have dead letters (None: all) tried again, and the sink at once."""

    async def drop(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Remove dead letters (None: all)."""


class ImportedItems(Protocol):
    """What became of the rows of an import."""

    @property
    def items(self) -> Sequence[object]:
        """Those that are right."""

    @property
    def wrong(self) -> int:
        """How many are not."""

    @property
    def problems(self) -> Sequence[str]:
        """A sentence for each of the first of those."""


class Desk(Protocol):
    """What people and a WMS ask for; raises `GatewayError` with a sentence for what makes no sense.

    What only looks things up is called in threads of its own; what changes something is awaited
    until that is durable.
    """

    reload: Callable[[], str]  # take up what has changed in the files; what was done

    async def rules(self) -> list[dict[str, Any]]:
        """The rules in force, each with what it holds and what went wrong."""

    async def explain(self, rule: str, asked: str | None = None) -> dict[str, Any]:
        """Why a rule fires, or does not, now: for a tag, door, zone, sensor or reader."""

    def alerts(self, state: str | None = None, rule: str | None = None) -> list[dict[str, Any]]:
        """Alerts that fire or ended a short while ago."""

    async def acknowledge(
        self, alert: str, by: str, note: str, for_s: float | None
    ) -> dict[str, Any]:
        """Take note of an alert."""

    def silences(self) -> list[dict[str, Any]]:
        """Silences that are on."""

    async def silence(
        self,
        *,
        rule: str | None,
        severity: str | None,
        match: dict[str, Any],
        by: str,
        note: str,
        for_s: float,
    ) -> dict[str, Any]:
        """Hear nothing of some alerts for a while."""

    async def unsilence(self, silence: str) -> None:
        """Hear of them again."""

    def holds(self) -> list[dict[str, Any]]:
        """Zones that rules hold."""

    async def release(self, zone: str) -> None:
        """A person releases a zone that a rule holds."""

    def counts(self) -> list[dict[str, Any]]:
        """The last count of each zone that a rule had counted."""

    def shipments(self) -> list[dict[str, Any]]:
        """All shipments."""

    async def put_shipment(self, given: dict[str, Any]) -> None:
        """Expect a shipment."""

    async def remove_shipment(self, id_: str) -> None:
        """Expect it no longer."""

    def item(self, text: str) -> dict[str, Any] | None:
        """The item of a key, or the most exact one of an EPC."""

    def items(self, limit: int, after: str = "") -> list[dict[str, Any]]:
        """Some items, in order of their keys."""

    async def put_items(self, content: bytes, *, replace: bool = False) -> ImportedItems:
        """Take items from CSV or JSON."""


#: Begins to listen to the gateway's inputs: lines of a recording, several per item. The service
#: bounds what waits for one listener, and ends the iteration of one that is too slow.
Subscribe = Callable[[], AsyncIterator[bytes]]


#: Answers from the history of figures; blocks, raises `sqlite3.Error`.
Ask = Callable[[Question], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the routes work with. `streams` is also what ends them when the server stops."""

    live: LiveView
    history: History
    metrics: Metrics
    health: Health
    streams: Streams
    inputs: Subscribe | None = None
    outbox: Outbox | None = None
    desk: Desk | None = None
    figures: Ask | None = None

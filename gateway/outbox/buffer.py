"""The outbox as a buffer: how many hours it lasts, told as a figure, and as a trouble when few."""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3

from gateway.store import cursors
from gateway.store.cursors import Cursor
from gateway.store.database import Store
from gateway.store.room import Room, room
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

#: How often it is looked at.
SURVEY_S = 30.0
#: From so few hours on they are in the line that the service manager shows.
FEW_HOURS = 24.0


class Buffer:
    """`run` until cancelled; `words` is what the status line says of it, if anything."""

    def __init__(self, store: Store, metrics: Metrics, health: Health) -> None:
        self.words: str | None = None
        self._store, self._metrics, self._health = store, metrics, health
        self._told = False

    async def run(self) -> None:
        """Look every half a minute."""
        while True:
            try:
                self._tell(*await asyncio.to_thread(self._look))
            except sqlite3.Error as error:
                logger.warning("how full the outbox is cannot be read: %s", error)
            await asyncio.sleep(SURVEY_S)

    def _look(self) -> tuple[Room, list[Cursor]]:
        with self._store.reading() as reader:
            found = room(reader.connection, self._store.limit_bytes)
            return found, cursors.cursors(reader.connection)

    def _tell(self, found: Room, sinks: list[Cursor]) -> None:
        self._metrics.outbox_buffer_hours.set(math.inf if found.hours is None else found.hours)
        for sink in sinks:
            if sink.removed_us is None:
                self._metrics.outbox_let_go[sink.name].set(sink.let_go)
        few = found.behind is not None and found.hours is not None and found.hours < FEW_HOURS
        self.words = f"outbox: {found.hours:.1f} hours of buffer left" if few else None
        if found.trouble is None:
            self._health.ready("outbox")
        else:
            self._health.not_ready("outbox", found.trouble)
            if not self._told:
                logger.error("%s", found.trouble)
        self._told = found.trouble is not None

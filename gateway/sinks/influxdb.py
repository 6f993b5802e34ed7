"""The sink `influxdb`: movements and alerts as points in the time series database.

It comes with the setting `influxdb:`. What is sent here comes from the outbox, so that nothing is
lost however long the database is away; the figures that are sampled go by way of the spool.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Rejected, SinkError
from gateway.model.delivery import Record, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.http import Lookup
from gateway.sinks.influxdb_lines import line_of
from gateway.sinks.influxdb_write import InfluxWriter
from gateway.sinks.options import no_other_options

#: Records in one request.
BATCH = 1_000


class InfluxSink:
    """Writes records as points; a point that is sent again overwrites itself."""

    max_batch = BATCH
    kinds = frozenset({"movement", "alert"})

    def __init__(
        self, config: SinkConfig, context: SinkContext, *, lookup: Lookup | None = None
    ) -> None:
        no_other_options(config, frozenset())
        if context.influx is None:
            raise SinkError(f"sink {config.name}: it needs the setting influxdb")
        self.name = config.name
        self._writer = InfluxWriter(context.influx, lookup=lookup)

    async def open(self) -> None:
        """Get ready; raises `Hold`."""
        await self._writer.open()

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Write the records; returns those that are refused."""
        refused: dict[int, str] = {}
        lines: list[bytes] = []
        seqs: list[int] = []
        for record in records:
            try:
                lines.append(line_of(record).encode("utf-8", "replace"))
                seqs.append(record.seq)
            except Rejected as refusal:
                refused[record.seq] = str(refusal)
        written = await self._writer.write(lines)
        return refused | {seqs[place]: reason for place, reason in written.refused.items()}

    async def close(self) -> None:
        """Close the connection."""
        await self._writer.close()

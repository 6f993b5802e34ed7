"""Figures: the time series of one gateway, put together; see `series` for its parts."""

from __future__ import annotations

import asyncio
import logging

from gateway.clock import Clock
from gateway.live import LiveView
from gateway.series.antenna_reads import AntennaReads
from gateway.series.flow import SeriesFlow
from gateway.series.history import History, levels
from gateway.series.history_query import Answer, Question, ask
from gateway.series.sampler import Sampler
from gateway.series.spool import Spool
from gateway.settings.configuration import Configuration
from gateway.sinks.influxdb_spool import SpoolDelivery
from gateway.sinks.influxdb_write import InfluxWriter
from gateway.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)


class Figures:
    """`sampler` is told what is committed, `reads` what comes in; `run` until cancelled."""

    def __init__(
        self, configuration: Configuration, live: LiveView, clock: Clock, metrics: Metrics
    ) -> None:
        site, series = configuration.site, configuration.settings.series
        self._clock = clock
        self.reads = AntennaReads(len(site.antennas))
        self.sampler = Sampler(
            site,
            [reader.id for reader in configuration.readers],
            configuration.sensors,
            lambda zone: live.counts(zone).present + live.counts(zone).unknown,
        )
        kept = levels(series.keep_10s, series.keep_1m, series.keep_15m)
        self._history = History(configuration.data_dir / "series.db", kept, series.max_size)
        self._delivery: SpoolDelivery | None = None
        spool = _spool(configuration)
        if spool is not None and configuration.influx is not None:
            refused = metrics.series_shed["refused"].inc
            self._delivery = SpoolDelivery(spool, InfluxWriter(configuration.influx), refused)
        self._flow = SeriesFlow(
            self.sampler,
            self.reads,
            self._history,
            spool,
            clock,
            metrics,
            self._delivery.wake if self._delivery is not None else lambda: None,
        )

    async def run(self) -> None:
        """Sample, keep and deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flow.run(), name="figures")
            if self._delivery is not None:
                group.create_task(self._delivery.run(), name="figures to the database")

    def ask(self, question: Question) -> Answer:
        """Answer from the history; blocks, raises `sqlite3.Error`."""
        now_s = self._clock.now_us() / 1e6
        return ask(self._history.path, self._history.levels, question, now_s)

    @property
    def trouble(self) -> str | None:
        """Why figures are not delivered, as a clause for people."""
        if self._delivery is None or self._delivery.reason is None:
            return None
        return f"time series: {self._delivery.reason}; they wait on the disk"


def _spool(configuration: Configuration) -> Spool | None:
    """The spool, where there is a database; without a place for it only movements are sent."""
    if configuration.influx is None:
        return None
    try:
        return Spool(configuration.data_dir / "spool", configuration.influx.spool_bytes)
    except OSError as error:
        logger.error("time series are not sent: no spool can be made (%s)", error)  # noqa: TRY400
        return None

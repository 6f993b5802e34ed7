"""Metrics for Prometheus, bounded by the configuration.

No label is ever an EPC or a device's text; what is not configured is counted under `other`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from gateway import __version__
from gateway.model.alert import Severity
from gateway.model.movement import Kind

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "rfid_gateway_"
OTHER = "other"
#: Where points of time series are given up.
SERIES_SHED = ("backlog", "history", "refused", "spool")

_STEP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_PATH_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

M = TypeVar("M", Counter, Gauge)

# Else every counter has a second series, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Labelled(Generic[M]):
    """The series of one metric by label value: `metrics.reads["dock-1"].inc(10)`."""

    def __init__(self, metric: M, known: Iterable[str]) -> None:
        self._metric: M = metric
        self._series: dict[str, M] = {value: metric.labels(value) for value in known}

    def __getitem__(self, value: str) -> M:
        series = self._series.get(value)
        if series is None:
            series = self._series.setdefault(OTHER, self._metric.labels(OTHER))
        return series


class Metrics:
    """Everything that the gateway counts; any thread may count. One instance per gateway.

    `shed_reasons` names the policies under which reads may be given up.
    """

    def __init__(
        self,
        *,
        readers: Iterable[str] = (),
        sinks: Iterable[str] = (),
        sensors: Iterable[str] = (),
        shed_reasons: Iterable[str] = ("rows", "tags"),
        series: Iterable[str] = (),
    ) -> None:
        self.registry = CollectorRegistry()
        readers = tuple(readers)
        self.reads = self._counters("reads", "Tag reads received.", "reader", readers)
        self.reads_shed = self._counters(
            "reads_shed", "Tag reads given up under overload, by policy.", "reason", shed_reasons
        )
        self.reads_coalesced = self._counter(
            "reads_coalesced", "Tag reads merged under overload with others of tag and antenna."
        )
        self.reads_late = self._counter(
            "reads_late", "Tag reads that came after their time had been decided upon."
        )
        self.movements = self._counters("movements", "Movements committed.", "kind", Kind)
        self.tick_seconds = self._histogram(
            "tick_seconds", "Time that one tick of the core takes.", _STEP_SECONDS
        )
        self.commit_seconds = self._histogram(
            "commit_seconds", "Time that one transaction of the store takes.", _STEP_SECONDS
        )
        self.read_to_commit_seconds = self._histogram(
            "read_to_commit_seconds",
            "From the moment at which reads could decide movements to their commit.",
            _PATH_SECONDS,
        )
        self._add_delivery(sinks, series)
        self.reader_up = self._gauges(
            "reader_up", "1 while the reader's inventory runs, else 0.", "reader", readers
        )
        self.sensor_well = self._gauges(
            "sensor_well", "1 while the sensor can be believed, else 0.", "sensor", sensors
        )
        self.alerts = self._counters("alerts", "Alerts told, by severity.", "severity", Severity)
        self.reload_successful = self._gauge(
            "config_last_reload_successful", "1 if the last change of the files was taken up."
        )
        self.reload_successful.set(1)
        self.store_set_aside = self._gauge(
            "store_set_aside", "1 if the store was damaged at the start and a new one was begun."
        )
        self.tags_known = self._gauge("tags_known", "Tags that the gateway knows.")
        self.tags_forgotten = self._counters(
            "tags_forgotten",
            "Tags forgotten that were gone: for long (age), or longest of too many (room).",
            "reason",
            ("age", "room"),
        )
        build = self._gauges(
            "build_info", "Always 1; the label says what runs.", "version", (__version__,)
        )
        build[__version__].set(1)
        ProcessCollector(registry=self.registry)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _add_delivery(self, sinks: Iterable[str], series: Iterable[str]) -> None:
        names = tuple(sinks)
        self.outbox_pending = self._gauges(
            "outbox_pending", "Records that a sink has still to take.", "sink", names
        )
        self.outbox_buffer_hours = self._gauge(
            "outbox_buffer_hours",
            "Hours that the outbox has room for at the recent rate; +Inf: nothing came in yet.",
        )
        self.outbox_let_go = self._gauges(
            "outbox_let_go", "Records given up for a sink, as the settings allow.", "sink", names
        )
        self.series_points = self._counters(
            "series_points", "Points of time series made.", "measurement", series
        )
        self.series_shed = self._counters(
            "series_shed", "Points of time series given up, by where.", "reason", SERIES_SHED
        )
        self.series_spool_bytes = self._gauge(
            "series_spool_bytes", "What waits on the disk for the time series database."
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(PREFIX + name, text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(PREFIX + name, text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(PREFIX + name, text, buckets=buckets, registry=self.registry)

    def _counters(
        self, name: str, text: str, label: str, known: Iterable[str]
    ) -> Labelled[Counter]:
        return Labelled(Counter(PREFIX + name, text, [label], registry=self.registry), known)

    def _gauges(self, name: str, text: str, label: str, known: Iterable[str]) -> Labelled[Gauge]:
        return Labelled(Gauge(PREFIX + name, text, [label], registry=self.registry), known)

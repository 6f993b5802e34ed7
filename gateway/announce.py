"""What stands on the broker: the retained state of every reader and zone (contract, topics).

    P/readers/<id>   state, reason, antennas, reads per second, clock offset
    P/zones/<id>     tags, last change

Lossy by design: only the newest state counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from gateway.api.shapes import reader_json, zone_json
from gateway.core import Counts
from gateway.live import LiveView
from gateway.model.delivery import LiveSink
from gateway.model.place import Site

#: Reads per second are averaged over, and told again after, this many surveys.
RATE_SURVEYS = 10


class Announcements:
    """Tells changed zones at each survey, and readers when they change or their rate is due."""

    def __init__(
        self, site: Site, live: LiveView, counts: Counts, sinks: Sequence[LiveSink]
    ) -> None:
        self._site, self._live, self._counts, self._sinks = site, live, counts, sinks
        self._zones = [-1] * len(site.zones)
        self._devices = -1
        self._surveys = 0
        self._reads = dict.fromkeys(live.devices.readers, 0)
        self._rates: dict[str, float] = {}
        self._rated_s: float | None = None

    def survey(self, now_s: float) -> None:
        """Look once; call about every second, with a clock that never steps."""
        if not self._sinks:
            return
        for number, revision in enumerate(self._live.zone_revisions):
            if revision != self._zones[number]:
                self._zones[number] = revision
                self._tell(f"zones/{self._site.zones[number].id}", zone_json(self._live, number))
        due = self._surveys % RATE_SURVEYS == 0
        if due:
            self._measure(now_s)
        if due or self._live.devices.revision != self._devices:
            self._devices = self._live.devices.revision
            for reader in self._live.devices.readers.values():
                rate = {"reads_per_s": self._rates.get(reader.id, 0.0)}
                self._tell(f"readers/{reader.id}", reader_json(reader) | rate)
        self._surveys += 1

    def _measure(self, now_s: float) -> None:
        totals = dict.fromkeys(self._reads, 0)
        for antenna, reads in zip(
            self._site.antennas, self._counts.received_by_antenna.tolist(), strict=True
        ):
            totals[antenna.reader] = totals.get(antenna.reader, 0) + reads
        if self._rated_s is not None and now_s > self._rated_s:
            span_s = now_s - self._rated_s
            self._rates = {
                reader: round((total - self._reads.get(reader, 0)) / span_s, 1)
                for reader, total in totals.items()
            }
        self._reads, self._rated_s = totals, now_s

    def _tell(self, topic: str, state: dict[str, object]) -> None:
        for sink in self._sinks:
            sink.publish_live(topic, orjson.dumps(state))

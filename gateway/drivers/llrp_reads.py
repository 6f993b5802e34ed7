"""Tag reports of all readers become the core's reads: columns in, columns out."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt

from gateway.drivers.base import DriverContext
from gateway.drivers.llrp_clock import ClockOffsets
from gateway.llrp.reports import ReportIntake, Rows
from gateway.model.reads import READ, Reads, empty_reads
from gateway.model.tags import NO_TAG

logger = logging.getLogger(__name__)

#: A stamp beyond this is nonsense (the year 38,000), and taken for none.
FAR_US = 1 << 60
#: A tag that a report claims to have seen for longer was seen for this long.
MAX_SPAN_US = 86_400_000_000
#: Ports of one reader that are told as unknown; more are counted only.
MOST_TOLD_PORTS = 8

#: A clock's offset is news when it has changed by more than this since it was told.
CLOCK_STEP_US = 100_000

_NOWHERE = -1


class ReadMapper:
    """Sources, AntennaIDs and EPCs become antenna and tag numbers; stamps become times.

    Sources are the indexes of the context's readers. `utc` and `uptime` learn the readers' clocks
    on the way. Counts per source: `received`, and of these `unmapped` (from antenna ports that the
    site does not have) and `unnumbered` (tags beyond the capacity), which are dropped.
    """

    def __init__(self, context: DriverContext) -> None:
        readers = context.readers
        self._tags = context.tags
        self._ids = [reader.id for reader in readers]
        self._at_arrival = np.array([reader.clock == "gateway" for reader in readers], np.bool_)
        antennas = _lookup(context)
        self._ports = antennas.shape[1]
        self._antennas = antennas.reshape(-1)
        self._told: list[set[int]] = [set() for _ in readers]
        self.utc, self.uptime = ClockOffsets(len(readers)), ClockOffsets(len(readers))
        self._sends_utc = np.zeros(len(readers), np.bool_)
        self._told_ahead_us = np.zeros(len(readers), np.int64)
        self.received = np.zeros(len(readers), np.int64)
        self.unmapped = np.zeros(len(readers), np.int64)
        self.unnumbered = np.zeros(len(readers), np.int64)

    def take(self, intake: ReportIntake, now_us: int) -> Reads:
        """The reads of everything that was fed since the last call, in order of arrival."""
        rows, epcs = intake.take_columns()
        if not len(rows):
            return empty_reads()
        sources = rows["source"].astype(np.intp)
        self.received += np.bincount(sources, minlength=len(self.received))
        reads = np.empty(len(rows), READ)
        reads["tag"] = numbers = self._tags.numbers_of_columns(epcs, len(rows))
        for name in ("at_us", "count", "channel", "rssi_cdbm", "phase_rad"):
            reads[name] = rows[name]
        self._stamp(reads, rows, sources, now_us)
        ports = np.minimum(rows["antenna"], self._ports - 1)
        antennas = self._antennas[sources * self._ports + ports]
        reads["antenna"] = antennas
        placed, numbered = antennas != _NOWHERE, numbers != NO_TAG
        if placed.all() and numbered.all():
            return reads
        self._count_dropped(rows, sources, placed, numbered)
        return reads.take(np.flatnonzero(placed & numbered))

    def clock_news(self) -> list[tuple[int, int]]:
        """Sources whose reads are on a clock of their own, and what that is ahead of ours.

        Only what differs from what was given before, beginning with none.
        """
        ahead_us = self.utc.ahead_us
        differs = np.abs(ahead_us - self._told_ahead_us) > CLOCK_STEP_US
        news = differs & self.utc.known & self._sends_utc & ~self._at_arrival
        if not news.any():
            return []
        self._told_ahead_us[news] = ahead_us[news]
        return [(source, int(ahead_us[source])) for source in np.flatnonzero(news).tolist()]

    def _stamp(self, reads: Reads, rows: Rows, sources: npt.NDArray[np.intp], now_us: int) -> None:
        """Set the times: as the reader says, mapped where it has no UTC clock, or the arrival."""
        at_us, last_us = rows["at_us"], rows["last_us"].copy()
        stamped = (last_us > 0) & (last_us < FAR_US)
        uptime = rows["uptime"] & stamped
        ahead_us = last_us - at_us
        utc = stamped & ~uptime
        if utc.any():
            mine = slice(None) if utc.all() else utc  # all of them cost no picking
            self.utc.observe(sources[mine], ahead_us[mine], now_us)
            self._sends_utc[sources[mine]] = True
        time_us = last_us
        if uptime.any():
            self.uptime.observe(sources[uptime], ahead_us[uptime], now_us)
            self._sends_utc[sources[uptime]] = False
            time_us = np.where(uptime, last_us - self.uptime.ahead_us[sources], last_us)
        seen_for_us = np.minimum(np.maximum(last_us - rows["first_us"], 0), MAX_SPAN_US)
        by_reader = stamped & ~self._at_arrival[sources] if self._at_arrival.any() else stamped
        if not by_reader.all():
            time_us = np.where(by_reader, time_us, at_us)
        if not stamped.all():
            seen_for_us[~stamped] = 0
        reads["time_us"], reads["first_us"] = time_us, time_us - seen_for_us

    def _count_dropped(
        self,
        rows: Rows,
        sources: npt.NDArray[np.intp],
        placed: npt.NDArray[np.bool_],
        numbered: npt.NDArray[np.bool_],
    ) -> None:
        unnumbered = sources[placed & ~numbered]
        self.unnumbered += np.bincount(unnumbered, minlength=len(self.unnumbered))
        self.unmapped += np.bincount(sources[~placed], minlength=len(self.unmapped))
        unknown = rows[~placed]
        for source, port in np.unique(unknown[["source", "antenna"]]).tolist():
            told = self._told[source]
            if port not in told and len(told) < MOST_TOLD_PORTS:
                told.add(port)
                logger.warning(
                    "reader '%s' reports reads of antenna port %d, which is not among its "
                    "`antennas`: they are dropped and counted",
                    self._ids[source],
                    port,
                )


def _lookup(context: DriverContext) -> npt.NDArray[np.int32]:
    """[source, AntennaID] → antenna of the site; its last column is for every AntennaID beyond.

    A reader that never says which antenna it was (AntennaID 0 here) is understood if it has one.
    """
    numbers = context.site.antenna_numbers
    sources = {reader.id: source for source, reader in enumerate(context.readers)}
    mine = [(sources[name], port, n) for (name, port), n in numbers.items() if name in sources]
    table = np.full((len(sources), max((p for _, p, _ in mine), default=0) + 2), _NOWHERE, np.int32)
    for source, port, number in mine:
        table[source, port] = number
    for source in range(len(sources)):
        ports = [port for owner, port, _ in mine if owner == source]
        if len(ports) == 1:
            table[source, 0] = table[source, ports[0]]
    return table

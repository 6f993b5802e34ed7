"""Readers' clocks: what each is ahead of the gateway's, and reads put on the gateway's clock.

A stamp can be late when it arrives, never early. Of all reads that came in a while, the one that is
furthest ahead of its arrival therefore tells the offset best, and

* a clock that shows itself further ahead than was thought is believed at once;
* one that seems further behind is believed when nothing has spoken against it for half a minute
  and its lag was steady: that of a reader which works off a backlog shrinks;
* a lag of less than a quarter second is taken for the way that reports have to go, not for the
  clock.

When a connection begins, the reader tells its time (`DeviceStatus.clock_offset_us`), which counts
at once; a reader that tells nothing is taken at its first reads unless they are very old.

What is believed depends on reads and their arrival alone, never on how ticks cut them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gateway.model.device import DeviceStatus
from gateway.model.place import Site
from gateway.model.reads import Reads

#: Reads of so long an arrival are weighed together.
SLOT_US = 100_000
#: A lag below the second of these is what reports take; one that was more is, below the first.
REPORT_US = (150_000, 250_000)
#: First reads that are older than this may come from a backlog.
TRUSTED_LAG_US = 10_000_000
#: A lag that has not shrunk by more than this is steady.
STEADY_US = 250_000
#: A clock that seems behind is believed after this, and so many arrivals; sooner if nothing is
#: known of it yet.
BELIEVE_AFTER_US = 30_000_000
BELIEVE_FIRST_AFTER_US = 5_000_000
BELIEVE_ARRIVALS = 10
#: What a reader tells of its clock within this time of its coming up is not from a backlog.
FRESH_US = 10_000_000

_NEVER = np.int64(-(1 << 62))

Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.intp]


class ReaderClocks:
    """One clock per reader of a site."""

    def __init__(self, site: Site) -> None:
        numbers = {reader: n for n, reader in enumerate(site.readers)}
        readers = max(1, len(numbers))
        self._numbers = numbers
        self._reader_of: Numbers = np.array(
            [numbers[a.reader] for a in site.antennas] or [0], dtype=np.intp
        )
        self._ahead_us = np.zeros(readers, dtype=np.int64)
        self._known = np.zeros(readers, dtype=np.bool_)
        self._met = np.zeros(readers, dtype=np.bool_)
        self._lags = np.zeros(readers, dtype=np.bool_)  # its lag is the clock's, not the way's
        # The arrivals that speak for a clock further behind: since when, how many, the first and
        # the least lag.
        self._since_us = np.zeros(readers, dtype=np.int64)
        self._arrivals = np.zeros(readers, dtype=np.int64)
        self._base_us = np.full(readers, _NEVER)
        self._most_us = np.full(readers, _NEVER)
        self._told_us: dict[str, int] = {}
        self._up_us: dict[str, int | None] = {}  # since when it has been up, None: it is not
        self._slot = -1
        self._leads_us = np.full(len(self._reader_of), _NEVER)  # most of this slot, by antenna
        self._shift_us = np.zeros(len(self._reader_of), dtype=np.int64)  # by antenna
        self._shifts = False

    def ahead_us(self, reader: str) -> int:
        """What a reader's clock is taken to be ahead of the gateway's."""
        antennas = np.flatnonzero(self._reader_of == self._numbers[reader])
        return int(self._shift_us[antennas[0]])

    def follow(self, statuses: Iterable[DeviceStatus]) -> None:
        """Take what readers tell of their clocks."""
        for status in statuses:
            number = self._numbers.get(status.reader)
            if number is None or status.port is not None:
                continue
            up_us = self._up_us.get(status.reader)
            if not status.up:
                up_us = None
            elif up_us is None:
                up_us = status.time_us
            self._up_us[status.reader] = up_us
            if status.clock_offset_us is not None:
                self._hear(status, number, up_us)

    def _hear(self, status: DeviceStatus, number: int, up_us: int | None) -> None:
        ahead_us = int(status.clock_offset_us or 0)
        is_news = self._told_us.get(status.reader) != ahead_us
        self._told_us[status.reader] = ahead_us
        is_fresh = up_us is None or status.time_us - up_us <= FRESH_US
        if is_fresh or not self._known[number] or (is_news and ahead_us > self._ahead_us[number]):
            self._ahead_us[number], self._known[number] = ahead_us, True
            self._base_us[number] = _NEVER
            self._shift()

    def correct(self, reads: Reads) -> None:
        """Put the times of reads, in order of arrival, on the gateway's clock, in place."""
        if not len(reads):
            return
        first, last = (max(int(reads["at_us"][n]) // SLOT_US, self._slot) for n in (0, -1))
        if first == last:
            self._correct_slot(reads, first)
            return
        slots = np.maximum(reads["at_us"] // SLOT_US, self._slot)
        cuts = [0, *(np.flatnonzero(np.diff(slots)) + 1).tolist(), len(slots)]
        for start, end in pairwise(cuts):
            self._correct_slot(reads[start:end], int(slots[start]))

    def _correct_slot(self, reads: Reads, slot: int) -> None:
        if slot != self._slot:
            self._weigh()
            self._slot = slot
        antennas, time_us = reads["antenna"], reads["time_us"]
        leads_us = time_us - reads["at_us"]
        if not self._met.all():
            self._meet(self._reader_of[antennas], leads_us, reads["at_us"])
        np.maximum.at(self._leads_us, antennas, leads_us)
        if self._shifts:
            shift_us = self._shift_us[antennas]
            time_us -= shift_us
            reads["first_us"] -= shift_us

    def _meet(self, readers: Numbers, leads_us: Times, at_us: Times) -> None:
        """Take readers that nothing is known of at what arrived first of them."""
        for reader in np.unique(readers[~self._met[readers]]).tolist():
            self._met[reader] = True
            if self._known[reader]:
                continue
            rows = np.flatnonzero(readers == reader)
            first = rows[at_us[rows] == at_us[rows[0]]]
            lead_us = int(leads_us[first].max())
            if lead_us >= -TRUSTED_LAG_US:
                self._ahead_us[reader], self._known[reader] = lead_us, True
                self._shift()

    def _weigh(self) -> None:
        """Believe what the reads of the slot that has ended have shown."""
        lead_us = np.full(len(self._ahead_us), _NEVER)
        np.maximum.at(lead_us, self._reader_of, self._leads_us)
        self._leads_us.fill(_NEVER)
        seen = lead_us != _NEVER
        least_us = np.where(self._known, self._ahead_us, -TRUSTED_LAG_US)
        ahead = seen & (lead_us >= least_us)
        self._ahead_us[ahead] = lead_us[ahead]
        self._known |= ahead
        self._base_us[ahead] = _NEVER
        behind = seen & ~ahead
        now_us = self._slot * SLOT_US
        anew = behind & (lead_us > self._base_us + STEADY_US)
        self._base_us[anew] = self._most_us[anew] = lead_us[anew]
        self._since_us[anew], self._arrivals[anew] = now_us, 0
        self._most_us[behind] = np.maximum(self._most_us, lead_us)[behind]
        self._arrivals[behind] += 1
        after_us = np.where(self._known, BELIEVE_AFTER_US, BELIEVE_FIRST_AFTER_US)
        believed = behind & (now_us - self._since_us >= after_us)
        believed &= self._arrivals >= BELIEVE_ARRIVALS
        self._ahead_us[believed] = self._most_us[believed]
        self._known |= believed
        self._base_us[believed] = _NEVER
        if ahead.any() or believed.any():
            self._shift()

    def _shift(self) -> None:
        """Work out by how much each antenna's reads are to be moved."""
        least_us = np.where(self._lags, REPORT_US[0], REPORT_US[1])
        self._lags = self._known & (self._ahead_us < -least_us)
        shift_us = np.where(self._lags | (self._ahead_us > 0), self._ahead_us, 0)
        self._shift_us = np.where(self._known, shift_us, 0)[self._reader_of]
        self._shifts = bool(self._shift_us.any())

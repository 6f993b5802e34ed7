"""Reports: reads become RO_ACCESS_REPORT messages, one tag each or N tags each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gateway.model.reads import Reads, empty_reads
from gateway.simulation.epc_table import EpcTable
from gateway.simulation.report_layout import HEADER_BYTES, Content, Origin, ReportLayout

_RO_ACCESS_REPORT = 61
_ID_MASK = 0xFFFF_FFFF
#: A reader puts no more than this into one message.
MAX_TAGS = 1_000


class Reporter:
    """Encodes the reads of one running ROSpec."""

    def __init__(self, content: Content, origin: Origin, epcs: EpcTable) -> None:
        self._content, self._origin, self._epcs = content, origin, epcs
        self._layouts: dict[int, ReportLayout] = {}

    def singles(self, reads: Reads, first_id: int) -> bytes:
        """One message per read, in order; message ids count up from `first_id`."""
        length = self._epcs.one_length
        if length is not None:
            return self._layout(length).messages(reads, self._epcs, first_id).tobytes()
        out = []
        for start, end, length in self._runs(reads):
            layout = self._layout(length)
            out.append(layout.messages(reads[start:end], self._epcs, first_id + start).tobytes())
        return b"".join(out)

    def batch(self, reads: Reads, message_id: int) -> bytes:
        """One message with a TagReportData for each read; none at all is a message too."""
        body = b"".join(
            self._layout(length).parameters(reads[start:end], self._epcs).tobytes()
            for start, end, length in self._runs(reads)
        )
        word = self._origin.version << 10 | _RO_ACCESS_REPORT
        size = HEADER_BYTES + len(body)
        head = word.to_bytes(2, "big") + size.to_bytes(4, "big")
        return head + (message_id & _ID_MASK).to_bytes(4, "big") + body

    def combine(self, reads: Reads) -> Reads:
        """Reads that agree in everything that is reported, merged, in order of first sight.

        First and last time, sum of counts, highest power; phase and channel of the last read.
        """
        if len(reads) < 2:
            return reads
        key = reads["tag"].astype(np.uint64) << np.uint64(32)
        if self._content.antenna_id:
            key |= reads["antenna"].astype(np.uint64) << np.uint64(16)
        if self._content.channel_index:
            key |= reads["channel"].astype(np.uint64)
        order = np.argsort(key, kind="stable")
        ordered = reads[order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(key[order]) != 0]))
        ends = np.append(starts[1:], len(reads)) - 1
        merged = ordered[ends]
        merged["first_us"] = np.minimum.reduceat(ordered["first_us"], starts)
        merged["time_us"] = np.maximum.reduceat(ordered["time_us"], starts)
        merged["rssi_cdbm"] = np.maximum.reduceat(ordered["rssi_cdbm"], starts)
        counts = np.add.reduceat(ordered["count"].astype(np.int64), starts)
        merged["count"] = np.minimum(counts, 0xFFFF)
        in_order: Reads = merged[np.argsort(merged["first_us"], kind="stable")]
        return in_order

    def _layout(self, epc_bytes: int) -> ReportLayout:
        if epc_bytes not in self._layouts:
            self._layouts[epc_bytes] = ReportLayout(self._content, self._origin, epc_bytes)
        return self._layouts[epc_bytes]

    def _runs(self, reads: Reads) -> list[tuple[int, int, int]]:
        """Stretches of reads whose EPCs have one length: (start, end, length)."""
        if len(reads) == 0:
            return []
        lengths = self._epcs.lengths[reads["tag"]]
        edges = np.flatnonzero(np.diff(lengths)) + 1
        cuts = [0, *edges.tolist(), len(reads)]
        return [(start, end, int(lengths[start])) for start, end in pairwise(cuts)]


class Backlog:
    """What a reader keeps while it cannot send: a bounded number of reads, the oldest first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._chunks: list[Reads] = []
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, reads: Reads) -> int:
        """Keep what there is room for; the number of reads that are lost, the newest ones."""
        kept = reads[: self.capacity - self._rows]
        if len(kept):
            self._chunks.append(kept)
            self._rows += len(kept)
        return len(reads) - len(kept)

    def take(self, limit: int) -> Reads:
        """Remove and return up to `limit` of the oldest reads."""
        if not self._chunks:
            return empty_reads()
        together = np.concatenate(self._chunks) if len(self._chunks) > 1 else self._chunks[0]
        taken, rest = together[:limit], together[limit:]
        self._chunks = [rest] if len(rest) else []
        self._rows = len(rest)
        return taken

"""How fast bytes become movements: decoding, location and all, beside sllurp's decode to callback.

The load is that of a big site: 100 readers with 1,000 single-tag messages a second each, every tag
standing before one of four antennas, and one in a thousand moving to the next every second.
"""

from __future__ import annotations

import importlib.metadata
import struct
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.decode import sllurp_decoder
from gateway.clock import ManualClock
from gateway.core import Core
from gateway.drivers.base import DriverContext
from gateway.drivers.llrp_reads import ReadMapper
from gateway.llrp.reports import ReportIntake
from gateway.model.device import ReaderConfig
from gateway.model.outcome import Inputs
from gateway.model.place import Antenna, Site, Zone
from gateway.model.tags import TagIndex

READERS = 100
PORTS = 4
TAGS_PER_READER = 50
READS_PER_S = 1_000
TICK_S = 0.05
#: Of the tags of a reader, how many move to the next antenna in a second.
MOVING = 0.001
START_US = 1_732_203_600_000_000
#: The peer is so much slower that few ticks are enough to time it; they are spread over the run.
PEER_TICKS = 10
WARM_UP_S = 4.0

_MESSAGE = np.dtype(
    [
        ("head", ">u2"), ("length", ">u4"), ("id", ">u4"), ("report", ">u2"), ("size", ">u2"),
        ("t_epc", "u1"), ("epc", "V12"), ("t_spec", "u1"), ("spec", ">u4"),
        ("t_antenna", "u1"), ("antenna", ">u2"), ("t_rssi", "u1"), ("rssi", "i1"),
        ("t_channel", "u1"), ("channel", ">u2"), ("t_first", "u1"), ("first", ">u8"),
        ("t_last", "u1"), ("last", ">u8"), ("t_count", "u1"), ("count", ">u2"),
    ]
)  # fmt: skip


def run(seconds: float = 20.0, messages_per_chunk: int = 10) -> dict[str, Any]:
    """Tag reports per CPU-second from bytes to movements, and sllurp's, in one run."""
    site = bench_site()
    ticks = _Traffic(messages_per_chunk)
    tags = TagIndex()
    context = DriverContext(
        site=site,
        tags=tags,
        clock=ManualClock(),
        readers=tuple(ReaderConfig(id=f"reader-{n}") for n in range(READERS)),
    )
    intake, mapper, core = ReportIntake(), ReadMapper(context), Core(site, tags)
    sllurp = sllurp_decoder()
    ours_s = theirs_s = 0.0
    reports = peer_reports = movements = 0
    warm_up, measured = round(WARM_UP_S / TICK_S), round(seconds / TICK_S)
    peer_every = max(1, measured // PEER_TICKS)
    for number in range(warm_up + measured):
        chunks, now_us = ticks.tick(number)
        begun_s = time.process_time()
        for source, chunk in chunks:
            intake.feed(source, chunk, now_us)
        outcome = core.tick(Inputs(reads=[mapper.take(intake, now_us)]), now_us)
        if number < warm_up:
            continue  # every tag arrives in the first seconds: that happens once
        ours_s += time.process_time() - begun_s
        movements += len(outcome.movements)
        reports += sum(map(len, (c for _, c in chunks))) // _MESSAGE.itemsize
        if sllurp is not None and (number - warm_up) % peer_every == 0:
            begun_s = time.process_time()
            peer_reports += sllurp([[chunk for _, chunk in chunks]])
            theirs_s += time.process_time() - begun_s
    ours = reports / ours_s
    theirs = peer_reports / theirs_s if peer_reports else None
    return {
        "measures": "tag reports per CPU-second, from bytes to movements",
        "readers": READERS,
        "messages_per_chunk": messages_per_chunk,
        "reports": reports,
        "movements": movements,
        "gateway": round(ours),
        "peer": "peer not installed"
        if theirs is None
        else f"sllurp {importlib.metadata.version('sllurp')}, decode to callback",
        "sllurp": None if theirs is None else round(theirs),
        "ratio": None if theirs is None else round(ours / theirs, 1),
    }


def bench_site() -> Site:
    """100 readers with four antennas each, every antenna before a bin of its own."""
    places = [(n, port) for n in range(READERS) for port in range(1, PORTS + 1)]
    return Site(
        id="bench",
        zones=tuple(Zone(id=f"bin-{n}-{port}", missing_after_s=600.0) for n, port in places),
        antennas=tuple(
            Antenna(reader=f"reader-{n}", port=port, zones=(f"bin-{n}-{port}",))
            for n, port in places
        ),
    )


class _Traffic:
    """The bytes of every tick, as sockets would give them."""

    def __init__(self, messages_per_chunk: int) -> None:
        self._per_chunk = messages_per_chunk
        self._rng = np.random.default_rng(5)
        self._antenna = np.tile(1 + np.arange(TAGS_PER_READER) % PORTS, (READERS, 1))
        self._template = _template()
        numbers = np.arange(READERS * TAGS_PER_READER, dtype=np.uint64)
        epcs = np.zeros((len(numbers), 12), dtype=np.uint8)
        epcs[:, :2] = (0x30, 0x34)
        epcs[:, 4:] = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
        self._epcs = epcs.view("V12").reshape(READERS, TAGS_PER_READER)

    def tick(self, number: int) -> tuple[list[tuple[int, bytes]], int]:
        """(source, chunk) of one tick, and its time."""
        count = round(READS_PER_S * TICK_S)
        start_us = START_US + round(number * TICK_S * 1e6)
        moving = self._rng.random(self._antenna.shape) < MOVING * TICK_S
        self._antenna = np.where(moving, self._antenna % PORTS + 1, self._antenna)
        times_us = start_us + np.arange(count) * round(TICK_S * 1e6) // count
        chunks = []
        for source in range(READERS):
            which = (np.arange(count) + number * count) % TAGS_PER_READER
            messages = np.repeat(self._template, count)
            messages["epc"] = self._epcs[source, which]
            messages["antenna"] = self._antenna[source, which]
            messages["rssi"] = self._rng.integers(-65, -55, count)
            messages["first"] = messages["last"] = times_us
            raw, step = messages.tobytes(), self._per_chunk * _MESSAGE.itemsize
            chunks += [(source, raw[at : at + step]) for at in range(0, len(raw), step)]
        return chunks, start_us + round(TICK_S * 1e6)


def _template() -> npt.NDArray[np.void]:
    """One RO_ACCESS_REPORT with one tag of 96 bits: 61 bytes."""
    message = np.zeros(1, dtype=_MESSAGE)
    message["head"], message["length"] = 0x043D, _MESSAGE.itemsize
    message["report"], message["size"] = 240, _MESSAGE.itemsize - struct.calcsize(">HII")
    fixed = {
        "t_epc": 13, "t_spec": 9, "t_antenna": 1, "t_rssi": 6,
        "t_channel": 7, "t_first": 2, "t_last": 4, "t_count": 8,
    }  # fmt: skip
    for name, number in fixed.items():
        message[name] = 0x80 | number
    message["spec"], message["channel"], message["count"] = 1, 10, 1
    return message

"""How fast tag reports become rows and tag numbers, beside sllurp's decode to callback.

Both sides get the same bytes in the same process and run, and are measured in CPU time: a ratio
holds on any machine, the figures themselves do not.
"""

from __future__ import annotations

import importlib.metadata
import random
import statistics
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.llrp.reports import ReportIntake
from gateway.model.tags import TagIndex

TAGS = 5_000
SOURCES = 100
#: Reports between two calls of take(): what 100,000 a second bring in a tick of 20 ms.
REPORTS_PER_TICK = 2_000
ROUNDS = 3
#: The peer is so much slower that a part of the reports is enough to time it.
PEER_SHARE = 10

_HEADER = struct.Struct(">HII")
_COMMON_TAG = struct.Struct(">HHB12sBIBHBbBHBQBQBH")
_IMPINJ_PHASE_AND_RSSI = struct.Struct(">HHIIHHHIIh")

#: Decodes ticks of chunks, gives how many tag reports came out.
Decode = Callable[[list[list[bytes]]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way in which readers send tag reports."""

    name: str
    tags_per_message: int = 1
    messages_per_chunk: int = 1
    impinj: bool = False

    @property
    def reports_per_chunk(self) -> int:
        """Tag reports that come in with one read of a socket."""
        return self.tags_per_message * self.messages_per_chunk


CASES = tuple(
    Case(
        name=name + (", Impinj phase and RSSI" if impinj else ""),
        tags_per_message=tags,
        messages_per_chunk=messages,
        impinj=impinj,
    )
    for impinj in (False, True)
    for name, tags, messages in (
        ("1 single-tag message per chunk", 1, 1),
        ("10 single-tag messages per chunk", 1, 10),
        ("1 message of 50 tags per chunk", 50, 1),
    )
)


def run(reports: int = 100_000) -> dict[str, Any]:
    """Tag reports per CPU-second for every case: bytes → rows → tag numbers, and sllurp's.

    `cases` holds for each case `gateway`, `sllurp` and `ratio`; the last two are None, and `peer`
    says so, where sllurp is not installed.
    """
    sllurp = sllurp_decoder()
    results = []
    for case in CASES:
        ticks = _ticks(case, reports)
        ours = _reports_per_cpu_s(_gateway(), ticks, case)
        theirs = None
        if sllurp is not None:
            few = ticks[: max(1, len(ticks) // PEER_SHARE)]
            theirs = _reports_per_cpu_s(sllurp, few, case)
        results.append(
            {
                "case": case.name,
                "gateway": round(ours),
                "sllurp": None if theirs is None else round(theirs),
                "ratio": None if theirs is None else round(ours / theirs, 1),
            }
        )
    version = None if sllurp is None else importlib.metadata.version("sllurp")
    return {
        "measures": "tag reports per CPU-second, from bytes to rows and tag numbers",
        "reports": reports,
        "tags": TAGS,
        "sources": SOURCES,
        "reports_per_tick": REPORTS_PER_TICK,
        "peer": "peer not installed" if version is None else f"sllurp {version}",
        "cases": results,
    }


def _reports_per_cpu_s(decode: Decode, ticks: list[list[bytes]], case: Case) -> float:
    """The median of a few rounds, all tags known after the first; every report must come out."""
    expected = sum(map(len, ticks)) * case.reports_per_chunk
    seconds = []
    for _ in range(ROUNDS):
        start_s = time.process_time()
        found = decode(ticks)
        seconds.append(time.process_time() - start_s)
        if found != expected:
            raise RuntimeError(f"{case.name}: {found} tag reports came out of {expected}")
    return expected / max(statistics.median(seconds), 1e-9)


def _gateway() -> Decode:
    """The gateway's way: chunks of many sources go into one intake, which is taken each tick."""
    tags = TagIndex()

    def decode(ticks: list[list[bytes]]) -> int:
        intake = ReportIntake()
        for now_us, chunks in enumerate(ticks):
            for number, chunk in enumerate(chunks):
                intake.feed(number % SOURCES, chunk, now_us)
            rows, epcs = intake.take_columns()
            tags.numbers_of_columns(epcs, len(rows))
        return intake.reports

    return decode


def sllurp_decoder() -> Decode | None:
    """The peer's way, without its socket: every chunk to a client that calls back with tags."""
    try:
        from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig, LLRPReaderState  # noqa: PLC0415
    except ImportError:
        return None
    client = LLRPReaderClient("127.0.0.1", 5084, LLRPReaderConfig({}))
    client.llrp.state = LLRPReaderState.STATE_INVENTORYING
    found = 0

    def count(_reader: object, tags: list[object]) -> None:
        nonlocal found
        found += len(tags)

    client.add_tag_report_callback(count)

    def decode(ticks: list[list[bytes]]) -> int:
        nonlocal found
        found = 0
        for chunks in ticks:
            for chunk in chunks:
                client.raw_data_received(chunk)
        return found

    return decode


def _ticks(case: Case, reports: int) -> list[list[bytes]]:
    """The bytes of about `reports` tag reports: ticks of chunks as sockets would give them."""
    rng = random.Random(61)
    epcs = [rng.randbytes(12) for _ in range(TAGS)]
    chunks = [
        b"".join(_message(rng, epcs, case) for _ in range(case.messages_per_chunk))
        for _ in range(max(1, reports // case.reports_per_chunk))
    ]
    size = max(1, REPORTS_PER_TICK // case.reports_per_chunk)
    return [chunks[at : at + size] for at in range(0, len(chunks), size)]


def _message(rng: random.Random, epcs: list[bytes], case: Case) -> bytes:
    """One RO_ACCESS_REPORT."""
    body = b"".join(_tag(rng, epcs, case.impinj) for _ in range(case.tags_per_message))
    return _HEADER.pack(0x043D, _HEADER.size + len(body), rng.getrandbits(32)) + body


def _tag(rng: random.Random, epcs: list[bytes], impinj: bool) -> bytes:
    """One TagReportData: 51 bytes, 79 with Impinj's phase and RSSI."""
    seen_us = 1_700_000_000_000_000 + rng.randrange(10**9)
    epc, antenna, channel = rng.choice(epcs), rng.randint(1, 4), rng.randint(1, 50)
    rssi_cdbm = rng.randint(-7_500, -4_000)
    where = (0x8D, epc, 0x89, 1, 0x81, antenna, 0x86, rssi_cdbm // 100, 0x87, channel)
    when = (0x82, seen_us, 0x84, seen_us + 900, 0x88, 1)
    size = _COMMON_TAG.size + (_IMPINJ_PHASE_AND_RSSI.size if impinj else 0)
    common = _COMMON_TAG.pack(240, size, *where, *when)
    if not impinj:
        return common
    phase = (1023, 14, 25882, 56, rng.randrange(4096))
    return common + _IMPINJ_PHASE_AND_RSSI.pack(*phase, 1023, 14, 25882, 57, rssi_cdbm)

"""Tag reports of any layout, mixed and cut anywhere: every path gives the rows of the codec."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.llrp import codec, report_columns
from gateway.llrp.errors import DecodeError, FrameError
from gateway.llrp.framing import Framer
from gateway.llrp.report_survey import survey
from gateway.llrp.reports import NO_RSSI_CDBM, REPORT, ReportIntake
from tests.llrp_report_strategies import reports
from tests.llrp_reports import epc_96, epc_data, keepalive, report, tag


def rows_of_codec(frames: list[tuple[int, bytes]]) -> tuple[list[tuple[object, ...]], list[bytes]]:
    """What (source, frame) pairs should give, by way of the generic decoder."""
    rows: list[tuple[object, ...]] = []
    epcs = []
    antennas: dict[int, int] = {}
    for source, frame in frames:
        for found in codec.decode(frame).all("TagReportData"):
            values: dict[str, Any] = {
                child.name: next(iter(child.fields.values()), None) for child in found.children
            }
            epc = values["EPC_96"] if "EPC_96" in values else values["EPCData"].data
            antennas[source] = values.get("AntennaID", antennas.get(source, 0))
            rows.append((source, antennas[source], *_sent_values(values)))
            epcs.append(epc)
    return rows, epcs


def _sent_values(values: dict[str, Any]) -> tuple[object, ...]:
    kind = "UTC" if any(name.endswith("TimestampUTC") for name in values) else "Uptime"
    first, last = values.get(f"FirstSeenTimestamp{kind}"), values.get(f"LastSeenTimestamp{kind}")
    stamps = [last if first is None else first, first if last is None else last]
    rssi = values.get("ImpinjPeakRSSI", 100 * values["PeakRSSI"] if "PeakRSSI" in values else None)
    steps = values.get("ImpinjRFPhaseAngle")
    return (
        max(values.get("TagSeenCount", 1), 1),
        values.get("ChannelIndex", 0),
        NO_RSSI_CDBM if rssi is None else rssi,
        *(0 if stamp is None or stamp >= 2**63 else stamp for stamp in stamps),
        kind == "Uptime" and stamps != [None, None],
        None if steps is None else float(np.float32(math.tau * steps / 4096)),
    )


COLUMNS = ["source", "antenna", "count", "channel", "rssi_cdbm", "first_us", "last_us", "uptime"]


def as_tuples(rows: np.ndarray[tuple[int], np.dtype[np.void]]) -> list[tuple[object, ...]]:
    assert rows.dtype == REPORT
    phases = [None if math.isnan(phase) else phase for phase in rows["phase_rad"].tolist()]
    plain = zip(*(rows[name].tolist() for name in COLUMNS), strict=True)
    return [(*row, phase) for row, phase in zip(plain, phases, strict=True)]


@given(
    by_source=st.lists(reports(), min_size=1, max_size=3),
    few=st.sampled_from([1, 16, 1_000_000]),
    chunk_sizes=st.lists(
        st.one_of(st.integers(1, 9), st.integers(10, 4_000)), min_size=1, max_size=6
    ),
    takes=st.integers(1, 3),
)
@settings(max_examples=150)
def test_rows_are_those_of_the_codec_whatever_the_path_and_the_pieces(
    by_source: list[list[bytes]], few: int, chunk_sizes: list[int], takes: int
) -> None:
    streams = {
        source: b"".join([*frames, keepalive(source)]) for source, frames in enumerate(by_source)
    }
    intake = ReportIntake()
    completed: list[tuple[int, bytes]] = []
    framers = {source: Framer() for source in streams}
    rows: list[tuple[object, ...]] = []
    epcs: list[bytes] = []
    turn = 0
    with mock.patch.object(report_columns, "FEW", few):
        while any(streams.values()):
            source = turn % len(streams)
            size = chunk_sizes[turn % len(chunk_sizes)]
            chunk, streams[source] = streams[source][:size], streams[source][size:]
            frames = framers[source].feed(chunk)
            kept = [frame for frame in frames if frame[1] != 62]
            assert intake.feed(source, chunk, turn) == [f for f in frames if f[1] == 62]
            completed += [(source, frame) for frame in kept]
            turn += 1
            if takes > 1 and turn % takes == 0:
                taken, found = intake.take()
                rows += as_tuples(taken)
                epcs += found
        taken, found = intake.take()
    assert (rows + as_tuples(taken), epcs + found) == rows_of_codec(completed)
    assert not intake.skipped


@given(by_source=st.lists(reports(), min_size=1, max_size=2))
@settings(max_examples=30)
def test_byte_by_byte_gives_the_same_rows(by_source: list[list[bytes]]) -> None:
    whole, pieces = ReportIntake(), ReportIntake()
    for source, frames in enumerate(by_source):
        stream = b"".join(frames)[:3_000]
        whole.feed(source, stream, 0)
        for byte in stream:
            pieces.feed(source, bytes([byte]), 0)
    (rows, epcs), (piece_rows, piece_epcs) = whole.take(), pieces.take()
    assert (as_tuples(rows), epcs) == (as_tuples(piece_rows), piece_epcs)


@given(frames=reports(), data=st.data(), few=st.sampled_from([1, 16]))
@settings(max_examples=150)
def test_mutated_bodies_never_break_the_link_and_leave_the_others_alone(
    frames: list[bytes], data: st.DataObject, few: int
) -> None:
    good = report(tag(epc_96(b"good good go")))
    stream = b""
    for frame in frames:
        broken = bytearray(frame)
        for _ in range(data.draw(st.integers(0, 3)) if len(frame) > 10 else 0):
            broken[data.draw(st.integers(10, len(frame) - 1))] = data.draw(st.integers(0, 255))
        stream += good + bytes(broken)
    intake = ReportIntake()
    with mock.patch.object(report_columns, "FEW", few):
        assert intake.feed(1, stream, 0) == []
        rows, epcs = intake.take()
    assert len(rows) == len(epcs)
    assert epcs.count(b"good good go") >= len(frames)


@given(frames=reports(), data=st.data())
@settings(max_examples=100)
def test_a_mutated_stream_raises_nothing_but_frame_errors_and_holds_no_more_than_the_cap(
    frames: list[bytes], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(frames)[:4_000])
    for _ in range(data.draw(st.integers(1, 8))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    intake, framer = ReportIntake(max_frame_bytes=8_192), Framer(max_frame_bytes=8_192)
    for at in range(0, len(stream), 97):
        chunk = bytes(stream[at : at + 97])
        try:
            expected = framer.feed(chunk)
        except FrameError:
            with pytest.raises(FrameError):
                intake.feed(1, chunk, 0)
            break
        assert framer.pending <= 8_192
        assert intake.feed(1, chunk, 0) == [frame for frame in expected if not is_report(frame)]
    intake.take()


def is_report(frame: bytes) -> bool:
    return frame[0] & 0b11 == 0 and frame[1] == 61


@given(st.binary(max_size=120))
@settings(max_examples=300)
def test_a_survey_of_anything_raises_nothing_but_decode_errors(body: bytes) -> None:
    try:
        found = survey(tag(body))
    except DecodeError:
        return
    assert found.epc + found.epc_bytes <= found.size


def test_the_longest_epc_and_none_are_both_epcs() -> None:
    intake = ReportIntake()
    frame = report(tag(epc_data(bytes(range(62)))), tag(epc_data(b"")))
    intake.feed(0, frame, 0)
    rows, epcs = intake.take()
    assert (as_tuples(rows), epcs) == rows_of_codec([(0, frame)])


@given(by_source=st.lists(reports(), min_size=1, max_size=2), few=st.sampled_from([1, 16]))
@settings(max_examples=50)
def test_columns_of_epcs_hold_every_row_once(by_source: list[list[bytes]], few: int) -> None:
    listed, columned = ReportIntake(), ReportIntake()
    for source, frames in enumerate(by_source):
        for intake in (listed, columned):
            intake.feed(source, b"".join(frames), 0)
    with mock.patch.object(report_columns, "FEW", few):
        rows, epcs = listed.take()
        column_rows, columns = columned.take_columns()
    assert as_tuples(rows) == as_tuples(column_rows)
    found: dict[int, bytes] = {}
    for positions, octets in columns:
        at = np.arange(len(rows))[positions].tolist()
        assert not found.keys() & set(at)
        found.update(zip(at, (row.tobytes() for row in octets), strict=True))
    assert [found[row] for row in range(len(rows))] == epcs

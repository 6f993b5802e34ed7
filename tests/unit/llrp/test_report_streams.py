"""Streams of chunks into a ReportIntake: framing, unfinished frames, what outlives a message."""

from __future__ import annotations

import pytest

from gateway.llrp.errors import FrameError
from gateway.llrp.reports import REPORT, ReportIntake
from tests.llrp_reports import (
    EPC_A,
    EPC_B,
    antenna,
    common_tag,
    epc_96,
    keepalive,
    message,
    report,
    tag,
)

AT_US = 1_700_000_000_000_000


def antennas_of(intake: ReportIntake) -> list[int]:
    antennas: list[int] = intake.take()[0]["antenna"].tolist()
    return antennas


class TestStreams:
    """Bytes come in chunks that know nothing of messages."""

    def test_chunks_may_end_anywhere(self) -> None:
        stream = report(common_tag(EPC_A)) + keepalive(9) + report(common_tag(EPC_B))
        for cut in range(len(stream) + 1):
            intake = ReportIntake()
            others = intake.feed(1, stream[:cut], AT_US) + intake.feed(1, stream[cut:], AT_US)
            assert others == [keepalive(9)]
            assert intake.take()[1] == [EPC_A, EPC_B]
            assert (intake.frames, intake.bytes) == (3, len(stream))

    def test_other_messages_among_reports_come_out_in_order(self) -> None:
        one = report(common_tag())
        stream = one * 20 + keepalive(1) + one + message(63, b"x") + one * 20 + keepalive(2)
        intake = ReportIntake()
        assert intake.feed(1, stream, AT_US) == [keepalive(1), message(63, b"x"), keepalive(2)]
        assert len(intake.take()[0]) == 41

    def test_a_keepalive_that_hides_a_report_is_no_report(self) -> None:
        one = report(common_tag())
        decoy = message(62, one[:6] * 8 + bytes(3))
        assert len(decoy) == len(one)
        intake = ReportIntake()
        assert intake.feed(1, one * 20, AT_US) == []
        assert intake.feed(1, (one * 9 + decoy) * 2, AT_US) == [decoy, decoy]
        assert len(intake.take()[0]) == 38

    def test_a_bad_header_ends_the_source_only(self) -> None:
        intake = ReportIntake()
        intake.feed(2, report(common_tag(EPC_B))[:30], AT_US)
        with pytest.raises(FrameError, match="version") as caught:
            intake.feed(1, report(common_tag(EPC_A)) + b"\x00" * 16, AT_US)
        assert caught.value.offset == 61
        assert caught.value.head == "00 " * 15 + "00"
        assert intake.partial_since_us(1) is None
        intake.feed(2, report(common_tag(EPC_B))[30:], AT_US)
        assert intake.take()[1] == [EPC_A, EPC_B]

    def test_a_bad_header_in_a_frame_begun_earlier_drops_what_was_there(self) -> None:
        intake = ReportIntake()
        intake.feed(1, b"\x04\x3d\x00", AT_US)
        with pytest.raises(FrameError, match="length, 9 bytes"):
            intake.feed(1, b"\x00\x00\x09", AT_US)
        intake.feed(1, report(common_tag()), AT_US)
        assert len(intake.take()[0]) == 1

    def test_frames_beyond_the_cap_are_refused_at_their_header(self) -> None:
        intake = ReportIntake(max_frame_bytes=60)
        with pytest.raises(FrameError, match="10 to 60"):
            intake.feed(1, report(common_tag())[:6], AT_US)

    @pytest.mark.parametrize("cap", [9, 64 * 1024 * 1024 + 1])
    def test_a_cap_that_cannot_work_is_refused(self, cap: int) -> None:
        with pytest.raises(ValueError, match="max_frame_bytes"):
            ReportIntake(max_frame_bytes=cap)

    def test_an_unfinished_frame_is_watched_from_its_first_byte(self) -> None:
        intake = ReportIntake()
        frame = report(common_tag())
        assert intake.partial_since_us(1) is None
        intake.feed(1, frame + frame[:1], 10)
        assert intake.partial_since_us(1) == 10
        intake.feed(1, frame[1:8], 20)
        intake.feed(1, frame[8:9], 30)
        assert intake.partial_since_us(1) == 10
        intake.feed(1, frame[9:] + frame[:3], 40)
        assert intake.partial_since_us(1) == 40
        intake.feed(1, frame[3:], 50)
        assert intake.partial_since_us(1) is None
        assert intake.take()[0]["at_us"].tolist() == [10, 40, 50]

    def test_forgetting_a_source_drops_its_unfinished_frame(self) -> None:
        intake = ReportIntake()
        intake.feed(1, report(common_tag(EPC_A))[:40], AT_US)
        intake.forget(1)
        intake.feed(1, report(common_tag(EPC_B)), AT_US)
        assert intake.take()[1] == [EPC_B]

    def test_taking_empties_the_intake(self) -> None:
        intake = ReportIntake()
        intake.feed(1, report(common_tag()), AT_US)
        assert len(intake.take()[0]) == 1
        rows, epcs = intake.take()
        assert (len(rows), rows.dtype, epcs) == (0, REPORT, [])


class TestAntennaCarriedOver:
    """LLRP lets a reader leave out what has not changed since its last report."""

    def test_an_antenna_that_was_not_sent_is_the_last_one_of_its_source(self) -> None:
        intake = ReportIntake()
        for source, number in ((1, 3), (2, 4), (1, None), (2, None), (1, 5), (1, None)):
            more = () if number is None else (antenna(number),)
            intake.feed(source, report(tag(epc_96(), *more)), AT_US)
        assert antennas_of(intake) == [3, 4, 3, 4, 5, 5]

    def test_it_is_carried_over_from_one_take_to_the_next_but_not_past_the_connection(self) -> None:
        intake = ReportIntake()
        intake.feed(1, report(tag(epc_96(), antenna(3))), AT_US)
        assert antennas_of(intake) == [3]
        intake.feed(1, report(tag(epc_96())), AT_US)
        assert antennas_of(intake) == [3]
        intake.forget(1)
        intake.feed(1, report(tag(epc_96())), AT_US)
        assert antennas_of(intake) == [0]

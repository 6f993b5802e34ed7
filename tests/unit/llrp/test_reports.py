"""ReportIntake: bytes of many readers in, rows and EPCs out, in order, whatever the path."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest

from gateway.llrp import codec, report_columns
from gateway.llrp.report_layout import layout
from gateway.llrp.reports import NO_RSSI_CDBM, REPORT, ReportIntake
from tests.llrp_reports import (
    EPC_A,
    EPC_B,
    antenna,
    common_tag,
    custom,
    epc_96,
    epc_data,
    impinj_phase,
    impinj_rssi,
    keepalive,
    report,
    tag,
    tlv,
    tv,
)

AT_US = 1_700_000_000_000_000
RESULT = tlv(349, struct.pack(">BHH", 0, 7, 1), b"\x12\x34")


@pytest.fixture(params=["columns", "one by one"])
def either_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test once with columns for a single row, once with no columns at all."""
    few = 1 if request.param == "columns" else 1_000_000
    with mock.patch.object(report_columns, "FEW", few):
        yield


def row_of(*parameters: bytes) -> tuple[dict[str, float], bytes]:
    """The one row and EPC of a report with one tag."""
    intake = ReportIntake()
    assert intake.feed(3, report(tag(*parameters)), AT_US) == []
    rows, epcs = intake.take()
    assert len(rows) == len(epcs) == 1
    return {name: rows[name][0].item() for name in REPORT.names or ()}, epcs[0]


def antennas_of(intake: ReportIntake) -> list[int]:
    antennas: list[int] = intake.take()[0]["antenna"].tolist()
    return antennas


@pytest.mark.usefixtures("either_path")
class TestOneTagReport:
    """What each parameter becomes."""

    def test_the_common_layout(self) -> None:
        intake = ReportIntake()
        intake.feed(3, report(common_tag(EPC_A, 2, 1_000)), AT_US)
        rows, epcs = intake.take()
        assert epcs == [EPC_A]
        row = rows[0]
        assert row["source"] == 3
        assert row["antenna"] == 2
        assert row["count"] == 2
        assert row["channel"] == 3
        assert row["rssi_cdbm"] == -6_000
        assert row["first_us"] == 1_000
        assert row["last_us"] == 1_005
        assert row["at_us"] == AT_US
        assert not row["uptime"]
        assert math.isnan(row["phase_rad"])

    def test_an_epc_alone_is_enough(self) -> None:
        row, epc = row_of(epc_96())
        assert epc == EPC_A
        assert math.isnan(row.pop("phase_rad"))
        assert row == {
            "first_us": 0,
            "last_us": 0,
            "at_us": AT_US,
            "source": 3,
            "antenna": 0,
            "count": 1,
            "channel": 0,
            "rssi_cdbm": NO_RSSI_CDBM,
            "uptime": False,
        }

    @pytest.mark.parametrize("octets", [0, 2, 8, 12, 16, 62])
    def test_epcs_of_any_length(self, octets: int) -> None:
        epc = bytes(range(1, octets + 1))
        assert row_of(epc_data(epc), antenna(4))[1] == epc
        assert row_of(antenna(4), epc_data(epc))[0]["antenna"] == 4

    def test_an_epc_that_ends_in_zeros_keeps_them(self) -> None:
        assert row_of(epc_96(bytes(12)))[1] == bytes(12)

    def test_an_epc_of_odd_bits_is_padded_to_octets(self) -> None:
        assert row_of(epc_data(b"\xff\xff\xe0", bits=19))[1] == b"\xff\xff\xe0"

    def test_a_lone_stamp_stands_for_both(self) -> None:
        row, _ = row_of(epc_96(), tv(2, "Q", 50))
        assert (row["first_us"], row["last_us"]) == (50, 50)
        row, _ = row_of(epc_96(), tv(4, "Q", 60))
        assert (row["first_us"], row["last_us"]) == (60, 60)

    def test_uptime_stamps_are_marked(self) -> None:
        row, _ = row_of(epc_96(), tv(3, "Q", 50), tv(5, "Q", 60))
        assert (row["first_us"], row["last_us"], row["uptime"]) == (50, 60, True)

    def test_utc_wins_over_uptime(self) -> None:
        row, _ = row_of(epc_96(), tv(3, "Q", 5), tv(5, "Q", 6), tv(4, "Q", 70))
        assert (row["first_us"], row["last_us"], row["uptime"]) == (70, 70, False)

    def test_a_stamp_that_does_not_fit_is_none(self) -> None:
        row, _ = row_of(epc_96(), tv(2, "Q", 2**63), tv(4, "Q", 2**64 - 1))
        assert (row["first_us"], row["last_us"]) == (0, 0)

    def test_a_count_of_zero_is_one(self) -> None:
        assert row_of(epc_96(), tv(8, "H", 0))[0]["count"] == 1

    @pytest.mark.parametrize("dbm", [-128, -78, 0, 127])
    def test_power_is_signed(self, dbm: int) -> None:
        assert row_of(epc_96(), tv(6, "b", dbm))[0]["rssi_cdbm"] == 100 * dbm

    @pytest.mark.parametrize("cdbm", [-32768, -6_012, 32767])
    def test_impinjs_finer_power_wins(self, cdbm: int) -> None:
        assert row_of(epc_96(), impinj_rssi(cdbm), tv(6, "b", -60))[0]["rssi_cdbm"] == cdbm

    @pytest.mark.parametrize(
        ("steps", "phase_rad"), [(0, 0.0), (1024, math.pi / 2), (4095, math.tau * 4095 / 4096)]
    )
    def test_impinjs_phase_becomes_radians(self, steps: int, phase_rad: float) -> None:
        row, _ = row_of(epc_96(), impinj_phase(steps))
        assert row["phase_rad"] == pytest.approx(phase_rad, abs=1e-6)

    def test_a_phase_beyond_a_turn_is_taken_within_it(self) -> None:
        assert row_of(epc_96(), impinj_phase(4096))[0]["phase_rad"] == 0.0

    @pytest.mark.parametrize(
        "stranger",
        [
            custom(161, 709, b"zebra"),
            custom(25882, 55, b"\x00\x01ab"),
            custom(25882, 57, b""),
            tlv(900, b"unknown"),
            tlv(900),
            tv(9, "I", 1),
            tv(12, "H", 0x3000),
            tv(18, "I", 0x00010002),
            tv(19, "H", 1),
        ],
    )
    def test_strangers_are_passed_over(self, stranger: bytes) -> None:
        row, epc = row_of(epc_96(), stranger, antenna(7), stranger)
        assert (row["antenna"], epc) == (7, EPC_A)

    def test_behind_an_unknown_tv_nothing_can_be_read(self) -> None:
        row, epc = row_of(epc_96(), antenna(7), b"\xff" + tv(6, "b", -60))
        assert (row["antenna"], row["rssi_cdbm"], epc) == (7, NO_RSSI_CDBM, EPC_A)

    def test_of_what_is_sent_twice_the_first_counts(self) -> None:
        row, epc = row_of(epc_96(EPC_A), antenna(1), epc_96(EPC_B), antenna(2), epc_data(b"ab"))
        assert (row["antenna"], epc) == (1, EPC_A)


@pytest.mark.usefixtures("either_path")
class TestMalformedBodies:
    """They cost one tag report or one message, never the link."""

    @pytest.mark.parametrize(
        ("bad", "told"),
        [
            (tag(), "no EPC"),
            (tag(antenna(1)), "no EPC"),
            (tag(b"\xff" + epc_96()), "no EPC"),
            (tag(epc_96(), b"\x81\x00"), "TV parameter 1 takes 3 bytes, but 2 are left"),
            (tag(epc_96(), b"\x00"), "TLV header takes 4 bytes, but 1 are left"),
            (tag(epc_96(), b"\x03\x84\x00\x03"), "TLV parameter 900 gives its length as 3 bytes"),
            (tag(epc_96(), b"\x03\x84\x00\x05"), "TLV parameter 900 takes 5 bytes, but 4 are left"),
            (tag(epc_96(), tlv(1023, bytes(7))), "head of a Custom parameter"),
            (tag(tlv(241)), "head of an EPCData"),
            (tag(epc_data(b"\x01", bits=9)), "an EPC of 9 bits takes 2 bytes, but 1 are left"),
            (tag(epc_data(bytes(63), bits=497)), "an EPC of 497 bits; at most 496"),
        ],
    )
    def test_a_malformed_tag_report_is_skipped_and_told(self, bad: bytes, told: str) -> None:
        intake = ReportIntake()
        stream = report(common_tag(EPC_A)) + report(bad) + report(bad, common_tag(EPC_B))
        assert intake.feed(5, stream + keepalive(), AT_US) == [keepalive()]
        assert intake.take()[1] == [EPC_A, EPC_B]
        assert intake.skipped == {5: 2}
        assert told in intake.last_errors[5]

    @pytest.mark.parametrize(
        "outer",
        [
            b"\x00",
            b"\x00\xf0\x00\x03",
            b"\x00\xf0\x00\x00",
            b"\x00\xf0\xff\xff" + bytes(12),
            epc_96(),
            common_tag()[:-1],
        ],
    )
    def test_a_message_that_does_not_line_up_is_skipped(self, outer: bytes) -> None:
        intake = ReportIntake()
        intake.feed(5, report(common_tag(EPC_A), outer) + report(common_tag(EPC_B)), AT_US)
        assert intake.take()[1] == [EPC_B]
        assert intake.skipped == {5: 1}
        assert "RO_ACCESS_REPORT" in intake.last_errors[5]

    def test_an_empty_report_is_no_fault(self) -> None:
        intake = ReportIntake()
        intake.feed(5, report() + report(custom(161, 1, b"x")), AT_US)
        assert intake.take()[1] == []
        assert intake.frames == 2
        assert not intake.skipped


@pytest.mark.usefixtures("either_path")
class TestOrder:
    """Rows come in the order of arrival, whichever way they were read."""

    def test_mixed_layouts_in_one_message_keep_their_order(self) -> None:
        tags = [
            common_tag(EPC_A, 1),
            tag(epc_data(b"\x01\x02"), antenna(2)),
            common_tag(EPC_B, 3),
            tag(antenna(4), epc_96(EPC_A)),
            common_tag(EPC_B, 5, 1_000, RESULT),
            common_tag(EPC_B, 6),
        ]
        intake = ReportIntake()
        intake.feed(1, report(*tags), AT_US)
        rows, epcs = intake.take()
        assert rows["antenna"].tolist() == [1, 2, 3, 4, 5, 6]
        assert epcs == [EPC_A, b"\x01\x02", EPC_B, EPC_A, EPC_B, EPC_B]

    def test_messages_of_different_lengths_keep_their_order(self) -> None:
        intake = ReportIntake()
        for number in range(1, 9):
            more = (impinj_phase(number),) if number % 3 == 0 else ()
            intake.feed(number, report(common_tag(EPC_A, number, 1_000, *more)), AT_US + number)
        rows, _ = intake.take()
        assert rows["antenna"].tolist() == rows["source"].tolist() == list(range(1, 9))
        assert rows["at_us"].tolist() == [AT_US + n for n in range(1, 9)]

    def test_two_layouts_of_one_length_are_told_apart(self) -> None:
        intake = ReportIntake()
        by_turns = [
            report(tag(epc_96(), antenna(1), tv(8, "H", 2))),
            report(tag(epc_96(), tv(8, "H", 2), antenna(1))),
        ] * 20
        intake.feed(1, b"".join(by_turns), AT_US)
        rows, _ = intake.take()
        assert set(rows["antenna"].tolist()) == {1}
        assert set(rows["count"].tolist()) == {2}
        assert intake.skipped == {}

    def test_epcs_of_different_bits_in_parameters_of_one_length_are_told_apart(self) -> None:
        intake = ReportIntake()
        by_turns = [report(tag(epc_data(b"\1\2\3\4", bits=bits))) for bits in (32, 16)] * 20
        intake.feed(1, b"".join(by_turns), AT_US)
        assert intake.take()[1] == [b"\1\2\3\4", b"\1\2"] * 20

    def test_reports_of_both_versions_mix(self) -> None:
        intake = ReportIntake()
        for version in (1, 2, 1, 2):
            intake.feed(1, report(common_tag(EPC_A, version), version=version), AT_US)
        assert antennas_of(intake) == [1, 2, 1, 2]


class TestManyAtOnce:
    """Regular batches go through columns."""

    def test_many_messages_of_many_tags_are_read_in_columns(self) -> None:
        intake = ReportIntake()
        epcs = [number.to_bytes(12) for number in range(600)]
        for source in range(3):
            for at in range(0, 200, 50):
                batch = epcs[source * 200 + at : source * 200 + at + 50]
                tags = [common_tag(epc, 1 + i % 4, 1_000 + i) for i, epc in enumerate(batch)]
                intake.feed(source, report(*tags), AT_US)
        rows, found = intake.take()
        assert found == epcs
        assert rows["source"].tolist() == [0] * 200 + [1] * 200 + [2] * 200
        assert (intake.reports, intake.irregular, intake.frames) == (600, 0, 12)

    def test_a_few_odd_ones_do_not_slow_the_many(self) -> None:
        intake = ReportIntake()
        odd = [tag(epc_96(EPC_B), tv(kind, "I", 0), tlv(900, bytes(25))) for kind in (9, 16)]
        assert len(odd[0]) == len(common_tag())
        for one in odd * 3:
            intake.feed(1, report(one), AT_US)
        for _ in range(300):
            intake.feed(1, report(common_tag(EPC_A)), AT_US)
        _, epcs = intake.take()
        assert epcs == [EPC_B] * 6 + [EPC_A] * 300
        assert intake.irregular <= 6

    def test_more_layouts_than_are_tried_still_give_every_row(self) -> None:
        bodies = [antenna(5) + tv(kind, "H", 7) for kind in (7, 8, 10, 11, 12, 14, 17, 19, 20)]
        bodies += [tv(kind, "H", 7) + antenna(5) for kind in (7, 8, 10, 11, 12, 14, 17, 19, 20)]
        intake = ReportIntake()
        for body in bodies * 10:
            intake.feed(1, report(tag(epc_96(), body)), AT_US)
        assert antennas_of(intake) == [5] * 180
        assert intake.irregular > 0

    def test_tag_reports_of_very_many_parameters_are_read_but_not_remembered(self) -> None:
        layout.cache_clear()
        intake = ReportIntake()
        for _ in range(50):
            intake.feed(1, report(tag(epc_96(), antenna(1) * 20_000)), AT_US)
        assert antennas_of(intake) == [1] * 50
        assert layout.cache_info().currsize == 0

    def test_thousands_of_lengths_are_decoded(self) -> None:
        intake = ReportIntake()
        for size in range(3_000):
            intake.feed(1, report(tag(epc_96(), antenna(1), tlv(900, bytes(size)))), AT_US)
        assert len(intake.take()[0]) == 3_000


@pytest.mark.usefixtures("either_path")
class TestResults:
    """Messages with results of access operations make rows like others, and are kept."""

    def test_access_results_are_kept_for_the_codec(self) -> None:
        intake = ReportIntake()
        carrier = report(common_tag(EPC_B, 2, 1_000, RESULT), number=8)
        stream = report(common_tag(EPC_A), number=7) + carrier + report(common_tag(EPC_A), number=9)
        intake.feed(4, stream, AT_US)
        assert intake.take()[1] == [EPC_A, EPC_B, EPC_A]
        assert list(intake.results) == [(4, carrier)]
        assert intake.result_frames == 1
        found = codec.decode(intake.results[0][1]).children[0].first("C1G2ReadOpSpecResult")
        assert found is not None

    def test_rf_survey_reports_are_kept_beside_the_tags(self) -> None:
        intake = ReportIntake()
        frame = report(common_tag(EPC_A), tlv(242, tv(9, "I", 1)), common_tag(EPC_B))
        intake.feed(4, frame, AT_US)
        assert intake.take()[1] == [EPC_A, EPC_B]
        assert list(intake.results) == [(4, frame)]

    def test_what_is_kept_is_bounded(self) -> None:
        intake = ReportIntake()
        large = report(*[common_tag(EPC_A, 1, 1_000, RESULT)] * 2_000)
        for number in range(300):
            intake.feed(4, report(common_tag(EPC_A, 1, 1_000, RESULT), number=number), AT_US)
        intake.feed(4, large, AT_US)
        rows, _ = intake.take()
        assert len(rows) == 2_300
        assert intake.result_frames == 301
        assert len(intake.results) == 256
        assert struct.unpack(">I", intake.results[-1][1][6:10])[0] == 299


def test_rows_are_aligned_for_speed() -> None:
    assert REPORT.isalignedstruct
    assert np.zeros(2, REPORT)["at_us"].flags.aligned

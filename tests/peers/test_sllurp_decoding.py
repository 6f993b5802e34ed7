"""Our rows are what sllurp, written by other people, reads in the same bytes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gateway.llrp.reports import NO_RSSI_CDBM, ReportIntake
from tests.llrp_report_strategies import reports
from tests.llrp_reports import EPC_A, EPC_B, common_tag, impinj_phase, impinj_rssi, report

pytest.importorskip("sllurp", reason="the peer sllurp is not installed")


def rows_of_sllurp(frames: list[bytes]) -> list[dict[str, Any]]:
    """What sllurp's callback would be given, in our words."""
    from sllurp.llrp import LLRPMessage

    last_antenna = 0
    rows = []
    for frame in frames:
        for tag in LLRPMessage(msgbytes=frame).msgdict["RO_ACCESS_REPORT"].get("TagReportData", []):
            last_antenna = tag.get("AntennaID", last_antenna)
            rows.append(
                {
                    "epc": tag["EPC"].decode(),
                    "antenna": last_antenna,
                    "rssi_cdbm": tag.get(
                        "ImpinjPeakRSSI",
                        100 * tag["PeakRSSI"] if "PeakRSSI" in tag else NO_RSSI_CDBM,
                    ),
                    "channel": tag.get("ChannelIndex", 0),
                    "count": max(tag.get("TagSeenCount", 1), 1),
                    **_stamps(tag),
                    "phase_rad": _radians(tag.get("ImpinjRFPhaseAngle")),
                }
            )
    return rows


def _stamps(tag: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in ("UTC", "Uptime") if any(key.endswith(kind) for key in tag)]
    if not kinds:
        return {"first_us": 0, "last_us": 0, "uptime": False}
    first, last = (tag.get(f"{seen}SeenTimestamp{kinds[0]}") for seen in ("First", "Last"))
    stamps = (last if first is None else first, first if last is None else last)
    first_us, last_us = (0 if (stamp or 0) >= 2**63 else stamp for stamp in stamps)
    return {"first_us": first_us, "last_us": last_us, "uptime": kinds == ["Uptime"]}


def _radians(steps: int | None) -> float | None:
    return None if steps is None else float(np.float32(math.tau * steps / 4096))


def rows_of_ours(frames: list[bytes]) -> list[dict[str, Any]]:
    """The rows of an intake under the same names."""
    intake = ReportIntake()
    assert intake.feed(0, b"".join(frames), 0) == []
    rows, epcs = intake.take()
    assert not intake.skipped
    found = []
    for row, epc in zip(rows, epcs, strict=True):
        values = {name: row[name].item() for name in rows.dtype.names or ()}
        del values["source"], values["at_us"]
        if math.isnan(values["phase_rad"]):
            values["phase_rad"] = None
        found.append({"epc": epc.hex(), **values})
    return found


@given(reports())
@settings(max_examples=100)
def test_any_layout_gives_the_same_rows(frames: list[bytes]) -> None:
    assert rows_of_ours(frames) == rows_of_sllurp(frames)


def test_a_batch_as_readers_send_it_gives_the_same_rows() -> None:
    frames = [
        report(
            common_tag(EPC_A, 1 + n % 4, 10**15 + n, impinj_phase(n), impinj_rssi(-6_000 - n)),
            common_tag(EPC_B, 1 + n % 3, 10**15 - n),
            number=n,
        )
        for n in range(200)
    ]
    assert rows_of_ours(frames) == rows_of_sllurp(frames)
    assert len(rows_of_ours(frames)) == 400

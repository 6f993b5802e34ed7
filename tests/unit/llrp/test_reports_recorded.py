"""Tag reports that other implementations wrote down: bytes beside what they mean."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway.llrp.reports import ReportIntake
from tests.llrp_reports import message

DATA = Path(__file__).parents[3] / "../shared/data/llrp"
NAMESPACE = "{http://www.llrp.org/ltk/schema/core/encoding/xml/1.0}"
RECORDED = sorted((DATA / "edgex/roAccessReports").glob("*.bytes"))

pytestmark = pytest.mark.skipif(not RECORDED, reason=f"the reference data are not in {DATA}")


def only_row(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """The one row of a frame, and its EPC."""
    intake = ReportIntake()
    assert intake.feed(0, frame, 0) == []
    rows, epcs = intake.take()
    assert len(epcs) == 1
    return {name: rows[name][0].item() for name in rows.dtype.names or ()}, epcs[0]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_reports_row_says_what_its_json_says(path: Path) -> None:
    (stated,) = json.loads(path.with_suffix(".json").read_text())["TagReportData"]
    row, epc = only_row(message(61, path.read_bytes()))
    assert epc == base64.b64decode(stated["EPC96"]["EPC"])
    assert row["antenna"] == stated["AntennaID"]
    assert row["rssi_cdbm"] == 100 * stated["PeakRSSI"]
    assert row["first_us"] == row["last_us"] == stated["FirstSeenUTC"]
    assert row["count"] == (stated["TagSeenCount"] or 1)


def test_the_report_of_ltkjava_is_read() -> None:
    row, epc = only_row((DATA / "ltkjava/RO_ACCESS_REPORT.bin").read_bytes())
    stated = ET.parse(DATA / "ltkjava/RO_ACCESS_REPORT.xml").getroot()

    def value(parameter: str, field: str) -> str:
        return str(stated.findtext(f".//{NAMESPACE}{parameter}/{NAMESPACE}{field}"))

    assert epc.hex() == value("EPC_96", "EPC")
    assert row["antenna"] == int(value("AntennaID", "AntennaID"))
    assert row["rssi_cdbm"] == 100 * int(value("PeakRSSI", "PeakRSSI"))
    assert row["count"] == int(value("TagSeenCount", "TagCount"))
    last_seen = datetime.fromisoformat(value("LastSeenTimestampUTC", "Microseconds"))
    assert row["last_us"] == last_seen.timestamp() * 1_000_000

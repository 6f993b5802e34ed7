"""Messages as JSON lines and as a tree to read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.llrp.codec import MAX_DEPTH, Message, Parameter, decode, encode
from gateway.llrp.errors import EncodeError
from gateway.llrp.fields import Bits
from gateway.llrp.registry import MESSAGES_BY_NAME
from gateway.llrp.tree import from_json, pretty, to_json
from tests.llrp_samples import filled

P = Parameter

REPORT = Message(
    "RO_ACCESS_REPORT",
    7,
    children=[
        P(
            "TagReportData",
            children=[
                P("EPCData", {"EPC": Bits(20, b"\xab\xcd\xe0")}),
                P("FirstSeenTimestampUTC", {"Microseconds": 1_732_203_600_123_456}),
                P("PeakRSSI", {"PeakRSSI": -61}),
                P("Custom", {"VendorIdentifier": 161, "ParameterSubtype": 709, "Data": b"\x01"}),
            ],
        )
    ],
)


def test_json_has_names_numbers_and_bytes_as_hex() -> None:
    assert to_json(REPORT) == {
        "name": "RO_ACCESS_REPORT",
        "id": 7,
        "version": 1,
        "children": [
            {
                "name": "TagReportData",
                "children": [
                    {"name": "EPCData", "fields": {"EPC": {"bits": 20, "hex": "ABCDE0"}}},
                    {
                        "name": "FirstSeenTimestampUTC",
                        "fields": {"Microseconds": 1_732_203_600_123_456},
                        "meaning": {"Microseconds": "2024-11-21T15:40:00.123456Z"},
                    },
                    {"name": "PeakRSSI", "fields": {"PeakRSSI": -61}},
                    {
                        "name": "Custom",
                        "fields": {
                            "VendorIdentifier": 161,
                            "ParameterSubtype": 709,
                            "Data": "01",
                        },
                    },
                ],
            }
        ],
    }


def test_enumerations_stay_numbers_and_their_names_are_not_read_back() -> None:
    message = Message("SET_READER_CONFIG", children=[P("AccessReportSpec", {})])
    value = to_json(decode(encode(message)))
    child = value["children"][0]
    assert child["fields"] == {"AccessReportTrigger": 0}
    assert child["meaning"] == {"AccessReportTrigger": "Whenever_ROReport_Is_Generated"}
    child["meaning"] = {"AccessReportTrigger": "End_Of_AccessSpec"}
    assert from_json(value).children[0].fields == {"AccessReportTrigger": 0}


@pytest.mark.parametrize("name", list(MESSAGES_BY_NAME))
def test_every_kind_of_message_survives_json_and_can_be_printed(name: str) -> None:
    message = filled(MESSAGES_BY_NAME[name])
    again = from_json(json.loads(json.dumps(to_json(message))))
    assert again == message
    assert encode(again) == encode(message)
    assert pretty(message).splitlines()[0].startswith(name)


def test_the_tree_shows_one_parameter_a_line() -> None:
    assert pretty(REPORT).splitlines() == [
        "RO_ACCESS_REPORT (id 7, LLRP 1.0.1)",
        "  TagReportData",
        "    EPCData: EPC=ABCDE0 (20 bits)",
        "    FirstSeenTimestampUTC: Microseconds=1732203600123456 (2024-11-21T15:40:00.123456Z)",
        "    PeakRSSI: PeakRSSI=-61",
        "    Custom: VendorIdentifier=161, ParameterSubtype=709, Data=01",
    ]


def test_the_tree_names_the_values_of_enumerations() -> None:
    message = Message("GET_READER_CONFIG", 1, 2, {"AntennaID": 0, "RequestedData": 9})
    assert pretty(message) == (
        "GET_READER_CONFIG (id 1, LLRP 1.1): AntennaID=0, RequestedData=9 (GPIPortCurrentState)"
    )


def test_text_from_a_reader_cannot_steer_a_terminal() -> None:
    status = P("LLRPStatus", {"StatusCode": 999, "ErrorDescription": "\x1b[2J\u202e\nred"})
    shown = pretty(Message("ERROR_MESSAGE", children=[status]))
    assert r'ErrorDescription="\u001b[2J\u202e\nred"' in shown
    assert len(shown.splitlines()) == 2


def test_a_time_beyond_the_calendar_is_shown_as_a_number() -> None:
    stamp = P("UTCTimestamp", {"Microseconds": (1 << 64) - 1})
    text = pretty(Message("RO_ACCESS_REPORT", children=[stamp]))
    assert text.endswith("UTCTimestamp: Microseconds=18446744073709551615")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 'expected an object with a "name"'),
        ([], 'expected an object with a "name"'),
        ({"id": 1}, 'expected an object with a "name"'),
        ({"name": 5}, 'expected an object with a "name"'),
        ({"name": "KEEPALIVE", "fiels": {}}, "there is no key 'fiels'"),
        ({"name": "KEEPALIVE", "fields": []}, "KEEPALIVE: expected an object as `fields`"),
        ({"name": "KEEPALIVE", "children": {}}, "KEEPALIVE: expected an object as `fields`"),
        ({"name": "KEEPALIVE", "children": [1]}, r"KEEPALIVE/children\[1\]: expected an object"),
        ({"name": "KEEPALIVE", "children": [{"name": "A", "id": 1}]}, "there is no key 'id'"),
        ({"name": "KEEPALIVE", "id": "7"}, "KEEPALIVE/id: expected a whole number"),
        ({"name": "KEEPALIVE", "version": [1]}, "KEEPALIVE/version: expected one of"),
        ({"name": "NO_SUCH"}, "NO_SUCH: there is no such message"),
        ({"name": "ENABLE_ROSPEC", "fields": {"ROSpecID": 1.5}}, "ENABLE_ROSPEC/ROSpecID"),
        ({"name": "Unknown", "fields": {"Type": 9, "Data": "0"}}, "Unknown/Data: expected hex"),
        ({"name": "Unknown", "fields": {"Data": ""}}, "Unknown/Type: expected a whole number"),
    ],
)
def test_json_that_is_no_message_is_refused_by_name(value: Any, expected: str) -> None:
    with pytest.raises(EncodeError, match=expected):
        encode(from_json(value))


@pytest.mark.parametrize("epc", [5, "xyz", {"bits": 3}, {"bits": "x", "hex": ""}, None])
def test_a_run_of_bits_that_is_none_is_refused(epc: Any) -> None:
    child = {"name": "EPCData", "fields": {"EPC": epc}}
    with pytest.raises(EncodeError, match="RO_ACCESS_REPORT/EPCData/EPC: expected hex digits or"):
        from_json({"name": "RO_ACCESS_REPORT", "children": [child]})


def test_json_nested_without_end_is_refused() -> None:
    value: dict[str, Any] = {"name": "LLRPStatus"}
    for _ in range(500):
        value = {"name": "ParameterError", "children": [value]}
    with pytest.raises(EncodeError, match=f"nested more than {MAX_DEPTH} deep"):
        from_json({"name": "ERROR_MESSAGE", "children": [value]})

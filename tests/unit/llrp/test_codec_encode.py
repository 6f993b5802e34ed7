"""A message that cannot be written says which field, and what was expected there."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.llrp.codec import MAX_DEPTH, Message, Parameter, decode, encode
from gateway.llrp.errors import EncodeError
from gateway.llrp.fields import Bits

P = Parameter


def refused(message: Message) -> EncodeError:
    with pytest.raises(EncodeError) as caught:
        encode(message)
    return caught.value


def test_fields_that_are_not_given_are_zero_or_empty() -> None:
    names = (
        "AISpec",
        "EPC_96",
        "EPCData",
        "LLRPStatus",
        "RFTransmitter",
        "Custom",
        "EventsAndReports",
    )
    message = Message("RO_ACCESS_REPORT", children=[P(name) for name in names])
    fields = {child.name: child.fields for child in decode(encode(message)).children}
    assert fields == {
        "AISpec": {"AntennaIDs": []},
        "EPC_96": {"EPC": bytes(12)},
        "EPCData": {"EPC": Bits(0, b"")},
        "LLRPStatus": {"StatusCode": 0, "ErrorDescription": ""},
        "RFTransmitter": {"HopTableID": 0, "ChannelIndex": 0, "TransmitPower": 0},
        "Custom": {"VendorIdentifier": 0, "ParameterSubtype": 0, "Data": b""},
        "EventsAndReports": {"HoldEventsAndReportsUponReconnect": 0},
    }


def test_a_run_of_whole_bytes_may_be_given_as_bytes() -> None:
    message = Message("RO_ACCESS_REPORT", children=[P("EPCData", {"EPC": b"\x30\x08"})])
    assert decode(encode(message)).children[0].field("EPC") == Bits(16, b"\x30\x08")


@pytest.mark.parametrize(
    ("name", "field", "value", "expected"),
    [
        ("AntennaID", "AntennaID", 65536, "a whole number from 0 to 65535, not 65536"),
        ("AntennaID", "AntennaID", -1, "a whole number from 0 to 65535, not -1"),
        ("AntennaID", "AntennaID", "1", "a whole number from 0 to 65535, not '1'"),
        ("AntennaID", "AntennaID", 1.5, "a whole number from 0 to 65535, not 1.5"),
        ("AntennaID", "AntennaID", None, "a whole number from 0 to 65535, not None"),
        ("PeakRSSI", "PeakRSSI", -129, "a whole number from -128 to 127, not -129"),
        ("RFTransmitter", "TransmitPower", 70000, "a whole number from 0 to 65535, not 70000"),
        ("EPC_96", "EPC", b"\x30", r"12 bytes, not b'0'"),
        ("EPC_96", "EPC", "3008", "12 bytes, not '3008'"),
        ("EPCData", "EPC", Bits(9, b"\x30"), "bytes, or Bits with as many bytes"),
        ("EPCData", "EPC", 5, "bytes, or Bits with as many bytes"),
        ("EventsAndReports", "HoldEventsAndReportsUponReconnect", 2, "from 0 to 1, not 2"),
        ("C1G2SingulationControl", "Session", 4, "a whole number from 0 to 3, not 4"),
        ("EventsAndReports", "Reserved", 128, "a whole number from 0 to 127, not 128"),
        ("EventsAndReports", "HeaderReserved", 32, "a whole number from 0 to 31"),
        ("AISpec", "AntennaIDs", 1, "a list of numbers from 0 to 65535, not 1"),
        ("AISpec", "AntennaIDs", [70000], r"a list of numbers from 0 to 65535, not \[70000\]"),
        ("AISpec", "AntennaIDs", "12", "a list of numbers from 0 to 65535"),
        ("Identification", "ReaderID", 5, "bytes, not 5"),
        ("Identification", "ReaderID", [256], "bytes, not"),
        ("LLRPStatus", "ErrorDescription", b"no", "text, not b'no'"),
        ("LLRPStatus", "ErrorDescription", "\ud800", "text, not"),
        ("LLRPStatus", "ErrorDescription", "x" * 65536, "65536 elements, more than 65535"),
        ("Custom", "Data", "text", "bytes, not 'text'"),
        ("Unknown", "Type", 1024, "a whole number from 0 to 1023"),
        ("Unknown", "Type", None, "a whole number from 0 to 1023"),
        ("AntennaID", "Antenna", 1, "there is no such field; there is AntennaID"),
        ("ConnectionCloseEvent", "Status", 1, "there is no such field; there is none"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    name: str, field: str, value: Any, expected: str
) -> None:
    message = Message("RO_ACCESS_REPORT", children=[P("AntennaID"), P(name, {field: value})])
    with pytest.raises(EncodeError, match=expected) as caught:
        encode(message)
    number = "[2]" if name == "AntennaID" else ""
    assert caught.value.path == f"RO_ACCESS_REPORT/{name}{number}/{field}"


def test_names_that_no_table_has_are_refused() -> None:
    assert str(refused(Message("ADD_ROSPECS"))) == "ADD_ROSPECS: there is no such message"
    error = refused(Message("ADD_ROSPEC", children=[P("ROSpecs")]))
    assert str(error) == "ADD_ROSPEC/ROSpecs: there is no such parameter"


def test_a_header_that_cannot_be_written_is_refused() -> None:
    assert refused(Message("KEEPALIVE", version=4)).path == "KEEPALIVE/version"
    assert refused(Message("KEEPALIVE", id=1 << 32)).path == "KEEPALIVE/id"


def test_a_parameter_without_a_length_cannot_have_children() -> None:
    report = P("TagReportData", children=[P("AntennaID", children=[P("PeakRSSI")])])
    error = refused(Message("RO_ACCESS_REPORT", children=[report]))
    assert error.path == "RO_ACCESS_REPORT/TagReportData/AntennaID"


def test_a_parameter_of_more_bytes_than_its_length_can_say_is_refused() -> None:
    report = P("TagReportData", children=[P("Custom", {"Data": bytes(65_524)})])
    error = refused(Message("RO_ACCESS_REPORT", children=[report]))
    assert error.path == "RO_ACCESS_REPORT/TagReportData/Custom"
    assert error.reason == "takes 65536 bytes, a parameter at most 65535"


def test_a_parameter_inside_itself_is_refused() -> None:
    error = P("ParameterError")
    error.children.append(error)
    refusal = refused(Message("ERROR_MESSAGE", children=[P("LLRPStatus", children=[error])]))
    assert f"nested more than {MAX_DEPTH} deep" in refusal.reason


def test_a_long_value_is_not_repeated_in_full() -> None:
    error = refused(Message("KEEPALIVE", fields={"HeaderReserved": 9}))
    assert error.path == "KEEPALIVE/HeaderReserved"
    custom = P("Custom", {"Data": "x" * 100_000})
    assert len(str(refused(Message("RO_ACCESS_REPORT", children=[custom])))) < 200


def test_children_and_fields_are_found_by_name() -> None:
    message = Message("RO_ACCESS_REPORT", fields={}, children=[P("A"), P("B", {"x": 1}), P("A")])
    assert message.first("A") is message.children[0]
    assert message.all("A") == [message.children[0], message.children[2]]
    assert message.first("C") is None
    assert message.children[1].field("x") == 1
    assert message.children[1].field("y") is None

"""Messages written down by others, in bytes and in words: both say the same to us.

LTKJava's pairs are one message each, as bytes and as the toolkit's XML. EdgeX's are bodies without
the message header, and JSON in names of its own; its capabilities came from a real reader.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway.llrp import registry
from gateway.llrp.codec import MESSAGE_HEADER, Message, Parameter, decode, encode
from gateway.llrp.fields import Bits, Field
from gateway.llrp.registry import MESSAGES_BY_NAME
from gateway.llrp.tables import Row
from gateway.llrp.tree import from_json, to_json

SAMPLES = Path(__file__).parents[3] / "../shared/data/llrp"
EDGEX_MESSAGES = {
    "CloseConnectionResponse": "CLOSE_CONNECTION_RESPONSE",
    "GetAccessSpecsResponse": "GET_ACCESSSPECS_RESPONSE",
    "GetROSpecsResponse": "GET_ROSPECS_RESPONSE",
    "GetReaderCapabilitiesResponse": "GET_READER_CAPABILITIES_RESPONSE",
    "GetReaderConfigResponse": "GET_READER_CONFIG_RESPONSE",
    "ReaderEventNotification": "READER_EVENT_NOTIFICATION",
    "ROAccessReport": "RO_ACCESS_REPORT",
}
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def samples(pattern: str) -> list[Any]:
    found = sorted(SAMPLES.glob(pattern))
    if not found:
        return [pytest.param(Path(), marks=pytest.mark.skip(reason=f"no {pattern} there"))]
    return [pytest.param(file, id=file.stem) for file in found]


@pytest.mark.parametrize("file", samples("ltkjava/*.bin"))
def test_the_bytes_of_ltkjava_come_back_unchanged(file: Path) -> None:
    message = decode(file.read_bytes())
    assert encode(message) == file.read_bytes()
    assert from_json(json.loads(json.dumps(to_json(message)))) == message


@pytest.mark.parametrize("file", samples("ltkjava/*.bin"))
def test_the_xml_of_ltkjava_says_the_same_as_its_bytes(file: Path) -> None:
    message = message_of(ET.parse(file.with_suffix(".xml")).getroot())
    if file.stem == "ADD_ROSPEC2":
        # LTKJava wrote the two bits of Session 1 the wrong way round: 10, which is 2.
        for configuration in inventory_parameters(message).all("AntennaConfiguration"):
            command = configuration.first("C1G2InventoryCommand")
            assert command is not None
            control = command.first("C1G2SingulationControl")
            assert control is not None
            assert control.fields["Session"] == 1
            control.fields["Session"] = 2
    assert encode(message).hex() == file.read_bytes().hex()


def inventory_parameters(message: Message) -> Parameter:
    node = message.first("ROSpec")
    for name in ("AISpec", "InventoryParameterSpec"):
        assert node is not None
        node = node.first(name)
    assert node is not None
    return node


def message_of(element: ET.Element) -> Message:
    """The message that an LTK-XML document describes."""
    name = local(element)
    fields, children = parts_of(element, MESSAGES_BY_NAME[name])
    number, version = int(element.attrib["MessageID"]), int(element.attrib["Version"])
    return Message(name, number, version, fields, children)


def parts_of(element: ET.Element, row: Row) -> tuple[dict[str, Any], list[Parameter]]:
    kinds = {field.name: field for field in row.layout.fields}
    fields: dict[str, Any] = {}
    children = []
    for part in element:
        name = local(part)
        if name in kinds and not len(part):
            fields[name] = value_of(part.text or "", kinds[name])
        else:
            parameter_row = registry.PARAMETERS_BY_NAME[name]
            children.append(Parameter(name, *parts_of(part, parameter_row)))
    return fields, children


def value_of(text: str, field: Field) -> Any:
    if field.kind == "u1v":
        return Bits(4 * len(text), bytes.fromhex(text))
    if field.kind in ("u96", "bytesToEnd"):
        return bytes.fromhex(text)
    if field.kind == "u16v":
        base = 16 if field.name == "WriteData" else 10
        return [int(word, base) for word in text.split()]
    if field.enumeration:
        names = registry.ENUMERATIONS[field.enumeration]
        return next(v for v, n in names.items() if n == text or n.startswith(f"{text}_Or_End"))
    if "T" in text:
        return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    return int(text)


def local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def edgex(file: Path) -> Message:
    body = file.read_bytes()
    row = MESSAGES_BY_NAME[EDGEX_MESSAGES[file.stem.partition("-")[0]]]
    frame = MESSAGE_HEADER.pack(1 << 10 | row.number, 10 + len(body), 1) + body
    message = decode(frame)
    assert encode(message) == frame
    assert from_json(json.loads(json.dumps(to_json(message)))) == message
    return message


def words_of_edgex(file: Path) -> dict[str, Any]:
    words: dict[str, Any] = json.loads(file.with_suffix(".json").read_text())
    return words


@pytest.mark.parametrize("file", samples("edgex/*Response-000.bytes"))
def test_responses_of_edgex_have_its_status(file: Path) -> None:
    status = edgex(file).first("LLRPStatus")
    assert status is not None
    words = words_of_edgex(file)["LLRPStatus"]
    assert status.field("StatusCode") == words["Status"]
    assert status.field("ErrorDescription") == words["ErrorDescription"]


@pytest.mark.parametrize("file", samples("edgex/roAccessReports/*.bytes"))
def test_tag_reports_of_edgex_have_its_values(file: Path) -> None:
    reports = edgex(file).all("TagReportData")
    words = words_of_edgex(file)["TagReportData"]
    assert len(reports) == len(words)
    for report, expected in zip(reports, words, strict=True):
        assert [(child.name, *child.fields.values()) for child in report.children] == [
            ("EPC_96", base64.b64decode(expected["EPC96"]["EPC"])),
            ("AntennaID", expected["AntennaID"]),
            ("PeakRSSI", expected["PeakRSSI"]),
            ("FirstSeenTimestampUTC", expected["FirstSeenUTC"]),
        ]


@pytest.mark.parametrize("file", samples("edgex/ReaderEventNotification-000.bytes"))
def test_the_event_of_edgex_has_its_time_and_kind(file: Path) -> None:
    event = edgex(file).children[0]
    words = words_of_edgex(file)["ReaderEventNotificationData"]
    assert event.children == [
        Parameter("UTCTimestamp", {"Microseconds": words["UTCTimestamp"]}),
        Parameter("ConnectionCloseEvent"),
    ]


@pytest.mark.parametrize("file", samples("edgex/GetReaderCapabilities*.bytes"))
def test_the_capabilities_of_a_real_reader_are_read_in_full(file: Path) -> None:
    message = edgex(file)
    words = words_of_edgex(file)
    general, theirs = message.children[1], words["GeneralDeviceCapabilities"]
    assert list(general.fields.values()) == [
        theirs[name]
        for name in (
            "MaxSupportedAntennas",
            "CanSetAntennaProperties",
            "HasUTCClock",
            "DeviceManufacturer",
            "Model",
            "FirmwareVersion",
        )
    ]
    sensitivities = general.all("ReceiveSensitivityTableEntry")
    assert rows(sensitivities) == [list(e.values()) for e in theirs["ReceiveSensitivities"]]
    limits = message.first("LLRPCapabilities")
    assert limits is not None
    assert list(limits.fields.values()) == list(words["LLRPCapabilities"].values())
    band = message.children[3].children[0]
    theirs = words["RegulatoryCapabilities"]["UHFBandCapabilities"]
    powers = band.all("TransmitPowerLevelTableEntry")
    assert rows(powers) == [list(e.values()) for e in theirs["TransmitPowerLevels"]]
    hops = band.all("FrequencyInformation")[0].children[0]
    hop_table = theirs["FrequencyInformation"]["FrequencyHopTables"][0]
    assert list(hops.fields.values()) == list(hop_table.values())
    modes = band.all("C1G2UHFRFModeTable")[0].children
    table = theirs["C1G2RFModes"]["UHFC1G2RFModeTableEntries"]
    assert rows(modes) == [list(entry.values()) for entry in table]
    singulation = message.first("C1G2LLRPCapabilities")
    assert singulation is not None
    assert list(singulation.fields.values()) == list(words["C1G2LLRPCapabilities"].values())


@pytest.mark.parametrize("file", samples("edgex/GetReaderConfig*.bytes"))
def test_the_configuration_of_a_real_reader_is_read_in_full(file: Path) -> None:
    message = edgex(file)
    words = words_of_edgex(file)
    identification = message.first("Identification")
    assert identification is not None
    assert identification.field("ReaderID") == base64.b64decode(words["Identification"]["ReaderID"])
    for name, theirs in (
        ("AntennaProperties", words["AntennaProperties"]),
        ("EventNotificationState", words["ReaderEventNotificationSpec"]["EventNotificationStates"]),
        ("GPIPortCurrentState", words["GPIPortCurrentStates"]),
        ("GPOWriteData", words["GPOWriteData"]),
    ):
        holder = message.first("ReaderEventNotificationSpec") if "Event" in name else message
        assert holder is not None
        assert rows(holder.all(name)) == [list(entry.values()) for entry in theirs], name
    antennas = message.all("AntennaConfiguration")
    powers = [a["RFTransmitter"]["TransmitPowerIndex"] for a in words["AntennaConfigurations"]]
    assert [a.all("RFTransmitter")[0].field("TransmitPower") for a in antennas] == powers
    content = message.all("ROReportSpec")[0].children[0]
    theirs = words["ROReportSpec"]["TagReportContentSelector"]
    assert list(content.fields.values()) == list(theirs.values())[:10]


def rows(parameters: list[Parameter]) -> list[list[Any]]:
    return [list(parameter.fields.values()) for parameter in parameters]

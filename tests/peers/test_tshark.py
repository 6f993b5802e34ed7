"""Wireshark's dissector reads every kind of message that we write, and finds the same in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.llrp import registry
from gateway.llrp.codec import Message, Parameter, encode
from gateway.llrp.fields import Bits
from gateway.llrp.registry import MESSAGES_BY_NAME
from tests.llrp_samples import filled, filled_parameter
from tests.servers import require

pytestmark = pytest.mark.server

LLRP_PORT = 5084
#: What tshark 4.0 reads otherwise than the standard has it, and then calls malformed.
MISREAD_MESSAGES = {
    "SET_PROTOCOL_VERSION": "takes the version byte for the bits of a header",
    "CUSTOM_MESSAGE": "knows no vendor but Impinj",
    "CLIENT_REQUEST_OP_RESPONSE": "reads the AccessSpecID of ClientRequestResponse as two bytes",
}
MISREAD_PARAMETERS = {
    "Identification": "does not count the two bytes of the length",
    "C1G2GetBlockPermalockStatus": "reads the memory bank without its byte",
}
#: Parameters of Impinj that tshark 4.0 names or reads otherwise.
MISREAD_IMPINJ = {
    "ImpinjSerializedTID": "takes the words for parameters",
    "ImpinjRFDopplerFrequency": "does not know it",
}
TYPE = re.compile(r"= Type: .*\((\d+)\)$", re.MULTILINE)


def dissected(messages: list[Message], folder: Path) -> list[str]:
    """What tshark prints for each message, from the LLRP header on."""
    tshark, text2pcap = require("tshark"), require("text2pcap")
    (folder / "messages.txt").write_text("".join(hex_dump(encode(m)) for m in messages))
    ports = f"{LLRP_PORT},40000"
    run([text2pcap, "-q", "-T", ports, "messages.txt", "messages.pcap"], folder)
    text = run([tshark, "-r", "messages.pcap", "-V", "-Y", "llrp"], folder)
    frames = re.split(r"^Frame \d+:", text, flags=re.MULTILINE)[1:]
    return [frame[frame.index("Low Level Reader Protocol") :] for frame in frames]


def hex_dump(data: bytes) -> str:
    """The form that text2pcap reads: an offset and 16 bytes a line; offset 0 begins a packet."""
    rows = range(0, len(data), 16)
    return "".join(f"{at:06x} {data[at : at + 16].hex(' ')}\n" for at in rows) + "\n"


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def without_misread(children: list[Parameter]) -> list[Parameter]:
    return [
        Parameter(child.name, child.fields, without_misread(child.children))
        for child in children
        if child.name not in MISREAD_PARAMETERS
    ]


def numbers_of(message: Message) -> list[int]:
    """The type numbers of a message and of its parameters, in the order of the wire."""
    row = MESSAGES_BY_NAME[message.name]
    return [row.number, *(n for child in message.children for n in _parameter_numbers(child))]


def _parameter_numbers(parameter: Parameter) -> list[int]:
    number = registry.PARAMETERS_BY_NAME[parameter.name].number
    return [number, *(n for child in parameter.children for n in _parameter_numbers(child))]


def test_every_kind_of_message_is_dissected_without_a_malformed_one(tmp_path: Path) -> None:
    messages = [filled(row) for row in MESSAGES_BY_NAME.values()]
    messages = [message for message in messages if message.name not in MISREAD_MESSAGES]
    for message in messages:
        message.children = without_misread(message.children)
    frames = dissected(messages, tmp_path)
    assert len(frames) == len(messages)
    for message, frame in zip(messages, frames, strict=True):
        assert "Malformed" not in frame, message.name
        assert [int(n) for n in TYPE.findall(frame)] == numbers_of(message), message.name
        assert f"ID: {message.id}\n" in frame


def test_every_parameter_of_impinj_is_known_by_its_name(tmp_path: Path) -> None:
    rows = [r for r in registry.CUSTOM_PARAMETERS.values() if r.name not in MISREAD_IMPINJ]
    reports = [Message("RO_ACCESS_REPORT", children=[filled_parameter(row)]) for row in rows]
    frames = dissected(reports, tmp_path)
    for row, frame in zip(rows, frames, strict=True):
        assert "Malformed" not in frame, row.name
        name = re.search(r"\(Impinj - (.*)\)", frame)
        assert name is not None
        assert f"impinj{name[1]}".replace(" ", "").lower() == row.name.lower()


def test_the_values_of_a_tag_report_are_found(tmp_path: Path) -> None:
    report = Parameter(
        "TagReportData",
        children=[
            Parameter("EPC_96", {"EPC": bytes.fromhex("300833B2DDD9014000000001")}),
            Parameter("AntennaID", {"AntennaID": 3}),
            Parameter("PeakRSSI", {"PeakRSSI": -61}),
            Parameter("ChannelIndex", {"ChannelIndex": 17}),
            Parameter("TagSeenCount", {"TagCount": 29}),
            Parameter("EPCData", {"EPC": Bits(20, b"\xab\xcd\xe0")}),
            Parameter("ImpinjRFPhaseAngle", {"PhaseAngle": 4095}),
        ],
    )
    (frame,) = dissected([Message("RO_ACCESS_REPORT", 42, children=[report])], tmp_path)
    lines = [line.strip() for line in frame.splitlines()]
    assert "EPC: 300833b2ddd9014000000001" in lines
    assert "Antenna: 3" in lines or "Antenna ID: 3" in lines
    assert "Peak RSSI: 195" in lines  # tshark takes it for unsigned: 256 - 61
    assert "Channel index: 17" in lines
    assert "Tag count: 29" in lines
    assert "EPC: abcde0" in lines
    assert any("4095" in line for line in lines)

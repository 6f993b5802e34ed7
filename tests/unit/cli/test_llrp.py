"""`rfid-gateway llrp decode` and `encode`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.llrp.codec import Message, Parameter, encode
from gateway.llrp.registry import MESSAGES_BY_NAME
from tests.llrp_samples import filled

KEEPALIVE = bytes.fromhex("043E0000000A00000007")
ENABLE_ROSPEC = bytes.fromhex("04180000000E000000080000000E")
#: An event whose UTCTimestamp says that it is one byte longer than what holds it.
BROKEN = bytes.fromhex("043F0000001A0000000900F600100080000D0000000000000000")
SAMPLES = Path(__file__).parents[3] / "../shared/data/llrp/ltkjava"


def llrp(*args: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gateway", "llrp", *args]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    assert b"Traceback" not in done.stderr
    return done


def test_messages_back_to_back_are_printed_as_trees() -> None:
    done = llrp("decode", given=KEEPALIVE + ENABLE_ROSPEC)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        "KEEPALIVE (id 7, LLRP 1.0.1)",
        "ENABLE_ROSPEC (id 8, LLRP 1.0.1): ROSpecID=14",
    ]


def test_json_is_one_object_per_message_and_line() -> None:
    done = llrp("decode", "--json", given=KEEPALIVE + ENABLE_ROSPEC)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"name": "KEEPALIVE", "id": 7, "version": 1},
        {"name": "ENABLE_ROSPEC", "id": 8, "version": 1, "fields": {"ROSpecID": 14}},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "043e0000000a0000000704180000000e000000080000000e",
        "04 3E 00 00 00 0A 00 00 00 07\n04 18 00 00 00 0E 00 00 00 08 00 00 00 0E\n",
        "04:3e:00:00:00:0a:00:00:00:07\r\n\r\n0418 0000 000e 0000 0008 0000 000e",
        "0x04, 0x3e, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x07",
        "04-3E-00-00-00-0A-00-00-00-07",
        "\ufeff043e0000000a00000007",
    ],
)
def test_hex_text_is_taken_for_what_it_is(text: str) -> None:
    done = llrp("decode", given=text.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"KEEPALIVE (id 7, LLRP 1.0.1)\n")


@pytest.mark.parametrize("source", ["file", "dash", "nothing"])
def test_input_comes_from_a_file_or_from_standard_input(source: str, tmp_path: Path) -> None:
    file = tmp_path / "capture.bin"
    file.write_bytes(KEEPALIVE)
    args = {"file": [str(file)], "dash": ["-"], "nothing": []}[source]
    done = llrp("decode", *args, given=b"" if source == "file" else KEEPALIVE)
    assert done.stdout == b"KEEPALIVE (id 7, LLRP 1.0.1)\n"


def test_json_encodes_to_the_same_bytes_for_every_kind_of_message() -> None:
    data = b"".join(encode(filled(row)) for row in MESSAGES_BY_NAME.values())
    strange = Parameter("Unknown", {"Type": 700, "Data": b"\x01", "HeaderReserved": 3})
    opaque = Parameter("Opaque", {"Data": b"\xff\x00"})
    vendor = Parameter("Custom", {"VendorIdentifier": 161, "Data": b"\x02"})
    data += encode(Message("RO_ACCESS_REPORT", 1, children=[strange, vendor, opaque]))
    data += encode(Message("Unknown", 2, 2, {"Type": 700, "Data": b"\x00\xff"}))
    lines = llrp("decode", "--json", given=data)
    assert (lines.returncode, lines.stderr) == (0, b"")
    assert llrp("encode", given=lines.stdout).stdout == data
    as_hex = llrp("encode", "--hex", given=lines.stdout).stdout
    assert bytes.fromhex(as_hex.decode()) == data
    assert llrp("decode", "--json", given=as_hex).stdout == lines.stdout


def test_the_samples_of_another_implementation_survive() -> None:
    files = sorted(SAMPLES.glob("*.bin"))
    if not files:
        pytest.skip("the LTKJava samples are not there")
    data = b"".join(file.read_bytes() for file in files)
    lines = llrp("decode", "--json", given=data).stdout
    assert len(lines.splitlines()) == len(files)
    assert llrp("encode", given=lines).stdout == data


def test_a_broken_message_is_told_and_the_others_are_printed() -> None:
    done = llrp("decode", given=KEEPALIVE + BROKEN + ENABLE_ROSPEC)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        "KEEPALIVE (id 7, LLRP 1.0.1)",
        "ENABLE_ROSPEC (id 8, LLRP 1.0.1): ROSpecID=14",
    ]
    assert done.stderr.decode() == (
        "message 2 at byte 10: READER_EVENT_NOTIFICATION/ReaderEventNotificationData/UTCTimestamp:"
        " says that it has 13 bytes, 12 remain (at byte 14 of the message)\n"
    )


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (ENABLE_ROSPEC[:-1], "message 2 at byte 10: the input ends after 13 of its 14 bytes"),
        (b"\x04\x3e\x00", "message 2 at byte 10: the input ends after 3 of its header's 10 bytes"),
        (bytes(20), "message 2 at byte 10: not the header of an LLRP message: its version is 0"),
        (
            b"\x04\x3e" + bytes(8),
            "message 2 at byte 10: not the header of an LLRP message: its len",
        ),
        (
            b"\x04\x3e\xff\xff\xff\xff" + bytes(8),
            "message 2 at byte 10: the input ends after 14 of",
        ),
    ],
)
def test_where_the_frames_cannot_be_followed_decoding_ends(data: bytes, fault: str) -> None:
    done = llrp("decode", given=KEEPALIVE + data)
    assert done.returncode == 1
    assert done.stdout == b"KEEPALIVE (id 7, LLRP 1.0.1)\n"
    assert done.stderr.decode().startswith(fault)
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"04 3e\n00 0g", "-:2:5: 'g' is not a hex digit"),
        (b"hello", "-:1:1: 'h' is not a hex digit"),
        (b"0x04, 0x3z", "-:1:10: 'z' is not a hex digit"),
        (b"04x3e", "-:1:3: 'x' is not a hex digit"),
        (b"04 3", "-: 3 hex digits are not whole bytes"),
    ],
)
def test_text_that_is_not_hex_is_told_with_line_and_column(text: bytes, fault: str) -> None:
    done = llrp("decode", given=text)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(fault)


def test_nothing_is_no_message() -> None:
    for command in ("decode", "encode"):
        done = llrp(command, given=b"")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_lines_that_are_no_message_are_told_and_the_others_encoded() -> None:
    lines = [
        b'{"name": "KEEPALIVE", "id": 7}',
        b"",
        b'{"name": "KEEPALIVE", "id": -1}',
        b"not json",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"name": "ENABLE_ROSPEC", "id": 8, "fields": {"ROSpecID": 14}}',
    ]
    done = llrp("encode", given=b"\n".join(lines))
    assert done.returncode == 1
    assert done.stdout == KEEPALIVE + ENABLE_ROSPEC
    faults = done.stderr.decode().splitlines()
    assert [fault.partition(":")[0] for fault in faults] == ["line 3", "line 4", "line 5", "line 6"]
    assert faults[0] == "line 3: KEEPALIVE/id: expected a whole number from 0 to 4294967295"
    assert faults[1].startswith("line 4: not a JSON object as `decode --json` writes it")


def test_a_file_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    done = llrp("decode", str(tmp_path / "none.bin"))
    assert done.returncode == 1
    assert done.stderr.decode() == f"{tmp_path / 'none.bin'}: No such file or directory\n"
    assert llrp("decode", str(tmp_path)).stderr.decode() == f"{tmp_path}: Is a directory\n"


def test_input_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "huge.bin"
    with file.open("wb") as out:
        out.truncate(64 * 1024 * 1024 + 1)
    done = llrp("decode", str(file))
    assert done.returncode == 1
    assert done.stderr.decode() == f"{file}: more than 64 MiB; split it\n"


@pytest.mark.parametrize("command", ["decode", "encode"])
def test_help_has_an_example(command: str) -> None:
    done = llrp(command, "--help")
    assert done.returncode == 0
    assert b"Example: rfid-gateway llrp" in done.stdout


def test_an_unknown_option_is_a_usage_error() -> None:
    assert llrp("decode", "--jsn").returncode == 2

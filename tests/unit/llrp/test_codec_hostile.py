"""Bytes that no honest reader sends: refused with where and what, within bounds of memory."""

from __future__ import annotations

import contextlib
import gc
import random
import tracemalloc

import pytest

from gateway.llrp.codec import MAX_DEPTH, MAX_PARAMETERS, MESSAGE_HEADER, decode, encode
from gateway.llrp.errors import DecodeError, FrameError, LlrpError
from gateway.llrp.registry import MESSAGES_BY_NAME
from tests.llrp_samples import filled

RO_ACCESS_REPORT = 61
MUTATIONS = 20_000
#: A few kilobytes of frame must not cost more than this while it is decoded.
MAX_PEAK_BYTES = 2_000_000


def frame(body: str | bytes, number: int = RO_ACCESS_REPORT, version: int = 1) -> bytes:
    data = bytes.fromhex(body) if isinstance(body, str) else body
    return MESSAGE_HEADER.pack(version << 10 | number, 10 + len(data), 1) + data


def refused(body: str, number: int = RO_ACCESS_REPORT) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(frame(body, number))
    return caught.value


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"", 0, "at least 10 bytes"),
        (bytes.fromhex("043E0000000A000000"), 0, "at least 10 bytes, this one 9"),
        (bytes.fromhex("003E0000000A00000000"), 0, "no protocol version 0"),
        (bytes.fromhex("1C3E0000000A00000000"), 0, "no protocol version 7"),
        (bytes.fromhex("043E0000000B00000000"), 2, "says 11 bytes, the message has 10"),
        (bytes.fromhex("043E0000000000000000"), 2, "says 0 bytes"),
        (bytes.fromhex("043E8000000A00000000"), 2, "says 2147483658 bytes"),
        # "H" is 010 010 00, which has version 2; "TP/1" is the length.
        (b"HTTP/1.1 400 Bad Request\r\n", 2, "says 1414541105 bytes, the message has 26"),
    ],
)
def test_a_wrong_header_ends_the_stream(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        decode(data)
    assert caught.value.offset == offset
    assert caught.value.head == data[:16].hex(" ")


def test_an_error_names_the_third_report_and_the_byte() -> None:
    # Two good reports of 4 + 13 + 2 = 19 bytes, then one cut off behind the type byte of PeakRSSI:
    # it begins at 10 + 38 = 48, its header and EPC take 17 bytes, the byte is the 65th.
    good = "00F0 0013 8D 300833B2DDD9014000000001 86 C3"
    error = refused(good + good + "00F0 0012 8D 300833B2DDD9014000000001 86")
    assert error.path == "RO_ACCESS_REPORT/TagReportData[3]/PeakRSSI"
    assert error.offset == 10 + 38 + 17 + 1
    assert error.reason == "needs 1 byte, 0 remain"
    assert str(error) == (
        "RO_ACCESS_REPORT/TagReportData[3]/PeakRSSI: needs 1 byte, 0 remain"
        " (at byte 66 of the message)"
    )


@pytest.mark.parametrize(
    ("body", "path", "offset", "reason"),
    [
        ("00F0 0000", "TagReportData", 10, "says that it has 0 bytes"),
        ("00F0 0003", "TagReportData", 10, "says that it has 3 bytes"),
        ("00F0 FFFF 00", "TagReportData", 10, "says that it has 65535 bytes, 5 remain"),
        ("00F0 0008 00F1 0005", "TagReportData/EPCData", 14, "has 5 bytes, 4 remain"),
        ("00F0 00", "TagReportData", 10, "needs 4 bytes, 3 remain"),
        ("00", "Unknown", 10, "needs 4 bytes, 1 remain"),
        ("0300 0002", "Unknown", 10, "says that it has 2 bytes"),
        ("00F1 0006 FFFF", "EPCData/EPC", 14, "65535 elements need 8192 bytes, 0 remain"),
        ("00F1 0005 00", "EPCData/EPC", 14, "needs 2 bytes, 1 remain"),
        ("00B7 0008 FFFF 0001", "AISpec/AntennaIDs", 14, "need 131070 bytes, 2 remain"),
        ("0094 0006 FFFF", "FixedFrequencyTable/Frequency", 14, "need 262140 bytes, 0 remain"),
        ("00DA 0008 00 00FF 01", "Identification/ReaderID", 15, "need 255 bytes, 1 remain"),
        ("011F 0008 0000 FFFF", "LLRPStatus/ErrorDescription", 16, "need 65535 bytes, 0 remain"),
        ("0080 0008 00000000", "UTCTimestamp", 14, "needs 8 bytes, 4 remain"),
        ("00EE 0005 FF", "TagReportContentSelector/EnableTagSeenCount", 15, "needs 1 byte,"),
        ("0080 000D 0000000000000000 00", "UTCTimestamp", 22, "1 byte left over"),
        ("0080 000D 0000000000000000 FF", "UTCTimestamp", 22, "1 byte left over"),
        ("03FF 0008 0000651A", "Custom/VendorIdentifier", 14, "needs 8 bytes, 4 remain"),
    ],
)
def test_wrong_lengths_are_refused_with_path_and_offset(
    body: str, path: str, offset: int, reason: str
) -> None:
    error = refused(body)
    assert error.path == f"RO_ACCESS_REPORT/{path}"
    assert error.offset == offset
    assert reason in error.reason


def test_bytes_behind_a_message_without_children_are_refused() -> None:
    error = refused("00", number=62)
    assert (error.path, error.offset) == ("KEEPALIVE", 10)
    assert "1 byte left over" in error.reason


def test_a_message_shorter_than_its_fields_is_refused() -> None:
    assert refused("000000", number=24).path == "ENABLE_ROSPEC"


def nested(levels: int) -> bytes:
    """An ERROR_MESSAGE: an LLRPStatus with ParameterErrors in each other, `levels` in all."""
    inner = b""
    for _ in range(levels - 1):
        inner = b"\x01\x21" + (8 + len(inner)).to_bytes(2) + b"\x00\xb1\x00\x64" + inner
    return frame(b"\x01\x1f" + (8 + len(inner)).to_bytes(2) + bytes(4) + inner, number=100)


def test_nesting_is_bounded() -> None:
    assert encode(decode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(DecodeError, match=f"nested more than {MAX_DEPTH} deep"):
        decode(nested(MAX_DEPTH + 1))
    with pytest.raises(DecodeError, match="nested more than"):
        decode(nested(5_000))


def test_the_number_of_parameters_is_bounded() -> None:
    hostile = frame(b"\x86\x00" * (MAX_PARAMETERS + 1))
    with pytest.raises(DecodeError, match=f"more than {MAX_PARAMETERS} parameters"):
        decode(hostile)
    with pytest.raises(DecodeError, match="more than 2 parameters"):
        decode(frame("8600 8600 8600"), max_parameters=2)
    assert len(decode(frame("8600 8600"), max_parameters=2).children) == 2


def test_a_count_is_checked_before_memory_is_taken_for_it() -> None:
    hostile = frame("0094 0006 FFFF" * 1000)  # each announces 262140 bytes
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode(hostile)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def mutated(seeds: list[bytes], chance: random.Random) -> bytes:
    """A good frame with something wrong: bytes changed, cut out, or put in; mostly well-framed."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                data[at : at + 1] = bytes(b ^ 1 << chance.randrange(8) for b in data[at : at + 1])
            case 2:
                del data[at : at + chance.randint(1, 8)]
            case _:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
    if len(data) >= 10 and chance.random() < 0.9:
        data[2:6] = len(data).to_bytes(4)
    return bytes(data)


def test_twenty_thousand_mutated_frames_raise_nothing_but_the_protocol_error() -> None:
    chance = random.Random(20261121)
    seeds = [encode(filled(row)) for row in MESSAGES_BY_NAME.values()]
    refusals = 0
    for _ in range(MUTATIONS):
        data = mutated(seeds, chance)
        try:
            assert encode(decode(data)) == data
        except LlrpError as error:
            refusals += len(str(error)) > 0
    assert MUTATIONS / 10 < refusals < MUTATIONS


def test_memory_does_not_grow_with_mutated_frames() -> None:
    chance = random.Random(7)
    seeds = [encode(filled(row)) for row in MESSAGES_BY_NAME.values()]
    frames = [mutated(seeds, chance) for _ in range(2_000)]
    _decode_all(frames)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        _decode_all(frames)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000
    assert peak - before < MAX_PEAK_BYTES


def _decode_all(frames: list[bytes]) -> None:
    for data in frames:
        with contextlib.suppress(LlrpError):
            decode(data)

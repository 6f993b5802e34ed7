"""Bytes and messages are two ways to write the same thing, whatever the bytes are."""

from __future__ import annotations

import contextlib
import json

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.llrp.codec import MESSAGE_HEADER, Message, decode, encode
from gateway.llrp.errors import LlrpError
from gateway.llrp.registry import MESSAGES_BY_NUMBER
from gateway.llrp.tree import from_json, pretty, to_json
from tests.llrp_samples import messages


def framed(number: int, version: int, body: bytes) -> bytes:
    return MESSAGE_HEADER.pack(version << 10 | number, 10 + len(body), 1) + body


@given(messages())
def test_a_message_comes_back_from_its_bytes(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages())
def test_a_message_comes_back_from_its_json(message: Message) -> None:
    line = json.dumps(to_json(message))
    assert "\n" not in line
    assert from_json(json.loads(line)) == message


@given(messages())
def test_every_message_can_be_printed_as_plain_text(message: Message) -> None:
    assert pretty(message).replace("\n", "").isprintable()
    assert pretty(message).isascii()


@given(
    st.sampled_from([*MESSAGES_BY_NUMBER, 999]),
    st.sampled_from([1, 2, 3]),
    st.binary(max_size=200),
)
def test_whatever_decodes_encodes_to_the_same_bytes(number: int, version: int, body: bytes) -> None:
    frame = framed(number, version, body)
    with contextlib.suppress(LlrpError):
        assert encode(decode(frame)) == frame


@given(messages(), st.data())
def test_a_mutated_frame_decodes_to_itself_or_is_refused(
    message: Message, data: st.DataObject
) -> None:
    frame = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(LlrpError):
        assert encode(decode(bytes(frame))) == bytes(frame)


@given(st.binary(max_size=60))
@example(b"")
@example(b"HTTP/1.1 200 OK\r\n\r\n")
def test_anything_else_is_refused_with_the_protocol_error(noise: bytes) -> None:
    with contextlib.suppress(LlrpError):
        decode(noise)

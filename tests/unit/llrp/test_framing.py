"""Framing: where messages end, whatever the pieces are in which they come."""

from __future__ import annotations

import struct

import pytest

from gateway.llrp.errors import FrameError
from gateway.llrp.framing import MAX_FRAME_BYTES, Framer
from tests.llrp_reports import common_tag, keepalive, message, report


def test_frames_come_out_whole_and_in_order() -> None:
    framer = Framer()
    frames = [keepalive(1), report(common_tag()), message(63, bytes(30), version=2)]
    assert framer.feed(b"".join(frames)) == frames
    assert framer.pending == 0


def test_a_stream_byte_by_byte_gives_the_same_frames() -> None:
    framer = Framer()
    frames = [keepalive(1), report(common_tag()), keepalive(2)]
    found = [frame for byte in b"".join(frames) for frame in framer.feed(bytes([byte]))]
    assert found == frames


def test_every_cut_in_two_gives_the_same_frames() -> None:
    frames = [keepalive(1), report(common_tag()), keepalive(2)]
    stream = b"".join(frames)
    for cut in range(len(stream) + 1):
        framer = Framer()
        assert framer.feed(stream[:cut]) + framer.feed(memoryview(stream)[cut:]) == frames


def test_pending_counts_the_bytes_of_an_unfinished_frame() -> None:
    framer = Framer()
    framer.feed(keepalive() + report(common_tag())[:20])
    assert framer.pending == 20


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_versions_of_llrp_are_framed_alike(version: int) -> None:
    frame = message(62, version=version)
    assert Framer().feed(frame) == [frame]


@pytest.mark.parametrize("version", [0, 4, 7])
def test_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(FrameError, match=rf"version is {version}"):
        Framer().feed(message(62, version=version))


@pytest.mark.parametrize("length", [0, 5, 9, MAX_FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_is_refused_before_the_bytes_come(length: int) -> None:
    framer = Framer()
    with pytest.raises(FrameError, match=f"length, {length} bytes"):
        framer.feed(struct.pack(">HI", 0x043D, length))
    assert framer.pending == 0


def test_the_cap_is_the_callers() -> None:
    assert Framer(max_frame_bytes=61).feed(report(common_tag()))
    with pytest.raises(FrameError, match="10 to 60"):
        Framer(max_frame_bytes=60).feed(report(common_tag()))


def test_the_error_tells_where_and_shows_the_first_bytes() -> None:
    framer = Framer()
    framer.feed(keepalive())
    with pytest.raises(FrameError) as caught:
        framer.feed(keepalive() + b"HTTP/1.1 400 Bad Request\r\n")
    assert caught.value.offset == 20
    assert caught.value.head == b"HTTP/1.1 400 Bad"[:16].hex(" ")


def test_a_large_frame_in_small_pieces_takes_linear_time_and_no_more_than_its_size() -> None:
    frame = message(61, bytes(2 * 1024 * 1024))
    framer = Framer()
    pieces = [frame[at : at + 64] for at in range(0, len(frame), 64)]
    for piece in pieces[:-1]:
        assert framer.feed(piece) == []
    assert framer.pending == len(frame) - len(pieces[-1])
    assert framer.feed(pieces[-1]) == [frame]

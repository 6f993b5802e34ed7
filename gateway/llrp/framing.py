"""Where one LLRP message ends and the next begins: a pure, incremental framer.

A message starts with 3 reserved bits, 3 version bits, 10 type bits, and its own length (header
included) as a `u32`. A header that cannot be true ends the connection, because nothing after it
can be trusted; what is wrong *inside* a frame is for the decoders to say, framing goes on.
"""

from __future__ import annotations

import struct

from gateway.llrp.errors import HEAD_BYTES, FrameError

#: The longest message that is accepted unless the caller says otherwise.
MAX_FRAME_BYTES = 8 * 1024 * 1024
#: Version and type, length, message id.
HEADER_BYTES = 10
#: The part of the header that says what the message is and where it ends.
LEAD = struct.Struct(">HI")
TYPE_MASK = 0x03FF
VERSION_MASK = 0x1C00
#: Versions that are framed alike: 1 is LLRP 1.0.1, 2 is 1.1, 3 is 2.0.
LEADING_VERSIONS = frozenset(version << 10 for version in (1, 2, 3))


def bad_header(data: bytes | bytearray, at: int, offset: int, max_frame_bytes: int) -> FrameError:
    """The error for the header at `data[at:]`, which is byte `offset` of the connection."""
    lead, length = LEAD.unpack_from(data, at)
    if lead & VERSION_MASK in LEADING_VERSIONS:
        fault = f"its length, {length} bytes, is not within {HEADER_BYTES} to {max_frame_bytes}"
    else:
        fault = f"its version is {lead >> 10 & 7}, not 1, 2 or 3"
    return FrameError(
        f"not the header of an LLRP message: {fault}",
        offset=offset,
        head=bytes(data[at : at + HEAD_BYTES]),
    )


class Framer:
    """Cuts one connection's byte stream into frames; one framer per connection.

    Holds at most `max_frame_bytes` of an unfinished frame. After a `FrameError` it is empty and
    the connection must be closed.
    """

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self._needed = LEAD.size  # bytes in the buffer before looking at it again is worth it
        self._offset = 0  # where in the stream the buffer begins

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """The frames that `data` completes, in order; raises FrameError for a bad header."""
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return []
        frames = []
        at = 0
        self._needed = LEAD.size
        while at + LEAD.size <= len(buffer):
            lead, length = LEAD.unpack_from(buffer, at)
            if (
                not HEADER_BYTES <= length <= self._max_frame_bytes
                or lead & VERSION_MASK not in LEADING_VERSIONS
            ):
                error = bad_header(buffer, at, self._offset + at, self._max_frame_bytes)
                self._buffer = bytearray()
                raise error
            if at + length > len(buffer):
                self._needed = length
                break
            frames.append(bytes(buffer[at : at + length]))
            at += length
        del buffer[:at]
        self._offset += at
        return frames

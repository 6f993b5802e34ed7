"""What can be wrong with LLRP bytes, or with a message that should become bytes.

    LlrpError            root: catch this one
    ├── FrameError       the header of a message is wrong: where the next message begins is unknown
    ├── DecodeError      the body of a well-framed message is wrong: skip that message and go on
    └── EncodeError      a message cannot be written as bytes

Each carries its facts as attributes; `str()` is one sentence.
"""

from __future__ import annotations

#: How many bytes of a broken message a `FrameError` keeps for the reader of the log.
HEAD_BYTES = 16


class LlrpError(Exception):
    """Root of everything that this package raises on purpose."""


class FrameError(LlrpError):
    """A message header is wrong, so the stream cannot be followed any further.

    `offset` is where the wrong bytes stand, counted from the start of what was given to decode;
    `head` holds the first 16 bytes there, in hex.
    """

    def __init__(self, reason: str, *, offset: int = 0, head: bytes = b"") -> None:
        self.reason = reason
        self.offset = offset
        self.head = bytes(head[:HEAD_BYTES]).hex(" ")
        super().__init__(reason, offset, self.head)

    def __str__(self) -> str:
        shown = f"; the message begins {self.head}" if self.head else ""
        return f"{self.reason} (at byte {self.offset}{shown})"


class _PathError(LlrpError):
    """An error inside a message: `path` leads to it, as in `RO_ACCESS_REPORT/TagReportData[3]`.

    Numbers count the parameters of one name from 1; the first is written without a number.
    """

    def __init__(self, reason: str, *, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason, path)

    def enter(self, name: str, number: int = 1) -> None:
        """Put one more step in front of the path, while the error travels outwards."""
        step = name if number == 1 else f"{name}[{number}]"
        self.path = f"{step}/{self.path}" if self.path else step


class DecodeError(_PathError):
    """The body of a well-framed message is wrong; the messages after it are not concerned.

    `offset` counts the bytes from the start of the message, its header included.
    """

    def __init__(self, reason: str, *, path: str = "", offset: int = 0) -> None:
        super().__init__(reason, path=path)
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.path}: {self.reason} (at byte {self.offset} of the message)"


class EncodeError(_PathError):
    """A message cannot be written: `path` names the field, `reason` says what was expected."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


def spell_bytes(count: int) -> str:
    """A number of bytes, in words for the message of an error."""
    return "1 byte" if count == 1 else f"{count} bytes"

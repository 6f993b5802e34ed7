"""Bodies as they are stored: compressed one by one with the help of a shared dictionary.

A movement with its evidence is 750 to 1,500 octets of JSON, most of it as in the movement before.
With 8 KB of recent bodies as the dictionary it takes about 260, which is what a day of outage
upstream is bought with. What comes out is octet for octet what went in; zlib's checksum tells.

Dictionaries are rows of the store. A stream names the one that it needs by its Adler-32.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import deque

from gateway.store.faults import DamagedError

DICTIONARY_BYTES = 8_000
#: Bodies after which the first dictionary is made, and after which each is replaced.
FIRST_AFTER, RENEWED_AFTER = 64, 4_096
#: A window of 16 KB and small tables: three times as fast as zlib's defaults, 2 % bigger.
_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 6, 14, 5
#: The bit of a stream's second octet that says that a dictionary's checksum follows.
_NEEDS_DICTIONARY = 0x20
#: No body is bigger; a damaged stream must not fill the memory.
MAX_BODY_BYTES = 16_000_000

_NEWEST = "SELECT content FROM dictionary ORDER BY first_seq DESC, rowid DESC LIMIT 1"


class Packer:
    """Compresses bodies for the store's writer, and makes new dictionaries on the way.

    As everything that the writer does, a new dictionary holds only after a commit: `settle` or
    `forget` follow each transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(_NEWEST).fetchone()
        self._content: bytes = found[0] if found else b""
        self._primed = _primed(self._content)
        self._before = (self._content, self._primed)
        self._recent: deque[bytes] = deque()
        self._recent_bytes = self._packed = 0

    def pack(self, connection: sqlite3.Connection, seq: int, body: bytes) -> bytes:
        """The stored form of the body of record `seq`, in the transaction that is open."""
        if self._packed >= (RENEWED_AFTER if self._content else FIRST_AFTER):
            self._renew(connection, seq)
        self._remember(body)
        stream = self._primed.copy()
        return stream.compress(body) + stream.flush()

    def settle(self) -> None:
        """The transaction was committed."""
        self._before = (self._content, self._primed)

    def forget(self) -> None:
        """The transaction was rolled back, and a dictionary made in it with it."""
        if self._content is not self._before[0]:
            self._content, self._primed = self._before
            self._packed = RENEWED_AFTER

    def _remember(self, body: bytes) -> None:
        self._packed += 1
        self._recent.append(body)
        self._recent_bytes += len(body)
        while self._recent_bytes - len(self._recent[0]) >= DICTIONARY_BYTES:
            self._recent_bytes -= len(self._recent.popleft())

    def _renew(self, connection: sqlite3.Connection, seq: int) -> None:
        content = b"".join(self._recent)[-DICTIONARY_BYTES:]
        self._packed = 0
        new = connection.execute(
            "INSERT OR IGNORE INTO dictionary VALUES (?, ?, ?)",
            (zlib.adler32(content), seq, content),
        )
        if new.rowcount == 1:  # else another one has this checksum: the next will be tried later
            self._content, self._primed = content, _primed(content)


class Unpacker:
    """Gives bodies back, for one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[int, bytes] = {}

    def unpack(self, stored: bytes) -> bytes:
        """The body that was stored; `DamagedError` when it is not that any more."""
        try:
            if len(stored) > 6 and stored[1] & _NEEDS_DICTIONARY:
                content = self._dictionary(int.from_bytes(stored[2:6], "big"))
                stream = zlib.decompressobj(_WINDOW_BITS, content)
            else:
                stream = zlib.decompressobj(_WINDOW_BITS)
            body = stream.decompress(stored, MAX_BODY_BYTES)
        except zlib.error as error:
            raise DamagedError(f"a record's body is damaged ({error})") from error
        if not stream.eof:
            raise DamagedError("a record's body is cut short")
        return body

    def _dictionary(self, number: int) -> bytes:
        content = self._known.get(number)
        if content is None:
            row = self._connection.execute(
                "SELECT content FROM dictionary WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                raise DamagedError("the dictionary of a record's body is missing")
            content = self._known[number] = bytes(row[0])
            if len(self._known) > 64:
                del self._known[next(iter(self._known))]
        return content


def prune_dictionaries(connection: sqlite3.Connection) -> None:
    """Remove dictionaries that no record needs any more."""
    connection.execute(
        "DELETE FROM dictionary WHERE first_seq < (SELECT max(first_seq) FROM dictionary "
        "WHERE first_seq <= (SELECT coalesce(min(seq), 0) FROM record))"
    )


def _primed(content: bytes) -> zlib._Compress:
    arguments = (_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY)
    return zlib.compressobj(*arguments, content) if content else zlib.compressobj(*arguments)

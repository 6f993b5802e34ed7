"""Ids as they are stored: a UUID takes 16 octets instead of 36, twice per record."""

from __future__ import annotations

import uuid


def packed(id_: str) -> bytes | str:
    """The stored form of an id: octets for a UUID in its usual spelling, else the text itself."""
    if len(id_) == 36:
        try:
            value = uuid.UUID(id_)
        except ValueError:
            return id_
        if str(value) == id_:
            return value.bytes
    return id_


def unpacked(stored: bytes | str) -> str:
    """The id that was stored."""
    return stored if isinstance(stored, str) else str(uuid.UUID(bytes=stored))

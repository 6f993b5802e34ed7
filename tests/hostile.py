"""The corpus of hostile texts and EPCs, and records that are made of them."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.model.delivery import Record
from gateway.model.movement import Direction
from tests.outcomes import movement, passage

CORPUS = Path(__file__).parent / "corpus" / "hostile.txt"


def _read(what: str) -> list[str]:
    lines = CORPUS.read_text(encoding="ascii").splitlines()
    return [line.removeprefix(f"{what} ") for line in lines if line.startswith(f"{what} ")]


#: Names, ids and texts of any kind.
TEXTS: tuple[str, ...] = tuple(json.loads(line) for line in _read("text"))
#: What tags hold.
EPCS: tuple[bytes, ...] = tuple(bytes.fromhex(line) for line in _read("epc"))


def movements() -> list[Record]:
    """A movement for every text, which stands wherever a text may, and for every EPC."""
    found = [_movement(seq, text, b"\x30") for seq, text in enumerate(TEXTS, 1)]
    return found + [_movement(seq, "-", epc) for seq, epc in enumerate(EPCS, len(found) + 1)]


def passages() -> list[Record]:
    """A passage through a door of every name; in it are the tags of every EPC."""
    epcs = tuple(epc.hex().upper() for epc in EPCS)
    return [
        Record(
            seq=seq,
            kind="passage",
            id=text,
            key=text,
            body=passage(seq, door=text, id=text, epcs=epcs if seq == 1 else epcs[:1]).to_json(),
        )
        for seq, text in enumerate(TEXTS, 1)
    ]


def _movement(seq: int, text: str, epc: bytes) -> Record:
    body = movement(
        1,
        seq,
        id=text,
        site=text,
        epc=epc.hex().upper(),
        epc_uri=text,
        from_zone=f"{text} ",
        to_zone=text,
        door=text if seq % 2 else None,
        direction=Direction.IN if seq % 2 else None,
        passage=text,
        item={"sku": text, text: text},
        evidence={text: [text, {text: None}]},
    ).to_json()
    return Record(seq=seq, kind="movement", id=text, key=epc.hex().upper() or text, body=body)

"""The EPCs that a reader can report, as columns: looked up by tag number, thousands at a time."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from gateway.model.tags import MAX_EPC_BYTES

Octets = npt.NDArray[np.uint8]


class EpcTable:
    """EPCs by tag number; all of one length or of many. May grow, never shrinks."""

    def __init__(self, epcs: Iterable[bytes] = ()) -> None:
        self._epcs: list[bytes] = []
        self.lengths = np.zeros(0, dtype=np.uint8)
        self._octets = np.zeros((0, 12), dtype=np.uint8)
        self._crcs: dict[int, npt.NDArray[np.uint16]] = {}
        self.one_length: int | None = None  # when all EPCs have it
        self.extend(list(epcs))

    def __len__(self) -> int:
        return len(self._epcs)

    def extend(self, epcs: Sequence[bytes]) -> None:
        """Add EPCs; the first gets the number `len(table)`."""
        too_long = next((e for e in epcs if len(e) > MAX_EPC_BYTES), None)
        if too_long is not None:
            raise ValueError(f"an EPC has at most {MAX_EPC_BYTES} octets, not {len(too_long)}")
        self._epcs.extend(epcs)
        self.lengths = np.array([len(e) for e in self._epcs], dtype=np.uint8)
        width = int(self.lengths.max(initial=0))
        padded = b"".join(e.ljust(width, b"\0") for e in self._epcs)
        self._octets = np.frombuffer(padded, dtype=np.uint8).reshape(len(self._epcs), width)
        different = set(self.lengths.tolist())
        self.one_length = different.pop() if len(different) == 1 else None
        self._crcs.clear()

    def octets(self, tags: npt.NDArray[np.uint32], length: int) -> Octets:
        """The EPCs of tags that all have that length: one row of octets each."""
        return self._octets[tags, :length]

    def crcs(self, tags: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
        """CRC-16 of PC word and EPC as stored in the tags' memory."""
        if 0 not in self._crcs:
            words = [
                binascii.crc_hqx(pc_word(len(e)).to_bytes(2, "big") + e, 0xFFFF) ^ 0xFFFF
                for e in self._epcs
            ]
            self._crcs[0] = np.array(words, dtype=np.uint16)
        return self._crcs[0][tags]


def pc_word(epc_bytes: int) -> int:
    """The protocol control word of Gen2 for an EPC: its length in 16-bit words, in the top bits."""
    return ((epc_bytes + 1) // 2 & 0x1F) << 11

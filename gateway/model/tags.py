"""TagIndex: EPC bytes ⇄ small tag numbers, so that the hot path works on columns of `uint32`.

An EPC is 0–496 bits (TDS 1.13, Gen2 memory bank 01), kept as whole octets. A number, once given,
keeps its EPC for the life of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

#: Stands for "no tag": the index is full and the EPC is new.
NO_TAG = np.uint32(0xFFFF_FFFF)
#: EPCs beyond this many octets are refused (496 bits is the longest that Gen2 can carry).
MAX_EPC_BYTES = 62


class TagIndex:
    """Numbers EPCs in the order in which they are first seen.

    `capacity` bounds what hostile or misread tags can make us remember; a new EPC beyond it gets
    `NO_TAG` and is counted in `refused`.
    """

    def __init__(self, capacity: int = 4_000_000) -> None:
        self.capacity = capacity
        self.refused = 0
        self._numbers = _Numbers(self._new_number)
        self._epcs: list[bytes] = []

    def __len__(self) -> int:
        return len(self._epcs)

    def epc(self, number: int) -> bytes:
        """The EPC of a tag number; IndexError for one that was never given."""
        return self._epcs[number]

    def find(self, epc: bytes) -> int | None:
        """The number of a known EPC, None for an unknown one."""
        return self._numbers.get(epc)

    def add(self, epc: bytes) -> int:
        """The number of an EPC, a new one if it is new; `NO_TAG` when full or too long."""
        return self._numbers[epc]

    def numbers(self, epcs: Iterable[bytes]) -> npt.NDArray[np.uint32]:
        """The numbers of many EPCs as `uint32`, in order; new ones are added."""
        return np.fromiter(map(self._numbers.__getitem__, epcs), np.uint32)

    def _new_number(self, epc: bytes) -> int:
        number = len(self._epcs)
        if number >= self.capacity or len(epc) > MAX_EPC_BYTES:
            self.refused += 1
            return int(NO_TAG)
        self._epcs.append(epc)
        self._numbers[epc] = number
        return number


class _Numbers(dict[bytes, int]):
    """EPC → number, which asks for a number when an EPC is new: known ones never leave C."""

    def __init__(self, new_number: Callable[[bytes], int]) -> None:
        super().__init__()
        self._new_number = new_number

    def __missing__(self, epc: bytes) -> int:
        return self._new_number(epc)

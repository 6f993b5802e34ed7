"""TagIndex: EPC bytes ⇄ small tag numbers, so that the hot path works on columns of `uint32`.

An EPC is 0–496 bits (TDS 1.13, Gen2 memory bank 01), kept as whole octets. A number, once given,
keeps its EPC until it is released; then another EPC may get it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

#: Stands for "no tag": the index is full and the EPC is new.
NO_TAG = np.uint32(0xFFFF_FFFF)
#: EPCs beyond this many octets are refused (496 bits is the longest that Gen2 can carry).
MAX_EPC_BYTES = 62


TagNumbers = npt.NDArray[np.uint32]
#: The rows that a column of EPCs belongs to, and the octets of one EPC per row.
EpcColumn = tuple[slice | npt.NDArray[np.intp], npt.NDArray[np.uint8]]


class TagIndex:
    """Numbers EPCs in the order in which they are first seen; released numbers are given anew.

    `capacity` bounds what hostile or misread tags can make us remember; a new EPC beyond it gets
    `NO_TAG` and is counted in `refused`. Its length is how many numbers there are, in use or not:
    columns by tag number have so many rows.
    """

    def __init__(self, capacity: int = 4_000_000) -> None:
        self._numbers = _Numbers(capacity)
        self._recent = RecentNumbers()

    @property
    def capacity(self) -> int:
        """How many EPCs can be known."""
        return self._numbers.capacity

    @property
    def refused(self) -> int:
        """How often an EPC was not numbered, because it was too long or the index was full."""
        return self._numbers.refused

    @property
    def known(self) -> int:
        """How many EPCs are known."""
        return len(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers.epcs)

    def epc(self, number: int) -> bytes:
        """The EPC of a tag number, the last one that had it; IndexError if none ever had."""
        return self._numbers.epcs[number]

    def find(self, epc: bytes) -> int | None:
        """The number of a known EPC, None for an unknown one."""
        return self._numbers.get(epc)

    def add(self, epc: bytes) -> int:
        """The number of an EPC, a new one if it is new; `NO_TAG` when full or too long."""
        return self._numbers[epc]

    def numbers(self, epcs: Iterable[bytes]) -> TagNumbers:
        """The numbers of many EPCs as `uint32`, in order; new ones are added."""
        return np.array(array("I", map(self._numbers.__getitem__, epcs)), np.uint32)

    def in_use(self) -> npt.NDArray[np.bool_]:
        """By number: whether it stands for an EPC that is known."""
        used = np.ones(len(self), np.bool_)
        used[np.array(self._numbers.free)] = False
        return used

    def release(self, numbers: TagNumbers) -> None:
        """Know the EPCs of these numbers, each in use, no longer: others may get them.

        Nobody must mean the old EPC by such a number any more.
        """
        for number in numbers.tolist():
            del self._numbers[self._numbers.epcs[number]]
        self._numbers.free.extend(numbers.tolist())
        self._recent.drop(numbers)

    def numbers_of_columns(self, columns: Iterable[EpcColumn], rows: int) -> TagNumbers:
        """The numbers of EPCs that come as columns of octets, in order of the rows.

        A column is (the rows it belongs to, an array of one EPC of equal length per row); each of
        the `rows` is in one column. EPCs of 96 bits that were seen lately are found without making
        a Python object of them.
        """
        numbers = np.empty(rows, np.uint32)
        for positions, octets in columns:
            if octets.shape[1] == RecentNumbers.EPC_BYTES:
                numbers[positions] = self._recent.numbers(octets, self.numbers)
            else:
                numbers[positions] = self.numbers(_as_bytes(octets))
        return numbers


class _Numbers(dict[bytes, int]):
    """EPC → number. A missing one is numbered in passing, so that known ones never leave C."""

    __slots__ = ("capacity", "epcs", "free", "refused")

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.refused = 0
        self.epcs: list[bytes] = []
        self.free = array("I")  # numbers that were released

    def __missing__(self, epc: bytes) -> int:
        if len(self) >= self.capacity or len(epc) > MAX_EPC_BYTES:
            self.refused += 1
            return int(NO_TAG)
        if self.free:
            number = self.free.pop()
            self.epcs[number] = epc
        else:
            number = len(self.epcs)
            self.epcs.append(epc)
        self[epc] = number
        return number


class RecentNumbers:
    """Numbers of 96-bit EPCs that were looked up lately: columns in, columns out.

    A table in which each EPC has one place, shared with others: a newcomer takes it. It therefore
    never grows, and EPCs that someone made to collide cost no more than a look-up each.
    """

    EPC_BYTES = 12
    _ENTRY = np.dtype([("high", "<u8"), ("low", "<u4"), ("number", "<u4")])
    _PLACE_BITS = 16
    _MIX_HIGH = np.uint64(0x9E37_79B9_7F4A_7C15)
    _MIX_LOW = np.uint64(0xC2B2_AE3D_27D4_EB4F)

    def __init__(self) -> None:
        places = 1 << self._PLACE_BITS
        self._entries = np.zeros(places, self._ENTRY)
        self._entries["number"] = NO_TAG

    def numbers(
        self,
        octets: npt.NDArray[np.uint8],
        look_up: Callable[[list[bytes]], TagNumbers],
    ) -> TagNumbers:
        """The numbers of the EPCs in `octets`, one per row; `look_up` gives those not at hand."""
        high = octets[:, :8].view(np.uint64)[:, 0].copy()
        low = octets[:, 8:].view(np.uint32)[:, 0].copy()
        mixed = high * self._MIX_HIGH + low * self._MIX_LOW
        places = (mixed >> np.uint64(64 - self._PLACE_BITS)).astype(np.intp)
        found = self._entries.take(places)  # by record, as each is somewhere else in memory
        numbers: TagNumbers = found["number"].copy()
        at_hand = (found["high"] == high) & (found["low"] == low) & (numbers != NO_TAG)
        if not at_hand.all():
            missed = np.flatnonzero(~at_hand)
            numbers[missed] = look_up(_as_bytes(octets[missed]))
            places = places[missed]
            self._entries["high"][places] = high[missed]
            self._entries["low"][places] = low[missed]
            self._entries["number"][places] = numbers[missed]
        return numbers

    def drop(self, numbers: TagNumbers) -> None:
        """Have none of these numbers at hand."""
        column = self._entries["number"]
        column[np.isin(column, numbers)] = NO_TAG


def _as_bytes(octets: npt.NDArray[np.uint8]) -> list[bytes]:
    count, length = octets.shape
    if length == 0:
        return [b""] * count
    # Not "S": it would lose zeros at the end.
    listed: list[bytes] = octets.view(np.dtype((np.void, length)))[:, 0].tolist()
    return listed

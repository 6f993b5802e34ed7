"""EPCs beside the rows: columns of octets, so that no Python object is made for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class EpcColumn(NamedTuple):
    """EPCs of one length: `octets[i]` belongs to row `positions[i]` (a full slice: to row `i`).

    `octets` may be a view into received bytes: copy what is to be kept.
    """

    positions: slice | npt.NDArray[np.intp]
    octets: npt.NDArray[np.uint8]


def epc_list(columns: Sequence[EpcColumn], rows: int) -> list[bytes]:
    """The EPCs of all rows as bytes, in order."""
    if len(columns) == 1 and isinstance(columns[0].positions, slice):
        return _as_bytes(columns[0].octets)
    epcs = np.empty(rows, np.object_)
    for positions, octets in columns:
        epcs[positions] = np.array(_as_bytes(octets), np.object_)
    listed: list[bytes] = epcs.tolist()
    return listed


def _as_bytes(octets: npt.NDArray[np.uint8]) -> list[bytes]:
    count, length = octets.shape
    if length == 0:
        return [b""] * count
    # Not "S": it would lose zeros at the end.
    listed: list[bytes] = octets.view(np.dtype((np.void, length)))[:, 0].tolist()
    return listed

"""TagTable: the state of every known tag by tag number, in columns; 25 octets a tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gateway.model.movement import Presence
from gateway.model.tags import NO_TAG

#: Stands for "in no zone" in the zone column.
NO_ZONE = 0xFFFF
_GROWTH_ROWS = 65_536
_SCAN_ROWS = 65_536
_CONFIDENCE_UNITS = 10_000  # a confidence has four decimal places


class StoredTags(Protocol):
    """All tags as the store gives them back: `zones` indexes `zone_ids`, -1 is "nowhere"."""

    @property
    def epcs(self) -> Sequence[bytes]: ...  # noqa: D102
    @property
    def zone_ids(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def zones(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def presence(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def since_us(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def last_us(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def seq(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def seq_floor(self) -> int: ...  # noqa: D102
    @property
    def confidence(self) -> npt.NDArray[Any]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class TagState:
    """Where one tag is and since when. `zone` is an index into the site's zones."""

    number: int
    epc: bytes
    zone: int | None
    presence: Presence
    since_us: int
    last_us: int
    seq: int  # number of its last movement
    confidence: float


@dataclass(frozen=True, slots=True)
class Page:
    """Tag numbers in order, and the number to go on after, None at the end."""

    numbers: tuple[int, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Tags of one zone by state."""

    present: int
    unknown: int
    missing: int


class TagTable:
    """One row per tag number; a row that was never set has presence NEW.

    Whoever is present in a zone that is blind is told as UNKNOWN, as long as it is.
    """

    def __init__(self, zones: int) -> None:
        self._rows = 0
        self._zone = np.zeros(0, np.uint16)
        self._presence = np.zeros(0, np.uint8)
        self._since_us = np.zeros(0, np.int64)
        self._last_us = np.zeros(0, np.int64)
        self._seq = np.zeros(0, np.uint32)
        self._confidence = np.zeros(0, np.uint16)
        self._blind = np.zeros(zones + 1, np.bool_)  # the last is no zone
        # Per zone and presence, as set; the last row counts those in no zone.
        self._counts = np.zeros((zones + 1, len(Presence)), np.int64)

    def __len__(self) -> int:
        """One more than the highest number that was set."""
        return self._rows

    def put(
        self,
        number: int,
        *,
        zone: int | None,
        presence: Presence,
        since_us: int,
        last_us: int,
        seq: int,
        confidence: float,
    ) -> int | None:
        """Set one tag's state; returns the zone in which it was before."""
        if number >= self._rows:
            self._grow(number + 1)
        before = int(self._zone[number])
        row = NO_ZONE if zone is None else zone
        counts = self._counts
        counts[self._count_row(before), self._presence[number]] -= 1
        counts[self._count_row(row), presence] += 1
        self._zone[number] = row
        self._presence[number] = presence
        self._since_us[number] = since_us
        self._last_us[number] = last_us
        self._seq[number] = seq
        self._confidence[number] = round(confidence * _CONFIDENCE_UNITS)
        return None if before == NO_ZONE else before

    @property
    def known(self) -> int:
        """How many tags have a state."""
        return self._rows - int(self._counts[-1, Presence.NEW])

    def is_new(self, number: int) -> bool:
        """Whether a tag has no state yet."""
        return number >= self._rows or self._presence[number] == Presence.NEW

    def forget(self, numbers: npt.NDArray[np.uint32]) -> list[int]:
        """Let rows be as if never set; returns the zones in which those tags were."""
        rows = numbers[numbers < self._rows]
        zones = self._zone[rows]
        places = (np.minimum(zones, len(self._counts) - 1), self._presence[rows])
        np.subtract.at(self._counts, places, 1)
        self._counts[-1, Presence.NEW] += len(rows)
        self._zone[rows] = NO_ZONE
        for column in (self._presence, self._since_us, self._last_us, self._seq, self._confidence):
            column[rows] = 0
        return sorted({*zones.tolist()} - {NO_ZONE})

    def set_blind(self, zone: int, blind: bool) -> bool:
        """Whether devices keep us from knowing what is in a zone; True if that is news."""
        news = bool(self._blind[zone]) is not blind
        self._blind[zone] = blind
        return news

    def restore(
        self,
        numbers: npt.NDArray[np.uint32],
        stored: StoredTags,
        zone_numbers: Mapping[str, int],
    ) -> None:
        """Set many tags at once; a zone that the site no longer has becomes none."""
        held = np.flatnonzero(numbers != NO_TAG)  # the index may have been full
        if not len(held):
            return
        rows = numbers[held]
        self._grow(max(self._rows, int(rows.max()) + 1))
        zones = [zone_numbers.get(zone, NO_ZONE) for zone in stored.zone_ids]
        # The stored index -1, "nowhere", finds the last entry.
        self._zone[rows] = np.array([*zones, NO_ZONE], np.uint16)[stored.zones[held]]
        self._presence[rows] = stored.presence[held]
        self._since_us[rows] = stored.since_us[held]
        self._last_us[rows] = stored.last_us[held]
        self._seq[rows] = stored.seq[held] + stored.seq_floor
        self._confidence[rows] = np.rint(stored.confidence[held] * _CONFIDENCE_UNITS)
        self._count_all()

    def state(self, number: int, epc: bytes) -> TagState:
        """The state of one tag; NEW when it was never set."""
        if number >= self._rows:
            return TagState(
                number=number,
                epc=epc,
                zone=None,
                presence=Presence.NEW,
                since_us=0,
                last_us=0,
                seq=0,
                confidence=0.0,
            )
        zone = int(self._zone[number])
        return TagState(
            number=number,
            epc=epc,
            zone=None if zone == NO_ZONE else zone,
            presence=Presence(int(self._told(slice(number, number + 1))[0])),
            since_us=int(self._since_us[number]),
            last_us=int(self._last_us[number]),
            seq=int(self._seq[number]),
            confidence=int(self._confidence[number]) / _CONFIDENCE_UNITS,
        )

    def counts(self, zone: int) -> Counts:
        """How many tags a zone holds, by state."""
        row = self._counts[zone]
        present, unknown = int(row[Presence.PRESENT]), int(row[Presence.UNKNOWN])
        if self._blind[zone]:
            present, unknown = 0, unknown + present
        return Counts(present, unknown, int(row[Presence.MISSING]))

    def tally(self, among: npt.NDArray[np.bool_]) -> dict[tuple[int | None, Presence], int]:
        """How many of the tags marked in `among` are in each zone and state; NEW ones left out."""
        rows = np.flatnonzero(among & (self._presence[: self._rows] != Presence.NEW))
        places = zip(self._zone[rows].tolist(), self._told(rows).tolist(), strict=True)
        return {
            (None if zone == NO_ZONE else zone, Presence(presence)): tags
            for (zone, presence), tags in sorted(Counter(places).items())
        }

    def select(
        self,
        *,
        limit: int,
        after: int = -1,
        zone: int | None = None,
        presence: Presence | None = None,
        among: npt.NDArray[np.bool_] | None = None,
    ) -> Page:
        """The first `limit` tags beyond number `after` that fit every condition given.

        Without `presence`, NEW tags are left out; DEPARTED ones too when a zone is asked for.
        `among` is a column of its own, as long as this one.
        """
        found: list[int] = []
        start = after + 1
        while start < self._rows and len(found) <= limit:
            rows = slice(start, min(start + _SCAN_ROWS, self._rows))
            fits = (
                self._told(rows) == presence
                if presence is not None
                else self._here(rows, departed=zone is None)
            )
            if zone is not None:
                fits &= self._zone[rows] == zone
            if among is not None:
                fits &= among[rows]
            found.extend((np.flatnonzero(fits) + start).tolist())
            start = rows.stop
        if len(found) <= limit:
            return Page(tuple(found), None)
        return Page(tuple(found[:limit]), found[limit - 1])

    def _told(self, rows: slice | npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
        """Presence as it is told: what was set, but UNKNOWN where nobody looks."""
        zones, states = self._zone[rows], self._presence[rows]
        blind = self._blind[np.minimum(zones, len(self._blind) - 1)]
        return np.where(blind & (states == Presence.PRESENT), np.uint8(Presence.UNKNOWN), states)

    def _here(self, rows: slice, *, departed: bool) -> npt.NDArray[np.bool_]:
        states = self._presence[rows]
        known: npt.NDArray[np.bool_] = states != Presence.NEW
        return known if departed else known & (states != Presence.DEPARTED)

    def _count_all(self) -> None:
        zones, states = self._zone[: self._rows], self._presence[: self._rows]
        rows = np.minimum(zones, len(self._counts) - 1).astype(np.int64)
        flat = np.bincount(rows * len(Presence) + states, minlength=self._counts.size)
        self._counts = flat.reshape(self._counts.shape)

    def _count_row(self, zone: int) -> int:
        return min(zone, len(self._counts) - 1)

    def _grow(self, rows: int) -> None:
        """Make room for `rows` rows, and say that there are so many."""
        size = len(self._zone)
        if rows > size:
            size = max(rows, size + size // 4) // _GROWTH_ROWS * _GROWTH_ROWS + _GROWTH_ROWS
            self._zone = _longer(self._zone, size, NO_ZONE)
            self._presence = _longer(self._presence, size)
            self._since_us = _longer(self._since_us, size)
            self._last_us = _longer(self._last_us, size)
            self._seq = _longer(self._seq, size)
            self._confidence = _longer(self._confidence, size)
        self._counts[-1, Presence.NEW] += rows - self._rows
        self._rows = rows


def _longer(column: npt.NDArray[Any], size: int, fill: int = 0) -> npt.NDArray[Any]:
    # Zeroed pages cost nothing until they are touched; a fill value touches them.
    longer = np.zeros(size, column.dtype) if fill == 0 else np.full(size, fill, column.dtype)
    longer[: len(column)] = column
    return longer

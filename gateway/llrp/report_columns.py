"""Report messages of many readers into rows, a whole harvest at a time.

The messages are cut into TagReportData parameters, these are put on piles of equal length, and a
pile is read in columns, one layout after the other. Messages and tag reports that nothing else is
like are cut and read one by one. A key tells where each row belongs in the order of arrival.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.llrp.errors import DecodeError
from gateway.llrp.report_epcs import EpcColumn
from gateway.llrp.report_layout import Layout, Tags, layout
from gateway.llrp.report_rows import REPORT, Rows
from gateway.llrp.report_split import split, split_alike
from gateway.llrp.report_survey import read, survey

#: Fewer than this are read one by one: columns cost as much for a few rows as for hundreds.
FEW = 4
#: Layouts that are tried on the tag reports of one length; the rest is read one by one.
LAYOUTS_TRIED = 6
#: Layouts that are remembered, by the length of their TagReportData.
LAYOUTS_KEPT = 512
#: Readers send about ten parameters per tag; what has far more is no layout to keep in memory.
PARAMETERS_REMEMBERED = 64
#: A key is a message's number, then the place of the tag report within it: frames of up to
#: 64 MiB hold fewer than 2^24.
KEY_BITS = 24

Keys = npt.NDArray[np.int64]
#: Rows of one layout or at least one length of EPC, the octets of their EPCs, and keys.
_Part = tuple[Rows, Tags, Keys]


@dataclass(slots=True)
class Harvest:
    """What a number of report messages held. Messages are numbered in order of arrival, from 0.

    `messages` is the message of each row; `irregular` counts the rows that were read one by one;
    `faults` count what was passed over in which message, `fault_texts` tell the last fault of each;
    `with_results` are the messages that carry results of access operations or of RF surveys.
    """

    rows: Rows = field(default_factory=lambda: np.zeros(0, REPORT))
    epcs: list[EpcColumn] = field(default_factory=list)
    messages: Keys = field(default_factory=lambda: np.zeros(0, np.int64))
    irregular: int = 0
    faults: Counter[int] = field(default_factory=Counter)
    fault_texts: dict[int, str] = field(default_factory=dict)
    with_results: set[int] = field(default_factory=set)

    def add_fault(self, message: int, where: str, error: DecodeError) -> None:
        """Count something that was passed over."""
        self.faults[message] += 1
        self.fault_texts[message] = f"{where}: {error.reason} (at its byte {error.offset})"


class _Pile:
    """TagReportData of one length: cut in columns, or one by one."""

    def __init__(self) -> None:
        self.tags: list[Tags] = []
        self.keys: list[Keys] = []
        self.single_tags: list[bytes] = []
        self.single_keys: list[int] = []

    def whole(self, length: int) -> tuple[Tags, Keys]:
        """All of them in two arrays."""
        if self.single_tags:
            joined = np.frombuffer(b"".join(self.single_tags), np.uint8)
            self.tags.append(joined.reshape(-1, length))
            self.keys.append(np.array(self.single_keys, np.int64))
        if len(self.tags) == 1:
            return self.tags[0], self.keys[0]
        return np.concatenate(self.tags), np.concatenate(self.keys)


class ColumnDecoder:
    """Decodes harvests; remembers nothing between them but which layout was the last good one."""

    def __init__(self) -> None:
        self._favourites: dict[int, Layout] = {}

    def decode(self, runs: Sequence[bytes], lengths: Sequence[int], counts: Keys) -> Harvest:
        """Decode report messages: `runs[i]` holds `counts[i]` of them, `lengths[i]` bytes each."""
        harvest = Harvest()
        piles: dict[int, _Pile] = {}
        for length, joined, numbers in _by_length(runs, lengths, counts):
            _cut(length, joined, numbers, piles, harvest)
        parts: list[_Part] = []
        for length, pile in piles.items():
            tags, keys = pile.whole(length)
            if len(tags) >= FEW:
                tags, keys = self._read_columns(tags, keys, parts, harvest)
            if len(tags):
                parts += _read_singly(tags, keys, harvest)
        if parts:
            harvest.rows, harvest.epcs, keys = _merge(parts)
            harvest.messages = keys >> KEY_BITS
        return harvest

    def _read_columns(
        self, tags: Tags, keys: Keys, parts: list[_Part], harvest: Harvest
    ) -> tuple[Tags, Keys]:
        """Read what is laid out alike; gives back what is left after a few layouts."""
        length = tags.shape[1]
        tried = self._favourites.get(length)
        for attempt in range(LAYOUTS_TRIED):
            if tried is None:
                # Samples are spread, so that odd ones in front cannot push out the many.
                sample = tags[attempt * len(tags) // LAYOUTS_TRIED]
                tried = _layout_of(sample)
                if tried is None:
                    continue
            fit = tried.fits(tags)
            alike = int(np.count_nonzero(fit))
            if alike * 2 > len(tags):
                self._remember(length, tried)
            if alike == len(tags):
                parts.append(_read_alike(tried, tags, keys, harvest))
                return tags[:0], keys[:0]
            if alike:
                parts.append(_read_alike(tried, tags[fit], keys[fit], harvest))
                tags, keys = tags[~fit], keys[~fit]
            if len(tags) < FEW:
                break
            tried = None
        return tags, keys

    def _remember(self, length: int, good: Layout) -> None:
        if len(self._favourites) >= LAYOUTS_KEPT:
            self._favourites.clear()
        self._favourites[length] = good


def _layout_of(tag: Tags) -> Layout | None:
    """The layout of one TagReportData; None if it is malformed, or too odd to be remembered."""
    try:
        found = survey(tag.tobytes())
    except DecodeError:
        return None
    return layout(found) if len(found.proof) <= PARAMETERS_REMEMBERED else None


def _read_alike(found: Layout, tags: Tags, keys: Keys, harvest: Harvest) -> _Part:
    """Read tag reports of a layout that they fit."""
    if found.survey.results:
        harvest.with_results.update((keys >> KEY_BITS).tolist())
    return found.rows(tags), found.epcs(tags), keys


def _by_length(
    runs: Sequence[bytes], lengths: Sequence[int], counts: Keys
) -> list[tuple[int, bytes, Keys]]:
    """Join the runs whose messages are equally long: length, bytes, numbers of the messages."""
    if len(set(lengths)) == 1:
        return [(lengths[0], b"".join(runs), np.arange(counts.sum()))]
    firsts = np.cumsum(counts) - counts
    members: dict[int, list[int]] = {}
    for run, length in enumerate(lengths):
        members.setdefault(length, []).append(run)
    groups = []
    for length, run_indexes in members.items():
        repeats = counts[run_indexes]
        shift = firsts[run_indexes] - (np.cumsum(repeats) - repeats)
        numbers = np.repeat(shift, repeats) + np.arange(repeats.sum())
        groups.append((length, b"".join([runs[i] for i in run_indexes]), numbers))
    return groups


def _cut(
    length: int, joined: bytes, numbers: Keys, piles: dict[int, _Pile], harvest: Harvest
) -> None:
    """Cut messages of one length into TagReportData, and put these on the piles."""
    frames = np.frombuffer(joined, np.uint8).reshape(-1, length)
    keys = numbers << KEY_BITS
    cut = split_alike(frames)
    alike = np.zeros(len(frames), np.bool_)
    if cut is not None:
        tags, alike = cut
        tags_each = len(tags) // len(frames)
        tag_keys = keys
        if tags_each > 1:
            tag_keys = (keys[:, np.newaxis] + np.arange(tags_each)).reshape(-1)
        if not alike.all():
            kept = np.repeat(alike, tags_each)
            tags, tag_keys = tags[kept], tag_keys[kept]
        pile = piles.setdefault(tags.shape[1], _Pile())
        pile.tags.append(tags)
        pile.keys.append(tag_keys)
    for row in np.flatnonzero(~alike).tolist():
        number = int(numbers[row])
        _cut_singly(joined[row * length : (row + 1) * length], number, piles, harvest)


def _cut_singly(frame: bytes, number: int, piles: dict[int, _Pile], harvest: Harvest) -> None:
    """Cut one message into TagReportData, and put these on the piles."""
    try:
        tags, surveyed = split(frame)
    except DecodeError as error:
        harvest.add_fault(number, "RO_ACCESS_REPORT", error)
        return
    if surveyed:
        harvest.with_results.add(number)
    for key, tag in enumerate(tags, number << KEY_BITS):
        pile = piles.setdefault(len(tag), _Pile())
        pile.single_tags.append(tag)
        pile.single_keys.append(key)


def _read_singly(tags: Tags, keys: Keys, harvest: Harvest) -> list[_Part]:
    """Read tag reports one by one; the malformed ones among them are passed over."""
    rows = np.zeros(len(tags), REPORT)
    epcs: dict[int, bytes] = {}  # by row
    for row, (octets, key) in enumerate(zip(tags, keys.tolist(), strict=True)):
        tag = octets.tobytes()
        try:
            found = survey(tag)
        except DecodeError as error:
            harvest.add_fault(key >> KEY_BITS, "TagReportData", error)
            continue
        rows[row], epcs[row] = read(tag, found)
        if found.results:
            harvest.with_results.add(key >> KEY_BITS)
    harvest.irregular += len(epcs)
    by_length: dict[int, list[int]] = {}
    for row, epc in epcs.items():
        by_length.setdefault(len(epc), []).append(row)
    return [(rows[at], _octets([epcs[i] for i in at]), keys[at]) for at in by_length.values()]


def _octets(epcs: list[bytes]) -> Tags:
    """EPCs of one length, one per row."""
    return np.frombuffer(b"".join(epcs), np.uint8).reshape(len(epcs), len(epcs[0]))


def _merge(parts: list[_Part]) -> tuple[Rows, list[EpcColumn], Keys]:
    """All parts as one, in the order of the keys."""
    if len(parts) == 1:
        rows, octets, keys = parts[0]
        if np.all(keys[1:] > keys[:-1]):
            return rows, [EpcColumn(slice(None), octets)], keys
    keys = np.concatenate([part[2] for part in parts])
    order = np.argsort(keys, kind="stable")
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    ends = np.cumsum([len(part[2]) for part in parts])
    places = np.split(positions, ends[:-1])
    epcs = [EpcColumn(place, part[1]) for place, part in zip(places, parts, strict=True)]
    # Copied as plain bytes: numpy joins and picks structured rows field by field.
    raw = np.concatenate([part[0].view(_RAW) for part in parts])
    return raw[order].view(REPORT), epcs, keys[order]


_RAW = np.dtype((np.void, REPORT.itemsize))

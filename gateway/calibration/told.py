"""Told: what a walks file says that the recordings know nothing of.

A time that was noted wrong, or a tag that was mistaken, would else be one walk less, and nobody
would know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.calibration.measured import Measured
from gateway.calibration.walks import Lying, Walk

#: Bins of which fewer tags were read are hardly measured.
LEAST_TAGS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How much of a walks file was found, and a sentence for each entry that was not, or badly."""

    found: int
    complaints: list[str]


def told(
    walks: Sequence[Walk], lying: Sequence[Lying], measured: Measured, start_us: int, end_us: int
) -> Told:
    """Hold a walks file against recordings that last from `start_us` until `end_us`."""
    found, complaints = 0, []
    entries: list[tuple[str, Walk | Lying]] = [(f"walks[{w.number - 1}]", w) for w in walks]
    entries += [(f"bins[{entry.number - 1}] ({entry.zone})", entry) for entry in lying]
    for name, entry in entries:
        read = [
            tag
            for tag in measured.tags(entry.tags)
            if measured.reads(tag, entry.begin_us, entry.end_us)
        ]
        found += bool(read)
        complaints += [f"{name}: {text}" for text in _wrong(entry, len(read), start_us, end_us)]
    return Told(found=found, complaints=complaints)


def _wrong(entry: Walk | Lying, read: int, start_us: int, end_us: int) -> Iterator[str]:
    lasts_s = (end_us - start_us) / 1e6
    begin_s, until_s = ((at_us - start_us) / 1e6 for at_us in (entry.begin_us, entry.end_us))
    if begin_s >= lasts_s or until_s <= 0.0:
        yield (
            f"left out: {begin_s:g} s to {until_s:g} s is not within the recordings, which last "
            f"{lasts_s:.0f} s"
        )
    elif not read:
        yield f"left out: none of its tags was read from {begin_s:g} s to {until_s:g} s"
    elif begin_s < -1.0 or until_s > lasts_s + 1.0:
        yield f"{begin_s:g} s to {until_s:g} s is not wholly within the {lasts_s:.0f} s recorded"
    elif isinstance(entry, Lying) and read < LEAST_TAGS:
        yield f"only {read} of its tags read; ten say how well the bin is heard"

"""Bounds: a number compared the way people expect, `{above: 5}`, whatever kind of number it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """All that are given must hold; a value that is unknown is within no bounds."""

    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    equals: float | None = None

    def hold(self, value: float | None) -> bool:
        """Whether a number is within them."""
        if value is None:
            return False
        return (
            (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.equals is None or value == self.equals)
        )

    def next_change(self, value: float) -> float | None:
        """For a number that grows steadily: the next one at which `hold` may say otherwise."""
        limits = (self.above, self.below, self.at_least, self.at_most, self.equals)
        return min((limit for limit in limits if limit is not None and limit > value), default=None)

    def __str__(self) -> str:
        words = {
            "above": self.above,
            "below": self.below,
            "at least": self.at_least,
            "at most": self.at_most,
            "exactly": self.equals,
        }
        return " and ".join(
            f"{word} {limit:g}" for word, limit in words.items() if limit is not None
        )

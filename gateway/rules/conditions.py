"""Conditions: one structured test each, which says whether it holds and when it may change.

A test answers (holds, looked at again): the second is the next time at which time alone may make
it say otherwise, None if only an event can. `observed` is what it looked at, for *explain*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.rules.bounds import Bounds
from gateway.rules.epc_pattern import EpcPattern
from gateway.rules.facts import Facts, View
from gateway.rules.template import clean, duration

Answer = tuple[bool, int | None]
NO: Answer = (False, None)
YES: Answer = (True, None)


class Condition(Protocol):
    """One line of a rule's `where`."""

    @property
    def name(self) -> str:
        """Its key in the file."""

    @property
    def timed(self) -> bool:
        """Whether time alone may change it."""

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether it holds, and when to look again."""

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """What it looked at."""

    def wanted(self) -> str:
        """What it wants, in words."""


def all_hold(conditions: Iterable[Condition], facts: Facts, view: View, now_us: int) -> Answer:
    """Whether all hold, and when that may change by time alone.

    While some do not hold, it can change only when the last of them may.
    """
    soonest: int | None = None
    latest: int | None = None
    holds = True
    for condition in conditions:
        ok, again_us = condition.test(facts, view, now_us)
        if ok:
            if again_us is not None:
                soonest = again_us if soonest is None else min(soonest, again_us)
        elif again_us is None:
            return NO
        else:
            holds = False
            latest = again_us if latest is None else max(latest, again_us)
    return (True, soonest) if holds else (False, latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some texts, or anything but some."""

    any_of: frozenset[str] | None = None
    none_of: frozenset[str] = frozenset()

    def takes(self, value: str | None) -> bool:
        """Whether a value is chosen; what is unknown is in no list."""
        return (self.any_of is None or value in self.any_of) and value not in self.none_of

    def __str__(self) -> str:
        some = "" if self.any_of is None else " or ".join(sorted(self.any_of))
        but = " nor ".join(sorted(self.none_of))
        return ", ".join(part for part in (some, but and f"not {but}") if part) or "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextIs:
    """A field is one of some texts; of zones, `choice` holds the parts as well."""

    name: str
    field: str
    choice: Choice
    words: str = ""
    timed: bool = False

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether the field is chosen."""
        return YES if self.choice.takes(facts.values.get(self.field)) else NO

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """The field."""
        return facts.values.get(self.field)

    def wanted(self) -> str:
        """The choice as it was written."""
        return self.words or str(self.choice)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberIs:
    """A field is a number within bounds; `growing`: it is seconds, and grows with time."""

    name: str
    field: str
    bounds: Bounds
    growing: bool = False

    @property
    def timed(self) -> bool:
        """A dwell grows."""
        return self.growing

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:
        """Whether the number is within, and when it will have grown to the next bound."""
        value = view.field(facts, self.field, now_us)
        holds = self.bounds.hold(value)
        if not self.growing or value is None:
            return holds, None
        limit = self.bounds.next_change(value)
        again_us = None if limit is None else now_us + max(1, round((limit - value) * 1e6))
        if again_us is None and not holds and value == self.bounds.above:
            again_us = now_us + 1
        return holds, again_us

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:
        """The number."""
        value = view.field(facts, self.field, now_us)
        return duration(value) if self.growing and value is not None else value

    def wanted(self) -> str:
        """The bounds; seconds for what grows."""
        return f"{self.bounds}{' s' if self.growing else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpcIs:
    """The tag's EPC follows one of some patterns and none of others."""

    any_of: tuple[EpcPattern, ...] = ()
    none_of: tuple[EpcPattern, ...] = ()
    name: str = "epc"
    timed: bool = False

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether the EPC is meant: in no exclude, and in an include if there is one."""
        epc = facts.values.get("epc") or ""
        meant = not self.any_of or any(p.matches(epc) for p in self.any_of)
        return YES if meant and not any(p.matches(epc) for p in self.none_of) else NO

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """The EPC and what it stands for."""
        return facts.values.get("epc_uri") or facts.values.get("epc")

    def wanted(self) -> str:
        """The patterns."""
        some, but = (" or ".join(p.text for p in ps) for ps in (self.any_of, self.none_of))
        return ", ".join(part for part in (some, but and f"not {but}") if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneHeld:
    """A rule holds the zone that the tag left (`from`) or is in (`to`, `zone`), or holds none."""

    fields: tuple[str, ...]
    held: bool = True
    name: str = "held"
    timed: bool = False

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether one of them is."""
        return any(view.held(facts.values.get(f)) for f in self.fields) is self.held, None

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """Those that are."""
        zones = dict.fromkeys(facts.values.get(f) for f in self.fields)
        held = [zone for zone in zones if zone is not None and view.held(zone)]
        return f"{' and '.join(held)} held" if held else "not held"

    def wanted(self) -> str:
        """Which of them."""
        which = " or ".join("what it left" if f == "from" else "where it is" for f in self.fields)
        return f"{which} {'held' if self.held else 'not held'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemIs:
    """What the catalog knows of the tag. Only `known: false` holds where it knows nothing."""

    known: bool | None = None
    sku: Choice | None = None
    category: Choice | None = None
    at_home: bool | None = None
    allowed: bool | None = None
    name: str = "item"
    timed: bool = False

    def test(self, facts: Facts, view: View, now_us: int) -> Answer:  # noqa: ARG002
        """Whether all that is given holds."""
        item = view.item(facts)
        if item is None or self.known is False:
            return YES if self.known is False and item is None else NO
        zone = view.zone(facts)
        holds = (
            (self.sku is None or self.sku.takes(item.sku))
            and (self.category is None or self.category.takes(item.category))
            and (
                self.at_home is None
                or (bool(item.home_zones) and view.at_home(item, zone) is self.at_home)
            )
            and (self.allowed is None or view.allowed(item, zone) is self.allowed)
        )
        return holds, None

    def observed(self, facts: Facts, view: View, now_us: int) -> Any:  # noqa: ARG002
        """The item."""
        item = view.item(facts)
        if item is None:
            return "not known"
        zones = ", ".join(item.allowed_zones or item.home_zones) or "anywhere"
        category = f", {clean(item.category)}" if item.category else ""
        here = f", is in {view.zone(facts)}" if view.zone(facts) else ""
        return f"{clean(item.sku or item.key)}{category}, belongs in {zones}{here}"

    def wanted(self) -> str:
        """What is given."""
        given = {k: getattr(self, k) for k in ("known", "sku", "category", "at_home", "allowed")}
        return ", ".join(
            f"{key}: {str(value).lower() if isinstance(value, bool) else value}"
            for key, value in given.items()
            if value is not None
        )

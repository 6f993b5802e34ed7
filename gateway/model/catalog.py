"""The catalog: what a tag is on (items) and what ought to go through a door (shipments).

Items come from the WMS or from a file, by EPC, EPC class, GTIN or SSCC; a shipment lists what a
load should hold. Both are other people's text: bounded, and only ever data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class KeyKind(StrEnum):
    """What an item's key names, from the most to the least exact."""

    EPC = "epc"  # upper-case hex: one tag
    SSCC = "sscc"  # 18 digits: one logistic unit
    CLASS = "class"  # urn:epc:idpat:…: all tags of a class
    GTIN = "gtin"  # 14 digits: all tags of a trade item


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is known of the goods behind a key."""

    kind: KeyKind
    key: str
    sku: str | None = None
    name: str | None = None
    category: str | None = None
    home_zones: tuple[str, ...] = ()  # where it belongs
    allowed_zones: tuple[str, ...] = ()  # where it may be; empty: its home zones
    minimum: int | None = None  # stock of its SKU below this is low

    def as_dict(self) -> dict[str, Any]:
        """What movements carry of it."""
        return {"sku": self.sku, "name": self.name, "category": self.category}


class Way(StrEnum):
    """Which way a shipment goes through its door."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentLine:
    """So many tags of an EPC, GTIN, SSCC or SKU. `key` as in `Item`, or an SKU."""

    kind: str  # epc | gtin | sscc | class | sku
    key: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What is expected, and through which door (None: any)."""

    id: str
    way: Way = Way.OUT
    door: str | None = None
    lines: tuple[ShipmentLine, ...] = ()
    opens_us: int | None = None  # expected not before
    closes_us: int | None = None  # nor after
    open: bool = True
    passed: dict[str, str] = field(default_factory=dict)  # EPC → passage id


class Verdict(StrEnum):
    """A passage compared with what was expected."""

    COMPLETE = "complete"
    SHORT = "short"
    OVER = "over"
    WRONG_DOOR = "wrong-door"
    UNEXPECTED = "unexpected"
    EMPTY = "empty"


class ItemLookup(Protocol):
    """What rules and movements ask of the item master."""

    def item(self, epc: str) -> Item | None:
        """The most exact item for an EPC (upper-case hex), None if nothing is known."""

"""Stock: how many tags of each SKU are inside, counted movement by movement.

Only tags whose item has an SKU count, and only in zones that are not outside; a tag that is missing
does not. One small integer is kept for each tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model.catalog import Item, ItemLookup


class Stock:
    """Counts by SKU. `changed` collects the SKUs whose count changed, for who looks next."""

    def __init__(self, items: ItemLookup) -> None:
        self._items = items
        self._numbers: dict[str, int] = {}
        self._skus: list[str] = []
        self._counts: list[int] = []
        self._example: list[str] = []  # a tag of the SKU, to look its item up by
        self._inside: dict[str, int] = {}  # EPC → number of its SKU
        self.changed: set[str] = set()

    def put(self, epc: str, *, inside: bool) -> None:
        """Note whether a tag is inside."""
        known = self._inside.get(epc)
        number = self._number(self._items.item(epc), epc)
        wanted = number if inside else None
        if wanted == known:
            return
        if known is not None:
            del self._inside[epc]
            self._add(known, -1)
        if wanted is not None:
            self._inside[epc] = wanted
            self._add(wanted, 1)

    def skus(self) -> Iterator[str]:
        """Every SKU of which a tag was ever seen."""
        return iter(self._skus)

    def count(self, sku: str) -> int | None:
        """How many are inside; None for an SKU of which no tag was ever seen."""
        number = self._numbers.get(sku)
        return None if number is None else self._counts[number]

    def minimum(self, sku: str) -> int | None:
        """What its item gives as its minimum."""
        item = self._item(sku)
        return item.minimum if item else None

    def name(self, sku: str) -> str:
        """What people call it."""
        item = self._item(sku)
        return (item.name or sku) if item else sku

    def _item(self, sku: str) -> Item | None:
        number = self._numbers.get(sku)
        return None if number is None else self._items.item(self._example[number])

    def _number(self, item: Item | None, epc: str) -> int | None:
        if item is None or item.sku is None:
            return None
        number = self._numbers.get(item.sku)
        if number is None:
            number = self._numbers[item.sku] = len(self._skus)
            self._skus.append(item.sku)
            self._counts.append(0)
            self._example.append(epc)
            self.changed.add(item.sku)
        return number

    def _add(self, number: int, change: int) -> None:
        self._counts[number] += change
        self.changed.add(self._skus[number])

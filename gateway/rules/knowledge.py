"""What rules ask of the rest of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from gateway.model.catalog import Item
from gateway.model.movement import Presence
from gateway.model.passage import Passage


class Knowledge(Protocol):
    """Items, shipments and where tags are; every answer is immediate and from memory."""

    def item(self, epc: str) -> Item | None:
        """The most exact item for an EPC (upper-case hex), None if nothing is known."""

    def shipments_in_use(self) -> bool:
        """Whether this site works with shipments, so that going without one means something."""

    def shipment_expects(self, epc: str, door: str | None) -> str | None:
        """The open shipment that expects this tag at this door, None if there is none."""

    def held(self, zone: str) -> bool:
        """Whether a rule holds this zone."""

    def judged(self, passage: Passage) -> Passage | None:
        """A passage with the verdict that it would get now, nothing counted; None: unknown."""

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        """(EPC, zone, presence, there since) of every known tag.

        Asked for at the start, and when items have changed, then taken a slice at a time.
        """


class NoKnowledge:
    """A gateway without catalog, to which no tag is known yet."""

    def item(self, epc: str) -> Item | None:  # noqa: ARG002
        """Nothing is known of any tag."""
        return None

    def shipments_in_use(self) -> bool:
        """There are none."""
        return False

    def shipment_expects(self, epc: str, door: str | None) -> str | None:  # noqa: ARG002
        """None does."""
        return None

    def held(self, zone: str) -> bool:  # noqa: ARG002
        """None is."""
        return False

    def judged(self, passage: Passage) -> Passage | None:  # noqa: ARG002
        """Nothing is expected."""
        return None

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        """There are none."""
        return iter(())

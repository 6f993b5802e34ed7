"""What every sink of the settings has: its name, and where its queue comes from when it is new."""

from __future__ import annotations

from typing import Literal

from gateway.model.delivery import Origin
from gateway.settings.section import Section
from gateway.settings.values import Identifier

#: Keys of every sink, which are no options of its kind.
COMMON = frozenset({"name", "kind", "was", "begin"})


class SinkSection(Section):
    """One entry of `sinks:`."""

    name: Identifier
    """What the sink is called in logs and metrics."""
    was: Identifier | None = None
    """The name that it had before: it goes on where that one was."""
    begin: Literal["now", "oldest"] = "now"
    """Where a new sink begins: now, or at the oldest record that is kept."""

    def origin(self) -> Origin:
        """The same as the outbox takes it."""
        return Origin(was=self.was, from_beginning=self.begin == "oldest")

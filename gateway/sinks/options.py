"""Options that sinks share, checked with words for whoever wrote them."""

from __future__ import annotations

import difflib
from collections.abc import Set as AbstractSet

from gateway.errors import SinkError
from gateway.model.delivery import RECORD_KINDS, SinkConfig


def no_other_options(config: SinkConfig, known: AbstractSet[str]) -> None:
    """Refuse options that the sink does not have."""
    for option in config.options:
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(sorted(known))}"
            raise SinkError(
                f"sink {config.name}: kind {config.kind} has no option '{option}'; {hint}"
            )


def kinds_option(config: SinkConfig, default: frozenset[str]) -> frozenset[str]:
    """Which kinds of records the sink takes."""
    given = config.options.get("kinds")
    if given is None:
        return default
    if not isinstance(given, list | tuple) or not given or not set(given) <= RECORD_KINDS:
        raise SinkError(
            f"sink {config.name}: kinds is a list of {', '.join(sorted(RECORD_KINDS))}, "
            f"not {given!r}"
        )
    return frozenset(given)

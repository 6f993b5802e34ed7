"""Command: what a person or another system asks of a running gateway.

It travels with the inputs, is done in the epoch of its time, and is answered once what it changed
is durable.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`body` names what is asked for by its first key; nobody waits for one of a recording.

    The `answer`'s result is what the command gives, set after the commit, or its exception is the
    `GatewayError` that says why it was refused.
    """

    time_us: int
    body: dict[str, Any]
    answer: Future[Any] | None = None

    @property
    def name(self) -> str:
        """What is asked for, for a sentence."""
        return str(next(iter(self.body), ""))[:80]

    def done(self, result: Any) -> None:
        """Tell whoever waits."""
        if self.answer is not None:
            self.answer.set_result(result)

    def refuse(self, reason: Exception) -> None:
        """Tell whoever waits why not."""
        if self.answer is not None:
            self.answer.set_exception(reason)

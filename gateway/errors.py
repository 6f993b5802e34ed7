"""Every error that the gateway raises on purpose.

    GatewayError                 a sentence for the user: where, what, what was expected, what to do
    ├── SettingsError            settings or site files are wrong; carries every problem at once
    ├── StoreError               the store could not do what was asked (full, read-only, damaged)
    ├── DriverError              a device cannot be driven as configured
    ├── SinkError                a delivery failed; the subclass says what may be done about it
    │   ├── Retry                try the same records again (after_s, when the other side said so)
    │   ├── Rejected             this record will never be accepted: set it aside with the reason
    │   └── Hold                 the configuration is refused (401, 403, 404): keep all, alarm
    └── Unavailable              what a command needs is not there (no running gateway, no broker)

`gateway.llrp` has its own root, `LlrpError`, because it is usable alone.
"""

from __future__ import annotations

from dataclasses import dataclass


class GatewayError(Exception):
    """Root of all errors raised on purpose; `str()` is one sentence fit for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in what a person wrote; line 0 where there are no lines."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.message}"


class SettingsError(GatewayError):
    """Settings or site files are wrong; `problems` holds all of them, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


class StoreError(GatewayError):
    """The store could not do what was asked."""


class DriverError(GatewayError):
    """A device cannot be driven as it is configured."""


class Unavailable(GatewayError):  # noqa: N818 - reads as a sentence where it is raised
    """Something that a command needs is not there."""


class SinkError(GatewayError):
    """A delivery failed; the subclass says what may be done about it."""


class Retry(SinkError):  # noqa: N818
    """The same records may be tried again, not before `after_s` seconds when that is given.

    With `progress` some of them were taken before the failure, and will not be sent again: the
    other side works, if badly, and need not be given ever more time.
    """

    def __init__(
        self, reason: str, after_s: float | None = None, *, progress: bool = False
    ) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.progress = progress


class Rejected(SinkError):  # noqa: N818
    """A record will never be accepted; the reason is kept with it."""


class Hold(SinkError):  # noqa: N818
    """The other side refuses our configuration: nothing is dropped, an alarm is raised."""

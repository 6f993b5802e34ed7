"""What the demo prints: one line for the tags that did the same at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.model.device import DeviceStatus
from gateway.model.movement import Kind, Movement
from gateway.model.outcome import Outcome

#: Tags of one load are decided within about this time of each other.
GATHER_S = 1.0

Story = tuple[str, str | None, str | None, str | None]


@dataclass(slots=True)
class Show:
    """Gathers outcomes and prints them, a line per story; `movements` keeps them all."""

    timezone: str
    write: Callable[[str], None]
    movements: list[Movement] = field(default_factory=list)
    passages: int = 0
    _gathered: dict[Story, list[Movement]] = field(default_factory=dict)
    _since_s: dict[Story, float] = field(default_factory=dict)

    def take(self, outcome: Outcome, now_s: float) -> None:
        """Take what was committed."""
        for status in outcome.statuses:
            self._tell(status)
        for movement in outcome.movements:
            self.movements.append(movement)
            story = (
                movement.direction or movement.kind,
                movement.door,
                movement.from_zone,
                movement.to_zone,
            )
            self._gathered.setdefault(story, []).append(movement)
            self._since_s.setdefault(story, now_s)
        self.passages += len(outcome.passages)

    def flush(self, now_s: float) -> None:
        """Print the stories that have gathered for long enough; infinity prints all."""
        for story, since_s in list(self._since_s.items()):
            if now_s - since_s >= GATHER_S:
                del self._since_s[story]
                self.write(self._line(story, self._gathered.pop(story)))

    def _line(self, story: Story, movements: list[Movement]) -> str:
        what, door, from_zone, to_zone = story
        first = min(movements, key=lambda m: m.event_time_us)
        way = f"{from_zone} → {to_zone}" if from_zone and to_zone else to_zone or f"{from_zone} →"
        one = name_of(first)
        tags = one if len(movements) == 1 else f"{len(movements)} tags, {one} …"
        sure = min(m.confidence for m in movements)
        at = clock(first.event_time_us, self.timezone)
        return f"{at}  {what:<8} {door or '':<7} {way:<24} {tags:<46} {sure:.2f}"

    def _tell(self, status: DeviceStatus) -> None:
        at = clock(status.time_us, self.timezone)
        self.write(f"{at}  reader   {status.reader:<7} {status.state}: {status.reason}")


def clock(time_us: int, timezone: str) -> str:
    """`12:00:01.6` in the site's time."""
    moment = datetime.fromtimestamp(time_us / 1e6, ZoneInfo(timezone))
    return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"


def name_of(movement: Movement) -> str:
    """`SGTIN 0614141.812345.6789`, or the hex of a tag that follows no scheme."""
    if movement.epc_uri is None:
        return movement.epc
    scheme, _, number = movement.epc_uri.removeprefix("urn:epc:id:").partition(":")
    return f"{scheme.upper()} {number}"


def counted(movements: list[Movement]) -> str:
    """`252 arrived, 345 moved`."""
    counts = {kind: sum(m.kind is kind for m in movements) for kind in Kind}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "none"

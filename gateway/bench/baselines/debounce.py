"""Fixed debounce: a tag has moved when it was read nowhere but in its new zone for 3 seconds.

One read begins the three seconds and none more is asked for, which favours tags that are read
seldom; a read anywhere else ends them. The movement is dated to its first read at the new place.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.bench.baselines.places import Places
from gateway.bench.calls import Call
from gateway.model.place import Site
from gateway.model.reads import Reads

DEBOUNCE_US = 3_000_000


@dataclass(slots=True)
class _Rival:
    """A zone that a tag may have moved to."""

    zone: int
    first_us: int
    door: int  # that of the antenna which read it last


class Debounce:
    """Zones that have to last."""

    def __init__(self, site: Site, debounce_us: int = DEBOUNCE_US) -> None:
        self._places, self._debounce_us = Places(site, any_antenna=True), debounce_us
        self._zone: dict[int, int] = {}
        self._rivals: dict[int, _Rival] = {}

    def feed(self, reads: Reads, to_us: int) -> list[Call]:
        """Take the reads of a stretch of event time."""
        calls: list[Call] = []
        columns = (reads[name].tolist() for name in ("tag", "antenna", "time_us"))
        for tag, antenna, time_us in zip(*columns, strict=True):
            self._read(tag, antenna, time_us, calls)
        due = [tag for tag, r in self._rivals.items() if r.first_us + self._debounce_us <= to_us]
        calls += [self._move(tag) for tag in due]
        return calls

    def _read(self, tag: int, antenna: int, time_us: int, calls: list[Call]) -> None:
        rival = self._rivals.get(tag)
        if rival is not None and rival.first_us + self._debounce_us <= time_us:
            calls.append(self._move(tag))
            rival = None
        zone, door = self._places.zone[antenna], self._places.door[antenna]
        if tag not in self._zone:
            self._zone[tag] = zone
            calls.append(self._places.call(tag, None, zone, door, time_us, time_us))
        elif zone == self._zone[tag]:
            self._rivals.pop(tag, None)
        elif rival is not None and rival.zone == zone:
            rival.door = door
        else:
            self._rivals[tag] = _Rival(zone, time_us, door)

    def _move(self, tag: int) -> Call:
        rival, before = self._rivals.pop(tag), self._zone[tag]
        self._zone[tag] = rival.zone
        decided_us = rival.first_us + self._debounce_us
        return self._places.call(tag, before, rival.zone, rival.door, rival.first_us, decided_us)

"""Last read wins: a tag is where it was read last."""

from __future__ import annotations

from gateway.bench.baselines.places import Places
from gateway.bench.calls import Call
from gateway.model.place import Site
from gateway.model.reads import Reads


class LastRead:
    """Every read decides, at once."""

    def __init__(self, site: Site) -> None:
        self._places = Places(site)
        self._zone: dict[int, int] = {}

    def feed(self, reads: Reads, to_us: int) -> list[Call]:  # noqa: ARG002 - time alone says nothing
        """Take the reads of a stretch of event time."""
        places, zone_of = self._places, self._zone
        calls: list[Call] = []
        columns = (reads[name].tolist() for name in ("tag", "antenna", "time_us"))
        for tag, antenna, time_us in zip(*columns, strict=True):
            zone, before = places.zone[antenna], zone_of.get(tag)
            if zone != before:
                zone_of[tag] = zone
                door = places.door[antenna]
                calls.append(places.call(tag, before, zone, door, time_us, time_us))
        return calls

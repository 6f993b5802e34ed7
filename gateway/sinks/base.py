"""What every sink is built from: its own settings, and what the gateway has for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.model.delivery import BrokerConfig, InfluxConfig, Sink, SinkConfig
from gateway.model.place import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkContext:
    """What the gateway gives to a sink; `broker` and `influx` are None where none is configured.

    `layout` is the site with its places, for sinks that name them in another way.
    """

    site: str
    data_dir: Path
    broker: BrokerConfig | None = None
    influx: InfluxConfig | None = None
    layout: Site | None = None


#: How a sink is made: validates its options and raises `SinkError`, never connects.
SinkFactory = Callable[[SinkConfig, SinkContext], Sink]

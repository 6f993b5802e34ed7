"""The kinds of sinks: one row each, imported when a site uses it.

A kind from outside is a factory (see `base.SinkFactory`) in the entry point group `GROUP`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points

from gateway.errors import SinkError
from gateway.model.delivery import Sink, SinkConfig
from gateway.sinks.base import SinkContext, SinkFactory

GROUP = "rfid_gateway.sinks"

#: kind → module:factory.
KINDS = {
    "epcis": "gateway.sinks.epcis:EpcisSink",
    "file": "gateway.sinks.file:FileSink",
    "influxdb": "gateway.sinks.influxdb:InfluxSink",
    "mqtt": "gateway.sinks.mqtt:MqttSink",
    "webhook": "gateway.sinks.webhook:WebhookSink",
}


def build(configs: Sequence[SinkConfig], context: SinkContext) -> list[Sink]:
    """The sinks of a site, in order; raises `SinkError` for the first that cannot be built."""
    return [load(config.kind)(config, context) for config in configs]


def load(kind: str) -> SinkFactory:
    """The factory of a kind."""
    if kind in KINDS:
        module, _, name = KINDS[kind].partition(":")
        factory: SinkFactory = getattr(import_module(module), name)
        return factory
    for entry in entry_points(group=GROUP, name=kind):
        loaded: SinkFactory = entry.load()
        return loaded
    known = sorted({*KINDS, *(entry.name for entry in entry_points(group=GROUP))})
    close = difflib.get_close_matches(kind, known, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise SinkError(f"there is no sink of kind '{kind}': known are {', '.join(known)}{hint}")

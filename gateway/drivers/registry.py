"""The drivers: one row each, imported when a site uses it.

A driver from outside is an entry point of the group `GROUP`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from gateway.drivers.base import Driver, DriverContext
from gateway.errors import DriverError

GROUP = "rfid_gateway.drivers"

#: How a driver is made: it validates what it is given, raises `DriverError`, and never connects.
DriverFactory = Callable[[DriverContext], Driver]

#: name → module:factory.
DRIVERS = {
    "llrp": "gateway.drivers.llrp:LlrpReaders",
    "mqtt": "gateway.drivers.mqtt:MqttSensors",
}


def load(name: str) -> DriverFactory:
    """What makes the driver of this name; raises `DriverError` for one that nobody knows."""
    if name in DRIVERS:
        module, _, attribute = DRIVERS[name].partition(":")
        factory: DriverFactory = getattr(import_module(module), attribute)
        return factory
    for entry in entry_points(group=GROUP, name=name):
        loaded: DriverFactory = entry.load()
        return loaded
    known = sorted({*DRIVERS, *(entry.name for entry in entry_points(group=GROUP))})
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise DriverError(f"there is no driver '{name}', known are {', '.join(known)}{hint}")

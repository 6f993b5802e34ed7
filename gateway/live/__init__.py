"""The live view: what is where now, how the devices are, and the newest events.

Read and written by the main thread only; it holds what is committed (and, marked as such, what is
provisional), and is rebuilt from the store at start-up.
"""

from __future__ import annotations

from gateway.live.devices import Antenna, Devices, Reader, Sensor
from gateway.live.ring import Event, EventKind, EventRing
from gateway.live.tags import Counts, Page, StoredTags, TagState, TagTable
from gateway.live.view import LiveView

__all__ = [
    "Antenna",
    "Counts",
    "Devices",
    "Event",
    "EventKind",
    "EventRing",
    "LiveView",
    "Page",
    "Reader",
    "Sensor",
    "StoredTags",
    "TagState",
    "TagTable",
]

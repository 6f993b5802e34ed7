"""The drain contract: how devices hand over what they have.

A driver serves all devices of one kind. It is owned by the core thread, which calls `drain` once a
tick; it never calls back, never blocks and never raises for what a device does: a device's trouble
is a `DeviceStatus` with a reason in words, and the driver reconnects by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gateway.clock import Clock
from gateway.model.alert import RuleAction
from gateway.model.delivery import BrokerConfig
from gateway.model.device import ReaderConfig, SensorConfig
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.tags import TagIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverContext:
    """What every driver is given."""

    site: Site
    tags: TagIndex
    clock: Clock
    readers: tuple[ReaderConfig, ...] = ()  # those with this driver's name
    sensors: tuple[SensorConfig, ...] = ()
    broker: BrokerConfig | None = None


class Driver(Protocol):
    """All devices of one kind. Construction validates and never connects."""

    def start(self) -> None:
        """Begin to connect; returns at once."""

    def drain(self, inputs: Inputs, now_us: int) -> None:
        """Append everything that has come in since the last call; returns without waiting."""

    def close(self) -> None:
        """End inventory and connections in good order; may take up to two seconds."""


@runtime_checkable
class Actuator(Protocol):
    """A driver whose devices can do something as well."""

    def act(self, action: RuleAction, now_us: int) -> None:
        """Do it if one of its devices is meant; never blocks, never raises for a device."""

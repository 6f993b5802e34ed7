"""What goes into a tick and what comes out of it.

drivers ──▶ Inputs ──▶ core.tick ──▶ Outcome ──▶ store (one transaction) ──▶ live view
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.model.alert import Alert, RuleAction
from gateway.model.command import Command
from gateway.model.device import DeviceStatus, SensorHealth, SensorReading
from gateway.model.movement import Movement, Presence
from gateway.model.passage import Passage
from gateway.model.reads import Reads


@dataclass(slots=True)
class Inputs:
    """Everything that was drained for one tick, each list in order of arrival."""

    reads: list[Reads] = field(default_factory=list)  # arrays of model.reads.READ
    sensors: list[SensorReading] = field(default_factory=list)
    statuses: list[DeviceStatus] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def add(self, later: Inputs) -> None:
        """Put in what came in after these."""
        self.reads += later.reads
        self.sensors += later.sensors
        self.statuses += later.statuses
        self.commands += later.commands


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """A tag's state as it is stored; written whenever it changes."""

    epc: bytes
    zone: str | None  # zone id
    presence: Presence
    since_us: int  # in this zone since
    last_us: int  # last read
    seq: int  # number of the tag's last movement
    confidence: float


class TagColumns(Protocol):
    """All stored tags as columns. `zones` indexes `zone_ids`; -1 is nowhere.

    Numbers of movements count from `seq_floor`, which a restored backup or a lost store raises;
    those of tags that are not among them begin above `seq_start`.
    """

    @property
    def epcs(self) -> list[bytes]: ...  # noqa: D102
    @property
    def zone_ids(self) -> list[str]: ...  # noqa: D102
    @property
    def zones(self) -> npt.NDArray[np.int32]: ...  # noqa: D102
    @property
    def presence(self) -> npt.NDArray[np.uint8]: ...  # noqa: D102
    @property
    def since_us(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    @property
    def last_us(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    @property
    def seq(self) -> npt.NDArray[np.uint32]: ...  # noqa: D102
    @property
    def seq_floor(self) -> int: ...  # noqa: D102
    @property
    def seq_start(self) -> int: ...  # noqa: D102
    @property
    def confidence(self) -> npt.NDArray[np.float32]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Something that a decision has to remember over a restart, as its own JSON.

    `kind`: rule | alert | silence | hold | shipment. A `body` of None forgets it.
    """

    kind: str
    key: str
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What an action of a rule sends upstream, once: an MQTT message or a webhook's body.

    `target` names the sink. `key` orders it among others.
    """

    id: str
    target: str
    key: str
    record_time_us: int
    body: bytes  # JSON: {"topic"?, "payload", "retain"?}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one sensor measured in a while, for those upstream who take readings."""

    id: str
    sensor: str
    record_time_us: int
    body: bytes  # JSON, see series/windows.py


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one tick decided; all that lasts is committed in one transaction.

    What is provisional goes to the live view only. `forgotten` are EPCs of tags that are not known
    any more; whatever else is said of them came after that. Numbers of movements of tags that are
    not known begin above `seq_start`, if it has changed. `acks` are called after the commit.
    `due_us` is when the first of the movements could have been decided at the earliest: when its
    epoch closed.
    """

    number: int
    now_us: int
    movements: list[Movement] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    tags: list[TagRow] = field(default_factory=list)
    provisional: list[Movement] = field(default_factory=list)
    provisional_passages: list[Passage] = field(default_factory=list)
    sensor_health: list[SensorHealth] = field(default_factory=list)
    sensors: list[SensorReading] = field(default_factory=list)
    statuses: list[DeviceStatus] = field(default_factory=list)
    heard: tuple[int, ...] = ()  # numbers of the antennas that read something in this epoch
    acks: list[Callable[[], None]] = field(default_factory=list)
    due_us: int | None = None
    alerts: list[Alert] = field(default_factory=list)  # what people are told, one record each
    memories: list[Memory] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)  # what actions of rules send
    actions: list[RuleAction] = field(default_factory=list)  # for devices, after the commit
    refused: list[str] = field(default_factory=list)  # why commands were not done, a sentence each
    measured: list[Measured] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    seq_start: int | None = None

    def take(self, epoch: Outcome) -> None:
        """Add what one epoch of the tick decided; of devices only readings, with their acks."""
        if epoch.forgotten:
            gone = set(epoch.forgotten)
            self.tags = [row for row in self.tags if row.epc not in gone]
            self.forgotten += epoch.forgotten
            self.seq_start = epoch.seq_start
        self.movements += epoch.movements
        self.passages += epoch.passages
        self.provisional += epoch.provisional
        self.provisional_passages += epoch.provisional_passages
        self.sensor_health += epoch.sensor_health
        self.tags += epoch.tags
        self.alerts += epoch.alerts
        self.memories += epoch.memories
        self.messages += epoch.messages
        self.actions += epoch.actions
        self.sensors += epoch.sensors
        self.acks += epoch.acks
        self.acks += [reading.ack for reading in epoch.sensors if reading.ack is not None]
        self.refused += epoch.refused
        if self.due_us is None:
            self.due_us = epoch.due_us

    @property
    def durable(self) -> bool:
        """Whether there is anything to commit."""
        told = self.movements or self.passages or self.alerts or self.messages
        return bool(told or self.tags or self.memories or self.measured or self.forgotten)

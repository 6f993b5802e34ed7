"""Core, store and live view on a clock that only the test moves, where tags come and go.

gateway = Turnover(folder, forget_after_s=3_600, max_tags=100)
gateway.read("A", "staging", at_s=10)
gateway.run(until_s=7_200)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gateway.core import Core
from gateway.live import LiveView
from gateway.location.epochs import EPOCH_US
from gateway.model.movement import Movement
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Antenna, Side, Site
from gateway.model.reads import READ
from gateway.model.tags import NO_TAG, TagIndex
from gateway.model.tuning import LocationTuning
from gateway.store.database import Store, open_store
from gateway.store.forgetting import known_tags
from gateway.store.rows import Rows
from tests.scene import SITE, START_US, S, epc_of

#: As tests.scene has it, and an antenna that watches both bins: tags have mates and kin there.
TURNOVER_SITE: Site = replace(
    SITE,
    antennas=(
        Antenna(reader="dock", port=1, door="door-1", side=Side.INSIDE),
        Antenna(reader="dock", port=2, door="door-1", side=Side.OUTSIDE),
        Antenna(reader="aisle", port=1, zones=("bin-1", "bin-2")),
        Antenna(reader="aisle", port=2, zones=("bin-2",)),
    ),
)


@dataclass(slots=True)
class Turnover:
    """Times are seconds from the start. `reuses`: numbers of forgotten tags are given anew.

    `spare`: so many more tags than the settings say have a number.
    """

    folder: Path
    tuning: LocationTuning
    site: Site = TURNOVER_SITE
    tick_s: float = 0.5
    idle_tick_s: float = 600.0
    reuses: bool = True
    spare: int = 0
    movements: list[Movement] = field(default_factory=list)
    forgotten: list[tuple[float, bytes]] = field(default_factory=list)
    most_known: int = 0
    now_us: int = START_US
    shed: int = 0
    core: Core = field(init=False)
    live: LiveView = field(init=False)
    tags: TagIndex = field(init=False)
    store: Store = field(init=False)
    waiting: list[Outcome] = field(default_factory=list)  # for their commit
    _reads: list[tuple[float, str, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start()

    def read(self, tag: str, antenna: str, *, at_s: float, dbm: float = -55.0) -> None:
        """Have a tag read once by `reader/port`."""
        self._reads.append((at_s, tag, antenna, dbm))

    def stay(self, tag: str, antenna: str, *, at_s: float, for_s: float = 3.0) -> None:
        """Have a tag read twice a second for a while."""
        for step in range(math.floor(for_s * 2) + 1):
            self.read(tag, antenna, at_s=at_s + step / 2)

    def run(self, until_s: float, *, commits: bool = True) -> None:
        """Let time go on, in long strides while nothing happens."""
        end_us = START_US + round(until_s * S)
        coming = sorted(r for r in self._reads if START_US + round(r[0] * S) <= end_us)
        self._reads = [r for r in self._reads if START_US + round(r[0] * S) > end_us]
        while self.now_us < end_us:
            next_us = START_US + round(coming[0][0] * S) if coming else end_us
            stride_us = round(self.tick_s * S)
            if not self.core.engine.busy:
                stride_us = max(stride_us, min(round(self.idle_tick_s * S), next_us - self.now_us))
            self.now_us = min(self.now_us + stride_us, end_us)
            count = sum(START_US + round(r[0] * S) <= self.now_us for r in coming)
            self._tick(coming[:count])
            del coming[:count]
            if commits:
                self.commit()

    def commit(self) -> None:
        """What was decided is stored, and then seen."""
        waiting, self.waiting = self.waiting, []
        durable = [outcome for outcome in waiting if outcome.durable]
        if durable:
            connection, rows = self.store.writing, Rows(self.store)
            connection.execute("BEGIN IMMEDIATE")
            rows.write(durable)
            connection.execute("COMMIT")
            rows.settle()
            assert not rows.duplicates, "an id was given twice"
        for outcome in waiting:
            self.live.apply(outcome)

    def restart(self) -> None:
        """End in good order, and go on from the store."""
        self.commit()
        self.store.close()
        self._start()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def stored(self) -> set[bytes]:
        """The EPCs of the tags that are stored."""
        return {epc for (epc,) in self.store.writing.execute("SELECT epc FROM tag")}

    def _start(self) -> None:
        self.store = open_store(self.folder / "state.db")
        stored = known_tags(self.store, self.tuning, self.now_us)
        self.tags = TagIndex(max(self.tuning.max_tags, len(stored)) + self.spare)
        self.core = Core(self.site, self.tags, self.tuning)
        options: dict[str, Any] = {}
        if self.reuses:
            options["let_go"] = self.core.reuse_numbers().let_go
        self.live = LiveView(self.site, self.tags, last_read_us=self.core.last_read_us, **options)
        self.live.restore(stored)
        self.core.restore(stored, self.now_us)

    def _tick(self, coming: list[tuple[float, str, str, float]]) -> None:
        rows = np.zeros(len(coming), READ)
        for row, (at_s, tag, antenna, dbm) in zip(rows, coming, strict=True):
            reader, port = antenna.rsplit("/", 1)
            row["time_us"] = row["first_us"] = row["at_us"] = START_US + round(at_s * S)
            row["tag"] = self.tags.add(epc_of(tag))
            row["antenna"] = self.site.antenna_numbers[reader, int(port)]
            row["count"], row["rssi_cdbm"], row["phase_rad"] = 1, round(dbm * 100), math.nan
        self.shed += int(np.count_nonzero(rows["tag"] == NO_TAG))
        rows = rows[rows["tag"] != NO_TAG]
        outcome = self.core.tick(Inputs(reads=[rows] if len(rows) else []), self.now_us)
        self.waiting.append(outcome)
        self.movements += outcome.movements
        at_s = (self.now_us - START_US) / S
        self.forgotten += [(at_s, epc) for epc in outcome.forgotten]
        self.most_known = max(self.most_known, self.tags.known)


#: While every second is looked at, three months take hours: this is how often a lapse looks.
LAPSE_S = 600


def lapse(monkeypatch: Any, every_s: int = LAPSE_S) -> None:
    """Have slow timers look so rarely instead of every second."""
    timers = every_s * S // EPOCH_US
    monkeypatch.setattr("gateway.location.epochs.EPOCHS_PER_TIMER", timers)

"""The decision path, readable top to bottom.

    inputs ──▶ epochs of event time ──▶ engine ──▶ movements and passages ──▶ Outcome

A tick is a function of (state, inputs, time). Everything that the gateway decides happens here, in
one thread, one step at a time; nothing here waits, and nothing here knows a socket or a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gateway.location.engine import Engine, Step
from gateway.location.epochs import Epochs
from gateway.model.device import DeviceStatus
from gateway.model.epc import uri as epc_uri
from gateway.model.movement import Decision, Movement, Presence, Status, movement_id
from gateway.model.outcome import Inputs, Outcome, TagColumns, TagRow
from gateway.model.passage import Passage, PassageDecision
from gateway.model.place import Site
from gateway.model.reads import Reads
from gateway.model.tags import TagIndex
from gateway.model.tuning import LocationTuning, OverloadTuning


@dataclass(slots=True)
class Counts:
    """What went through the core since the start; the sums add up.

    received = decided + coalesced + shed + waiting; `late` ones are among the decided.
    """

    received: int = 0
    received_by_antenna: list[int] = field(default_factory=list)
    decided: int = 0
    coalesced: int = 0
    shed: int = 0
    late: int = 0
    movements: dict[str, int] = field(default_factory=dict)


class Core:
    """All decision state of one gateway. `tick` is the only way in."""

    def __init__(
        self,
        site: Site,
        tags: TagIndex,
        location: LocationTuning | None = None,
        overload: OverloadTuning | None = None,
    ) -> None:
        location, overload = location or LocationTuning(), overload or OverloadTuning()
        self.site = site
        self.tags = tags
        self.engine = Engine(site, location)
        self.epochs = Epochs(
            round(location.lateness_s * 1e6), overload.coalesce_rows, overload.max_rows
        )
        self.counts = Counts(received_by_antenna=[0] * len(site.antennas))
        self._number = 0
        # What each antenna's reader's clock is ahead of ours, in microseconds.
        self._ahead_us = np.zeros(len(site.antennas), dtype=np.int64)

    def restore(self, stored: TagColumns, now_us: int) -> None:
        """Continue where the store left off; call once, before the first tick."""
        self.engine.restore(self.tags.numbers(stored.epcs), stored, now_us)

    def tick(self, inputs: Inputs, now_us: int) -> Outcome:
        """Take what was drained, decide every epoch that is complete by `now_us`."""
        self._number += 1
        outcome = Outcome(number=self._number, now_us=now_us, statuses=inputs.statuses)
        self._take(inputs)
        for epoch in self.epochs.closed(now_us, lambda: self.engine.busy):
            self.counts.decided += sum(map(len, epoch.reads))
            self._enter(self.engine.step(epoch), outcome)
            if outcome.movements and outcome.due_us is None:
                outcome.due_us = epoch.end_us + self.epochs.lateness_us
            outcome.sensors += epoch.sensors
            outcome.acks += [s.ack for s in epoch.sensors if s.ack is not None]
        self._count()
        return outcome

    def _take(self, inputs: Inputs) -> None:
        """Put everything into its epoch, on the gateway's clock."""
        self._follow_clocks(inputs.statuses)
        self.epochs.add_statuses(inputs.statuses)
        self.epochs.add_sensors(inputs.sensors)
        for reads in inputs.reads:
            self.counts.received += len(reads)
            self._count_antennas(reads)
            if self._ahead_us.any():
                ahead_us = self._ahead_us[reads["antenna"]]
                reads["time_us"] -= ahead_us
                reads["first_us"] -= ahead_us
            self.epochs.add_reads(reads)

    def _follow_clocks(self, statuses: list[DeviceStatus]) -> None:
        for status in statuses:
            if status.clock_offset_us is not None:
                for number, antenna in enumerate(self.site.antennas):
                    if antenna.reader == status.reader:
                        self._ahead_us[number] = status.clock_offset_us

    def _enter(self, step: Step, outcome: Outcome) -> None:
        """Turn the engine's decisions into movements, passages and rows to store."""
        changed: dict[int, None] = {}
        for decision in step.decisions:
            if decision.status is Status.PROVISIONAL:
                seq = int(self.engine.states.seq[decision.tag]) + 1
                outcome.provisional.append(self._movement(decision, seq, outcome.now_us))
                continue
            seq = self._seq_of(decision, step.decisions)
            movement = self._movement(decision, seq, outcome.now_us)
            outcome.movements.append(movement)
            changed[decision.tag] = None
            kinds = self.counts.movements
            kinds[movement.kind] = kinds.get(movement.kind, 0) + 1
        outcome.tags += [self.tag_row(tag) for tag in changed]
        outcome.passages += [self._passage(p, outcome.now_us) for p in step.passages]

    def _seq_of(self, decision: Decision, decisions: list[Decision]) -> int:
        """The tag's number after this decision; a tag may have had several in one epoch."""
        later = False
        after = 0
        for other in decisions:
            if other is decision:
                later = True
            elif later and other.tag == decision.tag and other.status is not Status.PROVISIONAL:
                after += 1
        return int(self.engine.states.seq[decision.tag]) - after

    def _movement(self, decision: Decision, seq: int, now_us: int) -> Movement:
        raw = self.tags.epc(decision.tag)
        epc = raw.hex().upper()
        return Movement(
            id=movement_id(self.site.id, epc, seq),
            seq=seq,
            site=self.site.id,
            epc=epc,
            epc_uri=epc_uri(raw),
            kind=decision.kind,
            status=decision.status,
            from_zone=decision.from_zone,
            to_zone=decision.to_zone,
            door=decision.door,
            direction=decision.direction,
            passage=decision.passage,
            event_time_us=decision.event_time_us,
            record_time_us=now_us,
            confidence=decision.confidence,
            dwell_s=decision.dwell_s,
            evidence=decision.evidence,
        )

    def _passage(self, decision: PassageDecision, now_us: int) -> Passage:
        return Passage(
            id=decision.id,
            site=self.site.id,
            door=decision.door,
            direction=decision.direction,
            status=Status.CONFIRMED,
            start_us=decision.start_us,
            end_us=decision.end_us,
            event_time_us=decision.start_us,
            record_time_us=now_us,
            epcs=tuple(self.tags.epc(tag).hex().upper() for tag in decision.tags),
            confidence=decision.confidence,
        )

    def last_read_us(self, tag: int) -> int | None:
        """When a tag was last read, None if unknown; any thread may ask."""
        column = self.engine.states.last_us
        return int(column[tag]) if tag < len(column) else None

    def tag_row(self, tag: int) -> TagRow:
        """A tag's state as it is stored."""
        states = self.engine.states
        zone = int(states.zone[tag])
        return TagRow(
            epc=self.tags.epc(tag),
            zone=self.site.zones[zone].id if zone >= 0 else None,
            presence=Presence(int(states.presence[tag])),
            since_us=int(states.since_us[tag]),
            last_us=int(states.last_us[tag]),
            seq=int(states.seq[tag]),
            confidence=float(states.confidence[tag]),
        )

    def _count_antennas(self, reads: Reads) -> None:
        per_antenna = np.bincount(reads["antenna"])
        for number in np.flatnonzero(per_antenna).tolist():
            self.counts.received_by_antenna[number] += int(per_antenna[number])

    def _count(self) -> None:
        self.counts.coalesced = self.epochs.coalesced
        self.counts.shed = self.epochs.shed
        self.counts.late = self.epochs.late

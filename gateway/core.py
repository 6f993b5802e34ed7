"""The decision path, readable top to bottom.

    inputs ──▶ epochs of event time ──▶ engine ──▶ movements and passages ──▶ watch ──▶ Outcome

A tick is a function of (state, inputs, time). Everything that the gateway decides happens here, in
one thread, one step at a time; nothing here waits, and nothing here knows a socket or a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.errors import GatewayError
from gateway.location.clocks import ReaderClocks
from gateway.location.duplicates import Duplicates
from gateway.location.engine import Engine, Step
from gateway.location.epochs import Epoch, Epochs
from gateway.location.explain import antenna_reads
from gateway.location.reuse import Reuse
from gateway.model.calibration import NO_CALIBRATION, Calibration
from gateway.model.command import Command
from gateway.model.epc import uri as epc_uri
from gateway.model.movement import Decision, Movement, Presence, Status, movement_id
from gateway.model.outcome import Inputs, Outcome, TagColumns, TagRow
from gateway.model.passage import Passage, PassageDecision
from gateway.model.place import Site
from gateway.model.reads import Reads, empty_reads, in_order
from gateway.model.sequences import Sequences
from gateway.model.tags import NO_TAG, TagIndex, TagNumbers
from gateway.model.tuning import LocationTuning, OverloadTuning
from gateway.watch import Watch


@dataclass(slots=True)
class Counts:
    """What went through the core since the start; the sums add up.

    received = duplicates + decided + coalesced + shed + waiting; `late` ones are among the decided.
    """

    received_by_antenna: npt.NDArray[np.int64]
    received: int = 0
    duplicates: int = 0
    decided: int = 0
    coalesced: int = 0
    shed: int = 0
    late: int = 0
    forgotten: int = 0  # tags that are not known any more …
    forgotten_early: int = 0  # … of them before their time, for want of room
    movements: dict[str, int] = field(default_factory=dict)


class Core:
    """All decision state of one gateway. `tick` is the only way in."""

    def __init__(
        self,
        site: Site,
        tags: TagIndex,
        location: LocationTuning | None = None,
        overload: OverloadTuning | None = None,
        calibration: Calibration = NO_CALIBRATION,
        watch: Watch | None = None,
    ) -> None:
        location, overload = location or LocationTuning(), overload or OverloadTuning()
        self.site = site
        self.tags = tags
        self.engine = Engine(site, tags, location, calibration)
        self.epochs = Epochs(
            round(location.lateness_s * 1e6), overload.coalesce_rows, overload.max_rows
        )
        self.counts = Counts(received_by_antenna=np.zeros(len(site.antennas), dtype=np.int64))
        self.watch = watch or Watch(site)
        self.watch.follow(self)
        self._number = 0
        self._sequences = Sequences()
        self._reuse: Reuse | None = None
        self.clocks = ReaderClocks(site)
        self._duplicates = Duplicates()

    def restore(self, stored: TagColumns, now_us: int) -> None:
        """Continue where the store left off; call once, before the first tick."""
        numbers = self.tags.numbers(stored.epcs)
        self._sequences.restore(numbers[numbers != NO_TAG], stored.seq_floor, stored.seq_start)
        self.engine.restore(numbers, stored, now_us)

    def reuse_numbers(self) -> Reuse:
        """From now on, give numbers of forgotten tags to new ones; the live view has to let go.

        Not where somebody keeps numbers from tick to tick, as recordings do.
        """
        self._reuse = Reuse(self.tags, self.engine.states, self._waiting_tags)
        return self._reuse

    def _waiting_tags(self) -> TagNumbers:
        return np.concatenate((self.epochs.waiting_tags(), self.engine.waiting_tags()))

    def tick(self, inputs: Inputs, now_us: int) -> Outcome:
        """Take what was drained, decide every epoch that is complete by `now_us`."""
        self._number += 1
        outcome = Outcome(number=self._number, now_us=now_us, statuses=inputs.statuses)
        self._take(inputs)
        for epoch in self.epochs.closed(now_us, lambda: self.engine.busy):
            self.counts.decided += sum(map(len, epoch.reads))
            decided = Outcome(number=self._number, now_us=now_us, statuses=epoch.statuses)
            decided.sensors = epoch.sensors
            decided.heard = self._heard(epoch)
            for command in epoch.commands:
                self._do(command, decided)
            step = self.engine.step(epoch)
            self._forget(step, decided)
            self._enter(step, decided)
            if decided.movements:
                decided.due_us = epoch.end_us + self.epochs.lateness_us
            self.watch.step(decided, epoch.end_us)
            outcome.take(decided)
        self._count()
        if self._reuse is not None:
            self._reuse.look(now_us)
        return outcome

    def _take(self, inputs: Inputs) -> None:
        """Put everything into its epoch, on the gateway's clock."""
        self.clocks.follow(inputs.statuses)
        self.epochs.add(inputs, self._received(inputs))

    def _received(self, inputs: Inputs) -> Reads:
        """The reads of a tick, each once, in order of arrival, on the gateway's clock."""
        if not inputs.reads:
            return empty_reads()
        reads = in_order(inputs.reads)
        inputs.reads = [reads]
        counts = self.counts
        counts.received += len(reads)
        counts.received_by_antenna += np.bincount(
            reads["antenna"], minlength=len(counts.received_by_antenna)
        )
        keys = self._duplicates.keys(reads)
        self.clocks.correct(reads)
        once = self._duplicates.drop(reads, keys)
        counts.duplicates += len(reads) - len(once)
        return once

    def _heard(self, epoch: Epoch) -> tuple[int, ...]:
        """The numbers of the antennas that read something."""
        if not epoch.reads:
            return ()
        heard = np.zeros(len(self.site.antennas), dtype=np.bool_)
        for reads in epoch.reads:
            heard[reads["antenna"]] = True
        return tuple(np.flatnonzero(heard).tolist())

    def _do(self, command: Command, outcome: Outcome) -> None:
        """Do what somebody asked for; the answer is given once it is durable."""
        try:
            result = self.watch.command(command)
        except GatewayError as error:
            outcome.refused.append(str(error))
            command.refuse(error)
        else:
            outcome.acks.append(partial(command.done, result))

    def _forget(self, step: Step, outcome: Outcome) -> None:
        """Tell of tags that are not known any more, before anything else is said of them."""
        tags = step.forgotten
        if not len(tags):
            return
        told = tags[self._sequences.begun(tags)]  # of the others nobody has heard
        self._sequences.forget(tags, step.counts)
        self.counts.forgotten += len(tags)
        outcome.forgotten = [self.tags.epc(tag) for tag in told.tolist()]
        outcome.seq_start = self._sequences.start
        if self._reuse is not None:
            self._reuse.forgotten(told)

    def _enter(self, step: Step, outcome: Outcome) -> None:
        """Turn the engine's decisions into movements, passages and rows to store."""
        changed: dict[int, None] = {}
        after = _later(step.decisions)
        begun = {tag: self._seq(tag) - count for tag, count in after.items()}
        for decision in step.decisions:
            if decision.status is Status.PROVISIONAL:
                seq = self._seq(decision.tag) + 1
                outcome.provisional.append(self._movement(decision, seq, outcome.now_us))
                continue
            if decision.announced:  # what it takes back has the number of the next movement
                seq = begun.get(decision.tag, self._seq(decision.tag)) + 1
                outcome.provisional.append(self._movement(decision, seq, outcome.now_us))
                continue
            retracted = decision.status is Status.RETRACTED
            after[decision.tag] -= not retracted  # it has the number of what it takes back
            seq = self._seq(decision.tag) - after[decision.tag]
            movement = self._movement(decision, seq, outcome.now_us)
            outcome.movements.append(movement)
            changed[decision.tag] = None
            kinds, kind = self.counts.movements, "retracted" if retracted else str(movement.kind)
            kinds[kind] = kinds.get(kind, 0) + 1
        outcome.tags += [self.tag_row(tag) for tag in changed]
        passages = [self._passage(p, outcome.now_us) for p in step.passages]
        outcome.passages += self.watch.judge(passages, outcome)
        forming = [self._passage(p, outcome.now_us) for p in step.provisional_passages]
        outcome.provisional_passages += self.watch.judge(forming, outcome)
        outcome.sensor_health += step.sensor_health

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
            item=self.watch.goods(epc),
            evidence=decision.evidence,
        )

    def _passage(self, decision: PassageDecision, now_us: int) -> Passage:
        inferred = [
            {"epc": self._epc(i.tag), "probability": i.probability, "reason": i.reason}
            for i in decision.inferred
        ]
        return Passage(
            id=decision.id,
            site=self.site.id,
            door=decision.door,
            direction=decision.direction,
            status=decision.status,
            start_us=decision.start_us,
            end_us=decision.end_us,
            event_time_us=decision.event_time_us,
            record_time_us=now_us,
            epcs=tuple(self._epc(tag) for tag in decision.tags),
            confidence=decision.confidence,
            verdict=decision.verdict,
            evidence=decision.evidence | {"inferred": inferred},
        )

    def places(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        """(EPC in upper-case hex, zone, presence, there since) of every tag that is somewhere."""
        states, zones = self.engine.states, self.site.zones
        for tag in np.flatnonzero(states.zone[: len(self.tags)] >= 0).tolist():
            # Who takes them one by one sees each as it is by then.
            if states.zone[tag] >= 0:
                presence, since_us = Presence(int(states.presence[tag])), int(states.since_us[tag])
                yield self._epc(tag), zones[states.zone[tag]].id, presence, since_us

    def place(self, epc: str) -> tuple[str, Presence, int] | None:
        """(zone, presence, there since) of one tag, None if it is nowhere."""
        tag = self.tags.find(bytes.fromhex(epc))
        states, zones = self.engine.states, self.site.zones
        if tag is None or tag >= len(states.zone) or states.zone[tag] < 0:
            return None
        presence = Presence(int(states.presence[tag]))
        return zones[states.zone[tag]].id, presence, int(states.since_us[tag])

    @property
    def crowded(self) -> str | None:
        """What there is to tell of too many tags, as a sentence; None while there is room."""
        if self.tags.known >= self.tags.capacity:
            return f"{self.tags.known} tags are known, the most that may be: new ones are not read."
        if self.counts.forgotten_early:
            return (
                f"{self.counts.forgotten_early} tags were forgotten before their time, because too "
                "many are known: see location.max_tags."
            )
        return None

    def _epc(self, tag: int) -> str:
        return self.tags.epc(tag).hex().upper()

    def last_read_us(self, tag: int) -> int | None:
        """When a tag was last read, None if unknown; any thread may ask."""
        column = self.engine.states.last_us
        return int(column[tag]) if tag < len(column) else None

    def reads_of(self, tag: int) -> list[dict[str, Any]]:
        """What the antennas say of a tag now, as in the evidence of movements; any thread may ask.

        It may be a tick old in one part and new in another: it is for people to look at.
        """
        states = self.engine.states
        return antenna_reads(self.site, states, tag) if tag < len(states.slot_reads) else []

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
            seq=self._seq(tag),
            confidence=float(states.confidence[tag]),
        )

    def _seq(self, tag: int) -> int:
        """The number of a tag's last movement; the engine counts those since the tag is known."""
        return self._sequences.number(tag, int(self.engine.states.seq[tag]))

    def _count(self) -> None:
        self.counts.coalesced = self.epochs.coalesced
        self.counts.shed = self.epochs.shed
        self.counts.late = self.epochs.late
        self.counts.forgotten_early = self.engine.forgetting.early


def _later(decisions: list[Decision]) -> dict[int, int]:
    """How many decisions of an epoch count for each tag; it may have had several."""
    return Counter(d.tag for d in decisions if d.status is Status.CONFIRMED)

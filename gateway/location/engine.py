"""The location engine: one closed epoch in, decisions out. Nothing but its own state and the epoch.

sightings ─▶ evidence ─▶ doors ─▶ presence ─▶ passages
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.doors import Doors
from gateway.location.epochs import Epoch, is_turn
from gateway.location.evidence import Evidence, Numbers
from gateway.location.forgetting import Forgetting
from gateway.location.intake import Intake
from gateway.location.odds import ZoneOdds
from gateway.location.passage_model import shipped
from gateway.location.passage_trim import trimmed
from gateway.location.passages import Passages
from gateway.location.presence import ZonePresence
from gateway.location.profiles import Profiles
from gateway.location.retractions import Before
from gateway.location.sightings import SIGHTING, Sightings
from gateway.location.states import NO_ZONE, TagStates
from gateway.model.calibration import NO_CALIBRATION, NO_TRIM, Calibration
from gateway.model.device import SensorHealth
from gateway.model.movement import Decision, Direction, Kind, Presence, Status
from gateway.model.outcome import TagColumns
from gateway.model.passage import PassageDecision
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM
from gateway.model.tags import NO_TAG, TagIndex, TagNumbers
from gateway.model.tuning import LocationTuning


@dataclass(slots=True)
class Step:
    """What one epoch decided; nothing was known any more of `forgotten` tags before it began."""

    forgotten: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    counts: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))
    decisions: list[Decision] = field(default_factory=list)
    passages: list[PassageDecision] = field(default_factory=list)
    provisional_passages: list[PassageDecision] = field(default_factory=list)
    sensor_health: list[SensorHealth] = field(default_factory=list)


class Engine:
    """All decision state about where tags are."""

    def __init__(
        self,
        site: Site,
        tags: TagIndex,
        tuning: LocationTuning,
        calibration: Calibration = NO_CALIBRATION,
    ) -> None:
        self.site = site
        self.states = TagStates()
        self._coverage = Coverage(site)
        profiles = Profiles(self._coverage, calibration)
        self._evidence = Evidence(self._coverage, self.states, profiles, calibration)
        offset_db = calibration.antenna_offset_db
        offsets = (round(offset_db.get(key, 0.0) * 100) for key in site.antenna_numbers)
        self._offset_cdbm = np.array([*offsets, 0], dtype=np.int32)
        trim = calibration.doors
        model = None if trim == NO_TRIM else trimmed(shipped(), trim)
        self._doors = Doors(self._coverage, self.states, model)
        self._presence = ZonePresence(
            self._coverage,
            self.states,
            ZoneOdds(self._coverage, self.states, self._evidence, profiles),
            tuning,
            self._side_first_seen,
            tags,
        )
        self._passages = Passages(site, self.states, self._doors.beams)
        self.forgetting = Forgetting(self.states, tuning)
        self._intake = Intake()
        self._tags = 0  # tag numbers below this have been seen

    @property
    def busy(self) -> bool:
        """Whether time alone may decide something soon, so that every epoch must be stepped."""
        deciding = self._presence.busy or self._doors.busy or self._passages.busy
        return deciding or len(self._intake) > 0

    def _side_first_seen(self, tag: int, door: int, end_us: int) -> int:
        return self._doors.side_first_seen(tag, door, end_us)

    def waiting_tags(self) -> TagNumbers:
        """The tags of reads that have been given, and not been entered yet."""
        return self._intake.tags()

    def replace_doors(self, make: Callable[[Coverage, TagStates], Doors]) -> None:
        """Have doors decided by something else, before the first epoch: training, experiments."""
        self._doors = make(self._coverage, self.states)
        self._passages = Passages(self.site, self.states, self._doors.beams)

    def restore(self, numbers: npt.NDArray[np.uint32], stored: TagColumns, now_us: int) -> None:
        """Take stored states for these tag numbers; nothing counts as unseen before now.

        A zone that the site no longer has leaves its tags nowhere.
        """
        held = np.flatnonzero(numbers != NO_TAG)  # the index may have been full
        if not len(held):
            return
        states, tags = self.states, numbers[held].astype(np.intp)
        self._tags = max(self._tags, int(tags.max()) + 1)
        states.fit(self._tags)
        known = [self.site.zone_numbers.get(zone, NO_ZONE) for zone in stored.zone_ids]
        zone = np.array([*known, NO_ZONE], dtype=np.int16)[stored.zones[held]]
        since_us, last_us = stored.since_us[held], stored.last_us[held]
        presence = stored.presence[held]
        present = presence == Presence.PRESENT
        lost = present & (zone == NO_ZONE)
        states.zone[tags] = zone
        states.presence[tags] = np.where(lost, Presence.DEPARTED, presence)
        states.since_us[tags] = since_us
        # Stamps of a host whose clock was ahead then must not make tags seen in the future.
        states.last_us[tags] = np.where(present, now_us, np.minimum(last_us, now_us))
        states.first_us[tags] = np.where(present & ~lost, since_us, 0)
        states.home_us[tags] = states.last_us[tags]
        states.seq[tags] = stored.seq[held]
        states.confidence[tags] = stored.confidence[held]

    def step(self, epoch: Epoch) -> Step:
        """Decide one epoch; epochs come in order."""
        step = Step()
        if epoch.timer:
            self._forget(step, epoch.end_us)
        self._coverage.apply(epoch.statuses, epoch.end_us)
        self._doors.beams.observe(epoch.sensors)
        if epoch.reads:
            self._intake.hold(epoch)
        if is_turn(epoch.end_us):
            self._take_in(epoch.end_us)
        passed = self._doors.decide(epoch.end_us)
        passed += self._doors.retractions.due(epoch.end_us)
        confirmed = [d for d in passed if d.status is Status.CONFIRMED]
        before = {d.tag: Before.of(self.states, d.tag) for d in confirmed}
        for decision in confirmed:
            self._apply(decision)
        moved = self._presence.decide(self._doors.open_tags, epoch.end_us)
        if epoch.timer:
            moved += self._overdue(epoch.end_us)
        moved = self._allowed(moved, epoch.end_us)
        for decision in moved:
            self._apply(decision)
        if epoch.timer:
            step.sensor_health = self._doors.beams.health(epoch.end_us)
        step.decisions = self._passages.join(passed + moved, epoch.end_us)
        for decision in step.decisions:
            if decision.status is Status.CONFIRMED and decision.tag in before:
                self._doors.retractions.watch(decision, before[decision.tag], epoch.end_us)
        if is_turn(epoch.end_us):
            self._passages.notice(*self._doors.open_cases)
        if len(self._intake) and self._passages.completes(epoch.end_us):
            self._take_in(epoch.end_us)  # it asks who has been read since
        step.passages, step.provisional_passages = self._passages.decide(epoch.end_us)
        return step

    def _forget(self, step: Step, end_us: int) -> None:
        """Let go of tags that need not be known any longer, wherever something is kept by tag."""
        tags = self.forgetting.due(self._tags, end_us)
        if not len(tags):
            return
        step.forgotten, step.counts = tags, self.states.seq[tags]
        self._presence.forget(tags)
        self._passages.forget(tags)
        self.states.forget(tags)

    def _take_in(self, end_us: int) -> None:
        """Enter what was read since the last time."""
        at_doors = np.zeros(0, dtype=SIGHTING)
        if len(self._intake):
            taken = self._intake.take()
            self._tags = max(self._tags, int(taken.sightings["tag"][-1]) + 1)
            self.states.fit(self._tags)
            for asked, asked_us in zip(
                self._evidence.add(taken), taken.ends_us.tolist(), strict=True
            ):
                self._presence.ask(asked, asked_us)
            at_doors = taken.sightings[self._coverage.door[taken.sightings["antenna"]] >= 0]
            self._level(at_doors)
        self._doors.observe(at_doors, end_us)

    def _overdue(self, end_us: int) -> list[Decision]:
        overdue = self._presence.overdue(self._tags, end_us)
        if overdue and len(self._intake):  # perhaps they have been read meanwhile
            self._take_in(end_us)
            return self._presence.overdue(self._tags, end_us)
        return overdue

    def _allowed(self, moved: list[Decision], end_us: int) -> list[Decision]:
        """What presence decided without what the doors do not believe: see `Doors.vetoes`."""
        moved = [d for d in moved if not self._doors.retractions.may_contradict(d)]
        through = [d for d in moved if d.door is not None]
        if not through:
            return moved
        numbers = self.site.door_numbers
        vetoed = self._doors.vetoes(
            np.array([d.tag for d in through], dtype=np.intp),
            np.array([numbers[d.door or ""] for d in through], dtype=np.intp),
            np.array([d.direction is Direction.OUT for d in through]),
            end_us,
        )
        barred = {d.tag for d, veto in zip(through, vetoed.tolist(), strict=True) if veto}
        return [d for d in moved if d.tag not in barred]

    def _level(self, sightings: Sightings) -> None:
        """Take off by how much each antenna hears better than its peers."""
        if not self._offset_cdbm.any():
            return
        offset_cdbm = self._offset_cdbm[sightings["antenna"]]
        for name in ("peak_cdbm", "mean_cdbm"):
            power = sightings[name].astype(np.int32)
            known = power > NO_RSSI_CDBM
            sightings[name] = np.where(known, np.maximum(power - offset_cdbm, NO_RSSI_CDBM), power)

    def _apply(self, decision: Decision) -> None:
        """Make a confirmed decision the tag's state."""
        states, tag = self.states, decision.tag
        if decision.kind in (Kind.MISSING, Kind.DEPARTED):
            gone = decision.kind is Kind.DEPARTED
            states.presence[tag] = Presence.DEPARTED if gone else Presence.MISSING
            states.first_us[tag] = 0
            states.slot_antenna[tag] = -1
            if gone:
                states.zone[tag] = NO_ZONE
        else:
            states.presence[tag] = Presence.PRESENT
            states.zone[tag] = self.site.zone_numbers[decision.to_zone or ""]
            states.home_us[tag] = states.last_us[tag]
            states.rival[tag] = NO_ZONE
        states.since_us[tag] = decision.event_time_us
        states.confidence[tag] = decision.confidence
        states.seq[tag] += 1

"""The rule engine: what an epoch decided in, changes of instances out. A function of its inputs.

`step` is called once for each closed epoch of event time, in order. First fall due the timers
before the epoch's end, then come its readings, movements and passages, then what that made due.
Nothing is asked of a clock, so that a recording gives the same alerts as the day itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model.alert import FORGOTTEN, AlertState, RuleChange, RuleRow
from gateway.model.device import DeviceStatus, SensorReading
from gateway.model.movement import Kind, Movement, Presence, Status
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site, ZoneKind
from gateway.rules import events
from gateway.rules.facts import Facts, Places, View
from gateway.rules.fields import On
from gateway.rules.hearing import Hearing
from gateway.rules.index import TagIndex, by_sensor, subjects_of
from gateway.rules.instance import Instance, forgotten, instance_of
from gateway.rules.knowledge import Knowledge
from gateway.rules.life import LOOK, Life, RuleErrors
from gateway.rules.memory import Memory
from gateway.rules.review import Review
from gateway.rules.rule import Rule, RuleSet
from gateway.rules.sensors import SensorStates
from gateway.rules.stock import Stock

_TICK = "tick"
#: Tags whose items are looked up in one step, while the stock is counted after a start.
COUNTED_AT_ONCE = 2_000


class RuleEngine:
    """All rules of a site and everything that they watch."""

    def __init__(self, rules: RuleSet, site: Site, knowledge: Knowledge) -> None:
        self._places = Places(site)
        self._knowledge = knowledge
        self._inside = frozenset(z.id for z in site.zones if z.kind is not ZoneKind.OUTSIDE)
        self._stock = Stock(knowledge)
        self._stock_known = False
        self._uncounted: list[str] = []  # tags that are inside, whose items are not counted yet
        self._moved: set[str] = set()  # of them, those that have been counted by their movement
        self._started = False
        self._now_us = 0
        sensors = SensorStates(site, rules.sensors)
        self._view = View(self._places, knowledge, sensors, self._stock)
        self._memory = Memory(self._view)
        self._later: list[RuleChange] = []
        self._gone: dict[tuple[str, str], RuleRow] = {}
        self._use(rules)

    # What others may look at.

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self._set

    @property
    def view(self) -> View:
        """What conditions look at, for *explain*."""
        return self._view

    @property
    def now_us(self) -> int:
        """The end of the last epoch."""
        return self._now_us

    @property
    def next_due_us(self) -> int | None:
        """When time alone makes the next difference."""
        return self._life.timers.next_due_us

    @property
    def errors(self) -> dict[str, RuleErrors]:
        """What went wrong at run time, by rule."""
        return self._life.errors

    @property
    def evaluations(self) -> int:
        """How many times a rule was looked at."""
        return self._life.evaluations

    @property
    def readers(self) -> dict[str, DeviceStatus]:
        """How the readers and antennas are that rules look at: `dock-1`, `dock-1/3`."""
        return self._memory.readers

    def reader_facts(self, rule: Rule) -> dict[str, Facts]:
        """What a rule on readers knows of each, or of each antenna."""
        number, site = self._number(rule), self._places.site
        if self._hearing.listens(number):
            return {s: self._hearing.facts(s) for n, s in self._hearing.all() if n == number}
        many = len(rule.key) > 1
        return {s: events.of_reader(r, site) for s, r in self.readers.items() if ("/" in s) is many}

    def instances_of(self, rule: Rule) -> dict[str, Instance]:
        """What is pending or firing of a rule, by subject."""
        return self._life.instances[self._number(rule)]

    def looks_again_us(self, rule: Rule, subject: str) -> int | None:
        """When time alone may make a difference to a subject, None if it cannot."""
        number = self._number(rule)
        name = (number, _TICK, "") if rule.on is On.TIMER else (number, LOOK, subject)
        return self._life.timers.due_us(name)

    @property
    def instances(self) -> list[tuple[Rule, Instance]]:
        """Everything that is pending or firing."""
        return [
            (rule, instance)
            for rule, held in zip(self._life.rules, self._life.instances, strict=True)
            for instance in held.values()
        ]

    # What the core calls.

    def step(self, outcome: Outcome, time_us: int) -> list[RuleChange]:
        """What an epoch that ended at `time_us` changed. Epochs come in order."""
        if not self._started:
            self._start(time_us, frozenset())
        if self._uncounted:
            self._count_some()
        self._run_timers(time_us - 1)
        self._now_us = max(self._now_us, time_us)
        for epc in outcome.forgotten:
            self._on_forgotten(epc.hex().upper())
        for status in outcome.statuses:
            self._on_status(status)
        for reading in outcome.sensors:
            self._on_reading(reading)
        if outcome.heard:
            self._hearing.take(outcome.heard, self._now_us)
        for movement in outcome.movements:
            self._on_movement(movement)
        for passage in outcome.passages:
            self._on_passage(passage)
        if self._review.busy:
            self._review.step(self._now_us, self._inside)
            self._spread_skus()
        self._run_timers(time_us)
        changes = self._later + self._life.changes
        self._later, self._life.changes = [], []
        return changes

    def rows(self) -> list[RuleRow]:
        """What has changed since the last call, to be stored with what changed it."""
        rows = [*self._gone.values(), *self._life.rows(), *self._memory.rows()]
        self._gone = {}
        return rows

    def restore(self, rows: Iterable[RuleRow], time_us: int) -> None:
        """Go on where the store left off; call once, before the first step."""
        stored = list(rows)
        for row in stored:
            if not row.rule:
                self._memory.restore(row)
        known = self._memory.digests
        self._now_us = time_us
        self._adopt([row for row in stored if row.rule], time_us)
        self._start(time_us, known)
        self.reconsider()  # what had changed may not have been looked at yet

    def replace(self, rules: RuleSet, time_us: int) -> list[RuleChange]:
        """Use other rules. Instances of those that are unchanged go on, the others end."""
        held = [instance.row(rule) for rule, instance in self.instances]
        known = self._memory.digests
        time_us = max(time_us, self._now_us)
        self._gone |= {(row.rule, row.key): row for row in self._life.rows()}
        counts, reviewing = self._life.evaluations, self._review.busy
        sensors = SensorStates(self._places.site, rules.sensors)
        sensors.copy(self._view.sensors)
        self._view.sensors = sensors
        self._use(rules)
        self._life.evaluations = counts
        self._adopt(held, time_us)
        if reviewing:
            self.reconsider(items=True)
        if self._started:
            self._start(time_us, known)
        changes = self._later + self._life.changes
        self._later, self._life.changes = [], []
        return changes

    def release(self, rule: str, group: str, time_us: int) -> list[RuleChange]:
        """A person ends what does not end by itself: all instances of a rule and group."""
        for number, known in enumerate(self._life.rules):
            if known.id == rule:
                for instance in list(self._life.instances[number].values()):
                    if instance.group == group:
                        self._life.close(number, instance, time_us, "ended by hand")
        changes, self._life.changes = self._life.changes, []
        return changes

    def reconsider(self, *, items: bool = False) -> None:
        """Shipments have changed, or `items`: look again, in slices, at what they decide."""
        self._review.begin(items=items and self._started)

    # Setting up.

    def _number(self, rule: Rule) -> int:
        return next(n for n, known in enumerate(self._life.rules) if known is rule)

    def _use(self, rules: RuleSet) -> None:
        self._set = rules
        self._life = Life(rules.rules, self._view)
        self._hearing = Hearing(self._life, self._view, self._memory)
        self._review = Review(self._life, self._knowledge, self._stock)
        numbered = list(enumerate(rules.rules))

        def on(kind: On) -> list[tuple[int, Rule]]:
            return [(n, rule) for n, rule in numbered if rule.on is kind]

        self._movement_rules = TagIndex(on(On.MOVEMENT))
        self._presence_rules = TagIndex(on(On.PRESENCE))
        self._passage_rules, self._reader_rules = on(On.PASSAGE), on(On.READER)
        self._reading_rules = on(On.READING)
        self._by_sensor = by_sensor(numbered, self._places, self._view.sensors)
        named = {sensor for rule in rules.rules for sensor in rule.sensors}
        self._followed = named | self._by_sensor.keys() if rules.rules else set()
        self._timer_rules = on(On.TIMER)
        self._of_doors = [n for n, rule in self._reading_rules if rule.key == ("door",)]
        self._unseen_skus: dict[int, set[str]] = {
            n: set(self._stock.skus()) for n, rule in self._timer_rules if rule.key == ("sku",)
        }

    def _adopt(self, rows: list[RuleRow], time_us: int) -> None:
        """Take up stored instances of the rules that are the same; end the others."""
        numbers = {(rule.id, rule.digest): n for n, rule in enumerate(self._life.rules)}
        for row in rows:
            try:
                instance, digest = instance_of(row)
            except ValueError:
                self._forget(row)
                continue
            number = numbers.get((row.rule, digest))
            if number is not None:
                self._life.adopt(number, instance, time_us)
                continue
            self._forget(row)
            self._later.append(
                RuleChange(
                    rule=row.rule,
                    key=instance.key,
                    group=instance.group,
                    state=AlertState.RESOLVED,
                    at_us=max(time_us, instance.changed_us),
                    since_us=instance.since_us,
                    cause=instance.cause,
                    reason="rule changed",
                )
            )

    def _forget(self, row: RuleRow) -> None:
        self._gone[row.rule, row.key] = forgotten(row.rule, row.key)

    def _start(self, time_us: int, known: frozenset[str]) -> None:
        """Look at everything once. Rules that are `known` have: they only go on waiting."""
        self._started = True
        self._now_us = max(self._now_us, time_us)
        if not self._life.rules:
            return
        if self._view.started_us is None:
            self._memory.note_start(time_us)
        self._memory.note_rules(rule.digest for rule in self._life.rules)
        self._start_tags(time_us, known)
        for number, rule in self._reading_rules:
            for subject in subjects_of(rule, self._places, self._view.sensors):
                facts = events.of_place(rule.key, subject, self._places, self._view.sensors)
                self._first_look(number, subject, facts, time_us, known)
        for subject, status in self._memory.readers.items():
            for number, rule in self._reader_rules:
                if (status.port is not None) == (len(rule.key) > 1):
                    facts = events.of_reader(status, self._places.site)
                    self._first_look(number, subject, facts, time_us, known)
        for number, subject in self._hearing.all():
            self._first_look(number, subject, self._hearing.facts(subject), time_us, known)
        for number, rule in self._timer_rules:
            self._set_tick(number, rule, time_us)

    def _start_tags(self, time_us: int, known: frozenset[str]) -> None:
        watches = any(rule.on is On.PRESENCE for rule in self._life.rules)
        counts = bool(self._unseen_skus) and not self._stock_known
        if not watches and not counts:
            return
        self._stock_known = self._stock_known or counts
        for epc, zone, state, since_us in self._knowledge.tags():
            if counts and zone in self._inside and state is Presence.PRESENT:
                self._uncounted.append(epc)
            if watches and (concerned := self._presence_rules.concerned(None, zone, None)):
                facts = events.of_presence(epc, zone, state, since_us)
                for number in concerned:
                    self._first_look(number, epc, facts, time_us, known)
        self._count_some()

    def _count_some(self) -> None:
        """Count the stock that was there at the start; a million tags, a slice at each step."""
        for epc in self._uncounted[-COUNTED_AT_ONCE:]:
            if epc not in self._moved:
                self._stock.put(epc, inside=True)
        del self._uncounted[-COUNTED_AT_ONCE:]
        if not self._uncounted:
            self._moved.clear()
        self._spread_skus()

    def _first_look(
        self, number: int, subject: str, facts: Facts, time_us: int, known: frozenset[str]
    ) -> None:
        if subject in self._life.instances[number]:
            return
        if self._life.rules[number].digest in known:
            self._life.wait(number, subject, facts, time_us)
        else:
            self._life.look(number, subject, facts, time_us)

    # Time.

    def _run_timers(self, until_us: int) -> None:
        timers = self._life.timers
        while (found := timers.pop(until_us)) is not None:
            at_us, name = found
            if name[1] == _TICK:
                self._on_tick(name[0], at_us)
            else:
                self._life.due(name, at_us)

    def _set_tick(self, number: int, rule: Rule, after_us: int) -> None:
        every_us = round((rule.every_s or 60.0) * 1e6)
        self._life.timers.set((number, _TICK, ""), after_us - after_us % every_us + every_us)

    def _on_tick(self, number: int, at_us: int) -> None:
        """A rule on the timer looks at its zones, doors or SKUs; at SKUs that have changed."""
        rule = self._life.rules[number]
        self._set_tick(number, rule, at_us)
        subjects: Iterable[str] = subjects_of(rule, self._places, self._view.sensors)
        if number in self._unseen_skus:
            if self._uncounted or self._review.recounting:
                return  # nobody knows yet how many there are
            subjects = sorted(self._unseen_skus[number])
            self._unseen_skus[number] = set()
        for subject in subjects:
            facts = events.of_place(rule.key, subject, self._places, self._view.sensors)
            self._life.look(number, subject, facts, at_us)

    # Events.

    def _on_status(self, status: DeviceStatus) -> None:
        port = status.port
        subject = status.reader if port is None else f"{status.reader}/{port}"
        if not self._reader_rules:
            return
        self._memory.note_reader(subject, status)
        facts = events.of_reader(status, self._places.site)
        for number, rule in self._reader_rules:
            if (port is not None) == (len(rule.key) > 1) and not self._hearing.listens(number):
                self._life.look(number, subject, facts, status.time_us)
        self._hearing.follow(status, status.time_us)

    def _on_reading(self, reading: SensorReading) -> None:
        if reading.sensor not in self._followed:
            return
        state = self._view.sensors.take(reading)
        if state is None:
            return
        if state.since_us == reading.time_us or not isinstance(reading.value, bool):
            self._memory.note_sensor(reading.sensor, state)
        for number, subject in self._by_sensor.get(reading.sensor, ()):
            rule = self._life.rules[number]
            facts = events.of_place(rule.key, subject, self._places, self._view.sensors)
            self._life.look(number, subject, facts, reading.time_us)

    def _on_movement(self, movement: Movement) -> None:
        epc = movement.epc
        if movement.status is Status.RETRACTED:
            self._retract(movement)
            return
        if self._unseen_skus:
            if self._uncounted:
                self._moved.add(epc)
            inside = movement.kind in (Kind.ARRIVED, Kind.MOVED)
            self._stock.put(epc, inside=inside and movement.to_zone in self._inside)
            self._spread_skus()
        zone = movement.to_zone or movement.from_zone
        held, rules = self._life.tags.get(epc, ()), self._life.rules
        of_movements = [n for n in held if rules[n].on is On.MOVEMENT]
        concerned = self._movement_rules.concerned(
            movement.door, zone, movement.from_zone, of_movements
        )
        if concerned:
            facts_of_it = events.of_movement(movement)
            for number in concerned:
                self._life.look(number, epc, facts_of_it, self._now_us, cause=movement.id)
        of_presence = [n for n in held if rules[n].on is On.PRESENCE]
        watching = self._presence_rules.concerned(None, zone, None, of_presence)
        if watching:
            presence = events.presence_after(movement)
            for number in watching:
                self._life.look(number, epc, presence, self._now_us, cause=movement.id)

    def _retract(self, movement: Movement) -> None:
        """What a movement caused that did not happen after all is over."""
        for number in sorted(self._life.tags.get(movement.epc, ())):
            instance = self._life.instances[number].get(movement.epc)
            if instance is not None and instance.cause == movement.id:
                self._life.close(number, instance, self._now_us, "retracted")

    def _on_forgotten(self, epc: str) -> None:
        """A tag is not known any more: nothing holds of it, and nothing is waited for."""
        for number in sorted(self._life.tags.get(epc, ())):
            self._life.give_up(number, epc, self._now_us, FORGOTTEN)

    def _on_passage(self, passage: Passage) -> None:
        if passage.status is not Status.CONFIRMED:
            return
        if self._of_doors:
            self._memory.note_passage(passage.door, passage.end_us)
            for number in self._of_doors:
                self._look_at_door(number, passage.door)
        facts = events.of_passage(passage)
        for number, rule in self._passage_rules:
            doors = rule.trigger.doors
            subject = passage.id if rule.key == ("passage",) else passage.door
            if doors is None or passage.door in doors or subject in self._life.instances[number]:
                self._life.look(number, subject, facts, self._now_us, cause=passage.id)

    def _look_at_door(self, number: int, door: str) -> None:
        rule = self._life.rules[number]
        if door in subjects_of(rule, self._places, self._view.sensors):
            facts = events.of_place(rule.key, door, self._places, self._view.sensors)
            self._life.look(number, door, facts, self._now_us)

    def _spread_skus(self) -> None:
        """Tell the rules on stock which SKUs have changed."""
        if self._stock.changed:
            for unseen in self._unseen_skus.values():
                unseen.update(self._stock.changed)
            self._stock.changed.clear()

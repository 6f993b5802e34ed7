"""Life of instances: idle, pending, firing, over; with the timers that carry them on.

    idle ──holds──▶ pending ──`for` / `grace`──▶ firing ──no longer, `keep_firing_for`──▶ over

A rule that fails while it is looked at is counted and passed over; its instances stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model.alert import AlertState, RuleChange, RuleRow
from gateway.rules.changes import change_of, rule_field
from gateway.rules.conditions import Answer, all_hold
from gateway.rules.facts import Facts, View
from gateway.rules.fields import On
from gateway.rules.instance import Instance, forgotten, key_text
from gateway.rules.rule import Rule, Test
from gateway.rules.timers import TimerName, Timers

#: Instances, and subjects that wait for their time, of one rule; more are counted and passed over.
MAX_INSTANCES = 100_000
_OF_TAGS = (On.MOVEMENT, On.PRESENCE)
#: Why it ended: the goods or a shipment were put right later.
RIGHT_AFTER_ALL = "goods or shipment assigned"
FIRE, LOOK, CLEAR, END = "fire", "look", "clear", "end"


@dataclass(slots=True)
class RuleErrors:
    """What went wrong with a rule at run time."""

    count: int = 0
    last: str = ""
    overflow: int = 0  # instances that were not begun, because there are too many


class Life:
    """All instances of a set of rules. `changes` is emptied by who takes them."""

    def __init__(self, rules: Sequence[Rule], view: View) -> None:
        self.rules, self.view = rules, view
        self.timers = Timers()
        self.instances: list[dict[str, Instance]] = [{} for _ in rules]
        self.waiting: list[dict[str, Facts]] = [{} for _ in rules]
        self.tags: dict[str, set[int]] = {}  # EPC → rules that hold something for it
        self.changes: list[RuleChange] = []
        self._dirty: dict[tuple[str, str], tuple[Rule, Instance | None]] = {}
        self.errors: dict[str, RuleErrors] = {}
        self.evaluations = 0

    def look(
        self, number: int, subject: str, facts: Facts, now_us: int, *, cause: str | None = None
    ) -> None:
        """Look at a subject in the light of new facts; carries its instance on. Never raises."""
        rule = self.rules[number]
        try:
            instance = self.instances[number].get(subject)
            if instance is None:
                self._look_idle(number, subject, facts, now_us, cause)
            else:
                instance.facts = facts
                self._look_at(number, instance, now_us, cause)
                if self.instances[number].get(subject) is instance:
                    self._store(rule, instance)
        except Exception as error:  # noqa: BLE001 - the boundary that isolates a rule
            self._failed(rule, f"{type(error).__name__}: {error}")

    def reconsider(
        self, number: int, instance: Instance, part: Test, facts: Facts, now_us: int
    ) -> None:
        """Items or shipments have changed, which decide `part` of the rule. Never raises.

        If that no longer holds the instance is over, even if only a person should end it.
        """
        rule = self.rules[number]
        waits = instance.state is AlertState.PENDING and rule.grace_s > 0
        try:
            if not waits and not self.holds(rule, part, facts, now_us)[0]:
                self.close(number, instance, now_us, RIGHT_AFTER_ALL)
            elif facts.event_us is None:
                self._look_at(number, instance, now_us, None)
        except Exception as error:  # noqa: BLE001 - the boundary that isolates a rule
            self._failed(rule, f"{type(error).__name__}: {error}")

    def wait(self, number: int, subject: str, facts: Facts, now_us: int) -> None:
        """Go on waiting, after a restart, for a subject that was looked at before."""
        rule = self.rules[number]
        try:
            ok, again_us = self.holds(rule, rule.test, facts, now_us)
        except Exception as error:  # noqa: BLE001 - the boundary that isolates a rule
            self._failed(rule, f"{type(error).__name__}: {error}")
            return
        if not ok and again_us is not None and self._follows_time(number, facts):
            self._wait(number, subject, facts, again_us)

    def due(self, name: TimerName, at_us: int) -> None:
        """A timer of this rule set has fallen due. Never raises."""
        number, purpose, subject = name
        instance = self.instances[number].get(subject)
        if instance is None:
            if (facts := self.waiting[number].get(subject)) is not None:
                self.look(number, subject, facts, at_us)
            return
        try:
            if purpose == FIRE:
                self._end_of_wait(number, instance, at_us)
            elif purpose == LOOK:
                self._look_at(number, instance, at_us, None)
            else:
                self.close(number, instance, at_us, "cleared" if purpose == CLEAR else "time is up")
        except Exception as error:  # noqa: BLE001 - the boundary that isolates a rule
            self._failed(self.rules[number], f"{type(error).__name__}: {error}")

    def close(self, number: int, instance: Instance, at_us: int, reason: str) -> None:
        """The instance is over, and told so."""
        rule, was_firing = self.rules[number], instance.state is AlertState.FIRING
        instance.state = AlertState.RESOLVED
        instance.changed_us = max(at_us, instance.changed_us)
        change = change_of(rule, instance, self.view, instance.changed_us, reason, told=was_firing)
        self.forget(number, instance)
        self.changes.append(change)

    def give_up(self, number: int, subject: str, at_us: int, reason: str) -> None:
        """Nothing will ever be told of a subject again."""
        self._stop_waiting(number, subject)
        instance = self.instances[number].get(subject)
        if instance is not None:
            self.close(number, instance, at_us, reason)

    def forget(self, number: int, instance: Instance) -> None:
        """The instance is over, and nothing is told."""
        rule, subject = self.rules[number], instance.subject
        self.instances[number].pop(subject, None)
        for purpose in (FIRE, LOOK, CLEAR, END):
            self.timers.cancel((number, purpose, subject))
        self._leave(number, subject)
        self._dirty[rule.id, instance.key] = (rule, None)

    def adopt(self, number: int, instance: Instance, now_us: int) -> None:
        """Take up an instance that was stored."""
        subject = instance.subject
        self.instances[number][subject] = instance
        self._enter(number, subject)
        if instance.due_us is not None:
            pending = instance.state is AlertState.PENDING
            self.timers.set((number, FIRE if pending else CLEAR, subject), instance.due_us)
        if instance.ends_us is not None:
            self.timers.set((number, END, subject), instance.ends_us)
        self._look_again(number, instance, now_us)

    def rows(self) -> list[RuleRow]:
        """Instances that have changed since the last call, as they are stored."""
        dirty, self._dirty = self._dirty, {}
        return [
            forgotten(rule.id, key) if instance is None else instance.row(rule)
            for (_, key), (rule, instance) in dirty.items()
        ]

    def holds(self, rule: Rule, test: Test, facts: Facts, now_us: int) -> Answer:
        """Whether a test holds, and when time alone may change that."""
        self.evaluations += 1
        ok, again_us = all_hold(test.conditions, facts, self.view, now_us)
        if ok and test.when is not None:
            values = {n: rule_field(rule, self.view, facts, n, now_us) for n in test.when.names}
            result = test.when.holds(values)
            if result.error is not None and not result.unknown:
                self._failed(rule, result.error)
            ok = result.holds
            if rule.every_s and facts.event_us is None:
                every_us = round(rule.every_s * 1e6)
                next_us = now_us - now_us % every_us + every_us
                again_us = next_us if again_us is None else min(again_us, next_us)
        return ok, again_us

    def _look_idle(
        self, number: int, subject: str, facts: Facts, now_us: int, cause: str | None
    ) -> None:
        rule = self.rules[number]
        ok, again_us = self.holds(rule, rule.test, facts, now_us)
        if ok:
            self._stop_waiting(number, subject)
            self._begin(number, subject, facts, now_us, cause)
        elif again_us is not None and self._follows_time(number, facts):
            self._wait(number, subject, facts, again_us)
        else:
            self._stop_waiting(number, subject)

    def _look_at(self, number: int, instance: Instance, now_us: int, cause: str | None) -> None:
        """Look at a pending or firing instance, whose facts may be new."""
        rule, facts = self.rules[number], instance.facts
        at_us = now_us if facts.event_us is None else max(facts.event_us, instance.changed_us)
        ok, again_us = self.holds(rule, rule.test, facts, now_us)
        if ok:
            instance.told = facts
        if ok and key_text(rule.key, facts, self.view, now_us) != instance.key and not rule.absence:
            self.close(number, instance, at_us, "superseded")
            self._begin(number, instance.subject, facts, now_us, cause)
        elif instance.state is AlertState.PENDING:
            if not ok and not rule.grace_s:
                self.close(number, instance, at_us, _why(facts))
                self._wait_or_not(number, instance, again_us)
                return
            self._set_look(number, instance, again_us)
        else:
            self._look_firing(number, instance, (ok, again_us), at_us, now_us)

    def _look_firing(
        self, number: int, instance: Instance, answer: Answer, at_us: int, now_us: int
    ) -> None:
        rule = self.rules[number]
        ok, again_us = answer
        over = not ok and not rule.latch and rule.resolve is None
        if rule.resolve is not None:
            over, again_us = self.holds(rule, rule.resolve, instance.facts, now_us)
        timer = (number, CLEAR, instance.subject)
        if over and rule.keep_firing_for_s:
            if instance.due_us is None:
                instance.due_us = at_us + round(rule.keep_firing_for_s * 1e6)
                self.timers.set(timer, instance.due_us)
                self._store(rule, instance)
        elif over:
            self.close(number, instance, at_us, _why(instance.facts))
            self._wait_or_not(number, instance, again_us)
            return
        elif instance.due_us is not None:
            instance.due_us = None
            self.timers.cancel(timer)
            self._store(rule, instance)
        self._set_look(number, instance, again_us)

    def _begin(
        self, number: int, subject: str, facts: Facts, now_us: int, cause: str | None
    ) -> None:
        rule = self.rules[number]
        if len(self.instances[number]) >= MAX_INSTANCES:
            self._errors(rule).overflow += 1
            return
        since_us = self._since_us(rule, facts, now_us)
        key = key_text(rule.key, facts, self.view, now_us)
        instance = Instance(
            subject=subject,
            key=f"absent={subject}" if rule.absence else key,
            group=f"absent={subject}" if rule.absence else self._group(rule, facts, now_us),
            state=AlertState.PENDING,
            since_us=since_us,
            changed_us=since_us,
            facts=facts,
            told=facts,
            cause=cause,
        )
        self.instances[number][subject] = instance
        self._enter(number, subject)
        if not rule.wait_s:
            self._fire(number, instance, since_us, now_us)
            return
        instance.due_us = since_us + round(rule.wait_s * 1e6)
        self.timers.set((number, FIRE, subject), instance.due_us)
        self._tell(rule, instance, since_us)
        self._look_again(number, instance, now_us)

    def _group(self, rule: Rule, facts: Facts, now_us: int) -> str:
        return key_text(rule.group, facts, self.view, now_us)

    def _since_us(self, rule: Rule, facts: Facts, now_us: int) -> int:
        """Since when the rule holds."""
        if facts.event_us is not None:
            return facts.event_us
        if rule.on is On.PRESENCE and not rule.test.timed and rule.test.when is None:
            since_us: int = facts.values.get("since_us", now_us)
            return since_us
        return now_us

    def _end_of_wait(self, number: int, instance: Instance, at_us: int) -> None:
        """`for` or `grace` is over: fire if it still holds."""
        rule = self.rules[number]
        ok, again_us = self.holds(rule, rule.test, instance.facts, at_us)
        if ok:
            self._fire(number, instance, at_us, at_us)
        else:
            self.close(number, instance, at_us, _why(instance.facts))
            self._wait_or_not(number, instance, again_us)

    def _fire(self, number: int, instance: Instance, at_us: int, now_us: int) -> None:
        rule = self.rules[number]
        instance.state, instance.due_us = AlertState.FIRING, None
        instance.changed_us = max(at_us, instance.since_us)
        self.timers.cancel((number, FIRE, instance.subject))
        if rule.resolve_after_s is not None:
            instance.ends_us = instance.changed_us + round(rule.resolve_after_s * 1e6)
            self.timers.set((number, END, instance.subject), instance.ends_us)
        self._tell(rule, instance, instance.changed_us)
        self._look_again(number, instance, now_us)

    def _look_again(self, number: int, instance: Instance, now_us: int) -> None:
        """Set the timer for what time alone may change."""
        rule = self.rules[number]
        firing = instance.state is AlertState.FIRING
        test = rule.resolve if firing and rule.resolve is not None else rule.test
        if instance.facts.event_us is None and (test.timed or (test.when and rule.every_s)):
            _, again_us = self.holds(rule, test, instance.facts, now_us)
            self._set_look(number, instance, again_us)

    def _follows_time(self, number: int, facts: Facts) -> bool:
        """Whether a rule looks again when time may have changed something: not at events, which
        are over, and not on the timer, which has its own hours."""
        return facts.event_us is None and self.rules[number].on is not On.TIMER

    def _set_look(self, number: int, instance: Instance, again_us: int | None) -> None:
        name = (number, LOOK, instance.subject)
        if again_us is None or not self._follows_time(number, instance.facts):
            self.timers.cancel(name)
        else:
            self.timers.set(name, again_us)

    def _wait_or_not(self, number: int, instance: Instance, again_us: int | None) -> None:
        if again_us is not None and self._follows_time(number, instance.facts):
            self._wait(number, instance.subject, instance.facts, again_us)

    def _wait(self, number: int, subject: str, facts: Facts, again_us: int) -> None:
        """Remember a subject for which time alone may make the rule hold."""
        waiting = self.waiting[number]
        if subject not in waiting and len(waiting) >= MAX_INSTANCES:
            self._errors(self.rules[number]).overflow += 1
            return
        waiting[subject] = facts
        self._enter(number, subject)
        self.timers.set((number, LOOK, subject), again_us)

    def _stop_waiting(self, number: int, subject: str) -> None:
        if self.waiting[number].pop(subject, None) is not None:
            self.timers.cancel((number, LOOK, subject))
            self._leave(number, subject)

    def _enter(self, number: int, subject: str) -> None:
        if self.rules[number].on in _OF_TAGS:
            self.tags.setdefault(subject, set()).add(number)

    def _leave(self, number: int, subject: str) -> None:
        known = self.tags.get(subject)
        if known is None or subject in self.instances[number] or subject in self.waiting[number]:
            return
        known.discard(number)
        if not known:
            del self.tags[subject]

    def _tell(self, rule: Rule, instance: Instance, at_us: int) -> None:
        firing = instance.state is AlertState.FIRING
        self.changes.append(change_of(rule, instance, self.view, at_us, told=firing))
        self._store(rule, instance)

    def _store(self, rule: Rule, instance: Instance) -> None:
        self._dirty[rule.id, instance.key] = (rule, instance)

    def _failed(self, rule: Rule, text: str) -> None:
        errors = self._errors(rule)
        errors.count += 1
        errors.last = text[:300]

    def _errors(self, rule: Rule) -> RuleErrors:
        return self.errors.setdefault(rule.id, RuleErrors())


def _why(facts: Facts) -> str:
    return (
        "gone" if "departed" in (facts.values.get("kind"), facts.values.get("state")) else "cleared"
    )

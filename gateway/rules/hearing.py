"""Hearing: which readers and antennas were heard when, for rules that look for silent ones.

A reader that is up may hear nothing: a cable is off, an antenna is covered. Only who was heard once
can fall silent; when there is nothing to be heard, only people know, and say so in the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.model.device import DeviceStatus, ReaderState
from gateway.rules import events
from gateway.rules.circumstances import UnheardFor
from gateway.rules.facts import Facts, View
from gateway.rules.fields import On
from gateway.rules.life import Life
from gateway.rules.memory import Memory
from gateway.rules.rule import Rule

#: How exactly is stored when an antenna was heard last.
STORED_US = 60_000_000


class Hearing:
    """Follows what antennas read, for one set of rules."""

    def __init__(self, life: Life, view: View, memory: Memory) -> None:
        self._life, self._view, self._memory = life, view, memory
        self._rules = [(n, rule) for n, rule in enumerate(life.rules) if _listens(rule)]
        site = view.places.site
        self._subjects = [(f"{a.reader}/{a.port}", a.reader) for a in site.antennas]
        self._known = dict.fromkeys(name for pair in self._subjects for name in pair)

    def take(self, antennas: Iterable[int], now_us: int) -> None:
        """These antennas, by their numbers, have read something."""
        if not self._rules:
            return
        heard = dict.fromkeys(name for n in antennas for name in self._subjects[n])
        for subject in heard:
            self._view.heard_us[subject] = now_us
        for number, rule in self._rules:
            instances, waiting = self._life.instances[number], self._life.waiting[number]
            for subject in heard:
                # Who is waited for looks at the time by itself.
                if _is_of(rule, subject) and (subject in instances or subject not in waiting):
                    self._life.look(number, subject, self.facts(subject), now_us)
        if heard:
            self._memory.note_heard(now_us, STORED_US)

    def follow(self, status: DeviceStatus, now_us: int) -> None:
        """A reader has changed, and its antennas with it; or one antenna has."""
        changed = status.reader if status.port is None else f"{status.reader}/{status.port}"
        for number, subject in self.all():
            if subject == changed or subject.partition("/")[0] == changed:
                self._life.look(number, subject, self.facts(subject), now_us)

    def all(self) -> Iterator[tuple[int, str]]:
        """Every (rule, subject) that there is to look at."""
        for number, rule in self._rules:
            for subject in self._heard(rule):
                yield number, subject

    def listens(self, number: int) -> bool:
        """Whether a rule looks at what is heard."""
        return any(known == number for known, _ in self._rules)

    def facts(self, subject: str) -> Facts:
        """How a reader or antenna is; an antenna is up when its reader and itself are."""
        reader, _, port = subject.partition("/")
        known = self._memory.readers
        own, whole = known.get(subject), known.get(reader)
        status = own if whole is None or (whole.up and own is not None) else whole
        state = ReaderState.UP if status is None else status.state
        reason = "" if status is None else status.reason
        number = int(port) if port else None
        told = DeviceStatus(reader=reader, state=state, reason=reason, time_us=0, port=number)
        return events.of_reader(told, self._view.places.site)

    def _heard(self, rule: Rule) -> list[str]:
        return [s for s in self._known if s in self._view.heard_us and _is_of(rule, s)]


def _listens(rule: Rule) -> bool:
    if rule.on is not On.READER:
        return False
    tests = [test for test in (rule.test, rule.resolve) if test is not None]
    return any(
        any(isinstance(c, UnheardFor) for c in test.conditions)
        or (test.when is not None and "quiet" in test.when.names)
        for test in tests
    )


def _is_of(rule: Rule, subject: str) -> bool:
    return ("/" in subject) == (len(rule.key) > 1)

"""Backtest: what rules would have told on a recording, through the same core and engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.core import Core
from gateway.drivers.recording import Recording
from gateway.model.alert import AlertState, RuleChange
from gateway.model.delivery import Record
from gateway.model.movement import Movement, iso_utc
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from gateway.model.told import movement_told, passage_told
from gateway.replay import Replay
from gateway.rules.engine import RuleEngine
from gateway.rules.knowledge import Knowledge
from gateway.rules.rule import RuleSet
from gateway.settings.configuration import Configuration
from gateway.store.queries import Reader
from gateway.watch import Watch

TICK_US = 100_000
#: Records of a store that are read at once.
HISTORY_PAGE = 1_000
_HISTORY = frozenset({"movement", "passage"})
#: What is called after each epoch: the outcome, its time, what the engine said.
After = Callable[[Outcome, int, list[RuleChange]], None]


class TrialEngine(RuleEngine):
    """The engine of a backtest: it keeps what it says, and lets others look on."""

    def __init__(self, rules: RuleSet, site: Site, knowledge: Knowledge) -> None:
        super().__init__(rules, site, knowledge)
        self.said: list[RuleChange] = []
        self.others: list[TrialEngine] = []
        self.after: After | None = None

    def step(self, outcome: Outcome, time_us: int) -> list[RuleChange]:
        """As the engine's, for the others as well."""
        changes = super().step(outcome, time_us)
        self.said += changes
        for other in self.others:
            other.step(outcome, time_us)
        if self.after is not None:
            self.after(outcome, time_us, changes)
        return changes


@dataclass(slots=True)
class Fired:
    """One instance that fired, until it ended."""

    rule: str
    key: str
    group: str
    summary: str
    since_us: int
    fired_us: int
    ended_us: int | None = None

    @property
    def identity(self) -> tuple[str, str, int]:
        """What makes it the same in two runs."""
        return self.rule, self.key, self.fired_us

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rule": self.rule,
            "key": self.key,
            "group": self.group,
            "summary": self.summary,
            "since": iso_utc(self.since_us),
            "fired": iso_utc(self.fired_us),
            "ended": None if self.ended_us is None else iso_utc(self.ended_us),
        }


@dataclass(slots=True)
class Tally:
    """What came of a backtest. `alerts`: instances that fire together in one group are one."""

    fired: list[Fired] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def of(self, rule: str) -> list[Fired]:
        """What one rule did."""
        return [f for f in self.fired if f.rule == rule]

    def alerts(self, rule: str) -> int:
        """How many alerts its instances made."""
        count = 0
        ends_us: dict[str, int] = {}
        for fired in self.of(rule):
            if fired.fired_us > ends_us.get(fired.group, -1):
                count += 1
            end_us = fired.ended_us if fired.ended_us is not None else 1 << 62
            ends_us[fired.group] = max(ends_us.get(fired.group, -1), end_us)
        return count


def tally(engine: TrialEngine) -> Tally:
    """What an engine said, in order of time."""
    open_: dict[tuple[str, str], Fired] = {}
    found = Tally(errors={rule: e.last for rule, e in engine.errors.items() if e.count})
    for change in engine.said:
        if change.state is AlertState.FIRING:
            fired = Fired(
                rule=change.rule,
                key=change.key,
                group=change.group,
                summary=change.summary,
                since_us=change.since_us,
                fired_us=change.at_us,
            )
            found.fired.append(fired)
            open_[change.rule, change.key] = fired
        elif change.state is AlertState.RESOLVED:
            ended = open_.pop((change.rule, change.key), None)
            if ended is not None:
                ended.ended_us = change.at_us
    found.fired.sort(key=lambda f: (f.fired_us, f.rule, f.key))
    return found


def run_history(engine: TrialEngine, reader: Reader, since_us: int, until_us: int) -> int:
    """Play what a gateway has committed in a time through an engine; how many records.

    Movements and passages only: what sensors and readers said is not kept with them.
    """
    after, count, time_us = 0, 0, 0
    while True:
        page = reader.page(after, _HISTORY, HISTORY_PAGE)
        for record in page.records:
            decided = _decided(record)
            if decided is None or decided.record_time_us < since_us:
                continue
            count += 1
            time_us = max(time_us + 1, decided.record_time_us)
            outcome = Outcome(number=record.seq, now_us=time_us)
            if isinstance(decided, Movement):
                outcome.movements.append(decided)
            else:
                outcome.passages.append(decided)
            engine.step(outcome, time_us)
        if page.upto >= page.newest or page.upto == after:
            until_us = max(time_us, until_us)
            engine.step(Outcome(number=0, now_us=until_us), until_us)
            return count
        after = page.upto


def _decided(record: Record) -> Movement | Passage | None:
    """A movement or passage from the contract's object; None if it is damaged."""
    try:
        body = orjson.loads(record.body)
        return passage_told(body) if record.kind == "passage" else movement_told(body)
    except (ValueError, KeyError, TypeError):
        return None


def run_recording(
    configuration: Configuration,
    watch: Watch,
    engine: TrialEngine,
    files: Iterable[Path],
    complain: Callable[[str], None],
    *,
    drain_us: int = 0,
    tick_us: int = TICK_US,
) -> None:
    """Play recordings through a core whose rules are those of `engine`."""
    watch.rules = engine
    tags = TagIndex()
    core = Core(
        configuration.site,
        tags,
        configuration.location,
        configuration.overload,
        configuration.calibration,
        watch,
    )
    recording = Recording(configuration.site, tags, complain)
    for _ in Replay(core, recording).outcomes(files, tick_us, drain_us):
        pass

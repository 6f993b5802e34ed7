"""The book of alerts: one entry per rule and group, and the decision whether to tell.

An entry fires while any instance of its rule in its group does. People are told once when it begins
and once when it ends, and again only where their route says so. Silenced, inhibited, stormed and
dry-run entries live the same life, in silence.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gateway.alerts.entry import MAX_MEMBERS, Entry, entry_of
from gateway.alerts.routing import explains, inhibited, route_of
from gateway.alerts.silences import Silence, silence_of
from gateway.alerts.storms import STORM, Storms
from gateway.model.alert import (
    FORGOTTEN,
    Acknowledgement,
    Alert,
    AlertState,
    RuleChange,
    Severity,
    episode_of,
    fingerprint_of,
)
from gateway.model.alert_routes import Route, Routes
from gateway.model.outcome import Memory

#: So many beginnings within this time are flapping; it then has to be quiet for as long to end.
FLAPS = 5
FLAP_US = 15 * 60_000_000
#: A storm is told when it has shown how big it is.
STORM_WAIT_S = 10.0
#: Silences that may be on at once.
MAX_SILENCES = 1_000
#: Reasons that end even an alert which only a person should end.
ENDING = frozenset({"rule changed", "goods or shipment assigned", "ended by hand", FORGOTTEN})


@dataclass(slots=True)
class Told:
    """What one step says: alerts for people, and what has to be remembered."""

    alerts: list[Alert] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)


class AlertBook:
    """All alerts of one gateway. Times are event times, but for those of acknowledgements."""

    def __init__(self, site: str, routes: Routes | None = None) -> None:
        self._site = site
        self._routes = routes or Routes()
        self._entries: dict[str, Entry] = {}  # by fingerprint
        self._silences: dict[str, Silence] = {}
        self._storms = Storms()
        self._quiet: set[str] = set()  # firing and not told, for a reason that may pass
        self._due: list[tuple[int, str]] = []
        self._touched: dict[str, None] = {}
        self._forgotten: list[str] = []
        self._record_us = 0

    # What may be asked.

    @property
    def alerts(self) -> list[Alert]:
        """Every alert that fires or ended a short while ago."""
        return [entry.alert for entry in self._entries.values()]

    @property
    def routes(self) -> Routes:
        """The routes and inhibitions that are followed."""
        return self._routes

    def entry(self, rule: str, group: str) -> Entry | None:
        """The alert of a rule and group and what goes with it, None if there is none."""
        return self._entries.get(fingerprint_of(self._site, rule, group))

    @property
    def silences(self) -> list[Silence]:
        """Every silence that is on."""
        return list(self._silences.values())

    @property
    def next_due_us(self) -> int | None:
        """When the book has to be stepped though nothing happens."""
        return self._due[0][0] if self._due else None

    # What may happen.

    def restore(self, memories: Iterable[Memory]) -> int:
        """Go on after a restart; returns how many memories made no sense and were left out."""
        odd = 0
        for memory in memories:
            try:
                self._recall(memory)
            except (ValueError, KeyError, TypeError):
                odd += 1
        return odd

    def reroute(self, routes: Routes) -> None:
        """Follow other routes from now on."""
        self._routes = routes
        self._touched.update(dict.fromkeys(self._quiet))

    def acknowledge(self, alert_id: str, ack: Acknowledgement) -> Alert | None:
        """Somebody has taken note of a firing alert; None if there is none with this id."""
        for fingerprint, entry in self._entries.items():
            if entry.alert.id == alert_id and entry.firing:
                entry.alert = replace(entry.alert, acknowledged=ack)
                entry.repeat_us = None
                if ack.until_us is not None:
                    self._look_again(fingerprint, ack.until_us)
                if not entry.members:  # it was latched, and this is what it waited for
                    self._end(entry, max(ack.at_us, entry.alert.event_time_us), "acknowledged")
                self._touched[fingerprint] = None
                return entry.alert
        return None

    def silence(self, silence: Silence) -> None:
        """No word of some alerts for a while; ValueError when there are too many silences."""
        if len(self._silences) >= MAX_SILENCES:
            raise ValueError(f"there are {MAX_SILENCES} silences: end some first")
        self._silences[silence.id] = silence
        self._look_again(silence.id, silence.until_us)
        self._touched[silence.id] = None

    def unsilence(self, silence_id: str) -> bool:
        """Hear of them again; False if there is no such silence."""
        if self._silences.pop(silence_id, None) is None:
            return False
        self._touched[silence_id] = None
        self._touched.update(dict.fromkeys(self._quiet))
        return True

    def step(self, changes: Iterable[RuleChange], time_us: int, record_us: int) -> Told:
        """Take what the rules say up to `time_us`; decide who is told what."""
        self._record_us = record_us
        for change in changes:
            self._take(change)
        self._run_timers(time_us)
        told = Told()
        while self._touched:
            names, self._touched = list(self._touched), {}
            for name in names:
                entry = self._entries.get(name)
                if entry is not None:
                    told.alerts += self._review(name, entry, time_us)
                told.memories.append(self._memory(name))
        told.memories += [Memory(kind="alert", key=name, body=None) for name in self._forgotten]
        self._forgotten = []
        return told

    # Instances come and go.

    def _take(self, change: RuleChange) -> None:
        if change.state is AlertState.FIRING:
            self._begin(change)
        elif change.state is AlertState.RESOLVED:
            self._clear(change)

    def _begin(self, change: RuleChange) -> None:
        fingerprint = fingerprint_of(self._site, change.rule, change.group)
        entry = self._entries.get(fingerprint)
        if entry is None or not entry.firing:
            turns = [] if entry is None else entry.turns_us
            entry = self._entries[fingerprint] = self._new(fingerprint, change, turns)
        elif change.key not in entry.members and not entry.members:
            self._turn(entry, change.at_us)  # it was fading, or latched
        entry.fade_us = None
        if len(entry.members) < MAX_MEMBERS:
            entry.members[change.key] = change.summary
        entry.refresh()
        self._touched[fingerprint] = None

    def _new(self, fingerprint: str, change: RuleChange, turns_us: list[int]) -> Entry:
        entry = Entry(
            alert=Alert(
                id=episode_of(fingerprint, change.at_us),
                fingerprint=fingerprint,
                site=self._site,
                rule=change.rule,
                group=change.group,
                state=AlertState.FIRING,
                severity=change.severity,
                summary=change.summary,
                started_us=change.since_us,
                fired_us=change.at_us,
                resolved_us=None,
                event_time_us=change.at_us,
                record_time_us=self._record_us,
                change=0,
                count=1,
                fields=change.fields,
                route=change.route,
                cause=change.cause,
                dry_run=change.dry_run,
                latch=change.latch,
            ),
            turns_us=turns_us,
        )
        route = route_of(self._routes, entry.alert)
        wait_s = change.group_wait_s
        if route is not None and route.group_wait_s is not None:
            wait_s = route.group_wait_s
        if wait_s > 0.0:
            entry.wait_us = change.at_us + round(wait_s * 1e6)
            self._look_again(fingerprint, entry.wait_us)
        self._turn(entry, change.at_us)
        if change.group != STORM and not self._storms.admit(change.rule, change.at_us):
            entry.stormed = True
            self._storm(change)
        return entry

    def _turn(self, entry: Entry, at_us: int) -> None:
        """It begins to fire: too often lately is flapping."""
        recent = [t for t in entry.turns_us if at_us - t < FLAP_US]
        entry.turns_us = [*recent[1 - FLAPS :], at_us]
        if len(entry.turns_us) >= FLAPS:
            entry.alert = replace(entry.alert, flapping=True)

    def _clear(self, change: RuleChange) -> None:
        fingerprint = fingerprint_of(self._site, change.rule, change.group)
        entry = self._entries.get(fingerprint)
        if entry is None or entry.members.pop(change.key, None) is None:
            return
        self._touched[fingerprint] = None
        if entry.members:
            entry.refresh()
            return
        alert = entry.alert
        if alert.latch and alert.acknowledged is None and change.reason not in ENDING:
            return
        if alert.flapping and change.reason not in ENDING:
            entry.fade_us = change.at_us + FLAP_US
            self._look_again(fingerprint, entry.fade_us)
            return
        self._end(entry, change.at_us, change.reason)

    def _end(self, entry: Entry, at_us: int, reason: str) -> None:
        entry.alert = replace(
            entry.alert,
            state=AlertState.RESOLVED,
            resolved_us=at_us,
            event_time_us=at_us,
            reason=reason,
            flapping=False,
            silenced=False,
            inhibited=False,
        )
        entry.fade_us = entry.repeat_us = entry.wait_us = None
        fingerprint = entry.alert.fingerprint
        self._quiet.discard(fingerprint)
        self._look_again(fingerprint, at_us + FLAP_US)
        if explains(self._routes.inhibitions, entry.alert):
            self._touched.update(dict.fromkeys(self._quiet))

    def _storm(self, change: RuleChange) -> None:
        """Too many new alerts of one rule: one alert stands for them all."""
        count = self._storms.suppressed[change.rule]
        summary = f"rule {change.rule} raised {count} more alerts than are told one by one"
        storm = replace(
            change,
            key=STORM,
            group=STORM,
            severity=max(change.severity, Severity.WARNING, key=list(Severity).index),
            summary=summary,
            since_us=change.at_us,
            fields={"rule": change.rule},
            group_wait_s=STORM_WAIT_S,
            latch=False,
            cause=None,
        )
        self._begin(storm)
        fingerprint = fingerprint_of(self._site, change.rule, STORM)
        self._entries[fingerprint].members[STORM] = summary
        self._entries[fingerprint].refresh()
        if (ends_us := self._storms.ends_us) is not None:
            self._look_again(fingerprint, ends_us)

    # Time passes.

    def _look_again(self, name: str, at_us: int) -> None:
        heapq.heappush(self._due, (at_us, name))

    def _run_timers(self, time_us: int) -> None:
        while self._due and self._due[0][0] <= time_us:
            at_us, name = heapq.heappop(self._due)
            silence = self._silences.get(name)
            if silence is not None and silence.until_us <= time_us:
                self.unsilence(name)
            entry = self._entries.get(name)
            if entry is not None:
                self._age(name, entry, at_us)
        for rule in self._storms.over(time_us):
            storm = self._entries.get(fingerprint_of(self._site, rule, STORM))
            if storm is not None and storm.firing:
                storm.members.clear()
                self._end(storm, time_us, "the storm is over")
                self._touched[storm.alert.fingerprint] = None
        ends_us = self._storms.ends_us
        if ends_us is not None and (not self._due or self._due[0][0] > ends_us):
            self._look_again(STORM, ends_us)

    def _age(self, name: str, entry: Entry, at_us: int) -> None:
        """One of the times that an entry waits for has come."""
        alert = entry.alert
        if not entry.firing:
            if alert.resolved_us is not None and at_us - alert.resolved_us >= FLAP_US:
                del self._entries[name]
                self._touched.pop(name, None)
                self._forgotten.append(name)
            return
        if entry.fade_us is not None and entry.fade_us <= at_us:
            self._end(entry, at_us, "cleared")
        ack = alert.acknowledged
        if ack is not None and ack.until_us is not None and ack.until_us <= at_us:
            entry.alert = replace(entry.alert, acknowledged=None)
            entry.repeat_us = at_us
        self._touched[name] = None

    # Who is told.

    def _review(self, name: str, entry: Entry, time_us: int) -> list[Alert]:
        """What has to be told of an entry now."""
        if entry.told is entry.alert.state:
            return self._remind(name, entry, time_us) if entry.firing else []
        if not entry.firing:
            # Who was never told that it began is not told that it ended.
            return [self._tell(entry)] if entry.told is AlertState.FIRING else []
        if entry.wait_us is not None and time_us < entry.wait_us:
            return []
        if self._rests(entry, time_us):
            self._quiet.add(name)
            return []
        self._quiet.discard(name)
        route = route_of(self._routes, entry.alert)
        told = self._tell(entry, () if route is None else route.to)
        self._plan(name, entry, route, time_us)
        return [told]

    def _rests(self, entry: Entry, time_us: int) -> bool:
        """Whether something keeps it quiet now; its flags say what."""
        alert = entry.alert
        silenced = any(silence.covers(alert, time_us) for silence in self._silences.values())
        by_another = inhibited(
            self._routes.inhibitions,
            alert,
            (e.alert for e in self._entries.values() if e.firing),
        )
        entry.alert = replace(alert, silenced=silenced, inhibited=by_another)
        return silenced or by_another or entry.stormed or alert.dry_run

    def _tell(
        self, entry: Entry, targets: tuple[str, ...] | None = None, *, again: bool = False
    ) -> Alert:
        """The alert as it is told now; what ended is told to those who heard that it began."""
        alert = entry.alert
        entry.told = alert.state
        entry.alert = replace(
            alert,
            notice=alert.notice + 1,
            change=alert.change + (not again),
            record_time_us=self._record_us,
            targets=alert.targets if targets is None else targets,
        )
        return entry.alert

    def _plan(self, name: str, entry: Entry, route: Route | None, time_us: int) -> None:
        """When it is told again while it fires: a repeat or the next step of the escalation."""
        times = []
        if route is not None and route.repeat_s is not None:
            times.append(time_us + round(route.repeat_s * 1e6))
        if route is not None and entry.alert.escalation < len(route.escalations):
            after_us = round(route.escalations[entry.alert.escalation].after_s * 1e6)
            fired_us = entry.alert.fired_us
            times.append((time_us if fired_us is None else fired_us) + after_us)
        entry.repeat_us = min(times, default=None)
        if entry.repeat_us is not None:
            self._look_again(name, entry.repeat_us)

    def _remind(self, name: str, entry: Entry, time_us: int) -> list[Alert]:
        """Tell again what nobody has acknowledged, if it is time."""
        if entry.repeat_us is None or time_us < entry.repeat_us or entry.alert.acknowledged:
            return []
        route = route_of(self._routes, entry.alert)
        entry.repeat_us = None
        if route is None or self._rests(entry, time_us):
            return []
        alert = entry.alert
        targets = alert.targets
        if alert.escalation < len(route.escalations):
            step = route.escalations[alert.escalation]
            if time_us >= (alert.fired_us or 0) + round(step.after_s * 1e6):
                entry.alert = replace(alert, escalation=alert.escalation + 1)
                targets = tuple(dict.fromkeys((*targets, *step.to)))
        told = self._tell(entry, targets, again=True)
        self._plan(name, entry, route, time_us)
        return [told]

    # What is remembered.

    def _memory(self, name: str) -> Memory:
        if (entry := self._entries.get(name)) is not None:
            return Memory(kind="alert", key=name, body=entry.to_bytes())
        silence = self._silences.get(name)
        return Memory(
            kind="silence", key=name, body=None if silence is None else silence.to_bytes()
        )

    def _recall(self, memory: Memory) -> None:
        if memory.body is None:
            return
        if memory.kind == "silence":
            self._silences[memory.key] = silence = silence_of(memory.body)
            self._look_again(memory.key, silence.until_us)
            return
        entry = entry_of(memory.body)
        self._entries[memory.key] = entry
        alert = entry.alert
        if alert.group == STORM and entry.firing:
            self._storms.resume(alert.rule, alert.event_time_us)
        if entry.firing and entry.told is not AlertState.FIRING:
            self._quiet.add(memory.key)
        ended_us = None if alert.resolved_us is None else alert.resolved_us + FLAP_US
        ack_us = None if alert.acknowledged is None else alert.acknowledged.until_us
        for at_us in (entry.wait_us, entry.repeat_us, entry.fade_us, ended_us, ack_us):
            if at_us is not None:
                self._look_again(memory.key, at_us)

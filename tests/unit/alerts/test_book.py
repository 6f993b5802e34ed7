"""One alert per rule and group, told once when it begins and once when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.alerts.book import FLAP_US, FLAPS, AlertBook
from gateway.alerts.silences import Silence
from gateway.alerts.storms import MOST_PER_MINUTE, STORM
from gateway.model.alert import FORGOTTEN, Acknowledgement, Alert, AlertState, RuleChange, Severity
from gateway.model.alert_routes import Escalation, Inhibition, Route, Routes
from gateway.model.outcome import Memory

S = 1_000_000
FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED


def fires(key: str = "epc=A", at_s: float = 0.0, **changes: object) -> RuleChange:
    change = RuleChange(
        rule="misplaced",
        key=key,
        group="zone=b",
        state=FIRING,
        at_us=round(at_s * S),
        since_us=round(at_s * S),
        summary=f"{key} is in b",
        fields={"zone": "b"},
    )
    return replace(change, **changes)  # type: ignore[arg-type]


def clears(key: str = "epc=A", at_s: float = 0.0, **changes: object) -> RuleChange:
    return replace(fires(key, at_s, **changes), state=RESOLVED)


class Story:
    """A book, and everything that it has told and wants to be remembered."""

    def __init__(self, routes: Routes | None = None) -> None:
        self.routes = routes
        self.book = AlertBook("site", routes)
        self.memories: dict[tuple[str, str], Memory] = {}
        self.told: list[Alert] = []

    def at(self, time_s: float, *changes: RuleChange) -> list[tuple[str, AlertState]]:
        told = self.book.step(changes, round(time_s * S), round(time_s * S))
        for memory in told.memories:
            if memory.body is None:
                self.memories.pop((memory.kind, memory.key), None)
            else:
                self.memories[memory.kind, memory.key] = memory
        self.told += told.alerts
        return [(alert.rule, alert.state) for alert in told.alerts]

    def restart(self) -> None:
        self.book = AlertBook("site", self.routes)
        assert self.book.restore(self.memories.values()) == 0


def test_an_alert_is_told_when_it_begins_and_when_it_ends_and_never_else() -> None:
    story = Story()
    assert story.at(1, fires(at_s=1)) == [("misplaced", FIRING)]
    assert story.at(2) == []
    assert story.at(3, fires(at_s=3)) == []
    assert story.at(4, clears(at_s=4)) == [("misplaced", RESOLVED)]
    assert story.at(5, clears(at_s=5)) == []
    first, last = story.told
    assert first.id == last.id
    assert (first.change, last.change) == (1, 2)
    assert last.resolved_us == 4 * S


def test_forty_tags_of_one_pallet_are_one_alert_that_lasts_until_the_last_is_back() -> None:
    story = Story()
    tags = [f"epc={n:02}" for n in range(40)]
    assert len(story.at(1, *(fires(tag, 1) for tag in tags))) == 1
    assert story.told[0].count == 40
    assert story.told[0].summary == "epc=00 is in b (and 39 more)"
    assert story.at(2, *(clears(tag, 2) for tag in tags[1:])) == []
    assert story.at(3, clears(tags[0], 3)) == [("misplaced", RESOLVED)]


def test_a_group_is_waited_for_before_it_is_told_and_a_short_one_never_is() -> None:
    story = Story()
    assert story.at(0, fires("epc=A", group_wait_s=5.0)) == []
    assert story.at(3, fires("epc=B", 3, group_wait_s=5.0)) == []
    assert story.at(5) == [("misplaced", FIRING)]
    assert story.told[0].count == 2
    brief = Story()
    assert brief.at(0, fires(group_wait_s=5.0)) == []
    assert brief.at(2, clears(at_s=2)) == []
    assert brief.at(9) == []


def test_a_latched_alert_waits_for_a_person() -> None:
    story = Story()
    story.at(0, fires(latch=True))
    assert story.at(1, clears(at_s=1, latch=True)) == []
    alert = story.told[0]
    assert story.book.acknowledge(alert.id, Acknowledgement(by="ann", at_us=2 * S))
    assert story.at(2) == [("misplaced", RESOLVED)]
    assert story.told[-1].reason == "acknowledged"
    assert not story.book.acknowledge("no such id", Acknowledgement(by="ann"))


def test_silenced_alerts_are_told_when_the_silence_ends_and_they_still_fire() -> None:
    story = Story()
    story.book.silence(Silence(id="s1", until_us=10 * S, by="ann", match={"zone": "b"}))
    assert story.at(1, fires(at_s=1)) == []
    assert story.book.alerts[0].silenced
    assert story.at(10) == [("misplaced", FIRING)]
    assert story.book.silences == []
    assert ("silence", "s1") not in story.memories


def test_an_alert_that_came_and_went_in_silence_is_never_told() -> None:
    story = Story()
    story.book.silence(Silence(id="s1", until_us=10 * S, by="ann", rule="misplaced"))
    assert story.at(1, fires(at_s=1)) + story.at(2, clears(at_s=2)) + story.at(20) == []


def test_a_dead_reader_keeps_quiet_what_it_explains_until_it_is_back() -> None:
    routes = Routes(
        inhibitions=(
            Inhibition(source_rules=("reader",), target_rules=("misplaced",), equal=("zone",)),
        )
    )
    story = Story(routes)
    dead = fires("reader=r", rule="reader", group="reader=r", fields={"zone": ["a", "b"]})
    assert story.at(0, dead) == [("reader", FIRING)]
    assert story.at(1, fires(at_s=1)) == []
    assert story.at(1, fires("epc=Z", 1, group="zone=c", fields={"zone": "c"})) != []
    assert story.at(5, replace(dead, state=RESOLVED, at_us=5 * S)) == [
        ("reader", RESOLVED),
        ("misplaced", FIRING),
    ]


def test_routes_say_who_is_told_again_and_who_when_nobody_answers() -> None:
    routes = Routes(
        routes=(
            Route(
                name="ops",
                match_severity=(Severity.WARNING,),
                to=("mail",),
                repeat_s=60.0,
                escalations=(Escalation(after_s=90.0, to=("pager",)),),
            ),
        )
    )
    story = Story(routes)
    for time_s in range(0, 200, 10):
        story.at(time_s, *([fires()] if time_s == 0 else []))
    assert [(a.record_time_us // S, a.targets) for a in story.told] == [
        (0, ("mail",)),
        (60, ("mail",)),
        (90, ("mail", "pager")),
        (150, ("mail", "pager")),
    ]
    assert [alert.notice for alert in story.told] == [1, 2, 3, 4]
    assert {alert.change for alert in story.told} == {1}
    story.book.acknowledge(story.told[0].id, Acknowledgement(by="ann", until_us=300 * S))
    for time_s in range(200, 300, 10):
        assert story.at(time_s) == []
    assert len(story.at(300)) == 1


def test_a_flapping_alert_is_told_to_flap_and_ends_when_it_has_calmed_down() -> None:
    story = Story()
    for n in range(20):
        story.at(20 * n, fires(at_s=20 * n))
        story.at(20 * n + 10, clears(at_s=20 * n + 10))
    assert len(story.told) == 2 * FLAPS - 1
    assert story.told[-1].flapping
    last_s = 20 * 19 + 10
    assert story.at(last_s + FLAP_US / S - 1) == []
    assert story.at(last_s + FLAP_US / S) == [("misplaced", RESOLVED)]


def test_a_storm_of_alerts_is_one_alert_and_says_how_many() -> None:
    story = Story()
    changes = [fires(f"epc={n}", 1, group=f"epc={n}") for n in range(MOST_PER_MINUTE + 500)]
    assert len(story.at(1, *changes)) == MOST_PER_MINUTE
    assert story.at(20) == [("misplaced", FIRING)]
    assert story.told[-1].group == STORM
    assert "500 more alerts" in story.told[-1].summary
    assert story.at(61) == [("misplaced", RESOLVED)]


def test_dry_run_is_seen_and_not_told() -> None:
    story = Story()
    assert story.at(0, fires(dry_run=True)) + story.at(1, clears(at_s=1, dry_run=True)) == []
    assert [alert.state for alert in story.book.alerts] == [RESOLVED]


@pytest.mark.parametrize("told_before", [True, False])
def test_a_restart_tells_nothing_twice_and_forgets_nothing(told_before: bool) -> None:
    story = Story()
    story.at(0, fires(group_wait_s=0.0 if told_before else 5.0))
    before = [alert.id for alert in story.told]
    story.restart()
    assert story.at(1, fires("epc=B", 1)) == []
    assert bool(story.at(6)) is not told_before
    assert story.at(7, clears("epc=A", 7)) == []
    story.restart()
    assert story.at(8, clears("epc=B", 8)) == [("misplaced", RESOLVED)]
    assert {alert.id for alert in story.told} == {*before, story.told[-1].id}


def test_what_ended_is_forgotten_after_a_while() -> None:
    story = Story()
    story.at(0, fires())
    story.at(1, clears(at_s=1))
    assert story.memories
    story.at(2 + FLAP_US / S)
    assert story.memories == {}
    assert story.book.alerts == []


def test_a_damaged_memory_costs_itself_only() -> None:
    book = AlertBook("site")
    odd = [b"", b"{}", b'{"alert": 1}', b"null", b'{"alert": {"state": "firing"}}']
    assert book.restore(Memory(kind="alert", key=str(n), body=b) for n, b in enumerate(odd)) == 5
    assert book.alerts == []


def test_a_latched_alert_about_a_tag_that_is_forgotten_ends() -> None:
    story = Story()
    story.at(0, fires(latch=True))
    assert story.at(5, clears(reason="cleared")) == [], "a person should see it"
    story.at(6, fires(latch=True))
    assert story.at(9, clears(reason=FORGOTTEN)) == [("misplaced", AlertState.RESOLVED)]


def test_there_are_only_so_many_silences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.alerts.book.MAX_SILENCES", 2)
    story = Story()
    for number in range(2):
        story.book.silence(Silence(id=f"s{number}", until_us=10 * S, by="ann", rule="misplaced"))
    with pytest.raises(ValueError, match="2 silences"):
        story.book.silence(Silence(id="s2", until_us=10 * S, by="ann", rule="misplaced"))
    story.at(11)
    assert story.book.silences == []

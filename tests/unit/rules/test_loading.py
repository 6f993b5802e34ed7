"""Rule files that are wrong: what is told, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.model.epc_schemes import BY_NAME
from tests.rule_bench import rules_of

CODINGS = ", ".join(sorted(BY_NAME))
KINDS = "movement, presence, passage, reading, reader, timer"

FINE = """
rules:
  - id: a
    on: movement
    where: {to: bin-1}
    alert: {summary: "{epc}"}
"""


def problems(directory: Path, text: str) -> list[str]:
    """What loading tells, without the folder."""
    with pytest.raises(SettingsError) as caught:
        rules_of(directory, text)
    return [str(p).removeprefix(f"{directory}/rules.yaml:") for p in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_place_and_a_suggestion(tmp_path: Path) -> None:
    text = """\
rules:
  - id: a
    on: movement
    where: {to: bin-3, dor: door-1, epc: "urn:epc:pat:sgtin-69:1.2.3.4"}
    alert: {summary: "{epcc} at {zone.name:.1f}", key: [epcs]}
    actions: [{webhook: {sink: wmss}}, {gpo: {reader: dok, port: 1}}]
  - id: a
    on: reading
    where: {sensors: [{sensor: door-1/contat, is: open}, {kind: contact, is: opened}]}
    alert: {key: [doors], summary: "x", route: nobody}
  - id: c
    on: movemnt
    alert: {summary: x}
routes:
  - {match: {rule: b}, to: [logg]}
"""
    assert problems(tmp_path, text) == [
        "4:17: there is no zone 'bin-3'; did you mean 'bin-2'?",
        "4:24: unknown key 'dor'; did you mean 'door'?",
        f"4:42: 'urn:epc:pat:sgtin-69:1.2.3.4': 'sgtin-69' is none of {CODINGS}",
        "5:22: '{epcc} at {zone.name:.1f}': there is no field 'epcc'; did you mean 'epc'?",
        "5:56: the key of a rule on tags holds epc; to be told once, give a group",
        "5:57: there is no field 'epcs'; did you mean 'epc'?",
        "6:32: there is no sink 'wmss'; did you mean 'wms'?",
        "6:55: there is no reader 'dok'; did you mean 'dock'?",
        f"7:9: the rule 'a' is already in {tmp_path}/rules.yaml:2:9",
        "9:32: there is no sensor 'door-1/contat'; did you mean 'door-1/contact'?",
        "9:78: a contact is open or closed, not 'opened'; did you mean 'open'?",
        "10:18: expected [sensor] or [door] or [zone] as the key of a rule on reading",
        "10:48: there is no route 'nobody'",
        f"12:9: rules[2].on: expected one of {KINDS}, got 'movemnt'; did you mean 'movement'?",
        "15:20: there is no rule 'b'",
        "15:29: there is no sink 'logg'; did you mean 'log'?",
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("where: {to: bin-1}", ""), "3:5: the rule a has no where and no when"),
        (("where:", "for: soon\n    where:"), "5:10: rules[0].for: expected a duration"),
        (("where:", "for: 1s\n    grace: 1s\n    where:"), "give either for"),
        (("where:", "absent: {after: 1m}\n    where:"), "absent is for rules on reading"),
        (("where:", "every: 1m\n    where:"), "a rule on movement needs no every"),
        (
            ("where:", "for: 5\n    where:"),
            "for: expected a duration with its unit, such as 5s, 5m",
        ),
        (("to: bin-1", "dwell: 4h"), "dwell: expected a comparison, such as {at_least: 4h}"),
        (
            ("to: bin-1", "schedule: {days: Monday}"),
            "weekdays or weekend, got 'Monday'; did you mean 'mon'?",
        ),
        (("{epc}", "{temperature}"), "no field 'temperature'; rules on reading and timer have it"),
        (("to: bin-1", "held: fro"), "5:19: held: expected true, false, from or to"),
        (("to: bin-1", "confidence: {}"), "expected above, below, at_least, at_most or equals"),
        (("to: bin-1", "confidence: {above: nan}"), "expected a number, got 'nan'"),
        (("to: bin-1", "schedule: {between: [6:00, 7]}"), "a time of day such as 06:00"),
        (("to: bin-1", "schedule: {days: [monday]}"), "weekdays or weekend"),
        (("to: bin-1", "shipment: maybe"), "expected one of absent, expected, got 'maybe'"),
        (('"{epc}"', '"{epc"'), "a single '{': write {{"),
        (('"{epc}"', '"{epc.__class__}"'), "there is no field 'epc.__class__'"),
        (('"{epc}"', '"{epc:.1f}"'), "'.1f' is no format for epc: expected none"),
        (('"{epc}"', '"{confidence:>999999999d}"'), "is no format for confidence"),
        (("alert: {", "alert: {severty: info, "), "unknown key 'severty'"),
        (("where:", "fro: 1s\n    where:"), "unknown key 'fro' in rules[0]; did you mean 'for'?"),
    ],
)
def test_mistakes(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    (told,) = problems(tmp_path, FINE.replace(*change))
    assert sentence in told


def test_a_rule_that_never_ends_is_a_mistake(tmp_path: Path) -> None:
    text = """
rules:
  - {id: a, on: passage, where: {tags: 0}, alert: {key: [passage], summary: x}}
"""
    (told,) = problems(tmp_path, text)
    assert told.startswith("3:5: the rule a never ends")


def test_routes_and_inhibitions(tmp_path: Path) -> None:
    text = (
        FINE
        + """
routes:
  - name: staff
    match: {severity: critical}
    to: [wms]
    repeat: 15m
    escalate: [{after: 10m, unless: acknowledged, to: [log]}]
inhibit:
  - {source: {rule: a}, target: {severity: [info, warning]}, equal: [zone]}
"""
    )
    routes = rules_of(tmp_path, text).routes
    route, rest = routes.named("staff"), routes.inhibitions[0]
    assert route is not None
    assert (route.to, route.repeat_s, route.match_severity) == (("wms",), 900.0, ("critical",))
    assert [(e.after_s, e.to) for e in route.escalations] == [(600.0, ("log",))]
    assert (rest.source_rules, rest.target_severity, rest.equal) == (
        ("a",),
        ("info", "warning"),
        ("zone",),
    )


def test_a_rule_that_is_not_enabled_is_checked_but_not_used(tmp_path: Path) -> None:
    assert not rules_of(tmp_path, FINE.replace("on:", "enabled: false\n    on:")).rules


def test_the_same_rule_has_the_same_digest_however_it_is_written(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return rules_of(tmp_path, text).rules[0].digest

    assert digest(FINE) == digest(FINE.replace("{to: bin-1}", "{to: bin-1}  # here"))
    assert digest(FINE) != digest(FINE.replace("bin-1", "bin-2"))


def test_names_in_tests_that_the_site_does_not_have_refuse_nothing(tmp_path: Path) -> None:
    text = (
        FINE
        + """
    tests:
      - events: [{at: 0s, moved: {epc: E1, to: bin-11}}]
"""
    )
    (note,) = rules_of(tmp_path, text).notes
    told = str(note).removeprefix(f"{tmp_path}/rules.yaml:")
    assert told == "9:48: in a test, there is no zone 'bin-11'; did you mean 'bin-1'?"


def test_the_events_of_a_test_stand_in_order(tmp_path: Path) -> None:
    text = (
        FINE
        + """
    tests:
      - events: [{at: 5s}, {at: 2s}]
"""
    )
    assert problems(tmp_path, text) == ["9:33: events stand in order of time"]


@pytest.mark.usefixtures("cel")
@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("zoen == 'a'", "there is no field 'zoen'; did you mean 'zone'?"),
        ("dwell + 1 > 5", "it cannot be evaluated: "),
        ("item.skuu == 'a'", 'Key not found in map : "skuu"'),
        ("item.sku", "the result is STRING, not true or false"),
        ("zone = 'a'", "to compare, write == (character 6)"),
        ("zone == 'a' and zone == 'b'", "write && for and, || for or, ! for not"),
        ("dwell > 4h", "times are numbers of seconds: 14400.0 for 4h"),
        ("zone like 'b*'", "write startsWith, endsWith, contains or matches"),
        ("zone.name == 'a'", "zone.name is written zone_name here"),
        ("confidence > '0.8'", "> does not go with (number, text)"),
        ("temperature > 5", "there is no field 'temperature'; rules on reading and timer have it"),
    ],
)
def test_expressions_are_tried_at_load(tmp_path: Path, when: str, sentence: str) -> None:
    (told,) = problems(tmp_path, FINE.replace("where:", f'when: "{when}"\n    where:'))
    assert told.startswith("5:11: ")
    assert sentence in told


def test_without_the_engine_of_expressions_a_rule_that_has_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.rules.expression.cel", None)
    assert rules_of(tmp_path, FINE).rules
    (told,) = problems(tmp_path, FINE.replace("where:", "when: dwell > 5\n    where:"))
    assert "'when' needs the package cel-expr-python, which is not installed" in told


def test_the_parts_of_a_rule_that_does_not_fit_as_a_whole_are_checked_too(tmp_path: Path) -> None:
    text = """\
rules:
  - id: two words
    on: movement
    where: {to: bin-3, shipment: missing}
    alert: {summary: "{epcc}"}
  - {id: b, on: passage, where: {tags: many}, enabled: nope, alert: {summary: x}}
"""
    told = [line.split(":")[:2] for line in problems(tmp_path, text)]
    assert told == [["2", "9"], ["4", "17"], ["4", "34"], ["5", "22"], ["6", "40"], ["6", "56"]]


def test_what_alerts_have_in_common_is_a_field(tmp_path: Path) -> None:
    text = FINE + "inhibit: [{source: {rule: a}, target: {rule: a}, equal: [zone, zoen]}]\n"
    assert problems(tmp_path, text) == ["7:64: there is no field 'zoen'; did you mean 'zone'?"]

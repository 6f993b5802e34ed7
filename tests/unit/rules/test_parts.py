"""The parts that rules are made of: patterns, hours, numbers, templates, timers, expressions."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.model.epc import encode
from gateway.rules.bounds import Bounds
from gateway.rules.epc_pattern import parse_pattern
from gateway.rules.expression import (
    ExpressionError,
    compile_expression,
    nested,
)
from gateway.rules.fields import FIELDS, FieldType, On
from gateway.rules.schedule import Schedule
from gateway.rules.template import TemplateError, duration, parse_template
from gateway.rules.timers import Timers

BERLIN = "Europe/Berlin"
SGTIN = encode("sgtin-96", ("0614141", "812345", "6789"), 3).hex().upper()
SSCC = encode("sscc-96", ("0614141", "1234567890"), 2).hex().upper()
GID = encode("gid-96", ("95100000", "12345", "400")).hex().upper()


@pytest.mark.parametrize(
    ("pattern", "epc", "matches"),
    [
        ("urn:epc:idpat:sgtin:0614141.*.*", SGTIN, True),
        ("urn:epc:idpat:sgtin:0614141.812345.6789", SGTIN, True),
        ("urn:epc:idpat:sgtin:614141.*.*", SGTIN, False),
        ("urn:epc:idpat:sgtin:*.*.*", SSCC, False),
        ("urn:epc:pat:sgtin-96:3.0614141.812345.*", SGTIN, True),
        ("urn:epc:pat:sgtin-96:1.0614141.812345.*", SGTIN, False),
        ("urn:epc:pat:sgtin-96:[2-3].0614141.[800000-900000].[6000-7000]", SGTIN, True),
        ("urn:epc:pat:sgtin-96:*.0614141.[900000-900001].*", SGTIN, False),
        ("urn:epc:pat:sgtin-198:*.*.*.*", SGTIN, False),
        ("urn:epc:pat:gid-96:95100000.[12344-12346].*", GID, True),
        ("urn:epc:pat:gid-96:95100000.[1-2].*", GID, False),
        ("urn:epc:pat:sscc-96:*.0614141.1234567890", SSCC, True),
        ("30", SGTIN, True),
        (SGTIN[:9].lower(), SGTIN, True),
        ("31", SGTIN, False),
        ("urn:epc:idpat:sgtin:*.*.*", "ABCD", False),
    ],
)
def test_epc_patterns(pattern: str, epc: str, matches: bool) -> None:
    assert parse_pattern(pattern).matches(epc) is matches


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("urn:epc:idpat:sgtin:0614141.[1-2].*", "an idpat has no ranges"),
        ("urn:epc:idpat:sgtin:0614141.*.5", "behind a * an idpat has only *"),
        ("urn:epc:idpat:sgtin:0614141.*", "expected 3 fields"),
        ("urn:epc:pat:sgtin-96:3.0614141.[9-1].*", "the range [9-1] is upside down"),
        ("urn:epc:pat:sgtin-96:3.0614141.[1-].*", "expected a value, * or [low-high]"),
        ("urn:epc:idpat:sgtn:*.*.*", "is none of"),
        ("hello", "expected urn:epc:pat:"),
        ("", "expected urn:epc:pat:"),
    ],
)
def test_what_is_no_epc_pattern_is_told(pattern: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_pattern(pattern)


def at_us(text: str, fold: int = 0) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN), fold=fold)
    return round(moment.timestamp()) * 1_000_000


NIGHT = Schedule(
    timezone=BERLIN, days=frozenset({0}), begin_minute=22 * 60, end_minute=6 * 60
)  # Monday night


@pytest.mark.parametrize(
    ("time", "holds"),
    [
        ("2026-11-23 21:59", False),
        ("2026-11-23 22:00", True),
        ("2026-11-24 05:59", True),  # the hours after midnight belong to Monday
        ("2026-11-24 06:00", False),
        ("2026-11-24 23:00", False),
        ("2026-11-23 03:00", False),
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_began(time: str, holds: bool) -> None:
    assert NIGHT.holds(at_us(time)) is holds
    outside = Schedule(
        timezone=BERLIN, days=NIGHT.days, begin_minute=1320, end_minute=360, outside=True
    )
    assert outside.holds(at_us(time)) is not holds


@pytest.mark.parametrize(
    "start",
    ["2026-11-23 12:00", "2026-03-29 00:30", "2026-10-25 00:30", "2026-10-25 02:30"],
)
def test_a_schedule_says_when_it_changes_next(start: str) -> None:
    schedule = Schedule(timezone=BERLIN, begin_minute=2 * 60 + 15, end_minute=9 * 60)
    time_us = at_us(start)
    for _ in range(20):
        next_us = schedule.next_change_us(time_us)
        assert time_us < next_us <= time_us + 26 * 3_600_000_000
        steps = range(time_us, next_us, 60_000_000)
        assert len({schedule.holds(t) for t in steps}) == 1
        time_us = next_us


def test_bounds_compare_numbers_of_any_kind() -> None:
    assert Bounds(above=5).hold(5.5)
    assert not Bounds(above=5).hold(5)
    assert Bounds(at_least=5, below=7).hold(5)
    assert Bounds(equals=2).hold(2.0)
    assert not Bounds(below=5).hold(None)
    assert not Bounds(above=5).hold(float("nan"))
    assert str(Bounds(at_least=5, below=7)) == "below 7 and at least 5"


def test_templates_fill_in_what_is_known() -> None:
    fields = FIELDS[On.READING]
    template = parse_template("{{{door}}} {temperature:.1f} {held} {contact} {time:%H:%M}", fields)
    values = {"door": "a\nb", "temperature": 8, "held": 3725.0, "contact": True, "time": 0}
    assert template.fill(values.get, "UTC") == "{a\N{REPLACEMENT CHARACTER}b} 8.0 1h2m yes 00:00"
    assert template.fill(lambda _: None, "UTC") == "{–} – – – –"
    assert len(parse_template("x" * 900, fields).fill(values.get, "UTC")) == 500


@pytest.mark.parametrize(
    "text", ["{nope}", "{door", "door}", "{}", "{door!r}", "{door.x}", "{door[0]}", "{{door}"]
)
def test_a_template_can_name_fields_and_do_nothing_else(text: str) -> None:
    with pytest.raises(TemplateError):
        parse_template(text, FIELDS[On.READING])


def test_durations_have_two_units() -> None:
    shown = [duration(s) for s in (0, 59, 60, 3661, 86_400, 90_000, 14_400)]
    assert shown == ["0s", "59s", "1m", "1h1m", "1d", "1d1h", "4h"]


def test_timers_fall_due_in_order_and_only_as_they_were_set_last() -> None:
    timers = Timers()
    for n in range(3_000):
        timers.set((0, "look", "a"), 10_000 - n)
    timers.set((0, "fire", "b"), 50)
    timers.set((0, "fire", "a"), 50)
    timers.set((1, "fire", "c"), 40)
    timers.cancel((1, "fire", "c"))
    assert (len(timers), timers.next_due_us) == (3, 50)
    assert timers.pop(49) is None
    found = [timers.pop(1 << 60) for _ in range(4)]
    assert found == [
        (50, (0, "fire", "a")),
        (50, (0, "fire", "b")),
        (7_001, (0, "look", "a")),
        None,
    ]


NAMES = tuple(n for n, kind in FIELDS[On.MOVEMENT].items() if kind is not FieldType.TIME)


def test_fields_of_expressions_are_maps_or_have_an_underscore() -> None:
    values = {"zone": "a", "zone.name": "A", "item.sku": "x" * 300, "dwell": 3, "item.known": True}
    assert nested(values) == {
        "zone": "a",
        "zone_name": "A",
        "item": {"sku": "x" * 200, "known": True},
        "dwell": 3.0,
    }


@pytest.mark.usefixtures("cel")
@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("dwell > 5", True),
        ("dwell == 6 && confidence < 1", True),
        ("zone in item.home_zones", False),
        ("item.home_zones.exists(z, z.startsWith('bin'))", True),
        ("item.category == 'cold'", False),
        ("item.category == null || door == 'x'", True),
        ("direction > 5", False),
    ],
)
def test_expressions_over_a_movement(text: str, holds: bool) -> None:
    values = dict.fromkeys(NAMES) | {
        "dwell": 6,
        "confidence": 0.9,
        "zone": "hall",
        "item.home_zones": ["bin-1"],
    }
    assert compile_expression(text, NAMES).holds(values).holds is holds


@pytest.mark.usefixtures("cel")
@pytest.mark.parametrize(
    ("text", "sentence", "word"),
    [
        ("zoen == 'a'", "there is no field 'zoen'", "zoen"),
        ("1 + 1", "the result is INT, expected true or false", ""),
        ("zone ==", "Syntax error", ""),
        ("(" * 40 + "true" + ")" * 40, "recursion limit", ""),
        ("x" * 2_001, "at most 2,000 characters", ""),
        ("[1].all(a, a > 0) && [1].all(b, b > 0) && [1].all(c, true)", "too much: 3 loops", ""),
        ("item.home_zones.all(a, item.home_zones.all(b, a == b))", "a loop within a loop", ""),
        ("(item.home_zones + item.home_zones).all(a, a != '')", "a loop runs over a field", ""),
        ("[['a']][0].all(a, a != '')", "a loop runs over a field", ""),
        ("item.home_zones.filter(a, a != '').all(b, b != '')", "a loop runs over a field", ""),
        ("item.home_zones.all(a, a + a != '')", "a sum in a loop", ""),
        ("[1].all(a, a > 0" + " " * 250 + ")", "with a loop it has at most 250 characters", ""),
        ("goods.matches(zone)", "the pattern of matches is written down", ""),
        ("matches(goods, 'x')", "the pattern of matches is written down", ""),
        ("item.home_zones.all(a, a.matches('x'))", "matches in a loop", ""),
        ("goods.matches('(x{1,9}){1,99}y')", "a pattern with counts", ""),
        (r"goods.matches('\\pL*')", "a pattern with counts", ""),
        ("goods.matches('" + "x" * 60 + "')", "a pattern has at most 50 characters", ""),
        (" || ".join(["goods.matches('x')"] * 4), "4 patterns, at most 3", ""),
        # What would hide a loop in a text, or a pattern in a comment.
        (r"goods == r'\' || [1].all(a, [1].all(b, a > b)) || goods == 'x'", "within a loop", ""),
        ("[1]// ' \n.all(a, [1]// ' \n.all(b, a > b))", "a loop within a loop", ""),
        ("''' ' ''' == goods || goods.matches(zone) || goods == ''' ' '''", "is written down", ""),
    ],
)
def test_expressions_that_are_refused(text: str, sentence: str, word: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, NAMES)
    assert sentence in str(caught.value)
    assert caught.value.word == word


@pytest.mark.usefixtures("cel")
@pytest.mark.parametrize(
    "text",
    [
        "zone == '.map(.map(.map('",
        "zone == \"it's\" || zone == r'\\d' || zone == '''it's [1].all(a, [1].all(b, b)'''",
        "['a', 'b'].exists(a, zone.startsWith(a)) // or not: a + b matches",
        "item . home_zones . exists(a, a == zone) && item.allowed_zones.all(b, b != zone)",
        "zone.matches('^a[0-9]+$') || zone.matches(r'\\d*x?(a|b)')",
    ],
)
def test_what_only_looks_dear_is_admitted(text: str) -> None:
    assert not compile_expression(text, NAMES).holds(dict.fromkeys(NAMES)).holds

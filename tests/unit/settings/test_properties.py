"""Identifiers survive as text, whatever they look like; any mistake ends in sentences."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Problem, SettingsError
from gateway.settings.configuration import load
from gateway.settings.document import parse_value
from gateway.settings.node import Node, Place
from gateway.settings.report import Report
from gateway.settings.values import check_digit, format_duration, parse_duration
from tests.unit.settings.sites import EXAMPLE, write_site

LETTERS = "abcdefnoyrtuexNOYEF0123456789äß中"
#: What looks like a number, a date or a truth value to other readers of YAML, and what does not.
IDENTIFIERS = st.one_of(
    st.text(LETTERS + ".:@_-", max_size=20).map(lambda rest: "a" + rest),
    st.integers(0, 10**20).map(str),
    st.from_regex(r"\A0[0-9]{3,13}\Z"),
    st.from_regex(r"\A[0-9]{1,3}[.:e_x-][0-9]{1,3}\Z"),
    st.sampled_from(["no", "on", "Yes", "true", "0x10", "1e3", "1.10", "0o7", "2026-11-21", "NaN"]),
).filter(lambda text: not text.endswith(":"))


def load_text(files: Mapping[str, str]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return load(write_site(Path(folder), files), {}, secrets=False)


def problems_of(files: Mapping[str, str]) -> list[Problem]:
    try:
        load_text(files)
    except SettingsError as error:
        return error.problems
    return []


@given(st.lists(IDENTIFIERS, min_size=3, max_size=3, unique=True), IDENTIFIERS, IDENTIFIERS)
def test_identifiers_survive_loading_as_they_are_written(
    zones: list[str], door: str, reader: str
) -> None:
    first, second, third = zones
    found = load_text(
        {
            "config/gateway.yaml": f"site:\n  id: {first}\n  name: {second}\n",
            "config/site.yaml": "zones:\n"
            f"  - id: {first}\n  - {{id: {second}, parent: {first}}}\n  - id: '{third}'\n"
            f'doors:\n  - {{id: {door}, inside: {first}, outside: "{second}"}}\n',
            "readers/r.yaml": f"id: {reader}\naddress: h\n"
            f"antennas: [{{port: 1, zone: {first}}}, {{port: 2, zones: [{second}, {third}]}}]\n",
        }
    )
    assert found.site.id == first
    assert found.site.name == second
    assert [z.id for z in found.site.zones] == zones
    assert found.site.zones[1].parent == first
    assert (found.site.doors[0].id, found.site.doors[0].inside) == (door, first)
    assert found.site.readers == (reader,)
    assert [a.zones for a in found.site.antennas] == [(first,), (second, third)]


@given(st.from_regex(r"\A[0-9]{12}\Z"))
def test_a_gln_survives_loading_with_its_zeros(digits: str) -> None:
    gln = digits + check_digit(digits)
    assert load_text({"config/gateway.yaml": f"site: {{id: x, gln: {gln}}}\n"}).site.gln == gln


@given(st.integers(0, 10**9))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


#: The files of the example, as the trees that mistakes are made in.
TREES = {
    name: yaml.load((EXAMPLE / name).read_text(), yaml.BaseLoader)
    for name in (
        *("config/gateway.yaml", "config/site.yaml", "readers/dock-1.yaml"),
        *("readers/dock-sensors.yaml", "readers/profiles/impinj-speedway.yaml"),
    )
}
SCALARS = st.sampled_from(
    ["", "x", "0", "-1", "1e999", "nan", "yes", "a b", "[", "é\0", "x" * 300, "$", "../..", "~"]
)
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "kind", "name", "host", "zones", "file", "x", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@st.composite
def mistaken(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with something in it replaced, removed or added."""
    if isinstance(tree, dict) and tree and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(tree)))
        match draw(st.integers(0, 6)):
            case 0:
                return {k: v for k, v in tree.items() if k != key}
            case 1:
                return {k + "x" if k == key else k: v for k, v in tree.items()}
            case _:
                return tree | {key: draw(mistaken(tree[key]))}
    if isinstance(tree, list) and tree and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(tree) - 1))
        return [draw(mistaken(v)) if n == index else v for n, v in enumerate(tree)]
    return draw(VALUES)


@settings(max_examples=300)
@given(st.data())
def test_any_mistake_ends_in_sentences_with_places_and_nothing_else(data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(TREES)), min_size=1, max_size=2))
    files = {}
    for name, tree in TREES.items():
        changed = data.draw(mistaken(tree)) if name in names else tree
        files[name] = yaml.safe_dump(changed, allow_unicode=True)
    for problem in problems_of(files):
        assert "\n" not in str(problem)
        assert len(problem.message) < 600
        assert problem.line >= 1
        assert problem.column >= 1


TEXTS = st.recursive(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(LETTERS, max_size=8), inner, max_size=4)
    ),
)


@given(TEXTS)
def test_what_is_quoted_comes_back_as_it_was(value: Any) -> None:
    text = yaml.safe_dump(value, default_style='"')
    report = Report()
    node = parse_value(text, "x.yaml", report)
    assert not report.problems
    assert node
    assert node.plain() == value


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    report = Report()
    node = parse_value(text, "x.yaml", report)
    assert node is not None or report.problems
    assert node is None or isinstance(node, Node)
    assert all(isinstance(p.line, int) and p.line > 0 for p in report.problems)
    assert Place("x").line == 0

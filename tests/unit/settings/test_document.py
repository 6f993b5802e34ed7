"""YAML is read strictly and within bounds; hostile files are refused in a sentence, quickly."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml

from gateway.settings import document
from gateway.settings.document import parse_document, read_document
from gateway.settings.node import Place
from gateway.settings.report import Report

#: The most processor time that refusing any file may take.
BOUND_S = 2.0

BILLION_LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "billion laughs": (BILLION_LAUGHS, "the file holds more than 200,000 values"),
    "many aliases": ("a: &a x\nb: [" + "*a, " * 1000 + "]\n", "more than 100 aliases"),
    "deep flow lists": ("a: " + "[" * 100_000, "nested more than 32 levels deep"),
    "deep flow mappings": ("a: " + "{a: " * 100_000, "nested more than 32 levels deep"),
    "deep block lists": ("- " * 100_000 + "x", "nested more than 32 levels deep"),
    "deep block mappings": (
        "\n".join(" " * n + "a:" for n in range(500)),
        "nested more than 32 levels deep",
    ),
    "an alias that deepens": (
        f"a: &a {'[' * 20}x{']' * 20}\nb: {'[' * 20}*a{']' * 20}\n",
        "nested more than 32 levels deep",
    ),
    "an alias to itself": ("a: &a [*a]\n", "the alias '*a' names no anchor before it"),
    "10 MB": ("a: b\n" * 2_000_000, "the file is larger than 1 MiB"),
    "a million values": ("a: [" + "1," * 500_000 + "]", "more than 200,000 values"),
    "long keys": ("k" * 1_000_000 + ": x", "this is not valid YAML"),
    "NUL bytes": ("site: {id: a\0b}\n", "a control character is not allowed"),
    "a bell": ("site: {id: a\ab}\n", "a control character is not allowed"),
    "a byte order mark inside": ("site:\n  \ufeffid: x\n", "a control character is not allowed"),
    "UTF-16": ("site: {id: x}\n".encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
    "Latin-1": ("name: K\xf6ln\n".encode("latin-1"), "the byte 0xF6 is not UTF-8"),
    "random bytes": (bytes(range(128, 256)) * 4000, "is not UTF-8"),
    "a tab": ("site:\n\tid: x\n", "a tab in the indentation: indent with spaces"),
    "a tab after spaces": ("site:\n  \tid: x\n", "a tab in the indentation: indent with spaces"),
    "duplicate keys": ("a: 1\nb: 2\na: 3\n", "the key 'a' is here twice (first on line 1)"),
    "deep duplicate keys": (
        "a: [{b: [{c: {d: 1, e: 2, d: 3}}]}]\n",
        "the key 'd' is here twice (first on line 1)",
    ),
    "a list": ("- a\n- b\n", "expected a mapping (lines of 'key: value'), got a list"),
    "a text": ("just words\n", "expected a mapping (lines of 'key: value'), got 'just words'"),
    "a tag": ("a: !!python/object:os.system x\n", "tags such as"),
    "a tag of its own": ("a: !secret x\n", "tags such as '!secret' are not supported"),
    "a tagged mapping": ("a: !!omap {}\n", "tags such as"),
    "a merge key": ("a: &a {x: 1}\nb: {<<: *a}\n", "merge keys ('<<') are not supported"),
    "a list as a key": ("? [a]\n: b\n", "a key must be plain text"),
    "an alias as a key": ("a: &a x\n*a : y\n", "a key must be plain text"),
    "two documents": ("a: 1\n---\nb: 2\n", "a second document ('---')"),
    "an open quote": ("a: 'x\n", "this is not valid YAML"),
    "an open list": ("a: [\n", "this is not valid YAML"),
    "a wrong escape": ('a: "\\q"\n', "this is not valid YAML"),
    "a lone surrogate": ('a: "\\ud800"\n', "this is not valid YAML"),
    "an undefined alias": ("a: *b\n", "the alias '*b' names no anchor before it"),
    "bad indentation": ("a:\n  b: 1\n c: 2\n", "this is not valid YAML"),
}


def read(path: Path, content: str | bytes) -> tuple[object, list[str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    report = Report()
    node = read_document(path, report)
    return node.plain() if node else None, [p.message for p in report.problems]


def parsed(text: str) -> object:
    report = Report()
    node = parse_document(text, "x.yaml", report)
    assert not report.problems
    assert node
    return node.plain()


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence_and_bounded_time(
    tmp_path: Path, what: str
) -> None:
    content, sentence = HOSTILE[what]
    started_s = time.process_time()
    _, told = read(tmp_path / "x.yaml", content)
    assert time.process_time() - started_s < BOUND_S
    assert len(told) == 1
    assert sentence in told[0]
    assert "\n" not in told[0]
    assert len(told[0]) < 300


def test_every_duplicate_key_is_told_and_the_first_is_kept(tmp_path: Path) -> None:
    found, told = read(tmp_path / "x.yaml", "a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert found == {"a": "1", "b": {"c": "1"}}
    assert told == [
        "the key 'a' is here twice (first on line 1)",
        "the key 'c' is here twice (first on line 3)",
    ]


#: What YAML 1.1 takes for numbers, truth values, times and dates.
LOOKALIKES = (
    "0614141 00614141073467 no yes on off true 1:30 12:30:45 2026-11-21 2026-11-21T12:00:00Z 12345 "
    "1e3 0x10 0o17 1.10 1_000 .5 5. -1 +1 .inf .nan 0b1 1e400 = y N"
)


@pytest.mark.parametrize("text", LOOKALIKES.split())
def test_a_plain_scalar_keeps_its_text(text: str) -> None:
    assert parsed(f"a: {text}\nb: [{text}]\n{text}: c\n") == {"a": text, "b": [text], text: "c"}


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_nothing_is_nothing_unless_it_is_quoted(text: str) -> None:
    assert parsed(f"a: {text}\nb: '{text}'\n") == {"a": None, "b": text}


def test_an_empty_or_absent_file_is_an_empty_mapping(tmp_path: Path) -> None:
    for content in ("", "# only a comment\n", "---\n", "\ufeff", "~\n"):
        assert read(tmp_path / "x.yaml", content) == ({}, [])
    report = Report()
    node = read_document(tmp_path / "absent.yaml", report)
    assert node
    assert node.plain() == {}


def test_what_windows_editors_write_is_read_the_same(tmp_path: Path) -> None:
    text = "a: 1\nb:\n  - x\n  - 'y'\n"
    expected = {"a": "1", "b": ["x", "y"]}
    assert read(tmp_path / "crlf.yaml", text.replace("\n", "\r\n")) == (expected, [])
    assert read(tmp_path / "bom.yaml", "\ufeff" + text) == (expected, [])


def test_places_are_lines_and_columns_of_characters() -> None:
    node = parse_document("größe: 1\nß: {é: ü, zweite: drei}\n", "x.yaml", Report())
    assert node
    found = node.at("ß", "zweite")
    assert found.place == Place("x.yaml", 2, 19)
    assert found.key == Place("x.yaml", 2, 11)


def test_a_few_aliases_are_fine() -> None:
    text = "a: &a [[0, 0], [1, 0], [1, 1]]\nb: *a\n"
    area = [["0", "0"], ["1", "0"], ["1", "1"]]
    assert parsed(text) == {"a": area, "b": area}


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("fifo.yaml", "folder.yaml"):
        report = Report()
        assert read_document(tmp_path / name, report) is None
        assert [p.message for p in report.problems] == ["this is not a regular file"]


def test_without_the_parser_in_c_files_are_read_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert parsed("a: {b: [1, 0614141, 'x']}\n") == {"a": {"b": ["1", "0614141", "x"]}}
    for what in ("billion laughs", "deep flow lists", "an alias to itself", "a tag of its own"):
        content, sentence = HOSTILE[what]
        _, told = read(tmp_path / "x.yaml", content)
        assert len(told) == 1
        assert sentence in told[0]

"""The documentation: what it has people type is a command, and its links lead somewhere."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gateway.cli.main import COMMANDS

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"^(?:\$ |    |  - )*(?:[A-Z_]+=\S+ )*(?:\.venv/bin/|/opt/\S+/bin/)?(rfid-gateway|make) +(.*)$"
)
_INLINE = re.compile(r"`(rfid-gateway|make) ([^`]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
#: A way of writing that is no command: what is optional, what is one of several, what is left out.
_SCHEMATIC = re.compile(r"[\[\]|…<]|\bCOMMAND\b")


def said(program: str) -> list[tuple[str, list[str]]]:
    """Every use of a program in the documentation: the page and what follows the program's name."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fenced = "\n".join(_FENCE.findall(text))
        lines = [*fenced.splitlines(), *re.findall(r"^    \S.*$", text, re.MULTILINE)]
        uses = [match.groups() for line in lines if (match := _COMMAND.match(line))]
        uses += _INLINE.findall(_FENCE.sub("", text))
        found += [(page.name, _words(rest)) for name, rest in uses if name == program]
    return [(page, words) for page, words in found if words]


def _words(rest: str) -> list[str]:
    """Words as the shell would give them; none for what is only a way of writing."""
    rest = re.sub(r"\$\([^)]*\)", "X", re.sub(r"\s[|>;]\s.*$", "", re.sub(r"\s#.*$", "", rest)))
    rest = re.sub(r"\[(--[^]]*|[A-Z]+)\]", r"\1", rest)  # what may be given, is
    return [] if _SCHEMATIC.search(rest) else shlex.split(rest)


@pytest.mark.parametrize(("page", "words"), said("rfid-gateway"), ids=str)
def test_a_command_of_the_documentation_is_one(page: str, words: list[str]) -> None:
    name, *arguments = words
    if name.startswith("--"):
        return
    assert name in COMMANDS, page
    command: Any = typer.main.get_command(importlib.import_module(COMMANDS[name][0]).app)
    if arguments and hasattr(command, "commands"):  # a group of commands
        assert arguments[0] in command.commands, page
        command = command.commands[arguments.pop(0)]
    options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    given = {word.split("=")[0] for word in arguments if word.startswith("--")}
    assert given <= options | {"--help"}, f"{page}: {given - options}"


def test_make_has_the_targets_that_the_documentation_names() -> None:
    targets = {*_TARGET.findall((ROOT / "Makefile").read_text()), "test"}
    for page, words in said("make"):
        named = [word for word in words if re.fullmatch("[a-z]+", word)]
        assert set(named) <= targets, f"{page}: make {' '.join(words)}"


def test_the_layers_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [re.findall("[a-z]+", layer) for layer in settings["contracts"][0]["layers"]]
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Layers")[2]
    lines = [re.split(r"\s{4,}", line.strip()) for line in page.splitlines() if line[:4] == "    "]
    drawn = [line for line in lines if re.fullmatch("[a-z]+", line[0])]
    assert [line[: len(layer)] for line, layer in zip(drawn, layers, strict=True)] == layers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in _LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []

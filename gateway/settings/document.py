"""One YAML file as a `Node` tree, read strictly and within bounds.

The events of the parser are walked without recursion, so that no input can exhaust the stack, and
every value keeps its text: `0614141`, `no`, `1:30`, `1.10` and `2026-11-21` are what they look
like. Refused, each with one sentence: files over 1 MiB, text that is not UTF-8, tabs in the
indentation, duplicate keys, tags, merge keys, more than a few aliases, deep nesting.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ALIASES = 100
#: Values in one file, those that aliases repeat counted each time.
MAX_VALUES = 200_000

#: The parser in C where PyYAML has it: it is ten times as fast and reads the same.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null"})
_INDENT_TAB = re.compile(r"^ *\t", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def read_document(path: Path, report: Report) -> Node | None:
    """The file as a tree; None, and a problem in the report, when it cannot be read as one.

    An empty or absent file is an empty mapping. Duplicate keys are reported and the first is kept.
    """
    text = _text(path, report)
    if text is None:
        return None
    return parse_document(text, str(path), report)


def parse_document(text: str, source: str, report: Report) -> Node | None:
    """As `read_document`, for text that is already at hand; `source` names it in problems."""
    root = parse_value(text, source, report)
    if root is None or isinstance(root.value, dict):
        return root
    if root.value is None:
        return Node({}, Place(source, 1, 1))
    what = "a list" if isinstance(root.value, list) else quoted(root.value)
    report.problem(root.place, f"expected a mapping (lines of 'key: value'), got {what}")
    return None


def parse_value(text: str, source: str, report: Report) -> Node | None:
    """Any YAML value as a tree; None, and a problem in the report, when it cannot be read."""
    for found, message in (
        (_CONTROL.search(text), "a control character is not allowed in a YAML file"),
        (_INDENT_TAB.search(text), "a tab in the indentation: indent with spaces"),
    ):
        if found:
            report.problem(_place_of(source, text, found.end() - 1), message)
            return None
    builder = _Builder(source, report)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        report.problem(_marked(source, error), f"this is not valid YAML: {_reason(error)}")
    except yaml.YAMLError as error:
        report.problem(Place(source, 1, 1), f"this is not valid YAML: {error}")
    except _RefusedError as refused:
        report.problem(refused.place, str(refused))
    else:
        return builder.root or Node(None, Place(source, 1, 1))
    return None


def _text(path: Path, report: Report) -> str | None:
    here = Place(str(path), 1, 1)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            report.problem(Place(str(path)), "this is not a regular file")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        report.problem(Place(str(path)), f"cannot be read: {error.strerror}")
        return None
    if len(raw) > MAX_BYTES:
        report.problem(
            here, "the file is larger than 1 MiB: split it, or remove what does not belong"
        )
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        report.problem(here, "the file is UTF-16: save it as UTF-8")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        report.problem(
            _place_of(str(path), before, len(before)),
            f"the byte 0x{raw[error.start]:02X} is not UTF-8: save the file as UTF-8",
        )
        return None


class _RefusedError(Exception):
    """The file goes beyond what is read; told at a place."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: Node
    anchor: str | None
    key: tuple[str, Place] | None = None  # of a mapping: the key that waits for its value
    values: int = 1
    height: int = 1


@dataclass(slots=True)
class _Anchored:
    node: Node
    values: int
    height: int


@dataclass(slots=True)
class _Builder:
    """Turns parser events into nodes, keeping count of what they cost."""

    source: str
    report: Report
    root: Node | None = None
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    aliases: int = 0
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event of the parser."""
        mark = event.start_mark
        place = _placed(self.source, mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _RefusedError(place, "a second document ('---'): one file holds one document")
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event.tag, place)
            nothing = event.implicit[0] and event.value in _NOTHING
            self._scalar(Node(None if nothing else event.value, place), event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._refuse_tag(event.tag, place)
            self._refuse_container_as_key(place)
            empty = Node({} if isinstance(event, yaml.MappingStartEvent) else [], place)
            self.stack.append(_Open(empty, event.anchor))
            if len(self.stack) > MAX_DEPTH:
                raise _RefusedError(place, f"nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            ended = self.stack.pop()
            self._put(ended.node, ended.values, ended.height, ended.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, place)

    def _scalar(self, node: Node, event: yaml.ScalarEvent) -> None:
        top = self.stack[-1] if self.stack else None
        if top is None or isinstance(top.node.value, list) or top.key is not None:
            self._put(node, 1, 0, event.anchor)
            return
        if event.value == "<<" and event.implicit[0]:
            raise _RefusedError(
                node.place, "merge keys ('<<') are not supported: write the keys out"
            )
        top.key = (event.value, node.place)

    def _alias(self, anchor: str | None, place: Place) -> None:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _RefusedError(
                place, f"more than {MAX_ALIASES} aliases ('*name'): write values out"
            )
        target = self.anchors.get(anchor or "")
        if target is None:
            raise _RefusedError(
                place, f"the alias {quoted(f'*{anchor}')} names no anchor before it"
            )
        self._refuse_container_as_key(place)
        if len(self.stack) + target.height > MAX_DEPTH:
            raise _RefusedError(place, f"nested more than {MAX_DEPTH} levels deep")
        copy = Node(target.node.value, place)
        self._put(copy, target.values, target.height, None)

    def _put(self, node: Node, values: int, height: int, anchor: str | None) -> None:
        """Hang a finished node into what is open, or make it the root."""
        if anchor is not None:
            self.anchors[anchor] = _Anchored(node, values, height)
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.values += values
        top.height = max(top.height, height + 1)
        if top.values > MAX_VALUES:
            raise _RefusedError(node.place, f"the file holds more than {MAX_VALUES:,} values")
        if isinstance(top.node.value, list):
            top.node.value.append(node)
        elif isinstance(top.node.value, dict) and top.key is not None:
            (key, node.key), top.key = top.key, None
            first = top.node.value.setdefault(key, node)
            if first is not node:
                line = first.key.line if first.key else first.place.line
                self.report.problem(
                    node.key, f"the key {quoted(key)} is here twice (first on line {line})"
                )

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            raise _RefusedError(
                place,
                f"tags such as {quoted(tag)} are not supported: put what begins with '!' in quotes",
            )

    def _refuse_container_as_key(self, place: Place) -> None:
        top = self.stack[-1] if self.stack else None
        if top and isinstance(top.node.value, dict) and top.key is None:
            raise _RefusedError(place, "a key must be plain text")


def _placed(source: str, mark: Any) -> Place:
    return Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)


def _place_of(source: str, text: str, offset: int) -> Place:
    line_start = text.rfind("\n", 0, offset) + 1
    return Place(source, text.count("\n", 0, offset) + 1, offset - line_start + 1)


def _marked(source: str, error: yaml.MarkedYAMLError) -> Place:
    return _placed(source, error.problem_mark or error.context_mark)


def _reason(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(part for part in (error.problem, error.context) if part)
    quotes = "mapping values are not allowed" in said
    return f"{said}: a text that holds ': ' needs quotes" if quotes else said

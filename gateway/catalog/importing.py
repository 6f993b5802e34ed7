"""Items from CSV or JSON, as a WMS exports them; every row that is wrong is told, none guessed.

    key,sku,name,category,home_zones,allowed_zones,minimum
    80614141123458,4711,Olive oil 1 l,food,bin-a-01 bin-a-02,,12

JSON is a list of objects with the same names, or one object per line; zones may be lists there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import orjson

from gateway.catalog.keys import canonical_key
from gateway.model.catalog import Item

#: Characters of one text; a name on a label is far shorter.
MAX_TEXT = 500
MAX_ZONES = 100
#: Wrong rows that are told one by one.
MAX_PROBLEMS = 100
COLUMNS = ("key", "sku", "name", "category", "home_zones", "allowed_zones", "minimum")
_ALSO = {"home": "home_zones", "allowed": "allowed_zones", "epc": "key", "gtin": "key"}


@dataclass(slots=True)
class Imported:
    """What a file held: items in order, and a sentence for each row that is wrong."""

    items: list[Item] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    wrong: int = 0

    def refuse(self, where: str, why: str) -> None:
        """One row is wrong."""
        self.wrong += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{where}: {why}")


def read_items(content: bytes, zones: Collection[str], name: str = "items") -> Imported:
    """Items from a file's content, JSON or CSV by its first character; checked against the site."""
    imported = Imported()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        imported.refuse(name, f"octet {error.start} is not UTF-8: save the file as UTF-8")
        return imported
    rows = _json_rows if text.lstrip()[:1] in ("[", "{") else _csv_rows
    for line, row in rows(text, name, imported):
        try:
            imported.items.append(_item(row, zones))
        except ValueError as error:
            imported.refuse(f"{name}:{line}", str(error))
    return imported


def _csv_rows(text: str, name: str, imported: Imported) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = io.StringIO(text, newline="")
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=head.count), strict=True)
    try:
        if unknown := _unknown(reader.fieldnames or ()):
            imported.refuse(f"{name}:1", unknown)
            return
        for row in reader:
            if None in row:
                imported.refuse(f"{name}:{reader.line_num}", "it has more values than columns")
            else:
                yield reader.line_num, row
    except csv.Error as error:
        imported.refuse(f"{name}:{reader.line_num}", f"this is not CSV: {error}")


def _json_rows(text: str, name: str, imported: Imported) -> Iterator[tuple[int, dict[str, Any]]]:
    whole = text.lstrip().startswith("[")
    try:
        entries = orjson.loads(text) if whole else None
    except orjson.JSONDecodeError as error:
        imported.refuse(f"{name}:{error.lineno}:{error.colno}", f"this is not JSON: {error.msg}")
        return
    if entries is None:
        entries = [line for line in text.splitlines() if line.strip()]
    for number, entry in enumerate(entries, 1):
        try:
            row = entry if whole else orjson.loads(entry)
        except orjson.JSONDecodeError as error:
            imported.refuse(f"{name}:{number}", f"this is not JSON: {error.msg}")
            continue
        if not isinstance(row, dict):
            imported.refuse(f"{name}:{number}", 'an item is an object such as {"key": …}')
        elif unknown := _unknown(row):
            imported.refuse(f"{name}:{number}", unknown)
        else:
            yield number, row


def _unknown(names: Collection[str]) -> str:
    """A sentence about the first column that nobody knows; empty if all are known."""
    for name in names:
        if _column(name) not in COLUMNS:
            close = get_close_matches(name.lower(), COLUMNS, 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            return f"'{name[:80]}' is no column of items ({', '.join(COLUMNS)}){hint}"
    if "key" not in map(_column, names):
        return f"the column 'key' is missing (there are {', '.join(COLUMNS)})"
    return ""


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    return _ALSO.get(plain, plain)


def _item(row: dict[str, Any], zones: Collection[str]) -> Item:
    values = {_column(name): value for name, value in row.items()}
    kind, key = canonical_key(_text(values, "key") or "")
    minimum = values.get("minimum")
    if minimum in ("", None):
        count = None
    elif isinstance(minimum, bool) or not str(minimum).strip().isdecimal():
        raise ValueError(f"minimum is '{minimum}': it must be a whole number such as 12")
    else:
        count = int(minimum)
    return Item(
        kind=kind,
        key=key,
        sku=_text(values, "sku"),
        name=_text(values, "name"),
        category=_text(values, "category"),
        home_zones=_zones(values, "home_zones", zones),
        allowed_zones=_zones(values, "allowed_zones", zones),
        minimum=count,
    )


def _text(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list, bool)) or len(str(value)) > MAX_TEXT:
        raise ValueError(f"{name} must be a text of at most {MAX_TEXT} characters")
    return str(value).strip() or None


def _zones(values: dict[str, Any], name: str, known: Collection[str]) -> tuple[str, ...]:
    value = values.get(name) or ()
    found = value.replace(";", " ").replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or len(found) > MAX_ZONES:
        raise ValueError(f"{name} is a list of at most {MAX_ZONES} zones")
    for zone in found:
        if zone not in known:
            close = get_close_matches(str(zone), known, 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise ValueError(f"{name}: the site has no zone '{str(zone)[:80]}'{hint}")
    return tuple(dict.fromkeys(found))

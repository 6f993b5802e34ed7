"""The JSON Schema of a file, for editors: each key with the words that stand under it here.

The words are read from the source when a schema is asked for. pydantic would do the same while the
models are made, at every start of the gateway.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from gateway.settings.section import Section


def json_schema(model: type[Section]) -> dict[str, Any]:
    """The schema of the file whose model this is."""
    schema = model.model_json_schema()
    parts = schema.get("$defs", {}) | {model.__name__: schema}
    for section in _sections(Section):
        words = _words(section)
        keys = parts.get(section.__name__, {}).get("properties", {})
        for name in keys.keys() & words.keys():
            keys[name] = {"description": words[name]} | keys[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for special in section.__subclasses__():
        yield from _sections(special)


def _words(section: type[Section]) -> dict[str, str]:
    """By key: the text under each field of a section, and of those that it is made from."""
    words: dict[str, str] = {}
    for origin in reversed(section.__mro__):
        if issubclass(origin, Section):
            words |= _words_under_fields(origin)
    return {field.alias or name: words[name] for name, field in section.model_fields.items()
            if name in words}  # fmt: skip


def _words_under_fields(section: type[Section]) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(definition, ast.ClassDef)
    words = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(said))
            ):
                words[name] = inspect.cleandoc(said)
    return words

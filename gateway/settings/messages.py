"""Sentences for what a model found wrong: where, what, what was expected, what to do."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.settings.names import SINKS
from gateway.settings.report import nearest, quoted, suggestion
from gateway.settings.section import Section

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "model_type": "a mapping (lines of 'key: value')",
    "model_attributes_type": "a mapping (lines of 'key: value')",
    "union_tag_not_found": "a mapping (lines of 'key: value')",
    "dict_type": "a mapping (lines of 'key: value')",
    "list_type": "a list",
    "tuple_type": "a list",
    "none_required": "nothing",
}


def sentence(error: ErrorDetails, where: str, model: type[Section]) -> str:
    """One sentence for one of pydantic's errors.

    `where` labels the value, or the mapping of a missing or unknown key; empty for the whole file.
    """
    inside = f" in {where}" if where else ""
    if error["type"] == "extra_forbidden":
        key = str(error["loc"][-1])
        known = _known_keys(error, model)
        hint = suggestion(key, known)
        if not hint:
            hint = f"; known keys are {', '.join(known)}" if known else "; it has no keys"
        return f"unknown key {quoted(key)}{inside}{hint}"
    if error["type"] == "missing":
        return f"{quoted(str(error['loc'][-1]))} is required{inside}"
    return f"{where}: {_misfit(error)}" if where else _misfit(error)


def meant(error: ErrorDetails, model: type[Section]) -> str | None:
    """The known key that an unknown one is probably meant to be."""
    return nearest(str(error["loc"][-1]), _known_keys(error, model))


def label(loc: Sequence[str | int]) -> str:
    """`zones[2].kind` for ('zones', 2, 'kind')."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in loc).removeprefix(".")


def _misfit(error: ErrorDetails) -> str:
    kind, context, got = error["type"], error.get("ctx", {}), _described(error["input"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "union_tag_not_found" and isinstance(error["input"], dict):
        return "'kind' is required: what the sink is"
    if kind in _EXPECTED:
        many = _EXPECTED[kind] == "a list" and got == "a mapping" and error["input"]
        hint = "; begin each of them with '- '" if many else ""
        return f"expected {_EXPECTED[kind]}, got {got}{hint}"
    if kind in ("enum", "literal_error"):
        words = [w.strip("' ") for w in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"expected one of {', '.join(words)}, got {got}" + _near(error["input"], words)
    if kind == "union_tag_invalid":
        return SINKS.misfit(str(context["tag"]).removeprefix("?")) or error["msg"]
    limits = {
        "greater_than": ("more than", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"),
        "less_than_equal": ("at most", "le"),
    }
    if kind in limits:
        word, limit = limits[kind]
        return f"expected a number of {word} {context[limit]:g}, got {got}"
    if kind in ("too_short", "string_too_short"):
        least = context["min_length"]
        unit = "item" if kind == "too_short" else "character"
        return f"expected at least {least} {unit}{'' if least == 1 else 's'}, got {got}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, got {got}"


def _known_keys(error: ErrorDetails, model: type[Section]) -> list[str]:
    owner = model_at(model, error["loc"][:-1])
    return [f.alias or name for name, f in owner.model_fields.items()] if owner else []


def _near(given: Any, words: list[str]) -> str:
    return suggestion(given, words) if isinstance(given, str) else ""


def _described(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, list | tuple):
        return f"a list of {len(given)}" if given else "an empty list"
    return quoted(str(given))


def model_at(model: type[Section], loc: Sequence[str | int]) -> type[Section] | None:
    """The model of the mapping at `loc`; None where no model stands."""
    found: list[type[Section]] = [model]
    free = False  # whether the next step is a key that the person chose
    for step in loc:
        if isinstance(step, int) or free:
            free = False
            continue
        for candidate in found:
            if field := _field(candidate, step):
                found = models_in(field.annotation)
                free = bool(found) and _is_free(field.annotation)
                break
        else:
            # A union's member is named in the location by its tag, such as 'file' of a sink.
            found = [m for m in found if "kind" in m.model_fields and step in _kinds(m)]
    return found[0] if len(found) == 1 else None


def _field(model: type[Section], name: str) -> FieldInfo | None:
    """The field that files write as `name`."""
    fields = model.model_fields
    found = fields.get(name)
    if found is None or found.alias not in (None, name):
        return next((f for f in fields.values() if f.alias == name), None)
    return found


def _kinds(model: type[Section]) -> tuple[Any, ...]:
    return get_args(model.model_fields["kind"].annotation)


def models_in(annotation: Any) -> list[type[Section]]:
    """The models that an annotation such as `list[X] | None` can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if get_origin(annotation) in (list, tuple, dict, Union, types.UnionType, Annotated):
        return [m for a in get_args(annotation) for m in models_in(a)]
    return []


def _is_free(annotation: Any) -> bool:
    """Whether it is a mapping whose keys a person chooses."""
    return get_origin(annotation) is dict or (
        get_origin(annotation) in (Union, types.UnionType, Annotated)
        and any(_is_free(a) for a in get_args(annotation))
    )

"""Sentences for what a model found wrong: where, what, what was expected, what to do."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from gateway.settings.report import quoted, suggestion
from gateway.settings.schema import PLANNED_SINK_KINDS
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
    "dict_type": "a mapping (lines of 'key: value')",
    "list_type": "a list",
    "tuple_type": "a list",
    "none_required": "nothing",
}


def sentence(error: ErrorDetails, label: str, model: type[Section]) -> str:
    """One sentence for one of pydantic's errors; `label` is where it is, `` for the whole file."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(error, model)
    if kind == "missing":
        holder = label.rpartition(".")[0]
        return f"{quoted(str(error['loc'][-1]))} is required{f' in {holder}' if holder else ''}"
    prefix = f"{label}: " if label else ""
    return prefix + _misfit(error)


def label(loc: Sequence[str | int]) -> str:
    """`zones[2].kind` for ('zones', 2, 'kind')."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in loc).removeprefix(".")


def _misfit(error: ErrorDetails) -> str:
    kind, context, got = error["type"], error.get("ctx", {}), _described(error["input"])
    if kind == "value_error":
        return str(context["error"])
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got}"
    if kind in ("enum", "literal_error"):
        words = [w.strip("' ") for w in str(context["expected"]).replace(" or ", ", ").split(",")]
        return f"expected one of {', '.join(words)}, got {got}" + _near(error["input"], words)
    if kind == "union_tag_invalid":
        words = sorted(w.strip("' ") for w in str(context["expected_tags"]).split(","))
        return _unknown_kind(str(context["tag"]), words)
    if kind == "union_tag_not_found":
        return "'kind' is required"
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
        unit = "items" if kind == "too_short" else "character"
        return f"expected at least {context['min_length']} {unit}, got {got}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, got {got}"


def _unknown_kind(tag: str, available: list[str]) -> str:
    if tag in PLANNED_SINK_KINDS:
        listed = ", ".join(available)
        return f"sink kind {quoted(tag)} is not available in this version (available: {listed})"
    return f"expected a sink kind, one of {', '.join(available)}, got {quoted(tag)}" + _near(
        tag, available
    )


def _unknown_key(error: ErrorDetails, model: type[Section]) -> str:
    *holder, key = error["loc"]
    place = f" in {label(holder)}" if holder else ""
    owner = model_at(model, holder)
    known = list(owner.model_fields) if owner else []
    hint = suggestion(str(key), known)
    if not hint and known:
        hint = f"; known keys are {', '.join(known)}"
    return f"unknown key {quoted(str(key))}{place}{hint}"


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
    for step in loc:
        if isinstance(step, int):
            continue
        for candidate in found:
            if step in candidate.model_fields:
                found = _models_in(candidate.model_fields[step].annotation)
                break
        else:
            # A union's member is named in the location by its tag, such as 'file' of a sink.
            found = [m for m in found if step in get_args(m.model_fields["kind"].annotation)]
    return found[0] if len(found) == 1 else None


def _models_in(annotation: Any) -> list[type[Section]]:
    """The models that an annotation such as `list[X] | None` can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    if get_origin(annotation) in (list, tuple, Union, types.UnionType, Annotated):
        return [m for a in get_args(annotation) for m in _models_in(a)]
    return []

"""Expressions: the only module that knows the engine of the Common Expression Language.

Every variable is declared as dynamic and every number is given as a float, so that numbers compare
as people expect: `temperature > 5`. What evaluation can cost is bounded before it runs: by what a
text may hold (`expression_cost`), its nesting, and the length of every list and text that it is
given. Errors are values: an expression that cannot be evaluated does not hold, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.rules.expression_cost import refusal, without_texts

try:
    from cel_expr_python import cel
except ImportError:  # no wheel for this platform: rules without `when` work all the same
    cel = None

MAX_LIST = 100
MAX_TEXT = 200
_WORD = re.compile(r"\w+")
_AT = re.compile(r"<input>:(\d+):(\d+): (.*)")

_OVERLOAD = re.compile(
    r"o matching overloads? (?:found ?: |for ')([^'(]+?)'?(?: applied to ')?\(([^)]*)\)"
)
_KINDS = {
    "double": "number",
    "int64": "number without a point",
    "int": "number without a point",
} | {"string": "text", "list": "list", "bool": "true or false", "dyn": "any", "map": "fields"}
#: What people write who know other languages, and what to write here.
_ADVICE = (
    (re.compile(r"(?<![=!<>])=(?!=)"), "to compare, write =="),
    (re.compile(r"\b(?:and|or|not|AND|OR|NOT)\b"), "write && for and, || for or, ! for not"),
    (re.compile(r"\d(?:ms|s|m|min|h|d)\b"), "times are numbers of seconds: 14400.0 for 4h"),
    (re.compile(r"\blike\b", re.IGNORECASE), "write startsWith, endsWith, contains or matches"),
)

MISSING = (
    "'when' needs the package cel-expr-python, which is not installed: "
    "pip install 'rfid-gateway[rules]' (Linux with glibc, x86-64 or aarch64)"
)


class ExpressionError(ValueError):
    """A text that is no expression that we accept; line and column are those within the text."""

    def __init__(self, message: str, line: int = 1, column: int = 1, word: str = "") -> None:
        super().__init__(message)
        self.line, self.column, self.word = line, column, word


@dataclass(frozen=True, slots=True)
class Result:
    """What an evaluation said; `error` is told where it could not be evaluated.

    `unknown`: only because it compares something that is not known yet, which is no mistake.
    """

    holds: bool
    error: str | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression over named fields; compiled again where it is copied to."""

    text: str
    names: tuple[str, ...]  # the fields that it may look at, with dots: `item.sku`
    _compiled: Any = field(repr=False, compare=False)
    _env: Any = field(repr=False, compare=False)

    def holds(self, values: Mapping[str, Any]) -> Result:
        """Evaluate with the value of each field, None where unknown; never raises."""
        try:
            activation = self._env.Activation(nested(values))
            value = self._compiled.eval(activation)
        except (TypeError, ValueError, RuntimeError) as error:
            return Result(False, _short(error))
        if value.type() == cel.Type.BOOL:
            return Result(value.value() is True)
        if value.type() in (cel.Type.ERROR, cel.Type.UNKNOWN):
            text = _short(value.value())
            return Result(False, _readable(text), "null_type" in text)
        if value.type() == cel.Type.NULL:
            return Result(False, "the result is not known", True)
        return Result(False, f"the result is {value.type().name()}, not true or false")


def available() -> bool:
    """Whether expressions can be compiled here at all."""
    return cel is not None


def compile_expression(text: str, names: tuple[str, ...]) -> Expression:
    """The expression over fields of these names; `ExpressionError` says what is wrong with it."""
    if cel is None:
        raise ExpressionError(MISSING)
    if too_much := refusal(text):
        raise ExpressionError(too_much)
    variables = dict.fromkeys(nested(dict.fromkeys(names)), cel.Type.DYN)
    env = cel.NewEnv(variables=variables)
    try:
        compiled = env.compile(text)
    except Exception as error:  # noqa: BLE001 - the engine raises whatever it likes
        raise _located(str(error), text) from None
    kind = compiled.return_type()
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise ExpressionError(f"the result is {kind.name()}, expected true or false")
    words = set(_WORD.findall(text))
    used = tuple(n for n in names if words & {n.partition(".")[0], n.replace(".", "_")})
    return Expression(text, used, compiled, env)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as variables, cut to what an expression may be given.

    `item.sku` is in the map `item`; beside `zone`, which is a text, `zone.name` is `zone_name`.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        top, dot, part = name.partition(".")
        if not dot:
            result[top] = _bounded(value)
        elif top in values:
            result[f"{top}_{part}"] = _bounded(value)
        else:
            result.setdefault(top, {})[part] = _bounded(value)
    return result


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, list | tuple):
        return [_bounded(v) for v in value[:MAX_LIST]]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _advice(text: str) -> str:
    """What may be meant, where somebody writes another language."""
    bare = without_texts(text)
    return next((f"; {said}" for wrong, said in _ADVICE if wrong.search(bare)), "")


def _readable(message: str) -> str:
    """`> does not go with (number, text)` for the engine's words about overloads."""
    found = _OVERLOAD.search(message)
    if found is None:
        return message.removeprefix("INVALID_ARGUMENT: ").removeprefix("UNKNOWN: ")
    kinds = ", ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in found[2].split(","))
    return f"{found[1].strip('_@')} does not go with ({kinds})"


def _located(text: str, written: str) -> ExpressionError:
    found = _AT.search(text)
    if found is None:
        return ExpressionError(_short(text))
    message = _readable(_short(found[3].split(" (in container")[0]))
    if message.startswith("Syntax error"):
        message += _advice(written)
    word = re.search(r"undeclared reference to '([^']*)'", message)
    if word:
        message = f"there is no field '{word[1]}'"
    return ExpressionError(message, int(found[1]), int(found[2]), word[1] if word else "")


def _short(error: object) -> str:
    line = " ".join(str(error).split())[:200]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)

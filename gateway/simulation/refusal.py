"""Refusals: how a reader says what it does not accept, in LLRPStatus."""

from __future__ import annotations

from enum import IntEnum

from gateway.llrp.codec import Parameter


class Code(IntEnum):
    """Status codes of the standard, as far as the emulator uses them."""

    SUCCESS = 0
    M_PARAMETER_ERROR = 100
    M_FIELD_ERROR = 101
    M_UNSUPPORTED_MESSAGE = 109
    M_UNSUPPORTED_VERSION = 110
    P_PARAMETER_ERROR = 200
    P_FIELD_ERROR = 201
    P_MISSING_PARAMETER = 203
    P_OVERFLOW_PARAMETER = 205
    P_UNSUPPORTED_PARAMETER = 209
    A_INVALID = 300
    A_OUT_OF_RANGE = 301


class Refused(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A request is refused; `status` is the LLRPStatus that says why."""

    def __init__(self, status: Parameter) -> None:
        super().__init__(status.field("ErrorDescription"))
        self.status = status


def status(code: Code = Code.SUCCESS, text: str = "", detail: Parameter | None = None) -> Parameter:
    """An LLRPStatus."""
    fields = {"StatusCode": int(code), "ErrorDescription": text}
    return Parameter("LLRPStatus", fields, [] if detail is None else [detail])


def refused_field(text: str, *, number: int, code: Code = Code.A_INVALID) -> Refused:
    """A field of the message itself is wrong; `number` counts the fields from 0."""
    return Refused(status(Code.M_FIELD_ERROR, text, _field_error(number, code)))


def refused_parameter(
    text: str, *, path: tuple[int, ...], field: int | None = None, code: Code = Code.P_FIELD_ERROR
) -> Refused:
    """A parameter is wrong: `path` leads to it by parameter numbers, `field` counts from 0.

    `code` says what is wrong with the innermost parameter, or with its field where one is given.
    """
    detail: Parameter | None = None if field is None else _field_error(field, code)
    for depth, number in enumerate(reversed(path)):
        innermost = Code.P_FIELD_ERROR if field is not None else code
        own = innermost if depth == 0 else Code.P_PARAMETER_ERROR
        children = [] if detail is None else [detail]
        fields = {"ParameterType": number, "ErrorCode": int(own)}
        detail = Parameter("ParameterError", fields, children)
    return Refused(status(Code.M_PARAMETER_ERROR, text, detail))


def _field_error(number: int, code: Code) -> Parameter:
    return Parameter("FieldError", {"FieldNum": number, "ErrorCode": int(code)})

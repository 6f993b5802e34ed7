"""What a reader answers when it does not do what it was asked: an LLRPStatus in words.

The indexes of FieldError and ParameterError become a path, such as
`ROSpec/AISpec/InventoryParameterSpec/AntennaConfiguration/RFTransmitter field 2 (TransmitPower)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.llrp import registry
from gateway.llrp.capabilities import plain_text
from gateway.llrp.codec import Message, Parameter
from gateway.llrp.enumerations import ENUMERATIONS
from gateway.llrp.fields import RESERVED
from gateway.llrp.tables import Row

UNSUPPORTED_MESSAGE = 109
UNSUPPORTED_VERSION = 110

_STATUS_NAMES = ENUMERATIONS["StatusCode"]
#: Codes that blame the words of the request, not the state of the reader.
_BLAMES_REQUEST = frozenset(range(100, 109)) | frozenset(range(200, 210)) | {111, 300, 301}
#: Deeper nesting of ParameterError than any message has is cut here.
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request failed. `code` is the reader's status; None: no reply, or no readable one."""

    request: str
    reason: str
    code: int | None = None

    @property
    def blames_request(self) -> bool:
        """Whether a request with other, or fewer, parameters may succeed."""
        return self.code in _BLAMES_REQUEST

    @property
    def unanswered(self) -> bool:
        """Whether the reader said nothing that we could read."""
        return self.code is None

    def __str__(self) -> str:
        return self.reason


def refusal_in(reply: Message, request: Message) -> Refusal | None:
    """The refusal that a reply to `request` holds; None when it says success.

    An ERROR_MESSAGE refuses whatever its status says. A reply without any status is taken for
    success: some readers leave it out.
    """
    status = reply.first("LLRPStatus") or Parameter("LLRPStatus")
    code = int(status.field("StatusCode") or 0)
    if code == 0 and reply.name != "ERROR_MESSAGE":
        return None
    name = _STATUS_NAMES.get(code, "no status of the standard")
    reason = f"{request.name} was refused with status {code} ({name})"
    if path := _blamed(status, request.name):
        reason += f" at {path}"
    if words := plain_text(status.field("ErrorDescription")):
        reason += f": {words}"
    return Refusal(request=request.name, reason=reason, code=code)


def _blamed(status: Parameter, request: str) -> str:
    """The path of the parameter and field that a status blames; empty when it blames none."""
    steps: list[str] = []
    row = registry.message_row(request)
    at: Parameter | None = status
    for _ in range(_MAX_DEPTH):
        if at is None:
            break
        if field := at.first("FieldError"):
            steps.append(_field_step(row, int(field.field("FieldNum") or 0), not steps))
            break
        at = at.first("ParameterError")
        if at is not None:
            number = int(at.field("ParameterType") or 0)
            row = registry.TLV_BY_NUMBER.get(number) or registry.TV_BY_NUMBER.get(number)
            steps.append(row.name if row else f"parameter {number}")
    return "/".join(steps).replace("/ field", " field")


def _field_step(row: Row | None, number: int, is_first: bool) -> str:
    """`field 2 (TransmitPower)`; the standard leaves open where counting starts, we read 0."""
    names = [f.name for f in row.layout.fields if f.name != RESERVED] if row else []
    name = f" ({names[number]})" if number < len(names) else ""
    return f"{'' if is_first else ' '}field {number}{name}"

"""The dialogue: how an emulated reader answers each request of a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.llrp.codec import Message, Parameter, decode
from gateway.llrp.errors import LlrpError
from gateway.simulation.connection import Connection
from gateway.simulation.personality import Personality, capabilities
from gateway.simulation.reader_settings import ReaderSettings
from gateway.simulation.refusal import Code, Refused, refused_field, refused_parameter, status
from gateway.simulation.report_flow import ReportFlow
from gateway.simulation.rospecs import RoSpecs

_ACCESS_SPEC = 207
_MAX_ACCESS_SPECS = 1508
_GIVEN_IN_ANY_VERSION = {"GET_SUPPORTED_VERSION", "SET_PROTOCOL_VERSION", "KEEPALIVE_ACK"}


class Subject(Protocol):
    """The reader that a dialogue is about."""

    personality: Personality
    settings: ReaderSettings
    ro_specs: RoSpecs
    access_specs: dict[int, Parameter]
    flow: ReportFlow

    def settings_changed(self) -> None:
        """SET_READER_CONFIG has been carried out."""

    def form_changed(self) -> None:
        """Version or extensions have changed: reports look different from now on."""

    def released(self) -> None:
        """The client wants events and reports now."""


class Dialogue:
    """Answers one client. Every request gets exactly one answer, in order."""

    def __init__(self, subject: Subject, connection: Connection) -> None:
        self._subject, self._connection = subject, connection
        self._answers: dict[str, Callable[[Message], list[Parameter] | None]] = {
            "GET_READER_CAPABILITIES": self._capabilities,
            "GET_READER_CONFIG": subject.settings.described,
            "SET_READER_CONFIG": self._set_config,
            "ADD_ROSPEC": self._add_ro_spec,
            "DELETE_ROSPEC": lambda m: subject.ro_specs.delete(m.field("ROSpecID")),
            "ENABLE_ROSPEC": lambda m: subject.ro_specs.enable(m.field("ROSpecID")),
            "DISABLE_ROSPEC": lambda m: subject.ro_specs.disable(m.field("ROSpecID")),
            "START_ROSPEC": lambda m: subject.ro_specs.start(m.field("ROSpecID")),
            "STOP_ROSPEC": lambda m: subject.ro_specs.stop(m.field("ROSpecID")),
            "GET_ROSPECS": lambda _: subject.ro_specs.described(),
            "ADD_ACCESSSPEC": self._add_access_spec,
            "DELETE_ACCESSSPEC": self._delete_access_spec,
            "ENABLE_ACCESSSPEC": lambda m: self._set_access_spec(m, enabled=1),
            "DISABLE_ACCESSSPEC": lambda m: self._set_access_spec(m, enabled=0),
            "GET_ACCESSSPECS": lambda _: list(subject.access_specs.values()),
            "CLOSE_CONNECTION": lambda _: None,
        }
        if subject.personality.is_impinj:
            self._answers["IMPINJ_ENABLE_EXTENSIONS"] = self._enable_extensions

    def handle(self, frame: bytes) -> None:
        """Answer one message."""
        version = frame[0] >> 2 & 7
        number = int.from_bytes(frame[6:10], "big")
        try:
            message = decode(frame)
        except LlrpError as error:
            self._error(Code.M_PARAMETER_ERROR, str(error), version, number)
            return
        if not self._speaks(message):
            self._error(Code.M_UNSUPPORTED_VERSION, "", version, number)
        elif message.name in self._answers:
            self._answer(message)
        elif not self._without_answer(message):
            text = f"{message.name} is not supported"
            self._error(Code.M_UNSUPPORTED_MESSAGE, text, version, number)

    def _speaks(self, message: Message) -> bool:
        if message.name in _GIVEN_IN_ANY_VERSION:
            return message.version <= self._subject.personality.max_version
        return message.version == self._connection.version or message.name == "ERROR_MESSAGE"

    def _answer(self, message: Message) -> None:
        outcome = status()
        children: list[Parameter] = []
        try:
            children = self._answers[message.name](message) or []
        except Refused as refusal:
            outcome = refusal.status
        name = f"{message.name}_RESPONSE"
        self._connection.send(Message(name, message.id, children=[outcome, *children]))
        # What the request has set off comes after its answer.
        if message.name == "SET_READER_CONFIG":
            self._subject.settings_changed()
        elif message.name == "CLOSE_CONNECTION":
            self._connection.close()

    def _without_answer(self, message: Message) -> bool:
        """Messages with no response, or one of a form of its own; whether it was one of them."""
        subject, connection = self._subject, self._connection
        if message.name == "KEEPALIVE_ACK":
            connection.keepalive_answered()
        elif message.name == "ENABLE_EVENTS_AND_REPORTS":
            subject.released()
        elif message.name == "GET_REPORT":
            subject.flow.poll()
        elif message.name in _GIVEN_IN_ANY_VERSION and subject.personality.max_version > 1:
            self._version(message)
        else:
            return message.name == "ERROR_MESSAGE"
        return True

    def _version(self, message: Message) -> None:
        connection, highest = self._connection, self._subject.personality.max_version
        reply = Message(f"{message.name}_RESPONSE", message.id, children=[status()])
        if message.name == "GET_SUPPORTED_VERSION":
            reply.fields = {"CurrentVersion": connection.version, "SupportedVersion": highest}
            connection.send(reply)
            return
        wanted = message.field("ProtocolVersion")
        if not 1 <= wanted <= highest:
            text = f"version {wanted} is not supported"
            reply.children = [status(Code.M_UNSUPPORTED_VERSION, text)]
            connection.send(reply)
            return
        connection.send(reply)
        connection.version = wanted
        self._subject.form_changed()

    def _error(self, code: Code, text: str, version: int, number: int) -> None:
        error = Message("ERROR_MESSAGE", number, version, children=[status(code, text)])
        self._connection.send(error)

    def _capabilities(self, message: Message) -> list[Parameter]:
        requested = message.field("RequestedData")
        if requested > 4:
            raise refused_field(f"there is no RequestedData {requested}", number=0)
        return capabilities(self._subject.personality, requested)

    def _set_config(self, message: Message) -> None:
        self._subject.settings.apply(message)

    def _enable_extensions(self, message: Message) -> None:  # noqa: ARG002 - it has no fields
        self._connection.extensions = True
        self._subject.form_changed()

    def _add_ro_spec(self, message: Message) -> None:
        self._subject.ro_specs.add(_only(message, "ROSpec", 177))

    def _add_access_spec(self, message: Message) -> None:
        spec = _only(message, "AccessSpec", _ACCESS_SPEC)
        specs, number = self._subject.access_specs, spec.field("AccessSpecID")
        if number == 0 or number in specs or len(specs) >= _MAX_ACCESS_SPECS:
            text = f"AccessSpec {number} exists, is 0, or is one too many"
            raise refused_parameter(text, path=(_ACCESS_SPEC,), field=0)
        specs[number] = spec

    def _delete_access_spec(self, message: Message) -> None:
        for number in self._access_specs(message):
            del self._subject.access_specs[number]

    def _set_access_spec(self, message: Message, *, enabled: int) -> None:
        for number in self._access_specs(message):
            self._subject.access_specs[number].fields["CurrentState"] = enabled

    def _access_specs(self, message: Message) -> list[int]:
        """The numbers of the AccessSpecs that a request is about; 0 stands for all."""
        number, specs = message.field("AccessSpecID"), self._subject.access_specs
        if number and number not in specs:
            raise refused_field(f"there is no AccessSpec {number}", number=0)
        return [number] if number else list(specs)


def _only(message: Message, name: str, number: int) -> Parameter:
    found = message.first(name)
    if found is None:
        raise refused_parameter(f"no {name}", path=(number,), code=Code.P_MISSING_PARAMETER)
    return found

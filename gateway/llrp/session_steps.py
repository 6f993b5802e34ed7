"""The dialogues that a session has with a reader, written as they happen: ask, look, ask again.

Each is a generator: it yields a request, and is sent the reply to it — the message, or a `Refusal`
when the reader refuses, does not answer in time, or answers what cannot be read. It knows nothing
of bytes, ids, time or of what else the reader says meanwhile; that is the session's part.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from gateway.llrp import capabilities as abilities
from gateway.llrp import rospec
from gateway.llrp.capabilities import Capabilities
from gateway.llrp.codec import Message
from gateway.llrp.configuration import (
    OWN_ROSPEC_IDS,
    ROSPEC_ID,
    SessionConfig,
    reader_configs,
    set_reader_config,
    speaks_impinj,
)
from gateway.llrp.rospec import Detail
from gateway.llrp.session_events import Cause
from gateway.llrp.session_status import Refusal
from gateway.llrp.tables import VERSION_1_0_1, VERSION_1_1

Reply = Message | Refusal
Steps = Generator[Message, Reply, bool | None]

_EVERYTHING = 0  # RequestedData, and the id that stands for every ROSpec
_ANTENNA_PROPERTIES = 2
_ACTIVE = 2


class SetupError(Exception):
    """The reader cannot be brought to inventory; the session ends with this cause and reason."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


@dataclass(slots=True, kw_only=True)
class Reader:
    """What has been learned of the reader on this connection."""

    version: int = VERSION_1_0_1
    capabilities: Capabilities = field(default_factory=Capabilities)
    extensions: bool = False  # Impinj's are enabled
    rospec_added: bool = False
    started: bool = False  # it said that our ROSpec has started, and not that it has ended
    antennas: dict[int, bool] = field(default_factory=dict)  # port → connected, where it told
    notes: list[str] = field(default_factory=list)


def establish(config: SessionConfig, reader: Reader) -> Steps:
    """From the connection event to running inventory; raises SetupError."""
    yield from _negotiate_version(config, reader)
    yield from _read_capabilities(reader)
    yield from _enable_extensions(config, reader)
    yield from _configure(config, reader)
    yield from _look_at_antennas(reader)
    yield from _clear_leftovers(config, reader)
    yield from _arm(config, reader)
    return None


def restart(config: SessionConfig, reader: Reader) -> Steps:
    """Start an inventory that has stopped by itself, with as little as it takes."""
    if reader.started:
        return None
    if isinstance((yield _about("START_ROSPEC")), Message) or reader.started:
        return None
    yield _about("ENABLE_ROSPEC")
    if isinstance((yield _about("START_ROSPEC")), Message) or reader.started:
        return None
    yield _about("DELETE_ROSPEC")
    yield from _arm(config, reader)
    return None


def verify(*, ended: bool = False) -> Steps:
    """Whether our ROSpec is active on the reader; None when it does not tell.

    `ended`: it has said that it is not, which holds if it does not tell.
    """
    reply = yield Message("GET_ROSPECS")
    if isinstance(reply, Refusal):
        return False if ended else None
    states = {spec.field("ROSpecID"): spec.field("CurrentState") for spec in reply.all("ROSpec")}
    return states.get(ROSPEC_ID) == _ACTIVE


def leave(config: SessionConfig, reader: Reader) -> Steps:
    """End in good order; what the reader answers makes no difference any more."""
    if reader.rospec_added and not config.leave_running:
        yield _about("STOP_ROSPEC")
        yield _about("DISABLE_ROSPEC")
        yield _about("DELETE_ROSPEC")
    yield Message("CLOSE_CONNECTION")
    return None


def _negotiate_version(config: SessionConfig, reader: Reader) -> Steps:
    """Old readers answer ERROR_MESSAGE, or nothing at all: that means 1.0.1."""
    if config.profile.max_version < VERSION_1_1:
        return None
    reply = yield Message("GET_SUPPORTED_VERSION")
    if isinstance(reply, Refusal):
        return None
    wanted = min(int(reply.field("SupportedVersion") or 1), config.profile.max_version)
    if wanted < VERSION_1_1:
        return None
    if reply.field("CurrentVersion") != wanted:
        reply = yield Message("SET_PROTOCOL_VERSION", fields={"ProtocolVersion": wanted})
    if isinstance(reply, Message):
        reader.version = wanted
    return None


def _read_capabilities(reader: Reader) -> Steps:
    request = Message("GET_READER_CAPABILITIES", fields={"RequestedData": _EVERYTHING})
    reply = yield request
    if isinstance(reply, Message):
        reader.capabilities = abilities.read(reply)
    else:
        reader.notes.append(f"its capabilities are not known: {reply}")
    return None


def _enable_extensions(config: SessionConfig, reader: Reader) -> Steps:
    if not speaks_impinj(config.profile, reader.capabilities):
        return None
    reply = yield Message("IMPINJ_ENABLE_EXTENSIONS")
    reader.extensions = isinstance(reply, Message)
    if isinstance(reply, Refusal):
        reader.notes.append(f"goes on without Impinj's extensions: {reply}")
    return None


def _configure(config: SessionConfig, reader: Reader) -> Steps:
    """All at once; where that is refused one by one, so that the rest holds."""
    wanted = reader_configs(config.profile, reader.capabilities, extensions=reader.extensions)
    reply = yield set_reader_config(list(wanted.values()))
    if isinstance(reply, Message):
        return None
    for words, parameter in wanted.items():
        reply = yield set_reader_config([parameter])
        if isinstance(reply, Refusal):
            reader.notes.append(f"goes on without {words}: {reply}")
    return None


def _look_at_antennas(reader: Reader) -> Steps:
    reply = yield Message("GET_READER_CONFIG", fields={"RequestedData": _ANTENNA_PROPERTIES})
    if isinstance(reply, Message):
        for antenna in reply.all("AntennaProperties"):
            port = int(antenna.field("AntennaID") or 0)
            reader.antennas[port] = bool(antenna.field("AntennaConnected"))
    return None


def _clear_leftovers(config: SessionConfig, reader: Reader) -> Steps:
    """Delete what an earlier life of ours left behind; all there is only when told to take over.

    "There is no such ROSpec" is what we want to hear, so refusals make no difference.
    """
    reply = yield Message("GET_ROSPECS")
    found = [ROSPEC_ID]
    if isinstance(reply, Message):
        found = [int(spec.field("ROSpecID") or 0) for spec in reply.all("ROSpec")]
    if config.takeover:
        everything = yield _about("DELETE_ROSPEC", _EVERYTHING)
        if isinstance(everything, Message):
            return None
    others = []
    for number in found:
        if config.takeover or number in OWN_ROSPEC_IDS:
            yield _about("DELETE_ROSPEC", number)
        else:
            others.append(str(number))
    if others:
        reader.notes.append(
            f"it also holds ROSpec {', '.join(others[:5])} of another client "
            "(`takeover: true` deletes such)"
        )
    return None


def _arm(config: SessionConfig, reader: Reader) -> Steps:
    yield from _add_rospec(config, reader)
    reader.rospec_added = True
    reader.started = False
    reply = yield _about("ENABLE_ROSPEC")
    if isinstance(reply, Refusal):
        raise _failure(reply)
    if reader.started:
        return None
    reply = yield _about("START_ROSPEC")
    if isinstance(reply, Message) or reader.started:
        return None
    if reply.unanswered:
        raise _failure(reply)
    # Refused, but is it that it runs already? Its start trigger says "immediately".
    if (yield from verify()) is False:
        raise _failure(reply)
    return None


def _add_rospec(config: SessionConfig, reader: Reader) -> Steps:
    """Ask for less when the reader refuses; the first refusal says what it did not like."""
    first: Refusal | None = None
    tried: Message | None = None
    for detail in Detail:
        plan = rospec.build(
            config.profile,
            config.ports,
            reader.capabilities,
            extensions=reader.extensions,
            detail=detail,
        )
        if plan.message == tried:
            continue
        tried = plan.message
        reply = yield plan.message
        if isinstance(reply, Message):
            reader.notes += plan.notes
            reader.antennas.update(dict.fromkeys(plan.absent_ports, False))
            if first is not None:
                reader.notes.append(f"{_LESS[detail]}, because {first}")
            return None
        first = first or reply
        if not reply.blames_request:
            break
    assert first is not None
    raise _failure(first)


_LESS = {
    Detail.NO_AIR_PROTOCOL: "the reader chooses session, RF mode and search mode itself",
    Detail.BARE: "the reader chooses power, session, RF mode and search mode itself",
}


def _failure(refusal: Refusal) -> SetupError:
    cause = Cause.SILENT if refusal.unanswered else Cause.REFUSED
    return SetupError(cause, refusal.reason)


def _about(verb: str, rospec_id: int = ROSPEC_ID) -> Message:
    return Message(verb, fields={"ROSpecID": rospec_id})

"""The session with a reader in virtual time: from the connection event to running, and out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

import pytest

from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.configuration import OWN_ROSPEC_IDS, ROSPEC_ID, Port, Profile, SessionConfig
from gateway.llrp.framing import Framer
from gateway.llrp.session import Session
from gateway.llrp.session_events import (
    AnotherClient,
    AntennaChanged,
    BufferFilling,
    Cause,
    Closed,
    Event,
    GpiChanged,
    OutputRefused,
    Phase,
    ReaderTime,
    ReaderTrouble,
    ReportsLost,
    Stopped,
    Up,
)
from tests.scripted_reader import (
    ACTIVE,
    ScriptedReader,
    antenna_event,
    connection_attempt,
    error,
    notification,
    refused,
    response,
    rospec_event,
    silent,
    status,
)

T = TypeVar("T", bound=Event)
IMPINJ = 25882


class Dialogue:
    """A session and a reader wired to each other, with time that passes when told to."""

    def __init__(
        self, reader: ScriptedReader | None = None, config: SessionConfig | None = None
    ) -> None:
        self.now_us = 1_700_000_000_000_000
        self.reader = reader or ScriptedReader()
        self.session = Session(config or SessionConfig(), self.now_us, rng=random.Random(1))
        self.events: list[Event] = []

    def connect(self, code: int = 0) -> Dialogue:
        """The reader's first message, and all that follows from it without time passing."""
        self.say(connection_attempt(code))
        return self

    def say(self, *messages: Message) -> None:
        """The reader says something by itself."""
        for message in messages:
            self.session.heard(self.now_us)
            self.session.receive(encode(message), self.now_us)
        self.exchange()

    def exchange(self) -> None:
        """Carry bytes back and forth until nobody has anything left to say."""
        while data := self.session.take_bytes():
            if answer := self.reader.take(data):
                self.session.heard(self.now_us)
                for frame in Framer().feed(answer):
                    self.session.receive(frame, self.now_us)
        self.events += self.session.take_events()

    def wait(self, seconds: float, *, keepalives: bool = False) -> None:
        """Let time pass as a driver does: a tick whenever one is due."""
        end_us = self.now_us + round(seconds * 1e6)
        while self.now_us < end_us:
            step_us = 1_000_000 if keepalives else end_us - self.now_us
            until_us = min(end_us, self.now_us + step_us)
            while (due_us := self.session.due_us) <= until_us:
                self.now_us = max(self.now_us, due_us)
                self.session.tick(self.now_us)
                self.exchange()
            self.now_us = until_us
            if keepalives:
                self.say(Message("KEEPALIVE"))

    def seen(self, kind: type[T]) -> list[T]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return not self.seen(Closed)

    def end(self) -> Closed:
        """How it ended, which it does once."""
        (closed,) = self.seen(Closed)
        return closed

    def phase(self) -> Phase:
        """What the session is doing."""
        return self.session.phase


def asked_after(dialogue: Dialogue, name: str) -> list[str]:
    """What was asked after the last message of a name."""
    asked = dialogue.reader.asked
    return asked[len(asked) - asked[::-1].index(name) :]


def test_a_reader_is_brought_to_inventory_in_the_right_order() -> None:
    dialogue = Dialogue(ScriptedReader(starts_by_itself=False)).connect()
    assert dialogue.phase() is Phase.RUNNING
    assert dialogue.reader.asked == [
        "GET_SUPPORTED_VERSION",
        "GET_READER_CAPABILITIES",
        "SET_READER_CONFIG",
        "GET_READER_CONFIG",
        "GET_ROSPECS",
        "ADD_ROSPEC",
        "ENABLE_ROSPEC",
        "START_ROSPEC",
        "ENABLE_EVENTS_AND_REPORTS",
    ]
    assert dialogue.reader.state(ROSPEC_ID) == ACTIVE
    (up,) = dialogue.seen(Up)
    assert up.version == 1
    assert up.notes == ()
    assert up.capabilities.max_antennas == 4
    assert not dialogue.session.take_bytes()


def test_nothing_is_sent_before_the_connection_event() -> None:
    dialogue = Dialogue()
    dialogue.exchange()
    dialogue.wait(9.9)
    assert dialogue.reader.requests == []


def test_without_a_connection_event_it_ends_after_ten_seconds() -> None:
    dialogue = Dialogue()
    dialogue.wait(10)
    assert dialogue.end().cause is Cause.SILENT
    assert "connection event" in dialogue.end().reason


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        (1, Cause.OCCUPIED, "connected by itself"),
        (2, Cause.OCCUPIED, "already serves another client"),
        (3, Cause.REFUSED, "does not tell"),
        (4, Cause.OCCUPIED, "at the same time"),
        (77, Cause.REFUSED, "unknown status 77"),
    ],
)
def test_each_status_of_a_failed_connection_has_its_own_words(
    code: int, cause: Cause, words: str
) -> None:
    dialogue = Dialogue().connect(code)
    assert dialogue.end().cause is cause
    assert words in dialogue.end().reason
    assert dialogue.reader.requests == []


def test_another_client_that_knocks_is_told_and_changes_nothing() -> None:
    dialogue = Dialogue().connect()
    dialogue.say(connection_attempt(4))
    assert dialogue.seen(AnotherClient)
    assert dialogue.phase() is Phase.RUNNING


# --- version


def test_version_1_1_is_spoken_where_both_can() -> None:
    dialogue = Dialogue(ScriptedReader(version=2)).connect()
    assert dialogue.seen(Up)[0].version == 2
    asked = {request.name: request.version for request in dialogue.reader.requests}
    assert asked["GET_SUPPORTED_VERSION"] == 1
    assert asked["SET_PROTOCOL_VERSION"] == 1
    assert asked["GET_READER_CAPABILITIES"] == 2
    assert asked["ADD_ROSPEC"] == 2
    dialogue.say(Message("KEEPALIVE", id=9, version=2))
    assert (dialogue.reader.requests[-1].id, dialogue.reader.requests[-1].version) == (9, 2)


def test_a_reader_that_already_speaks_1_1_is_not_asked_to() -> None:
    reader = ScriptedReader(version=2)

    def current_is_two(request: Message) -> list[Message]:
        reply = response(request)
        reply.fields = {"CurrentVersion": 2, "SupportedVersion": 2}
        return [reply]

    reader.answers["GET_SUPPORTED_VERSION"] = current_is_two
    dialogue = Dialogue(reader).connect()
    assert dialogue.seen(Up)[0].version == 2
    assert "SET_PROTOCOL_VERSION" not in reader.asked


def test_the_profile_bounds_the_version() -> None:
    config = SessionConfig(profile=Profile(max_version=1))
    dialogue = Dialogue(ScriptedReader(version=2), config).connect()
    assert dialogue.seen(Up)[0].version == 1
    assert "GET_SUPPORTED_VERSION" not in dialogue.reader.asked


@pytest.mark.parametrize("request_name", ["GET_SUPPORTED_VERSION", "SET_PROTOCOL_VERSION"])
@pytest.mark.parametrize("answer", [error, refused(110), silent], ids=["error", "110", "silent"])
def test_a_reader_that_does_not_negotiate_is_spoken_to_in_1_0_1(request_name, answer) -> None:  # type: ignore[no-untyped-def]
    reader = ScriptedReader(version=2, answers={request_name: answer})
    dialogue = Dialogue(reader).connect()
    dialogue.wait(6)
    assert dialogue.seen(Up)[0].version == 1
    assert dialogue.seen(Up)[0].notes == ()


# --- vendor extensions, configuration


def test_impinj_extensions_are_enabled_before_anything_is_configured() -> None:
    profile = Profile(report_phase=True, search_mode=2)
    reader = ScriptedReader(maker_pen=IMPINJ)
    dialogue = Dialogue(reader, SessionConfig(profile=profile)).connect()
    asked = reader.asked
    assert asked.index("IMPINJ_ENABLE_EXTENSIONS") < asked.index("SET_READER_CONFIG")
    spec = reader.rospecs[ROSPEC_ID]
    names = _names(spec)
    assert {"ImpinjInventorySearchMode", "ImpinjEnableRFPhaseAngle"} <= names
    assert dialogue.seen(Up)[0].notes == ()


def test_a_reader_that_refuses_the_extensions_runs_without_them() -> None:
    reader = ScriptedReader(maker_pen=IMPINJ, answers={"IMPINJ_ENABLE_EXTENSIONS": error})
    config = SessionConfig(profile=Profile(report_phase=True))
    dialogue = Dialogue(reader, config).connect()
    notes = " ".join(dialogue.seen(Up)[0].notes)
    assert "without Impinj's extensions" in notes
    assert "phase" in notes
    assert not any(name.startswith("Impinj") for name in _names(reader.rospecs[ROSPEC_ID]))


def test_the_profile_can_ask_for_extensions_of_a_reader_that_does_not_tell_its_maker() -> None:
    config = SessionConfig(profile=Profile(vendor_pen=IMPINJ))
    dialogue = Dialogue(config=config).connect()
    assert "IMPINJ_ENABLE_EXTENSIONS" in dialogue.reader.asked


def test_keepalive_events_and_holding_are_asked_for_at_once() -> None:
    dialogue = Dialogue(config=SessionConfig(profile=Profile(keepalive_s=7.5))).connect()
    (request,) = (r for r in dialogue.reader.requests if r.name == "SET_READER_CONFIG")
    assert request.first("KeepaliveSpec").fields == {  # type: ignore[union-attr]
        "KeepaliveTriggerType": 1,
        "PeriodicTriggerValue": 7500,
    }
    assert request.first("EventsAndReports") is not None
    states = request.first("ReaderEventNotificationSpec").all("EventNotificationState")  # type: ignore[union-attr]
    assert {s.fields["EventType"] for s in states} == {1, 2, 3, 4, 8}


def test_what_is_refused_of_the_configuration_is_left_out_and_told() -> None:
    def no_holding(request: Message) -> list[Message]:
        if request.first("EventsAndReports"):
            return [response(request, code=100, words="cannot hold")]
        return [response(request)]

    reader = ScriptedReader(answers={"SET_READER_CONFIG": no_holding})
    dialogue = Dialogue(reader).connect()
    (note,) = dialogue.seen(Up)[0].notes
    assert "holding reports" in note
    assert "cannot hold" in note
    assert reader.asked.count("SET_READER_CONFIG") == 4


def test_a_reader_without_readable_capabilities_still_runs() -> None:
    reader = ScriptedReader(answers={"GET_READER_CAPABILITIES": error})
    dialogue = Dialogue(reader, SessionConfig(ports=(Port(number=1),))).connect()
    (note,) = dialogue.seen(Up)[0].notes
    assert "capabilities are not known" in note
    assert "RFTransmitter" not in _names(reader.rospecs[ROSPEC_ID])


def test_an_answer_that_cannot_be_read_is_not_waited_for_any_longer() -> None:
    dialogue = Dialogue(ScriptedReader(answers={"GET_READER_CAPABILITIES": silent})).connect()
    request = dialogue.reader.requests[-1]
    frame = bytearray(encode(response(request, Parameter("LLRPCapabilities"))))
    frame[10 + 2 : 10 + 4] = b"\x00\x01"  # a parameter that is shorter than its own header
    dialogue.session.receive(bytes(frame), dialogue.now_us)
    dialogue.exchange()
    assert dialogue.session.counters.undecodable == 1
    assert "cannot be read" in dialogue.seen(Up)[0].notes[0]


# --- leftovers


def leftover(number: int) -> Parameter:
    """A ROSpec that somebody has left on the reader."""
    return Parameter("ROSpec", {"ROSpecID": number, "CurrentState": ACTIVE})


def test_only_our_own_leftovers_are_deleted() -> None:
    mine = OWN_ROSPEC_IDS[3]
    reader = ScriptedReader(rospecs={mine: leftover(mine), 1: leftover(1)})
    dialogue = Dialogue(reader).connect()
    assert set(reader.rospecs) == {1, ROSPEC_ID}
    (note,) = dialogue.seen(Up)[0].notes
    assert "ROSpec 1 of another client" in note
    assert "takeover" in note


@pytest.mark.parametrize("all_at_once", [True, False])
def test_takeover_deletes_every_rospec(all_at_once: bool) -> None:
    reader = ScriptedReader(rospecs={1: leftover(1), 2: leftover(2)})
    if not all_at_once:
        by_the_book = reader._delete_rospec
        reader.answers["DELETE_ROSPEC"] = lambda request: [
            by_the_book(request) if request.fields["ROSpecID"] else refused()(request)[0]
        ]
    dialogue = Dialogue(reader, SessionConfig(takeover=True)).connect()
    assert set(reader.rospecs) == {ROSPEC_ID}
    assert dialogue.seen(Up)[0].notes == ()


def test_a_reader_that_does_not_list_its_rospecs_loses_ours_all_the_same() -> None:
    reader = ScriptedReader(
        rospecs={ROSPEC_ID: leftover(ROSPEC_ID)}, answers={"GET_ROSPECS": error}
    )
    dialogue = Dialogue(reader).connect()
    assert dialogue.phase() is Phase.RUNNING


# --- ROSpec


def blaming(*path: int, field_number: int) -> Parameter:
    """ParameterErrors nested along a path, with a FieldError inside."""
    inner = Parameter("FieldError", {"FieldNum": field_number, "ErrorCode": 301})
    for number in reversed(path):
        inner = Parameter("ParameterError", {"ParameterType": number, "ErrorCode": 201}, [inner])
    return inner


def refusing(name: str, path: Iterable[int], field_number: int) -> ScriptedReader:
    """A reader that takes no ROSpec with a parameter of that name in it."""
    reader = ScriptedReader()
    by_the_book = reader._add_rospec

    def answer(request: Message) -> list[Message]:
        spec = request.first("ROSpec")
        assert spec is not None
        if name not in _names(spec):
            return [by_the_book(request)]
        blamed = status(101, "no, thanks", blaming(*path, field_number=field_number))
        return [Message("ADD_ROSPEC_RESPONSE", id=request.id, children=[blamed])]

    reader.answers["ADD_ROSPEC"] = answer
    return reader


def test_a_refused_inventory_command_is_left_out_and_the_field_is_named() -> None:
    reader = refusing("C1G2InventoryCommand", (177, 183, 186, 222, 330, 336), 0)
    dialogue = Dialogue(reader, SessionConfig(ports=(Port(number=1),))).connect()
    assert dialogue.phase() is Phase.RUNNING
    (note,) = dialogue.seen(Up)[0].notes
    assert (
        "ROSpec/AISpec/InventoryParameterSpec/AntennaConfiguration/C1G2InventoryCommand/"
        "C1G2SingulationControl field 0 (Session)"
    ) in note
    assert "no, thanks" in note
    names = _names(reader.rospecs[ROSPEC_ID])
    assert "C1G2InventoryCommand" not in names
    assert "RFTransmitter" in names


def test_a_refused_power_leaves_the_reader_its_own() -> None:
    reader = refusing("RFTransmitter", (177, 183, 186, 222, 224), 2)
    dialogue = Dialogue(reader).connect()
    (note,) = dialogue.seen(Up)[0].notes
    assert "RFTransmitter field 2 (TransmitPower)" in note


def test_a_rospec_that_is_refused_whatever_it_holds_ends_the_session_with_the_field() -> None:
    dialogue = Dialogue(refusing("AISpec", (177, 183), 0)).connect()
    assert dialogue.end().cause is Cause.REFUSED
    assert "ADD_ROSPEC was refused" in dialogue.end().reason
    assert "ROSpec/AISpec field 0 (AntennaIDs)" in dialogue.end().reason


def test_a_reader_in_trouble_is_not_asked_for_less() -> None:
    dialogue = Dialogue(ScriptedReader(answers={"ADD_ROSPEC": refused(401, "too hot")})).connect()
    assert not dialogue.goes_on()
    assert "R_DeviceError" in dialogue.end().reason
    assert "too hot" in dialogue.end().reason
    assert dialogue.reader.asked.count("ADD_ROSPEC") == 1


@pytest.mark.parametrize("name", ["ADD_ROSPEC", "ENABLE_ROSPEC", "START_ROSPEC"])
def test_no_reply_to_what_is_needed_ends_the_session_in_time(name: str) -> None:
    dialogue = Dialogue(ScriptedReader(answers={name: silent})).connect()
    dialogue.wait(4.9)
    assert dialogue.goes_on()
    dialogue.wait(0.2)
    assert dialogue.end().cause is Cause.SILENT
    assert f"{name} was not answered within 5 s" in dialogue.end().reason


def test_a_rospec_that_starts_by_itself_may_refuse_to_be_started() -> None:
    dialogue = Dialogue(ScriptedReader(starts_by_itself=True)).connect()
    assert dialogue.phase() is Phase.RUNNING
    assert dialogue.seen(Up)[0].notes == ()


def test_a_rospec_that_announces_its_start_is_not_started_again() -> None:
    reader = ScriptedReader()
    by_the_book = reader._enable_rospec
    reader.answers["ENABLE_ROSPEC"] = lambda request: [
        rospec_event(0, ROSPEC_ID),
        by_the_book(request),
    ]
    dialogue = Dialogue(reader).connect()
    assert dialogue.phase() is Phase.RUNNING
    assert "START_ROSPEC" not in reader.asked


def test_a_rospec_that_neither_starts_nor_runs_ends_the_session() -> None:
    reader = ScriptedReader(starts_by_itself=False, answers={"START_ROSPEC": refused(300)})
    dialogue = Dialogue(reader).connect()
    assert dialogue.end().cause is Cause.REFUSED
    assert "START_ROSPEC was refused" in dialogue.end().reason


def test_a_port_that_the_reader_does_not_have_is_told_as_disconnected() -> None:
    config = SessionConfig(ports=(Port(number=1), Port(number=9)))
    dialogue = Dialogue(config=config).connect()
    assert AntennaChanged(port=9, connected=False) in dialogue.events
    assert "antenna 9 is not there" in dialogue.seen(Up)[0].notes[0]


def test_a_reader_with_none_of_the_ports_is_refused_in_words() -> None:
    dialogue = Dialogue(config=SessionConfig(ports=(Port(number=9),))).connect()
    assert dialogue.end().cause is Cause.REFUSED
    assert "ports 1 to 4" in dialogue.end().reason


def test_impossible_settings_are_told_instead_of_sent() -> None:
    config = SessionConfig(profile=Profile(tag_population=70_000))
    dialogue = Dialogue(config=config).connect()
    assert dialogue.end().cause is Cause.REFUSED
    assert "TagPopulation" in dialogue.end().reason


def test_antennas_are_asked_for_and_told() -> None:
    reader = ScriptedReader(antennas=2)
    dialogue = Dialogue(reader).connect()
    assert dialogue.seen(AntennaChanged) == [
        AntennaChanged(port=1, connected=True),
        AntennaChanged(port=2, connected=True),
    ]


def test_an_error_message_to_enable_events_and_reports_is_tolerated() -> None:
    reader = ScriptedReader(answers={"ENABLE_EVENTS_AND_REPORTS": error})
    dialogue = Dialogue(reader).connect()
    dialogue.wait(60, keepalives=True)
    assert dialogue.phase() is Phase.RUNNING
    assert dialogue.session.counters.stray == 1


# --- running


def test_a_keepalive_is_answered_at_once_with_its_own_id() -> None:
    dialogue = Dialogue().connect()
    dialogue.say(Message("KEEPALIVE", id=4711))
    assert dialogue.reader.requests[-1] == Message("KEEPALIVE_ACK", id=4711)
    assert dialogue.session.counters.keepalives == 1


def test_a_silent_link_is_dead_after_two_and_a_half_keepalive_periods() -> None:
    reader = ScriptedReader()
    dialogue = Dialogue(reader).connect()
    reader.answers["GET_ROSPECS"] = silent
    dialogue.wait(12.4)
    assert dialogue.goes_on()
    dialogue.wait(0.2)
    assert dialogue.end().cause is Cause.SILENT
    assert "12.5 s" in dialogue.end().reason


def test_a_reader_without_keepalives_is_asked_for_a_sign_of_life() -> None:
    dialogue = Dialogue(ScriptedReader(answers={"SET_READER_CONFIG": error})).connect()
    dialogue.wait(120)
    assert dialogue.goes_on()
    assert dialogue.reader.asked.count("GET_ROSPECS") >= 120 // 7.5


def test_reports_keep_a_link_alive_and_save_the_check_of_the_rospec() -> None:
    dialogue = Dialogue().connect()
    checks = dialogue.reader.asked.count("GET_ROSPECS")
    for _ in range(100):
        dialogue.now_us += 1_000_000
        dialogue.session.heard(dialogue.now_us, reports=True)
        dialogue.wait(0)
    assert dialogue.goes_on()
    assert dialogue.reader.asked.count("GET_ROSPECS") == checks


def test_a_rospec_that_was_disabled_without_a_word_is_found_and_started_again() -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.rospecs.clear()
    dialogue.wait(35, keepalives=True)
    assert "not active" in dialogue.seen(Stopped)[0].reason
    assert dialogue.phase() is Phase.RUNNING
    assert dialogue.reader.state(ROSPEC_ID) == ACTIVE
    assert len(dialogue.seen(Up)) == 2


@pytest.mark.parametrize(
    ("kind", "words", "checks"),
    [(1, "ended", ["GET_ROSPECS"]), (2, "ROSpec 5 has taken its place", [])],
)
def test_a_rospec_that_ends_by_itself_is_told_and_started_again(
    kind: int, words: str, checks: list[str]
) -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.rospecs[ROSPEC_ID].fields["CurrentState"] = 1
    dialogue.say(rospec_event(kind, ROSPEC_ID, by=5))
    (stopped,) = dialogue.seen(Stopped)
    assert words in stopped.reason
    assert dialogue.phase() is Phase.REARMING
    dialogue.wait(1)
    assert dialogue.phase() is Phase.RUNNING
    assert asked_after(dialogue, "ENABLE_EVENTS_AND_REPORTS") == [*checks, "START_ROSPEC"]
    assert dialogue.session.counters.restarts == 1


def test_the_end_of_an_earlier_rospec_that_was_held_back_stops_nothing() -> None:
    dialogue = Dialogue().connect()
    dialogue.say(rospec_event(1, ROSPEC_ID), rospec_event(0, ROSPEC_ID))
    dialogue.wait(5, keepalives=True)
    assert dialogue.seen(Stopped) == []
    assert len(dialogue.seen(Up)) == 1
    assert dialogue.session.counters.restarts == 0


def test_the_end_of_a_rospec_counts_on_a_reader_that_does_not_tell_its_rospecs() -> None:
    dialogue = Dialogue(ScriptedReader(answers={"GET_ROSPECS": refused(109)})).connect()
    dialogue.say(rospec_event(1, ROSPEC_ID))
    assert "ended" in dialogue.seen(Stopped)[0].reason


def test_an_inventory_that_will_not_start_again_ends_the_session() -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.answers |= {"START_ROSPEC": refused(300), "ADD_ROSPEC": refused(401)}
    dialogue.reader.rospecs[ROSPEC_ID].fields["CurrentState"] = 1
    dialogue.say(rospec_event(1, ROSPEC_ID))
    dialogue.wait(1)
    assert dialogue.end().cause is Cause.REFUSED


def test_an_inventory_that_keeps_ending_is_restarted_ever_more_slowly() -> None:
    dialogue = Dialogue(ScriptedReader(starts_by_itself=False)).connect()
    for _ in range(600):
        if dialogue.phase() is Phase.RUNNING:
            dialogue.reader.rospecs[ROSPEC_ID].fields["CurrentState"] = 1
            dialogue.say(rospec_event(1, ROSPEC_ID))
        dialogue.wait(0.1, keepalives=True)
    assert 3 < dialogue.session.counters.restarts < 40


def test_the_end_of_somebody_elses_rospec_is_none_of_our_business() -> None:
    dialogue = Dialogue().connect()
    dialogue.say(rospec_event(1, 1))
    assert dialogue.phase() is Phase.RUNNING


def test_what_the_reader_tells_comes_out_as_events() -> None:
    dialogue = Dialogue().connect()
    dialogue.events.clear()
    dialogue.say(
        antenna_event(2, connected=False),
        notification(Parameter("GPIEvent", {"GPIPortNumber": 3, "GPIEvent": 1})),
        notification(
            Parameter("ReportBufferLevelWarningEvent", {"ReportBufferPercentageFull": 80})
        ),
        notification(Parameter("ReportBufferOverflowErrorEvent")),
        notification(
            Parameter(
                "ReaderExceptionEvent",
                {"Message": "fan\nstopped"},
                [Parameter("AntennaID", {"AntennaID": 4})],
            ),
            stamp=Parameter("Uptime", {"Microseconds": 55}),
        ),
    )
    assert [event for event in dialogue.events if not isinstance(event, ReaderTime)] == [
        AntennaChanged(port=2, connected=False),
        GpiChanged(port=3, high=True),
        BufferFilling(percent=80),
        ReportsLost(),
        ReaderTrouble(message="fan stopped", antenna=4),
    ]
    assert dialogue.seen(ReaderTime)[-1] == ReaderTime(at_us=dialogue.now_us, uptime_us=55)


def test_the_reader_may_announce_that_it_disconnects() -> None:
    dialogue = Dialogue().connect()
    dialogue.say(notification(Parameter("ConnectionCloseEvent")))
    assert dialogue.end().cause is Cause.CLOSED_BY_READER


def test_late_unasked_unknown_and_unreadable_messages_are_counted_and_skipped() -> None:
    dialogue = Dialogue().connect()
    unreadable = encode(notification())[:-1]
    unreadable = unreadable[:5] + bytes([len(unreadable)]) + unreadable[6:]
    dialogue.say(
        Message("ADD_ROSPEC_RESPONSE", id=3, children=[status()]),
        Message("GET_ROSPECS_RESPONSE", id=999_999, children=[status()]),
        Message("Unknown", fields={"Type": 900, "Data": b"xyz"}),
        Message("CUSTOM_MESSAGE", fields={"VendorIdentifier": 161, "MessageSubtype": 1}),
    )
    dialogue.session.receive(unreadable, dialogue.now_us)
    counters = dialogue.session.counters
    assert (counters.stray, counters.unknown, counters.undecodable) == (2, 2, 1)
    assert dialogue.phase() is Phase.RUNNING


def test_a_reply_of_another_kind_than_asked_for_does_not_count_as_the_reply() -> None:
    dialogue = Dialogue(ScriptedReader(answers={"ADD_ROSPEC": silent})).connect()
    request = dialogue.reader.requests[-1]
    dialogue.say(Message("START_ROSPEC_RESPONSE", id=request.id, children=[status()]))
    assert dialogue.phase() is Phase.SETTING_UP
    assert "ENABLE_ROSPEC" not in dialogue.reader.asked
    dialogue.say(response(request))
    assert "ENABLE_ROSPEC" in dialogue.reader.asked


# --- leaving


def test_leaving_takes_everything_of_ours_with_it() -> None:
    dialogue = Dialogue().connect()
    dialogue.session.leave(dialogue.now_us)
    dialogue.exchange()
    assert dialogue.reader.rospecs == {}
    assert dialogue.reader.asked[-4:] == [
        "STOP_ROSPEC",
        "DISABLE_ROSPEC",
        "DELETE_ROSPEC",
        "CLOSE_CONNECTION",
    ]
    assert dialogue.end().cause is Cause.FINISHED


def test_the_inventory_can_be_left_running() -> None:
    dialogue = Dialogue(config=SessionConfig(leave_running=True)).connect()
    dialogue.session.leave(dialogue.now_us)
    dialogue.exchange()
    assert dialogue.reader.state(ROSPEC_ID) == ACTIVE
    assert dialogue.reader.asked[-1] == "CLOSE_CONNECTION"


def test_leaving_a_reader_that_has_died_takes_two_seconds_at_most() -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.answers = dict.fromkeys(
        ("STOP_ROSPEC", "DISABLE_ROSPEC", "DELETE_ROSPEC", "CLOSE_CONNECTION"), silent
    )
    dialogue.session.leave(dialogue.now_us)
    dialogue.exchange()
    dialogue.wait(2.0)
    assert not dialogue.goes_on()
    assert dialogue.reader.asked[-1] == "CLOSE_CONNECTION"


def test_leaving_during_set_up_and_before_the_connection_event() -> None:
    early = Dialogue()
    early.session.leave(early.now_us)
    early.exchange()
    assert not early.goes_on()
    assert early.reader.requests == []
    halfway = Dialogue(ScriptedReader(answers={"SET_READER_CONFIG": silent})).connect()
    halfway.session.leave(halfway.now_us)
    halfway.exchange()
    assert not halfway.goes_on()
    assert halfway.reader.asked[-1] == "CLOSE_CONNECTION"


def test_a_closed_session_neither_listens_nor_speaks() -> None:
    dialogue = Dialogue().connect(2)
    dialogue.say(connection_attempt(0), Message("KEEPALIVE"))
    dialogue.session.tick(dialogue.now_us + 10**9)
    dialogue.session.leave(dialogue.now_us)
    assert dialogue.reader.requests == []
    assert dialogue.session.take_events() == []


def _names(parameter: Parameter) -> set[str]:
    """The names of a parameter and of all inside it."""
    return {parameter.name}.union(*(_names(child) for child in parameter.children))


def test_frames_of_the_session_are_what_the_codec_reads() -> None:
    session = Session(SessionConfig(), 0)
    session.receive(encode(connection_attempt()), 0)
    (frame,) = Framer().feed(session.take_bytes())
    assert decode(frame).name == "GET_SUPPORTED_VERSION"


def test_an_output_is_switched_beside_the_inventory() -> None:
    dialogue = Dialogue()
    assert not dialogue.session.switch(1, True, dialogue.now_us)
    dialogue.connect()
    assert dialogue.session.switch(2, True, dialogue.now_us)
    dialogue.exchange()
    (write,) = dialogue.reader.requests[-1].all("GPOWriteData")
    assert (write.field("GPOPortNumber"), write.field("GPOData")) == (2, 1)
    assert dialogue.session.counters.stray == 0
    assert not dialogue.seen(OutputRefused)
    assert dialogue.phase() is Phase.RUNNING


def test_a_reader_without_that_output_says_so_and_reads_on() -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.answers["SET_READER_CONFIG"] = refused(100, "no such GPO")
    dialogue.session.switch(9, True, dialogue.now_us)
    dialogue.exchange()
    (told,) = dialogue.seen(OutputRefused)
    assert told.port == 9
    assert "no such GPO" in told.reason
    assert dialogue.phase() is Phase.RUNNING


def test_a_reader_that_answers_no_switching_is_not_asked_for_ever() -> None:
    dialogue = Dialogue().connect()
    dialogue.reader.answers["SET_READER_CONFIG"] = silent
    asked = [dialogue.session.switch(1, True, dialogue.now_us) for _ in range(100)]
    assert 0 < asked.count(True) < 100
    dialogue.exchange()
    assert dialogue.goes_on()

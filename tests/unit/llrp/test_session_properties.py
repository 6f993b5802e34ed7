"""Whatever a reader says, and whenever: the session never raises, and always gets somewhere."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.configuration import OWN_ROSPEC_IDS, ROSPEC_ID, Port, Profile, SessionConfig
from gateway.llrp.framing import Framer
from gateway.llrp.messages import MESSAGES
from gateway.llrp.session import Session
from gateway.llrp.session_events import Closed, Event, Phase, Up
from tests.scripted_reader import (
    ScriptedReader,
    connection_attempt,
    error,
    notification,
    refused,
    response,
    rospec_event,
    silent,
    status,
)

CONFIGS = st.builds(
    SessionConfig,
    profile=st.builds(
        Profile,
        max_version=st.sampled_from([1, 2]),
        keepalive_s=st.sampled_from([1.0, 5.0, 10.0]),
        vendor_pen=st.sampled_from([None, 25882]),
        search_mode=st.sampled_from([None, 2]),
        report_phase=st.booleans(),
    ),
    ports=st.sampled_from(
        [(), (Port(number=1),), (Port(number=1, power_dbm=99.0), Port(number=9))]
    ),
    takeover=st.booleans(),
    leave_running=st.booleans(),
)
REPLY_NAMES = [row.name for row in MESSAGES if row.name.endswith("_RESPONSE")] + ["ERROR_MESSAGE"]
CODES = st.sampled_from([0, 0, 0, 100, 101, 110, 300, 401, 65_535])
ROSPECS = st.sampled_from([0, 1, *OWN_ROSPEC_IDS])


class AnyReader(RuleBasedStateMachine):
    """A reader that answers late, twice, out of order, wrongly, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us = 1_000_000
        self.session: Session | None = None
        self.framer = Framer()
        self.asked: list[Message] = []
        self.closed = 0

    @precondition(lambda self: self.session is None)
    @rule(config=CONFIGS, seed=st.integers(0, 99))
    def connect(self, config: SessionConfig, seed: int) -> None:
        self.session = Session(config, self.now_us, rng=random.Random(seed))

    def hear(self, message: Message) -> None:
        assert self.session is not None
        self.session.heard(self.now_us)
        self.session.receive(encode(message), self.now_us)
        self.collect()

    def collect(self) -> None:
        assert self.session is not None
        self.asked += [decode(frame) for frame in self.framer.feed(self.session.take_bytes())]
        self.closed += sum(isinstance(event, Closed) for event in self.session.take_events())

    @precondition(lambda self: self.session is not None)
    @rule(code=st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, 9]))
    def attempt(self, code: int) -> None:
        self.hear(connection_attempt(code))

    @precondition(lambda self: self.asked)
    @rule(back=st.integers(0, 3), code=CODES)
    def answer(self, back: int, code: int) -> None:
        """To the last request, or to an earlier one: late, or again."""
        request = self.asked[-1 - back % len(self.asked)]
        extra = [Parameter("ROSpec", {"ROSpecID": ROSPEC_ID, "CurrentState": code % 3})]
        if request.name != "GET_ROSPECS":
            extra = []
        self.hear(
            Message(
                f"{request.name}_RESPONSE"
                if f"{request.name}_RESPONSE" in REPLY_NAMES
                else "ERROR_MESSAGE",
                id=request.id,
                children=[status(code), *extra],
            )
        )

    @precondition(lambda self: self.session is not None)
    @rule(name=st.sampled_from(REPLY_NAMES), number=st.integers(0, 30), code=CODES)
    def answer_anything(self, name: str, number: int, code: int) -> None:
        self.hear(Message(name, id=number, children=[status(code)]))

    @precondition(lambda self: self.session is not None)
    @rule(kind=st.integers(0, 3), number=ROSPECS)
    def rospec(self, kind: int, number: int) -> None:
        self.hear(rospec_event(kind, number))

    @precondition(lambda self: self.session is not None)
    @rule(number=st.integers(0, 2**32 - 1))
    def keepalive(self, number: int) -> None:
        self.hear(Message("KEEPALIVE", id=number))

    @precondition(lambda self: self.session is not None)
    @rule(body=st.binary(max_size=40), kind=st.integers(0, 1023), version=st.integers(0, 7))
    def garbage(self, body: bytes, kind: int, version: int) -> None:
        assert self.session is not None
        head = (version << 10 | kind).to_bytes(2, "big") + (10 + len(body)).to_bytes(4, "big")
        number = (self.asked[-1].id if self.asked else 0).to_bytes(4, "big")
        self.session.heard(self.now_us)
        self.session.receive(head + number + body, self.now_us)
        self.collect()

    @precondition(lambda self: self.session is not None)
    @rule(seconds=st.sampled_from([0.0, 0.01, 0.6, 2.0, 6.0, 40.0]))
    def wait(self, seconds: float) -> None:
        assert self.session is not None
        self.now_us += round(seconds * 1e6)
        self.session.tick(self.now_us)
        self.collect()

    @precondition(lambda self: self.session is not None)
    @rule()
    def leave(self) -> None:
        assert self.session is not None
        self.session.leave(self.now_us)
        self.collect()

    @invariant()
    def ends_at_most_once(self) -> None:
        if self.session is not None:
            assert self.closed == (self.session.phase is Phase.CLOSED)

    @invariant()
    def always_has_something_to_wait_for(self) -> None:
        """Left alone, it asks for a sign of life or gives up: it never waits for ever."""
        if self.session is not None and self.session.phase is not Phase.CLOSED:
            assert self.session.due_us <= self.now_us + 40_000_000

    def teardown(self) -> None:
        """Silence from here on: the session closes by itself, so that the owner can try again."""
        if self.session is None:
            return
        for _ in range(200):
            if self.session.phase is Phase.CLOSED:
                return
            self.now_us = max(self.now_us, self.session.due_us)
            self.session.tick(self.now_us)
            self.collect()
        raise AssertionError(f"it goes on for ever: {self.session.phase}")


TestAnyReader = AnyReader.TestCase
TestAnyReader.settings = settings(stateful_step_count=40, deadline=None)


REQUESTS = [
    "GET_SUPPORTED_VERSION",
    "SET_PROTOCOL_VERSION",
    "GET_READER_CAPABILITIES",
    "IMPINJ_ENABLE_EXTENSIONS",
    "SET_READER_CONFIG",
    "GET_READER_CONFIG",
    "GET_ROSPECS",
    "DELETE_ROSPEC",
    "ADD_ROSPEC",
    "ENABLE_ROSPEC",
    "START_ROSPEC",
]


@settings(deadline=None)
@given(
    config=CONFIGS,
    bent=st.dictionaries(
        st.sampled_from(REQUESTS),
        st.sampled_from([silent, error, refused(100), refused(300), refused(401)]),
        max_size=4,
    ),
    pen=st.sampled_from([0, 25882]),
    starts=st.booleans(),
    noise=st.lists(
        st.sampled_from(
            [
                Message("KEEPALIVE", id=7),
                Message("GET_ROSPECS_RESPONSE", id=1_000_000, children=[status()]),
                Message("Unknown", fields={"Type": 800}),
                notification(Parameter("HoppingEvent")),
                notification(Parameter("ReaderExceptionEvent", {"Message": "hm"})),
            ]
        ),
        max_size=5,
    ),
)
def test_a_reader_with_any_manners_ends_up_running_or_let_go(  # type: ignore[no-untyped-def]
    config, bent, pen, starts, noise
) -> None:
    reader = ScriptedReader(maker_pen=pen, starts_by_itself=starts, version=2, answers=dict(bent))
    session, now_us = Session(config, 0, rng=random.Random(1)), 0
    session.receive(encode(connection_attempt()), 0)
    events: list[Event] = []
    for _ in range(100):
        while data := session.take_bytes():
            if answer := reader.take(data):
                session.heard(now_us)
                for frame in (*map(encode, noise), *Framer().feed(answer)):
                    session.receive(frame, now_us)
        events += session.take_events()
        if session.phase in (Phase.RUNNING, Phase.CLOSED):
            break
        now_us = session.due_us
        session.tick(now_us)
    assert session.phase in (Phase.RUNNING, Phase.CLOSED)
    if session.phase is Phase.CLOSED:
        assert isinstance(events[-1], Closed)
        assert events[-1].reason
        assert bent
    else:
        assert any(isinstance(event, Up) for event in events)


@pytest.mark.parametrize("copies", [2, 3])
def test_replies_that_come_more_than_once_change_nothing(copies: int) -> None:
    reader = ScriptedReader()
    session = Session(SessionConfig(), 0)
    session.receive(encode(connection_attempt()), 0)
    while data := session.take_bytes():
        for frame in Framer().feed(reader.take(data)):
            for _ in range(copies):
                session.receive(frame, 0)
    assert session.phase is Phase.RUNNING
    assert reader.asked.count("ADD_ROSPEC") == 1
    assert session.counters.stray == (copies - 1) * (len(reader.asked) - 1)


def test_replies_in_the_wrong_order_are_not_mistaken_for_one_another() -> None:
    session = Session(SessionConfig(profile=Profile(max_version=1)), 0)
    session.receive(encode(connection_attempt()), 0)
    (frame,) = Framer().feed(session.take_bytes())
    request = decode(frame)
    assert request.name == "GET_READER_CAPABILITIES"
    session.receive(encode(Message("SET_READER_CONFIG_RESPONSE", id=request.id + 1)), 0)
    assert session.take_bytes() == b""
    session.receive(encode(response(request)), 0)
    (frame,) = Framer().feed(session.take_bytes())
    assert decode(frame).name == "SET_READER_CONFIG"

"""Readers that are absent, taken, broken, hostile: told in words, and back by themselves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from gateway.drivers.llrp_connection import Connection, Ended, Traffic
from gateway.llrp.codec import Message, Parameter, encode
from gateway.llrp.configuration import SessionConfig
from gateway.llrp.reports import ReportIntake
from gateway.llrp.session import Session
from gateway.model.device import ReaderState
from tests.loopback_reader import Bench, LoopbackReader, bench
from tests.scripted_reader import (
    connection_attempt,
    error,
    notification,
    refused,
    response,
    silent,
    status,
    tag_report,
)

EPC = bytes.fromhex("3034257bf7194e4000001a85")


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as table:
        yield table


def recovers(table: Bench, name: str = "dock-1") -> None:
    """The reader comes up and reads arrive."""
    table.until_state(ReaderState.UP, name)
    before = table.rows()
    table.readers[name].say(tag_report(EPC, 1, table.clock.now_us()))
    table.until(lambda: table.rows() == before + 1)


def test_a_reader_that_does_not_answer_is_told_once_and_dialed_again(table: Bench) -> None:
    with socket.socket() as deaf, socket.socket() as filler, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)  # with its queue full, further attempts go unanswered
        for client in (filler, second):
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        table.configure("dock-1", host="127.0.0.1", port=deaf.getsockname()[1])
        table.start()
        reason = table.until_state(ReaderState.DOWN)
        assert f"no answer from 127.0.0.1:{deaf.getsockname()[1]} within 5 s" in reason
        assert "trying again" in reason
        table.run(60)
        assert [s.state for s in table.told()] == [ReaderState.CONNECTING, ReaderState.DOWN]


def test_a_refused_connection_is_told_and_the_reader_found_once_it_listens(table: Bench) -> None:
    reader = table.add()
    reader.close()
    table.readers.clear()
    table.start()
    reason = table.until_state(ReaderState.DOWN)
    assert "refuses the connection" in reason
    table.run(30)
    assert len(table.told()) == 2
    again = LoopbackReader()
    again.close()
    again.port = reader.port
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", reader.port))
        listener.listen()
        listener.setblocking(False)
        again._listener = listener
        table.readers["dock-1"] = again
        recovers(table)


def test_an_unreachable_host_is_told(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> socket.socket:
        raise OSError(113, "No route to host")

    monkeypatch.setattr("gateway.drivers.llrp_dial.dial", unreachable)
    table.configure("dock-1", host="10.0.0.1", port=5084)
    table.start()
    assert "No route to host" in table.until_state(ReaderState.DOWN)


@pytest.mark.parametrize("code", [1, 2, 4])
def test_a_taken_reader_is_occupied_and_asked_again_slowly(table: Bench, code: int) -> None:
    reader = table.add()
    reader.greeting, reader.hangs_up = encode(connection_attempt(code)), True
    table.start()
    reason = table.until_state(ReaderState.OCCUPIED)
    assert "serves another client" in reason
    table.run(120)
    assert len(table.told()) == 2
    assert 8 <= reader.accepted <= 25
    reader.greeting, reader.hangs_up = None, False
    recovers(table)


def test_a_reader_that_refuses_the_connection_is_faulty(table: Bench) -> None:
    reader = table.add()
    reader.greeting = encode(connection_attempt(3))
    table.start()
    assert "does not tell" in table.until_state(ReaderState.FAULTY)
    reader.greeting = None
    recovers(table)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x00" * 64,
        b"\xff" * 64,
        b"\x04\x3f\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\x04\x3f\xff\xff\xff\xff\x00\x00\x00\x01",
    ],
    ids=["http", "ssh", "tls", "zeros", "ones", "no-length", "endless"],
)
@pytest.mark.parametrize("hangs_up", [True, False])
def test_what_is_not_llrp_is_shown(table: Bench, garbage: bytes, hangs_up: bool) -> None:
    reader = table.add()
    reader.greeting, reader.hangs_up = garbage, hangs_up
    table.start()
    reason = table.until_state(ReaderState.FAULTY)
    assert f"does not speak LLRP: first bytes {garbage[:16].hex(' ')}" in reason
    table.run(20)
    assert len(table.told()) == 2
    reader.greeting, reader.hangs_up = None, False
    recovers(table)


def test_garbage_in_the_middle_of_a_session_is_faulty_and_over(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.send(b"garbage garbage garbage")
    assert "stopped being LLRP" in table.until_state(ReaderState.FAULTY)
    recovers(table)
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["connects"] == 2


def test_a_reader_that_says_nothing_is_given_up_after_ten_seconds(table: Bench) -> None:
    reader = table.add()
    reader.greeting = b""
    table.start()
    reason = table.until_state(ReaderState.DOWN, within_s=11)
    assert "no LLRP connection event within 10 s" in reason
    reader.greeting = None
    recovers(table)


def test_a_reader_that_hangs_up_at_once_is_told(table: Bench) -> None:
    reader = table.add()
    reader.greeting, reader.hangs_up = b"", True
    table.start()
    assert "closes it without a word" in table.until_state(ReaderState.DOWN)
    reader.greeting, reader.hangs_up = None, False
    recovers(table)


@pytest.mark.parametrize("at_once", [True, False], ids=["during set-up", "running"])
def test_a_reader_that_dies_in_mid_frame_is_told(table: Bench, at_once: bool) -> None:
    reader = table.add()
    frame = encode(connection_attempt())
    if at_once:
        reader.greeting, reader.hangs_up = frame[:-3], True
        table.start()
    else:
        table.start()
        recovers(table)
        reader.send(encode(tag_report(EPC, 1, 1))[:-3])
        reader.drop()
    assert "in the middle of a message" in table.until_state(ReaderState.DOWN)
    reader.greeting, reader.hangs_up = None, False
    recovers(table)


def test_a_reset_connection_is_told_as_lost(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.reset()
    assert "was lost" in table.until_state(ReaderState.DOWN)
    recovers(table)


def test_a_message_has_to_be_complete_in_ten_seconds(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    report = encode(tag_report(EPC, 1, 1))
    for byte in report[:14]:  # never silent for long
        reader.send(bytes([byte]))
        table.run(0.7)
    assert table.state() is ReaderState.UP
    assert "not completed it" in table.until_state(ReaderState.DOWN, within_s=3)
    recovers(table)


def test_a_half_open_link_is_dead_within_fifteen_seconds(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.is_frozen = True
    reason = table.until_state(ReaderState.DOWN, within_s=15)
    assert "nothing was heard" in reason
    reader.is_frozen = False
    recovers(table)


def test_keepalives_keep_an_idle_link(table: Bench) -> None:
    reader = table.add()
    table.start()
    table.until_state(ReaderState.UP)
    for _ in range(20):
        table.run(5)
        reader.say(Message("KEEPALIVE", id=1))
    assert table.driver is not None
    table.until(lambda: reader.script.asked.count("KEEPALIVE_ACK") == 20)
    assert table.driver.counters["dock-1"]["keepalives"] == 20
    assert len(table.told()) == 2


def test_a_refused_rospec_is_faulty_and_names_the_field(table: Bench) -> None:
    reader = table.add()
    blame = Parameter("FieldError", {"FieldNum": 2, "ErrorCode": 301})
    for number in (224, 222, 186, 183, 177):
        blame = Parameter("ParameterError", {"ParameterType": number, "ErrorCode": 201}, [blame])
    reader.script.answers["ADD_ROSPEC"] = lambda request: [
        Message("ADD_ROSPEC_RESPONSE", id=request.id, children=[status(101, "too loud", blame)])
    ]
    table.start()
    reason = table.until_state(ReaderState.FAULTY)
    assert "RFTransmitter field 2 (TransmitPower)" in reason
    assert "too loud" in reason
    table.run(30)
    assert len(table.told()) == 2
    del reader.script.answers["ADD_ROSPEC"]
    recovers(table)


@pytest.mark.parametrize("answer", [error, refused(401), silent], ids=["error", "401", "silent"])
@pytest.mark.parametrize("name", ["ADD_ROSPEC", "ENABLE_ROSPEC"])
def test_a_reader_that_does_not_do_what_is_needed_is_tried_again(table, name, answer) -> None:  # type: ignore[no-untyped-def]
    reader = table.add()
    reader.script.answers[name] = answer
    table.start()
    state = ReaderState.DOWN if answer is silent else ReaderState.FAULTY
    assert name in table.until_state(state)
    del reader.script.answers[name]
    recovers(table)


def test_a_flood_of_messages_ends_the_connection_and_not_the_gateway(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.send(encode(notification(Parameter("HoppingEvent"))) * 3_000)
    assert "floods us" in table.until_state(ReaderState.FAULTY)
    recovers(table)


def test_an_announced_end_is_told_and_followed_by_a_new_connection(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.say(notification(Parameter("ConnectionCloseEvent")))
    assert "announced" in table.until_state(ReaderState.DOWN)
    recovers(table)


def test_one_bad_message_costs_nothing_but_itself(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    broken = bytearray(encode(notification(Parameter("HoppingEvent"))))
    broken[12:14] = b"\x00\x02"  # a parameter that is shorter than its own header
    reader.send(bytes(broken) + encode(tag_report(EPC, 2, table.clock.now_us())))
    table.until(lambda: table.rows() == 2)
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["undecodable"] == 1
    assert table.state() is ReaderState.UP


def test_bad_readers_do_not_hold_up_good_ones(table: Bench) -> None:
    table.add("garbage").greeting = b"HTTP/1.1 200 OK\r\n\r\n"
    table.add("mute").greeting = b""
    table.add("taken").greeting = encode(connection_attempt(2))
    table.add("gone").close()
    del table.readers["gone"]
    table.add("good")
    table.start()
    recovers(table, "good")
    for _ in range(30):
        table.run(1)
        table.readers["good"].say(tag_report(EPC, 1, table.clock.now_us()))
    table.until(lambda: table.rows() == 31)
    assert [s.state for s in table.told("good")] == [ReaderState.CONNECTING, ReaderState.UP]
    assert table.state("garbage") is ReaderState.FAULTY
    assert table.state("mute") is ReaderState.DOWN
    assert table.state("taken") is ReaderState.OCCUPIED
    assert table.state("gone") is ReaderState.DOWN


def test_a_reader_that_does_not_read_is_given_up() -> None:
    """Its own keepalives have to be answered; the answers are not held for ever."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        session, intake = Session(SessionConfig(), 0), ReportIntake()
        connection = Connection(ours, "here", 0, session, intake, Traffic())
        flood = encode(Message("KEEPALIVE")) * 1_000

        def answer_keepalives_for_ever() -> None:
            while True:
                theirs.sendall(flood)
                connection.read(0)
                connection.write()

        with pytest.raises(Ended, match="does not take what is sent to it") as ended:
            answer_keepalives_for_ever()
        assert ended.value.state is ReaderState.DOWN
        connection.close()


# --- names


def test_a_name_is_resolved_without_holding_up_the_drain(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, *args: object, **kwargs: object) -> object:
        if host == "reader.example" and not kwargs["flags"]:
            go_on.wait(30)
            host = "127.0.0.1"
        return real(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        table.add(host="reader.example")
        table.start()
        reason = table.until_state(ReaderState.DOWN, within_s=6)
        assert "the name in reader.example:" in reason
        assert "not being resolved" in reason
        table.run(30)
        assert sum("lookup" in thread.name for thread in threading.enumerate()) == 1
    finally:
        go_on.set()
    recovers(table)


def test_a_name_that_nobody_knows_is_told(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    table.configure("dock-1", host="no.such.host")
    table.start()
    reason = table.until_state(ReaderState.DOWN)
    assert "cannot be resolved (Name or service not known)" in reason


def test_every_address_of_a_name_is_tried(table: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at the first one."""
    reader = table.add()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        rows = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            for port in (unused.getsockname()[1], reader.port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
        table.start()
        recovers(table)
    assert [s.state for s in table.told()] == [ReaderState.CONNECTING, ReaderState.UP]


def test_a_late_reply_of_the_connection_before_does_no_harm(table: Bench) -> None:
    reader = table.add()
    table.start()
    recovers(table)
    reader.drop()
    table.until_state(ReaderState.DOWN)
    table.until_state(ReaderState.UP)
    reader.say(response(Message("ADD_ROSPEC", id=3)))
    table.run(1)
    assert table.state() is ReaderState.UP
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["stray"] == 1

"""The LLRP driver at work: reads, antennas, clocks, many readers, and the end."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from gateway.clock import ManualClock
from gateway.drivers import llrp_dial
from gateway.drivers.base import DriverContext
from gateway.drivers.llrp import MOST_HANDSHAKES, LlrpReaders
from gateway.drivers.registry import load
from gateway.errors import DriverError
from gateway.llrp.codec import Message, Parameter, encode
from gateway.llrp.configuration import ROSPEC_ID
from gateway.model.device import ReaderConfig, ReaderPort, ReaderProfile, ReaderState
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from tests.loopback_reader import START_US, Bench, bench
from tests.scripted_reader import (
    ACTIVE,
    antenna_event,
    connection_attempt,
    notification,
    response,
    rospec_event,
    silent,
    tag_report,
)

EPC_A = bytes.fromhex("3034257bf7194e4000001a85")
EPC_B = bytes.fromhex("e280116060000207a1b2c3d4")
HOUR_US = 3_600_000_000


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as table:
        yield table


def up(table: Bench, *names: str) -> None:
    """Start the driver and wait for the readers."""
    table.start()
    for name in names or tuple(table.readers):
        table.until_state(ReaderState.UP, name)


def test_reads_arrive_with_the_sites_antennas_the_tags_numbers_and_their_times(
    table: Bench,
) -> None:
    table.add("dock-1")
    table.add("dock-2")
    up(table)
    seen_us = table.clock.now_us()
    table.readers["dock-1"].say(tag_report(EPC_A, 2, seen_us, rssi_dbm=-55))
    table.readers["dock-2"].say(tag_report(EPC_B, 1, seen_us + 1), tag_report(EPC_A, 2, seen_us))
    table.until(lambda: table.rows() == 3)
    rows = np.sort(np.concatenate(table.reads), order="antenna")
    assert rows["antenna"].tolist() == [1, 2, 3]
    assert [table.tags.epc(int(n)) for n in rows["tag"]] == [EPC_A, EPC_B, EPC_A]
    assert rows["time_us"].tolist() == [seen_us, seen_us + 1, seen_us]
    assert rows["first_us"].tolist() == [seen_us, seen_us + 1, seen_us]
    assert (rows["at_us"] > seen_us).all()
    assert rows["rssi_cdbm"].tolist() == [-5500, -6000, -6000]
    assert rows["count"].tolist() == [1, 1, 1]


def test_the_reason_of_a_running_reader_says_what_runs(table: Bench) -> None:
    table.add(ports=(ReaderPort(port=1, power_dbm=99.0),))
    up(table)
    assert table.reason().startswith("inventory runs on antennas 1 (LLRP 1.0.1, ")
    assert "30 dBm is the reader's nearest to 99 dBm" in table.reason()
    assert [s.state for s in table.told()] == [ReaderState.CONNECTING, ReaderState.UP]


def one_by_one(data: bytes) -> list[bytes]:
    """A byte at a time."""
    return [data[i : i + 1] for i in range(len(data))]


def at_random(data: bytes) -> list[bytes]:
    """Pieces of any size."""
    rng = random.Random(len(data))
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(len(data) // 7 + 1))
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def in_halves(data: bytes) -> list[bytes]:
    """In the middle of everything."""
    return [data[: len(data) // 2], data[len(data) // 2 :]]


@pytest.mark.parametrize("cut", [one_by_one, at_random, in_halves])
def test_however_the_network_cuts_the_bytes_the_reads_are_the_same(
    table: Bench, cut: Callable[[bytes], list[bytes]]
) -> None:
    reader = table.add()
    # A byte a turn is slow: replies have to fit into their deadlines.
    reader.script.answers["GET_READER_CAPABILITIES"] = lambda request: [response(request)]
    reader.cut = cut
    up(table)
    table.clock.advance_s(1)
    reports = [tag_report(EPC_A, 1 + n % 2, START_US + n) for n in range(6)]
    reader.say(*reports[:3], Message("KEEPALIVE", id=5), *reports[3:])
    table.until(lambda: table.rows() == 6)
    rows = np.concatenate(table.reads)
    assert (rows["time_us"] - START_US).tolist() == [0, 1, 2, 3, 4, 5]
    assert rows["antenna"].tolist() == [0, 1, 0, 1, 0, 1]
    table.until(lambda: "KEEPALIVE_ACK" in reader.script.asked)
    assert table.state() is ReaderState.UP


# --- antennas


def test_a_disconnected_antenna_is_told_and_so_is_its_return(table: Bench) -> None:
    reader = table.add()
    up(table)
    assert table.antennas_told() == []
    reader.say(antenna_event(2, connected=False))
    table.until(lambda: table.antennas_told() == [(2, False)])
    reader.say(antenna_event(2, connected=True))
    table.until(lambda: table.antennas_told() == [(2, False), (2, True)])


def test_an_antenna_that_flickers_is_told_once_a_drain(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.say(*(antenna_event(2, connected=bool(n % 2)) for n in range(99)))
    table.run(1)
    assert table.antennas_told() == [(2, False)]


def test_antennas_that_are_not_configured_are_not_told(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.say(antenna_event(3, connected=False), antenna_event(60_000, connected=False))
    table.run(1)
    assert table.antennas_told() == []


def test_an_antenna_that_is_away_is_told_again_with_every_state_of_its_reader(
    table: Bench,
) -> None:
    """Whoever hears that a reader is up takes all its antennas for connected."""
    reader = table.add()

    def antenna_2_is_away(request: Message) -> list[Message]:
        properties = [
            Parameter("AntennaProperties", {"AntennaConnected": int(port != 2), "AntennaID": port})
            for port in (1, 2)
        ]
        return [response(request, *properties)]

    reader.script.answers["GET_READER_CONFIG"] = antenna_2_is_away
    up(table)
    assert table.antennas_told() == [(2, False)]
    reader.say(notification(Parameter("ReportBufferOverflowErrorEvent")))
    table.until(lambda: table.antennas_told() == [(2, False)] * 2)
    reader.drop()
    table.until_state(ReaderState.DOWN)
    table.until_state(ReaderState.UP)
    assert table.antennas_told() == [(2, False)] * 3
    places = [s.port for s in table.statuses if s.up or s.port]
    assert places == [None, 2, None, 2, None, 2]


def test_an_antenna_of_which_nothing_is_told_after_a_reconnect_is_taken_for_connected(
    table: Bench,
) -> None:
    reader = table.add()
    up(table)
    reader.say(antenna_event(2, connected=False))
    table.run(1)
    reader.script.answers["GET_READER_CONFIG"] = silent
    reader.drop()
    table.until_state(ReaderState.DOWN)
    table.until_state(ReaderState.UP)
    assert table.antennas_told() == [(2, False), (2, True)]


def test_reads_from_an_antenna_that_is_said_to_be_away_prove_the_contrary(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.say(tag_report(EPC_A, 2, START_US), antenna_event(2, connected=False))
    table.run(1)
    reader.say(tag_report(EPC_A, 2, START_US))  # made before, sent after
    table.run(1)
    assert table.antennas_told() == [(2, False)]
    table.run(4)
    reader.say(tag_report(EPC_A, 2, START_US))
    table.until(lambda: table.antennas_told() == [(2, False), (2, True)])


def test_a_port_that_the_reader_does_not_have_is_told(table: Bench) -> None:
    table.add(ports=(ReaderPort(port=1), ReaderPort(port=7)))
    up(table)
    table.until(lambda: table.antennas_told() == [(7, False)])
    assert "antenna 7 is not there" in table.reason()


def test_reads_of_unknown_ports_are_dropped_counted_and_logged_once(
    table: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    reader = table.add()
    up(table)
    for _ in range(3):
        reader.say(tag_report(EPC_A, 3, START_US), tag_report(EPC_B, 1, START_US))
        table.run(0.1)
    assert table.rows() == 3
    assert table.driver is not None
    counters = table.driver.counters["dock-1"]
    assert (counters["reports"], counters["unmapped"]) == (6, 3)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "antenna port 3" in warnings[0]


def test_tags_beyond_the_capacity_are_dropped_and_counted(table: Bench) -> None:
    table.tags = TagIndex(capacity=1)
    reader = table.add()
    up(table)
    reader.say(*(tag_report(epc, 1, START_US) for epc in (EPC_A, EPC_B, EPC_A)))
    table.until(lambda: table.rows() == 2)
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["unnumbered"] == 1


# --- the inventory


def test_an_inventory_that_ends_by_itself_is_not_up_until_it_runs_again(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.script.rospecs[ROSPEC_ID].fields["CurrentState"] = 1
    reader.say(rospec_event(2, ROSPEC_ID, by=3))
    reason = table.until_state(ReaderState.CONNECTING)
    assert "ROSpec 3 has taken its place" in reason
    table.until_state(ReaderState.UP, within_s=2)
    assert reader.script.state(ROSPEC_ID) == ACTIVE
    assert reader.accepted == 1


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Parameter("ReportBufferOverflowErrorEvent"), "reads were lost on the reader"),
        (
            Parameter("ReportBufferLevelWarningEvent", {"ReportBufferPercentageFull": 85}),
            "85 % full",
        ),
        (Parameter("ReaderExceptionEvent", {"Message": "too hot"}), "too hot"),
        (Parameter("ConnectionAttemptEvent", {"Status": 4}), "another client"),
    ],
)
def test_what_a_reader_complains_of_is_told_once_in_a_while(
    table: Bench, event: Parameter, words: str
) -> None:
    reader = table.add()
    up(table)
    for _ in range(50):
        reader.say(notification(event))
        table.run(0.1)
    assert words in table.reason()
    assert table.state() is ReaderState.UP
    assert len(table.told()) == 3
    table.run(6)
    reader.say(notification(event))
    table.until(lambda: len(table.told()) == 4)


def test_changes_of_inputs_are_counted(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.say(notification(Parameter("GPIEvent", {"GPIPortNumber": 1, "GPIEvent": 1})))
    table.run(0.1)
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["input_changes"] == 1


def test_what_a_slow_reader_does_not_take_at_once_is_sent_later(
    table: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune = llrp_dial.tune

    def small_buffer(sock: socket.socket, user_timeout_s: float) -> None:
        tune(sock, user_timeout_s)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)

    monkeypatch.setattr(llrp_dial, "tune", small_buffer)
    reader = table.add()
    reader.receive_buffer = 4_096
    up(table)
    reader.is_frozen = True
    for _ in range(40):
        reader.send(encode(Message("KEEPALIVE")) * 200)
        table.turn()
    reader.is_frozen = False
    table.until(lambda: reader.script.asked.count("KEEPALIVE_ACK") == 8_000, pace_s=0.01)
    assert len(table.told()) == 2


# --- clocks


def test_a_clock_that_is_right_is_not_told(table: Bench) -> None:
    reader = table.add()
    up(table)
    for _ in range(20):
        reader.say(tag_report(EPC_A, 1, table.clock.now_us()))
        table.run(0.5)
    assert len(table.told()) == 2
    assert table.told()[-1].clock_offset_us is None


@pytest.mark.parametrize("ahead_us", [HOUR_US, -HOUR_US, 700_000])
def test_a_clock_that_is_off_is_told_with_the_first_reads(table: Bench, ahead_us: int) -> None:
    reader = table.add()
    reader.ahead_us = ahead_us
    up(table)
    reader.say(tag_report(EPC_A, 1, table.clock.now_us() + ahead_us))
    table.until(lambda: table.rows() == 1)
    offset_us = table.told()[-1].clock_offset_us
    assert offset_us is not None
    # The reader's times stay as they are: the core puts them right.
    assert table.reads[0]["time_us"][0] - table.reads[0]["at_us"][0] == offset_us
    assert abs(offset_us - ahead_us) <= 100_000
    assert table.state() is ReaderState.UP


def test_a_clock_that_is_set_right_is_told_again(table: Bench) -> None:
    reader = table.add()
    up(table)
    told: list[int | None] = []
    for ahead_us in (HOUR_US, 0):
        for _ in range(140):
            reader.say(tag_report(EPC_A, 1, table.clock.now_us() + ahead_us))
            table.run(0.5)
        told.append(table.told()[-1].clock_offset_us)
    assert told[0] is not None
    assert told[1] is not None
    assert abs(told[0] - HOUR_US) < 150_000
    assert abs(told[1]) < 150_000


def test_reads_held_back_during_an_outage_do_not_look_like_a_slow_clock(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.drop()
    table.until_state(ReaderState.DOWN)
    table.until_state(ReaderState.UP)
    reader.say(*(tag_report(EPC_A, 1, START_US - HOUR_US + n) for n in range(50)))
    table.until(lambda: table.rows() == 50)
    assert table.reads[-1]["time_us"][-1] == START_US - HOUR_US + 49
    assert table.told()[-1].clock_offset_us is None


def test_uptime_is_mapped_by_the_connection_event(table: Bench) -> None:
    reader = table.add()
    stamp = Parameter("Uptime", {"Microseconds": 5_000_000})
    reader.greeting = encode(connection_attempt(stamp=stamp))
    table.start()
    table.until(lambda: reader.accepted)
    connected_us = table.clock.now_us()
    reader.greeting = None
    table.until_state(ReaderState.UP)
    reader.say(
        tag_report(EPC_A, 1, 4_000_000, uptime=True), tag_report(EPC_A, 1, 5_050_000, uptime=True)
    )
    table.until(lambda: table.rows() == 2)
    rows = np.concatenate(table.reads)
    expected_us = np.array([connected_us - 1_000_000, connected_us + 50_000])
    assert (np.abs(rows["time_us"] - expected_us) <= 40_000).all()
    assert table.told()[-1].clock_offset_us is None


def test_without_any_stamp_the_arrival_counts(table: Bench) -> None:
    reader = table.add()
    up(table)
    bare = tag_report(EPC_A, 1, 0)
    data = bare.children[0]
    data.children = [p for p in data.children if "Timestamp" not in p.name]
    reader.say(bare)
    table.until(lambda: table.rows() == 1)
    (row,) = table.reads[0]
    assert row["time_us"] == row["first_us"] == row["at_us"]


def test_a_reader_can_be_told_to_be_on_the_gateways_clock(table: Bench) -> None:
    reader = table.add(clock="gateway")
    up(table)
    reader.say(tag_report(EPC_A, 1, table.clock.now_us() + HOUR_US))
    table.until(lambda: table.rows() == 1)
    (row,) = table.reads[0]
    assert row["time_us"] == row["first_us"] == row["at_us"]
    table.run(1)
    assert len(table.told()) == 2


@pytest.mark.parametrize("seen_us", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_stamps_beyond_reason_do_no_harm(table: Bench, seen_us: int) -> None:
    reader = table.add()
    up(table)
    reader.say(tag_report(EPC_A, 1, seen_us))
    table.until(lambda: table.rows() == 1)


# --- reader-initiated connections, IPv6


def test_a_reader_that_connects_by_itself_is_served_one_at_a_time(table: Bench) -> None:
    reader = table.add()
    reader.close()
    del table.readers["dock-1"]
    table.configs.clear()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    table.configure("dock-1", host="127.0.0.1", port=port, listen=True)
    table.start()
    table.run(0.1)
    assert "waiting for the reader to connect" in table.reason()
    rows: list[int] = []
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            table.readers["dock-1"] = reader
            reader._listener = socket.socket()  # never listens: it accepts nobody
            reader._listener.setblocking(False)
            reader._listener.bind(("127.0.0.1", 0))
            reader._listener.listen()
            reader.adopt(sock.dup())
            table.until_state(ReaderState.UP)
            reader.say(tag_report(EPC_A, 1, table.clock.now_us()))
            rows.append(table.rows())
            table.until(lambda: table.rows() > rows[-1])
            with socket.create_connection(("127.0.0.1", port)) as second:
                table.run(0.5)
                assert second.recv(1) == b""
            assert table.state() is ReaderState.UP
            reader.close()
        assert "waiting for it to connect again" in table.until_state(ReaderState.DOWN)


def test_a_port_that_cannot_be_listened_at_is_told(table: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        table.configure("dock-1", host="127.0.0.1", port=port, listen=True)
        table.start()
        assert "cannot listen" in table.until_state(ReaderState.FAULTY)
    table.run(12)
    with socket.create_connection(("127.0.0.1", port)):
        table.run(0.5)
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["connects"] == 1


def test_listening_needs_an_address_of_this_machine(table: Bench) -> None:
    table.configure("dock-1", host="reader.example", listen=True)
    table.start()
    reason = table.until_state(ReaderState.FAULTY)
    assert "the host has to be an IP address of this machine" in reason


def test_without_a_host_every_address_is_listened_at(table: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    table.configure("dock-1", port=port, listen=True)
    table.start()
    table.run(0.1)
    assert f"*:{port}" in table.reason()
    with socket.create_connection(("127.0.0.1", port)):
        table.run(0.1)
    assert "without a word" in table.until_state(ReaderState.DOWN)


def has_ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_a_reader_can_have_an_ipv6_address(table: Bench) -> None:
    reader = table.add(listen_host="::1")
    up(table)
    reader.greeting = b"nonsense"
    reader.drop()
    assert f"[::1]:{reader.port}" in table.until_state(ReaderState.FAULTY)


# --- many readers


def test_no_more_than_thirty_two_readers_shake_hands_at_once(table: Bench) -> None:
    for number in range(60):
        table.add(f"reader-{number}").greeting = b""
    table.start()
    table.run(5)
    assert sum(reader.accepted for reader in table.readers.values()) == MOST_HANDSHAKES
    table.run(20)
    assert all(reader.accepted for reader in table.readers.values())


def test_two_hundred_readers_come_up_and_are_all_heard(table: Bench) -> None:
    for number in range(200):
        table.add(f"reader-{number}", ports=(ReaderPort(port=1),))
    up(table)
    for reader in table.readers.values():
        reader.say(tag_report(EPC_A, 1, table.clock.now_us()))
    table.until(lambda: table.rows() == 200)
    assert sorted(np.concatenate(table.reads)["antenna"].tolist()) == list(range(200))


# --- beginning and end


def test_closing_ends_the_inventories_in_good_order(table: Bench) -> None:
    reader = table.add()
    up(table)
    assert table.driver is not None
    driver, table.driver = table.driver, None
    serve_while_closing(driver, table)
    assert reader.script.asked[-4:] == [
        "STOP_ROSPEC",
        "DISABLE_ROSPEC",
        "DELETE_ROSPEC",
        "CLOSE_CONNECTION",
    ]
    assert reader.script.rospecs == {}


def test_an_inventory_can_be_left_running(table: Bench) -> None:
    reader = table.add(leave_running=True)
    up(table)
    assert table.driver is not None
    driver, table.driver = table.driver, None
    serve_while_closing(driver, table)
    assert reader.script.asked[-1] == "CLOSE_CONNECTION"
    assert reader.script.state(ROSPEC_ID) == ACTIVE


def serve_while_closing(driver: LlrpReaders, table: Bench) -> None:
    """Close the driver, with the readers served whenever it looks at its sockets."""
    select = driver._selector.select

    def serve_and_select(timeout: float | None = None) -> object:
        for reader in table.readers.values():
            reader.serve(table.clock.now_us())
        return select(timeout)

    driver._selector.select = serve_and_select  # type: ignore[assignment, method-assign]
    driver.close()


def test_closing_with_dead_readers_takes_two_seconds_at_most(table: Bench) -> None:
    for number in range(3):
        table.add(f"reader-{number}")
    up(table)
    assert table.driver is not None
    driver, table.driver = table.driver, None
    begun_s = time.monotonic()
    driver.close()
    assert time.monotonic() - begun_s < 5.0


def test_closing_before_anything_is_connected_is_quick(table: Bench) -> None:
    reader = table.add()
    reader.close()
    del table.readers["dock-1"]
    driver = table.start()
    table.run(1)
    table.driver = None
    begun_s = time.monotonic()
    driver.close()
    assert time.monotonic() - begun_s < 1.9


def test_counters_tell_what_has_gone_through(table: Bench) -> None:
    reader = table.add()
    up(table)
    reader.say(tag_report(EPC_A, 1, START_US), Message("KEEPALIVE"))
    table.until(lambda: table.rows() == 1)
    assert table.driver is not None
    counters = table.driver.counters["dock-1"]
    assert {k: counters[k] for k in ("connects", "reports", "keepalives", "skipped")} == {
        "connects": 1,
        "reports": 1,
        "keepalives": 1,
        "skipped": 0,
    }
    assert counters["bytes"] > 100


def test_tag_reports_that_cannot_be_read_are_counted_and_logged_once(
    table: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    reader = table.add()
    up(table)
    broken = bytearray(encode(tag_report(EPC_A, 1, START_US)))
    broken[12:14] = b"\x00\x03"
    for _ in range(5):
        reader.send(bytes(broken) + encode(tag_report(EPC_A, 1, START_US)))
        table.run(1)
    assert table.rows() == 5
    assert table.driver is not None
    assert table.driver.counters["dock-1"]["skipped"] == 5
    assert len([r for r in caplog.records if "cannot be read" in r.getMessage()]) == 1


def context(*readers: ReaderConfig) -> DriverContext:
    """What a driver of these readers is given."""
    return DriverContext(
        site=Site(id="test"), tags=TagIndex(), clock=ManualClock(), readers=readers
    )


def test_settings_that_cannot_work_are_refused_in_words() -> None:
    with pytest.raises(DriverError, match="reader 'a' has no address"):
        LlrpReaders(context(ReaderConfig(id="a")))
    with pytest.raises(DriverError, match="'a' and 'b' both connect to port 5084"):
        LlrpReaders(context(ReaderConfig(id="a", listen=True), ReaderConfig(id="b", listen=True)))


def test_no_readers_is_no_trouble(table: Bench) -> None:
    table.start()
    table.run(1)
    assert table.statuses == []


def test_the_registry_knows_the_driver() -> None:
    assert load("llrp") is LlrpReaders


def test_every_setting_of_a_profile_reaches_the_session() -> None:
    from gateway.drivers.llrp_link import session_config

    profile = ReaderProfile(
        max_version=1, keepalive_s=7.0, tag_population=9, session=3, mode_index=4, tari_ns=5,
        report_every_n_tags=6, hold_reports=False, vendor_pen=8, search_mode=1, report_phase=True,
        report_rssi_centi=True,
    )  # fmt: skip
    config = ReaderConfig(
        id="a", profile=profile, ports=(ReaderPort(port=2, power_dbm=20.0),), takeover=True,
        leave_running=True,
    )  # fmt: skip
    asked = session_config(config)
    for name in ("max_version", "keepalive_s", "tag_population", "session", "mode_index"):
        assert getattr(asked.profile, name) == getattr(profile, name)
    for name in ("tari_ns", "report_every_n_tags", "hold_reports", "vendor_pen", "search_mode"):
        assert getattr(asked.profile, name) == getattr(profile, name)
    assert asked.profile.report_phase
    assert asked.profile.report_rssi_centi
    assert (asked.ports[0].number, asked.ports[0].power_dbm) == (2, 20.0)
    assert asked.takeover
    assert asked.leave_running

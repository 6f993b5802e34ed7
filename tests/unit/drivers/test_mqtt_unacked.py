"""Repetitions by the broker: recognised when they certainly are ones, never otherwise."""

from __future__ import annotations

from collections.abc import Callable

from paho.mqtt.client import MQTTMessage

from gateway.drivers.unacked import Unacked


class Link:
    """Stands for the connection and its client: what was acknowledged, on which connection."""

    def __init__(self) -> None:
        self.connected = True
        self.acknowledged: list[int] = []

    def ack(self, mid: int, _qos: int) -> None:
        self.acknowledged.append(mid)

    def call(self, action: Callable[[object], object]) -> bool:
        if self.connected:
            action(self)
        return self.connected


def message(mid: int, payload: bytes = b"on", *, dup: bool = False) -> MQTTMessage:
    made = MQTTMessage(mid, b"topic")
    made.payload, made.dup, made.qos = payload, dup, 1
    return made


def connected(*, session_present: bool = True) -> tuple[Unacked, Link]:
    unacked = Unacked()
    unacked.new_connection(session_present=session_present)
    return unacked, Link()


def test_an_acknowledgement_goes_to_the_broker_once() -> None:
    unacked, link = connected()
    delivery = unacked.take(message(1))
    unacked.acknowledge(link, delivery)  # type: ignore[arg-type]
    unacked.acknowledge(link, delivery)  # type: ignore[arg-type]
    assert link.acknowledged == [1]


def test_equal_messages_on_one_connection_are_all_new() -> None:
    unacked, link = connected()
    unacked.take(message(1))
    assert not unacked.repeated(link, message(2))  # type: ignore[arg-type]
    assert not unacked.repeated(link, message(3, dup=True))  # type: ignore[arg-type]


def test_each_delivery_accounts_for_one_repetition() -> None:
    """Two of three equal messages had come; the third was lost on its way and is new to us."""
    unacked, link = connected()
    unacked.take(message(1))
    unacked.take(message(2))
    unacked.new_connection(session_present=True)
    found = [unacked.repeated(link, message(mid, dup=True)) for mid in (11, 12, 13)]  # type: ignore[arg-type]
    assert found == [True, True, False]


def test_the_acknowledgement_follows_the_message_to_the_new_connection() -> None:
    unacked, link = connected()
    delivery = unacked.take(message(1))
    unacked.new_connection(session_present=True)
    unacked.acknowledge(link, delivery)  # type: ignore[arg-type]
    assert link.acknowledged == [], "the broker has not repeated it yet: its number is not known"
    assert unacked.repeated(link, message(7, dup=True))  # type: ignore[arg-type]
    assert link.acknowledged == [7]


def test_an_acknowledgement_while_away_is_given_with_the_repetition() -> None:
    unacked, link = connected()
    delivery = unacked.take(message(1))
    link.connected = False
    unacked.acknowledge(link, delivery)  # type: ignore[arg-type]
    link.connected = True
    unacked.new_connection(session_present=True)
    assert unacked.repeated(link, message(4, dup=True))  # type: ignore[arg-type]
    assert link.acknowledged == [4]
    assert not unacked.repeated(link, message(5, dup=True)), "it is settled"  # type: ignore[arg-type]


def test_a_broker_that_has_forgotten_the_session_repeats_nothing() -> None:
    unacked, link = connected()
    delivery = unacked.take(message(1))
    unacked.new_connection(session_present=False)
    assert not unacked.repeated(link, message(1, dup=True))  # type: ignore[arg-type]
    unacked.acknowledge(link, delivery)  # type: ignore[arg-type]
    assert link.acknowledged == [], "the number means another message now"

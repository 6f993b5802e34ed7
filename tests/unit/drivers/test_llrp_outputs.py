"""A stack light on a reader: on for a while, off again whatever happens in between."""

from __future__ import annotations

from gateway.drivers.llrp_outputs import AGAIN_US, Pulses
from gateway.model.alert import RuleAction

S = 1_000_000


class Reader:
    """Remembers how its output was switched."""

    def __init__(self) -> None:
        self.away = False
        self.switched: list[tuple[int, bool, int]] = []

    def switch(self, output: int, on: bool, now_us: int) -> bool:
        if not self.away:
            self.switched.append((output, on, now_us // S))
        return not self.away


def pulse(reader: str = "dock-1", **options: object) -> RuleAction:
    return RuleAction(kind="gpo", options={"reader": reader, "port": 1, **options})


def test_a_pulse_ends_by_itself() -> None:
    reader = Reader()
    pulses = Pulses({"dock-1": reader})
    pulses.ask(pulse(pulse_s=3), 0)
    pulses.run(2 * S)
    assert reader.switched == [(1, True, 0)]
    pulses.run(3 * S)
    pulses.run(9 * S)
    assert reader.switched == [(1, True, 0), (1, False, 3)]


def test_a_second_alarm_makes_it_last_longer_and_never_shorter() -> None:
    reader = Reader()
    pulses = Pulses({"dock-1": reader})
    pulses.ask(pulse(pulse_s=10), 0)
    pulses.ask(pulse(pulse_s=10), 5 * S)
    pulses.ask(pulse(pulse_s=1), 6 * S)
    for now_s in range(20):
        pulses.run(now_s * S)
    assert [s for s in reader.switched if not s[1]] == [(1, False, 15)]


def test_a_light_that_could_not_be_switched_off_is_switched_off_later() -> None:
    reader = Reader()
    pulses = Pulses({"dock-1": reader})
    pulses.ask(pulse(pulse_s=1), 0)
    reader.away = True
    pulses.run(1 * S)
    reader.away = False
    pulses.run(1 * S + AGAIN_US)
    assert reader.switched[-1] == (1, False, 2)


def test_what_is_meant_for_others_is_left_to_them() -> None:
    reader = Reader()
    pulses = Pulses({"dock-1": reader})
    pulses.ask(pulse("dock-2"), 0)
    pulses.ask(RuleAction(kind="count", options={"zone": "a"}), 0)
    assert reader.switched == []


def test_a_reader_that_is_away_is_not_switched_on_late() -> None:
    reader = Reader()
    reader.away = True
    pulses = Pulses({"dock-1": reader})
    pulses.ask(pulse(pulse_s=3), 0)
    reader.away = False
    pulses.run(10 * S)
    assert reader.switched == []

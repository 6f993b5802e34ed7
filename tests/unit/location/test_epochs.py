"""Epochs: what came in is put where it belongs, whatever tick it came with."""

from __future__ import annotations

import pytest

from gateway.location.epochs import Epochs
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.reads import Reads, empty_reads

START_US = 1_732_203_600_000_000
#: Arrival of each read, and when it was read: some before the start, some in the future.
READS_MS = ((1, -6), (12, 11), (30, 33), (31, -90), (52, 80), (77, 60), (110, 105), (190, 20))


def reads() -> Reads:
    rows = empty_reads(len(READS_MS))
    rows["at_us"] = [START_US + at * 1000 for at, _ in READS_MS]
    rows["time_us"] = rows["first_us"] = [START_US + told * 1000 for _, told in READS_MS]
    return rows


def decided(tick_us: int) -> list[tuple[int, list[int], int, int]]:
    """What each epoch held: its end, the times of its reads, how many statuses and sensors."""
    status = DeviceStatus(reader="dock", state=ReaderState.UP, reason="", time_us=START_US + 95_000)
    beam = SensorReading(
        sensor="beam", value=True, time_us=START_US + 40_000, at_us=START_US + 45_000
    )
    epochs, found = Epochs(200_000, 10_000, 10_000), []
    rows = reads()
    for start_us in range(START_US, START_US + 1_000_000, tick_us):
        end_us = start_us + tick_us
        inputs = Inputs(
            statuses=[s for s in (status,) if start_us <= s.time_us < end_us],
            sensors=[s for s in (beam,) if start_us <= s.at_us < end_us],
        )
        came = (rows["at_us"] >= start_us) & (rows["at_us"] < end_us)
        epochs.add(inputs, rows[came])
        for epoch in epochs.closed(end_us - 1, lambda: True):
            told = sorted(t for part in epoch.reads for t in part["time_us"].tolist())
            found.append((epoch.end_us, told, len(epoch.statuses), len(epoch.sensors)))
    return [epoch for epoch in found if any(epoch[1:])]


@pytest.mark.parametrize("tick_us", [20_000, 50_000, 100_000])
def test_inputs_of_all_kinds_enter_in_order_of_arrival_whatever_the_tick(tick_us: int) -> None:
    alone = decided(1_000)
    assert sum(len(times) for _, times, _, _ in alone) == len(READS_MS)
    assert decided(tick_us) == alone

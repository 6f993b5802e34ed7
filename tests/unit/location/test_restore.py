"""What was stored is believed after a start, whatever the host's clock said when it was stored."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.core import Core
from gateway.model.movement import Kind, Movement, Presence
from gateway.model.outcome import Inputs
from gateway.model.tags import TagIndex
from gateway.store.columns import TagColumns
from tests.scene import SITE, START_US, S, epc_of

DAY_US = 86_400 * S


def stored(last_us: int) -> TagColumns:
    """One tag that is present in bin-1."""
    return TagColumns(
        epcs=[epc_of("A")],
        zone_ids=["bin-1"],
        zones=np.array([0], dtype=np.int32),
        presence=np.array([Presence.PRESENT], dtype=np.uint8),
        since_us=np.array([last_us], dtype=np.int64),
        last_us=np.array([last_us], dtype=np.int64),
        seq=np.array([1], dtype=np.uint32),
        confidence=np.array([0.9], dtype=np.float32),
    )


@pytest.mark.parametrize("ahead_us", [-DAY_US, 0, DAY_US])
def test_a_tag_is_missed_in_its_time_though_the_clock_was_another_when_it_was_stored(
    ahead_us: int,
) -> None:
    core = Core(SITE, TagIndex())
    core.restore(stored(START_US + ahead_us), START_US)
    told: list[Movement] = []
    for second in range(700):
        told += core.tick(Inputs(), START_US + second * S).movements
    assert [m.kind for m in told] == [Kind.MISSING]
    assert abs(told[0].record_time_us - START_US - 600 * S) < 5 * S
    assert told[0].event_time_us >= START_US + ahead_us, "a tag's times never go back"

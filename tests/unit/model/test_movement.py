"""Movements: ids that never change, and times as they are told."""

from __future__ import annotations

import uuid

import pytest

from gateway.model.movement import MOVEMENT_NAMESPACE, iso_utc, movement_id, name_id


@pytest.mark.parametrize("name", ["", "dc-north/3034257BF7194E4000001A85/17", "Straße/00/1"])
def test_an_id_is_the_uuid5_of_its_name(name: str) -> None:
    assert name_id(name) == str(uuid.uuid5(MOVEMENT_NAMESPACE, name))


def test_the_id_of_a_movement_never_changes() -> None:
    told = movement_id("dc-north", "3034257BF7194E4000001A85", 17)
    assert told == "11e5c4c8-d982-54a1-894f-e0844ac860e2"


@pytest.mark.parametrize(
    ("time_us", "told"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_732_203_600_123_999, "2024-11-21T15:40:00.123Z"),
        (1_732_203_600_000_000, "2024-11-21T15:40:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_told_in_utc_with_milliseconds(time_us: int, told: str) -> None:
    assert iso_utc(time_us) == told

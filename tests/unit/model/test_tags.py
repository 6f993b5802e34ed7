"""TagIndex: every EPC has one number, however it is asked for."""

from __future__ import annotations

import itertools
import random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.tags import MAX_EPC_BYTES, NO_TAG, EpcColumn, RecentNumbers, TagIndex

EPCS_96 = [number.to_bytes(12) for number in range(1, 40)]


def column(epcs: list[bytes], positions: list[int] | None = None) -> EpcColumn:
    """EPCs of one length as octets."""
    octets = np.frombuffer(b"".join(epcs), np.uint8).reshape(len(epcs), len(epcs[0]))
    return slice(None) if positions is None else np.array(positions), octets


def numbers_of_columns(tags: TagIndex, epcs: list[bytes]) -> npt.NDArray[np.uint32]:
    """Ask for EPCs of any lengths the way the hot path does."""
    lengths = sorted({len(epc) for epc in epcs})
    rows = [[row for row, epc in enumerate(epcs) if len(epc) == length] for length in lengths]
    columns = [column([epcs[row] for row in at], at) for at in rows]
    return tags.numbers_of_columns(columns, len(epcs))


def test_numbers_are_given_in_the_order_of_first_sight() -> None:
    tags = TagIndex()
    assert tags.numbers([b"a", b"b", b"a", b"c"]).tolist() == [0, 1, 0, 2]
    assert tags.numbers([b"c", b"d", b"a"]).tolist() == [2, 3, 0]
    assert len(tags) == 4


def test_numbers_are_a_column_of_uint32_even_for_nothing() -> None:
    assert TagIndex().numbers([]).dtype == np.uint32
    assert TagIndex().numbers_of_columns([], 0).dtype == np.uint32


def test_an_epc_and_its_number_lead_to_each_other() -> None:
    tags = TagIndex()
    number = tags.add(b"\x30\x00")
    assert tags.epc(number) == b"\x30\x00"
    assert tags.find(b"\x30\x00") == number
    assert tags.add(b"\x30\x00") == number


def test_looking_for_an_unknown_epc_adds_nothing() -> None:
    tags = TagIndex()
    assert tags.find(b"x") is None
    assert len(tags) == 0
    with pytest.raises(IndexError):
        tags.epc(0)


def test_an_epc_of_no_bits_and_one_of_496_are_epcs() -> None:
    tags = TagIndex()
    assert tags.numbers([b"", bytes(MAX_EPC_BYTES)]).tolist() == [0, 1]


def test_zeros_at_the_end_count() -> None:
    tags = TagIndex()
    assert tags.numbers([b"\x01", b"\x01\x00"]).tolist() == [0, 1]
    assert numbers_of_columns(tags, [b"\x01\x00", b"\x01"]).tolist() == [1, 0]


def test_what_is_too_long_is_refused_and_counted() -> None:
    tags = TagIndex()
    assert tags.add(bytes(MAX_EPC_BYTES + 1)) == NO_TAG
    assert tags.refused == 1
    assert len(tags) == 0


def test_a_full_index_refuses_new_epcs_and_keeps_the_old() -> None:
    tags = TagIndex(capacity=2)
    assert tags.numbers([b"a", b"b", b"c", b"a", b"c"]).tolist() == [0, 1, NO_TAG, 0, NO_TAG]
    assert tags.refused == 2


def test_a_full_index_refuses_columns_alike_and_each_time() -> None:
    tags = TagIndex(capacity=2)
    for _ in range(2):
        found = tags.numbers_of_columns([column([*EPCS_96[:3], bytes(12)])], 4)
        assert found.tolist() == [0, 1, NO_TAG, NO_TAG]
    assert tags.refused == 4


def test_an_epc_of_zeros_is_an_epc_like_others() -> None:
    tags = TagIndex()
    for _ in range(2):
        assert tags.numbers_of_columns([column([EPCS_96[0], bytes(12)])], 2).tolist() == [0, 1]


def test_columns_and_lists_give_the_same_numbers() -> None:
    tags = TagIndex()
    listed = tags.numbers(EPCS_96)
    assert tags.numbers_of_columns([column(EPCS_96)], len(EPCS_96)).tolist() == listed.tolist()
    backwards = list(range(len(EPCS_96)))[::-1]
    found = tags.numbers_of_columns([column(EPCS_96, backwards)], len(EPCS_96))
    assert found.tolist() == listed.tolist()[::-1]


def test_a_column_may_be_a_view_into_longer_rows() -> None:
    rows = np.frombuffer(b"".join(b"x" + epc + b"yz" for epc in EPCS_96), np.uint8).reshape(-1, 15)
    tags = TagIndex()
    for _ in range(2):
        found = tags.numbers_of_columns([(slice(None), rows[:, 1:13])], len(rows))
        assert found.tolist() == list(range(len(EPCS_96)))
    assert tags.epc(3) == EPCS_96[3]


def test_epcs_that_share_a_place_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecentNumbers, "_PLACE_BITS", 1)
    tags = TagIndex()
    rng = random.Random(3)
    for _ in range(50):
        some = rng.choices(EPCS_96, k=20)
        found = tags.numbers_of_columns([column(some)], len(some))
        assert [tags.epc(number) for number in found.tolist()] == some


@given(
    st.lists(st.lists(st.binary(max_size=3) | st.sampled_from(EPCS_96), max_size=12), max_size=4)
)
def test_any_mixture_of_lengths_gets_the_numbers_of_the_list(batches: list[list[bytes]]) -> None:
    tags = TagIndex()
    for epcs in batches:
        found = numbers_of_columns(tags, epcs)
        assert found.tolist() == tags.numbers(epcs).tolist()
        assert [tags.epc(number) for number in found.tolist()] == epcs
    assert len(tags) == len(set(itertools.chain.from_iterable(batches)))


def test_a_number_that_was_released_is_given_anew() -> None:
    tags = TagIndex(capacity=3)
    epcs = [bytes([n]) * 12 for n in range(5)]
    assert tags.numbers(epcs[:3]).tolist() == [0, 1, 2]
    assert tags.add(epcs[3]) == NO_TAG
    tags.release(np.array([1], np.uint32))
    assert tags.find(epcs[1]) is None
    assert (tags.known, len(tags)) == (2, 3)
    assert tags.in_use().tolist() == [True, False, True]
    assert tags.epc(1) == epcs[1], "nobody else has it yet"
    assert tags.add(epcs[3]) == 1
    assert tags.epc(1) == epcs[3]
    assert tags.add(epcs[1]) == NO_TAG, "full again"
    assert (tags.known, len(tags)) == (3, 3)


def test_a_released_number_is_not_found_by_way_of_what_is_at_hand() -> None:
    tags = TagIndex()
    octets = np.arange(24, dtype=np.uint8).reshape(2, 12)
    assert tags.numbers_of_columns([(slice(0, 2), octets)], 2).tolist() == [0, 1]
    tags.release(np.array([0], np.uint32))
    assert tags.add(b"another") == 0
    assert tags.numbers_of_columns([(slice(0, 2), octets)], 2).tolist() == [2, 1]

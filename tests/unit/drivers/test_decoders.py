"""Decoders: payloads of anybody's making become values or clauses, never anything else."""

from __future__ import annotations

import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drivers import decoders
from gateway.drivers.decoders import UndecodableError, decoder_of
from gateway.errors import DriverError
from gateway.model.device import BINARY_KINDS, SensorConfig, SensorKind


def sensor(
    kind: SensorKind = SensorKind.BEAM, decoder: str = "plain", **options: object
) -> SensorConfig:
    return SensorConfig(id="s", kind=kind, topic="t", decoder=decoder, options=options)


@pytest.mark.parametrize("word", ["true", "1", "on", "open", "opened", "broken", "yes"])
@pytest.mark.parametrize("kind", sorted(BINARY_KINDS))
def test_words_for_true_in_any_case(kind: SensorKind, word: str) -> None:
    decode = decoder_of(sensor(kind))
    for spelling in (word, word.upper(), word.title(), f" {word}\r\n"):
        assert decode(spelling.encode()) is True


@pytest.mark.parametrize("word", ["false", "0", "off", "closed", "close", "clear", "no"])
def test_words_for_false_in_any_case(word: str) -> None:
    decode = decoder_of(sensor())
    for spelling in (word, word.upper(), word.title(), f"\t{word} "):
        assert decode(spelling.encode()) is False


def test_invert_changes_true_and_false() -> None:
    decode = decoder_of(sensor(invert=True))
    assert decode(b"on") is False
    assert decode(b"off") is True


@pytest.mark.parametrize(
    "payload",
    [b"", b" ", b"maybe", b"2", b"truefalse", b"\xff\xfe", "ја".encode(), b"{}", b"1" * 1_000],
)
def test_what_is_neither_true_nor_false_is_told(payload: bytes) -> None:
    with pytest.raises(UndecodableError, match="is neither true/on/open/1 nor false/off/closed/0"):
        decoder_of(sensor())(payload)


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"21.5", 21.5),
        (b"-3", -3.0),
        (b"+.5", 0.5),
        (b" 7. \n", 7.0),
        (b"1e3", 1_000.0),
        (b"-2.5E-2", -0.025),
    ],
)
def test_numbers(payload: bytes, value: float) -> None:
    assert decoder_of(sensor(SensorKind.TEMPERATURE))(payload) == value


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"nan", b"inf", b"-Infinity", b"1e999", b"1_000", b"0x10", b"1,5", b"21.5 C", b"1e",
        "１２".encode(), "٣".encode(), b"9" * 100, b"true", b"--1", b"1e9999999999",
    ],
)  # fmt: skip
def test_what_is_no_finite_number_is_told(payload: bytes) -> None:
    with pytest.raises(UndecodableError, match="is not a number"):
        decoder_of(sensor(SensorKind.WEIGHT))(payload)


def test_a_barcode_is_its_text_with_group_separators() -> None:
    decode = decoder_of(sensor(SensorKind.BARCODE))
    assert decode(b"]C1010614141812345\x1d21ABC\r\n") == "]C1010614141812345\x1d21ABC"
    assert decode("Größe 12".encode()) == "Größe 12"


@pytest.mark.parametrize("payload", [b"", b"\r\n", b"\xff", b"a\x00b", b"a\x1b[2Jb", b"x" * 1_001])
def test_what_is_no_barcode_is_told(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        decoder_of(sensor(SensorKind.BARCODE))(payload)


@given(kind=st.sampled_from(SensorKind), payload=st.binary(max_size=200))
def test_any_bytes_give_a_value_of_the_kind_or_a_clause(kind: SensorKind, payload: bytes) -> None:
    fault = ""
    try:
        value = decoder_of(sensor(kind))(payload)
    except UndecodableError as error:
        value, fault = None, str(error)
    if fault:
        assert fault.isprintable()
        assert len(fault) < 400
    elif kind in BINARY_KINDS:
        assert isinstance(value, bool)
    elif kind is SensorKind.BARCODE:
        assert isinstance(value, str)
    else:
        assert isinstance(value, float)
        assert math.isfinite(value)


def test_an_unknown_decoder_is_told_with_a_suggestion() -> None:
    with pytest.raises(
        DriverError, match=r"no decoder 'plane', known are .*; did you mean 'plain'"
    ):
        decoder_of(sensor(decoder="plane"))


def test_a_decoder_from_outside_is_found_by_its_entry_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Entry:
        name = "theirs"

        def load(self) -> object:
            return lambda _sensor: lambda payload: float(len(payload))

    monkeypatch.setattr(decoders, "entry_points", lambda group, name="theirs": [Entry()])
    assert decoder_of(sensor(SensorKind.COUNT, "theirs"))(b"four") == 4.0


def test_options_of_other_decoders_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    decoder_of(sensor(field="occupancy", invert=True))
    assert "'field' means nothing to the decoder plain" in caplog.text
    assert "invert" not in caplog.text

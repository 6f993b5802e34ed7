"""Decoders: the payload of a sensor's message as a value. One row each in `DECODERS`.

A decoder is made for one sensor and then called with payloads of anybody's making: it returns the
value, None when the message says nothing about this sensor, or raises `UndecodableError` with a
clause for the user. A decoder from outside is an entry point of the group `GROUP`.
"""

from __future__ import annotations

import difflib
import logging
import math
import re
from collections.abc import Callable
from importlib.metadata import entry_points

from gateway.errors import DriverError
from gateway.model.device import BINARY_KINDS, SensorConfig, SensorKind

logger = logging.getLogger(__name__)

GROUP = "rfid_gateway.decoders"

Value = bool | float | str
Decoder = Callable[[bytes], Value | None]
DecoderFactory = Callable[[SensorConfig], Decoder]

#: Longest text of a barcode; GS1 element strings end well below.
BARCODE_CHARACTERS = 1_000
#: Longest number or word that is looked at.
WORD_BYTES = 64
#: Separates the fields of a GS1 barcode, the one control character with a meaning there.
GROUP_SEPARATOR = "\x1d"

_TRUE = frozenset({"true", "1", "on", "open", "opened", "broken", "yes"})
_FALSE = frozenset({"false", "0", "off", "closed", "close", "clear", "no"})
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


class UndecodableError(ValueError):
    """A payload that is none; the text is a clause for the user."""


def plain(sensor: SensorConfig) -> Decoder:
    """One word or number is the whole payload; a barcode's is its text.

    Option `invert`: true and false change places.
    """
    for option in sensor.options.keys() - {"invert", "unit"}:
        logger.warning(
            "sensor %s: '%s' means nothing to the decoder plain, which takes the whole payload",
            sensor.id,
            option,
        )
    if sensor.kind is SensorKind.BARCODE:
        return _barcode
    if sensor.kind in BINARY_KINDS:
        inverted = bool(sensor.options.get("invert", False))
        return lambda payload: _state(payload) != inverted
    return _number


#: name → what makes a decoder of it for one sensor.
DECODERS: dict[str, DecoderFactory] = {"plain": plain}


def decoder_of(sensor: SensorConfig) -> Decoder:
    """The decoder for one sensor; raises `DriverError` for a name that nobody knows."""
    factory = DECODERS.get(sensor.decoder)
    if factory is None:
        for entry in entry_points(group=GROUP, name=sensor.decoder):
            factory = entry.load()
    if factory is None:
        known = sorted({*DECODERS, *(entry.name for entry in entry_points(group=GROUP))})
        close = difflib.get_close_matches(sensor.decoder, known, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise DriverError(
            f"sensor {sensor.id}: there is no decoder '{sensor.decoder}', known are "
            f"{', '.join(known)}{hint}"
        )
    return factory(sensor)


def _state(payload: bytes) -> bool:
    word = _word(payload).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise UndecodableError(f"{_shown(payload)} is neither true/on/open/1 nor false/off/closed/0")


def _number(payload: bytes) -> float:
    word = _word(payload)
    if _NUMBER.fullmatch(word):
        value = float(word)
        if math.isfinite(value):
            return value
    raise UndecodableError(f"{_shown(payload)} is not a number")


def _barcode(payload: bytes) -> str:
    try:
        text = payload.decode("utf-8").strip(" \r\n")
    except UnicodeDecodeError:
        raise UndecodableError(f"{_shown(payload)} is not UTF-8 text") from None
    if not text or len(text) > BARCODE_CHARACTERS:
        raise UndecodableError(f"a barcode has 1 to {BARCODE_CHARACTERS} characters")
    if not all(c.isprintable() or c == GROUP_SEPARATOR for c in text):
        raise UndecodableError(f"{_shown(payload)} holds control characters")
    return text


def _word(payload: bytes) -> str:
    """The payload as one short ASCII word, or something that matches nothing."""
    if len(payload) > WORD_BYTES:
        return ""
    return payload.decode("ascii", "replace").strip()


def _shown(payload: bytes) -> str:
    """The beginning of a payload, harmless in a log."""
    shown = ascii(payload[:40].decode("utf-8", "backslashreplace"))
    return f"{shown}…" if len(payload) > 40 else shown

"""`rfid-gateway epc decode` and `encode`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.epc_text import describe, parse_any, parse_text

HEX = "3074257BF7194E4000001A85"
PLUS = "F7380614141123458046A140"
FORMS = {
    "hex": HEX,
    "scheme": "sgtin-96",
    "filter": 3,
    "epc_uri": "urn:epc:id:sgtin:0614141.812345.6789",
    "tag_uri": "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
    "digital_link": "https://id.gs1.org/01/80614141123458/21/6789",
    "gs1_element_string": "(01)80614141123458(21)6789",
    "raw_uri": f"urn:epc:raw:96.x{HEX}",
}


def epc(*args: str, given: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "epc", *args],
        input=given, capture_output=True, check=False, timeout=60, text=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def test_a_tag_is_told_in_every_form() -> None:
    done = epc("decode", HEX)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        HEX,
        "  scheme         sgtin-96, filter 3",
        "  identity       urn:epc:id:sgtin:0614141.812345.6789",
        "  tag URI        urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        "  Digital Link   https://id.gs1.org/01/80614141123458/21/6789",
        "  element string (01)80614141123458(21)6789",
        f"  raw            urn:epc:raw:96.x{HEX}",
    ]


def test_json_is_one_object_per_line_also_of_tags_that_are_no_epc() -> None:
    done = epc("decode", "--json", HEX, "e28011606000020000000000")
    assert done.returncode == 0
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == FORMS
    assert second == dict.fromkeys(FORMS) | {
        "hex": "E28011606000020000000000",
        "raw_uri": "urn:epc:raw:96.xE28011606000020000000000",
    }


def test_several_lines_come_from_standard_input_and_a_bad_one_stops_nothing() -> None:
    done = epc("decode", "--json", given=f"{HEX}\n\nnonsense\n  3074 257B f719 4e40 0000 1a85 \n")
    assert [json.loads(line)["hex"] for line in done.stdout.splitlines()] == [HEX, HEX]
    assert done.returncode == 1
    assert done.stderr.startswith("line 3: 'nonsense' is not hex")


def test_what_decode_says_encode_takes() -> None:
    texts = [str(FORMS[key]) for key in ("epc_uri", "tag_uri", "raw_uri")]
    assert epc("encode", "--filter", "3", *texts).stdout.split() == [HEX] * 3
    keys = [str(FORMS[key]) for key in ("digital_link", "gs1_element_string")]
    assert epc("encode", "--filter", "3", *keys).stdout.split() == [PLUS] * 2
    with_prefix = epc("encode", "--filter", "3", "--prefix-digits", "7", given="\n".join(keys))
    assert with_prefix.stdout.split() == [HEX] * 2


def test_a_coding_can_be_asked_for() -> None:
    done = epc("encode", "--json", "--coding", "sgtin-198", str(FORMS["epc_uri"]))
    found = json.loads(done.stdout)
    assert (found["scheme"], found["epc_uri"]) == ("sgtin-198", FORMS["epc_uri"])
    done = epc("encode", "--coding", "sgtin+", "--filter", "3", str(FORMS["epc_uri"]))
    assert done.stdout.strip() == PLUS


def test_what_is_not_text_is_refused_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "epc", "decode"],
        input=b"\xff\xfe\n", capture_output=True, check=False, timeout=60,
        env={"PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "1 to 512"),
        ("x" * 513, {}, "1 to 512"),
        ("3034257BF7194E4000001A85", {}, "no URI such as"),
        ("urn:epc:id:sgtin", {}, "no URI such as"),
        ("urn:epc:id:sgtin:0614141.812345", {}, "3 fields"),
        ("urn:epc:id:nope:1.2", {}, "no EPC scheme"),
        ("urn:epc:tag:sgtin-96:9.0614141.812345.6789", {}, "at most 7"),
        ("urn:epc:raw:96.x30", {}, "raw EPC URI"),
        ("urn:epc:id:sgtin:0614141.812345.1", {"filter_value": 8}, "at most 7"),
        ("urn:epc:id:sgtin:0614141.812345.1", {"coding": "sscc-96"}, "no coding of sgtin"),
        ("urn:epc:id:sgtin:0614141.812345.A", {"coding": "sgtin-96"}, "not a number"),
        ("urn:epc:id:gid:1.2.3", {"coding": "gid+"}, "no coding of gid"),
        ("(01)80614141123458", {}, "needs a value of"),
        ("(01)80614141123458", {"prefix_digits": 7}, "needs a value of"),
        ("(01)80614141123457(21)1", {}, "should be 8"),
        ("(01)80614141123458(21)1", {"coding": "sgtin-198"}, "company prefix"),
        ("(01)80614141123458(21)1", {"coding": "sscc+"}, "company prefix"),
        ("(01)80614141123458(21)1(10)LOT", {}, "cannot carry"),
        ("https://example.com/", {}, "no GS1 Digital Link"),
    ],
)
def test_what_cannot_be_encoded_is_told(text: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_text(text, **options)  # type: ignore[arg-type]


@given(st.text(max_size=80) | st.text("urn:epc:idtag.sgtin-96/()0123456789%", max_size=80))
def test_no_text_does_more_than_raise_a_value_error(text: str) -> None:
    try:
        tag = parse_any(text)
    except ValueError:
        return
    assert describe(tag)["hex"] == tag.hex().upper()

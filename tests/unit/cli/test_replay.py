"""`rfid-gateway replay`: movements, passages and the reasons for both, from a recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import Said, run

SITE = Path(__file__).parents[3]
START_US = 1_732_203_600_000_000
EPC = "3034257BF7194E4000001A85"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A tag that is put into a bin, and somebody who walks out through door-1."""
    lines: list[dict[str, object]] = [
        {"t": START_US + n * 500_000, "reader": "aisle-a", "antenna": 1, "epc": EPC, "rssi": -55}
        for n in range(20)
    ]
    for sensor, at_s in (("door-1/inner", 3.0), ("door-1/outer", 3.8)):
        for value, after_s in ((True, 0.0), (False, 0.5)):
            at_us = START_US + round((at_s + after_s) * 1e6)
            lines.append({"t": at_us, "sensor": sensor, "value": value})
    path = tmp_path / "monday.jsonl"
    in_order = sorted(lines, key=lambda line: str(line["t"]))
    path.write_text("".join(json.dumps(line) + "\n" for line in in_order))
    return path


async def replayed(recording: Path, *options: str) -> Said:
    return await run("replay", "--site", str(SITE), str(recording), "--drain", "20s", *options)


async def test_passages_go_where_they_are_wanted(recording: Path, tmp_path: Path) -> None:
    to = tmp_path / "passages.jsonl"
    said = await replayed(recording, "--passages", str(to))
    assert said.code == 0
    (passage,) = map(json.loads, to.read_text().splitlines())
    assert (passage["door"], passage["direction"], passage["verdict"]) == ("door-1", "out", "empty")
    assert (passage["epcs"], passage["status"]) == ([], "confirmed")
    assert [json.loads(line)["kind"] for line in said.out.splitlines()] == ["arrived"]


async def test_reasons_are_told_beside_the_movements(recording: Path) -> None:
    said = await replayed(recording, "--why")
    told = [line for line in said.err.splitlines() if not line.startswith(" ")]
    assert told[0].startswith(f"{EPC}  arrived at bin-a-0")
    assert told[1].startswith("door-1 out, empty, 15:40:03.0 to 15:40:04.3, 90.0 % sure: both")
    assert "aisle-a/1" in said.err
    assert json.loads(said.out)["epc"] == EPC


async def test_one_tag_is_explained_alone(recording: Path) -> None:
    said = await replayed(recording, "--out", "", "--explain", EPC.lower())
    assert said.out.splitlines()[0].startswith(f"{EPC}  arrived at bin-a-0")
    assert "empty" not in said.out
    other = await replayed(recording, "--out", "", "--explain", "00FF")
    assert (other.code, other.out) == (0, "")


async def test_what_is_no_epc_is_a_mistake_in_the_command(recording: Path) -> None:
    said = await replayed(recording, "--explain", "pallet 7")
    assert said.code == 2
    assert "--explain" in said.err
    assert "Traceback" not in said.err


async def test_commands_that_make_no_sense_are_told(recording: Path) -> None:
    with recording.open("a") as lines:
        for command in ({"ack": "5a9c"}, {"silence": {"rule": "any"}}):
            lines.write(json.dumps({"t": START_US + 10_000_000, "command": command}) + "\n")
    said = await replayed(recording)
    assert said.code == 0
    assert "the command 'ack' is refused: no alert fires with the id 5a9c\n" in said.err
    assert "the command 'silence' is refused: a silence has id, until_us and by" in said.err


async def test_an_outage_between_two_lines_far_apart_counts(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"t": START_US + n * 500_000, "reader": "aisle-a", "antenna": 1, "epc": EPC, "rssi": -55}
        for n in range(20)
    ]
    for status, at_s in (("down", 60), ("up", 3600)):
        lines.append({"t": START_US + at_s * 1_000_000, "reader": "aisle-a", "status": status})
    path = tmp_path / "outage.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    movements = [json.loads(line) for line in (await replayed(path)).out.splitlines()]
    assert [movement["kind"] for movement in movements] == ["arrived"]
    assert movements[0]["record_time"] < "2024-11-21T15:40:05"  # by the clock, not the next line


@pytest.mark.parametrize("options", [("--out", "/dev/full"), ("--rules", "nowhere")])
async def test_what_cannot_be_written_or_is_not_there_is_told(
    recording: Path, options: tuple[str, str]
) -> None:
    said = await replayed(recording, *options)
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith(f"{options[1]}: ")
    assert "Traceback" not in said.err

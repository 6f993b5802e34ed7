"""Recordings: what is read, what is told, what is skipped; and that they can be written again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.drivers.recording import MAX_GAP_US, Recording
from gateway.drivers.recording_blocks import MAX_LINE_BYTES
from gateway.drivers.recording_lines import lines_of
from gateway.errors import DriverError
from gateway.model.outcome import Inputs
from gateway.model.tags import TagIndex
from tests.scene import SITE

T = 1_732_203_600_000_000
READ_LINE = {"t": T, "reader": "dock", "antenna": 1, "epc": "3034257BF7194E4000001A85"}


def read(
    path: Path, tick_us: int = 100_000
) -> tuple[Recording, list[tuple[int, Inputs]], list[str]]:
    told: list[str] = []
    recording = Recording(SITE, TagIndex(), told.append)
    return recording, list(recording.batches([path], tick_us)), told


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def test_reads_become_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        READ_LINE | {"rssi": -55.5},
        READ_LINE
        | {"t": T + 5, "at": T + 20, "count": 3, "first": T - 9, "phase": 1.5, "channel": 7},
        READ_LINE | {"t": T + 30, "antenna": 2, "epc": "ABCD", "unknown": [1, 2]},
    )
    recording, batches, told = read(path)
    assert told == []
    rows = np.concatenate(batches[0][1].reads)
    assert rows["time_us"].tolist() == [T, T + 5, T + 30]
    assert rows["at_us"].tolist() == [T, T + 20, T + 30]
    assert rows["first_us"].tolist() == [T, T - 9, T + 30]
    assert rows["rssi_cdbm"].tolist() == [-5550, -12000, -12000]
    assert rows["count"].tolist() == [1, 3, 1]
    assert rows["antenna"].tolist() == [0, 0, 1]
    assert recording.counts.reads == 3


def test_the_quick_way_and_the_long_way_give_the_same_rows(tmp_path: Path) -> None:
    lines = [
        READ_LINE
        | {"t": T + n, "epc": f"30{n % 7:022X}", "antenna": 1 + n % 2, "rssi": -50.25 - n % 9}
        | ({"phase": n / 100, "channel": n % 50} if n % 3 else {})
        | ({"count": n * 200} if n % 5 else {})
        | ({"first": T + n * 2 - 300} if n % 4 else {"first": None})
        for n in range(500)
    ]
    quick = read(write(tmp_path / "quick.jsonl", *lines))
    slow = read(write(tmp_path / "slow.jsonl", *lines, "{broken", READ_LINE | {"count": True}))
    assert quick[2] == []
    assert len(slow[2]) == 2
    one, other = (np.concatenate([r for _, i in b for r in i.reads]) for b in (quick[1], slow[1]))
    for name in one.dtype.names or ():
        np.testing.assert_array_equal(one[name], other[name])


def test_tags_are_numbered_in_the_order_of_their_first_reads(tmp_path: Path) -> None:
    epcs = [f"30{n * 37 % 100:022X}" for n in range(100)]
    path = write(tmp_path / "day.jsonl", *[READ_LINE | {"epc": epc} for epc in epcs])
    tags = TagIndex()
    list(Recording(SITE, tags, list[str]().append).batches([path], 100_000))
    assert [tags.epc(n).hex().upper() for n in range(100)] == epcs


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{nonsense", "not JSON: unexpected"),
        ("[1, 2]", "one JSON object"),
        ({"reader": "dock", "antenna": 1, "epc": "AB"}, "whole microseconds"),
        (READ_LINE | {"t": 1.5}, "whole microseconds"),
        (READ_LINE | {"t": True}, "whole microseconds"),
        (READ_LINE | {"t": -1}, "whole microseconds"),
        (READ_LINE | {"epc": "xyz"}, "must be hex digits"),
        (READ_LINE | {"epc": "303"}, "must be hex digits, two for each octet, not 303"),
        (READ_LINE | {"epc": "30 34"}, "must be hex digits"),
        (READ_LINE | {"reader": ["dock"]}, "'reader' must be a text"),
        (READ_LINE | {"antenna": "1"}, "'antenna' must be a number"),
        (READ_LINE | {"t": 10**19}, "whole microseconds"),
        (READ_LINE | {"at": -5}, "whole microseconds"),
        (READ_LINE | {"t": T + 2 * MAX_GAP_US}, "62 days after the line before it"),
        (READ_LINE | {"epc": "AB" * 63}, "longer than"),
        (READ_LINE | {"epc": 12}, "'epc' must be a text"),
        (READ_LINE | {"rssi": "loud"}, "'rssi' must be a number"),
        (READ_LINE | {"count": True}, "'count' must be a number"),
        ({"t": T, "epc": "AB", "antenna": 1}, "'reader' is missing"),
        ({"t": T, "sensor": "beam"}, "'value' is missing"),
        ({"t": T, "sensor": "beam", "value": [1]}, "'value' must be"),
        ({"t": T, "reader": "dock", "status": "sideways"}, "up or down"),
        ({"t": T, "hello": 1}, "neither a read"),
        ('"' + "x" * (2 * MAX_LINE_BYTES) + '"', "unexpected"),
    ],
)
def test_a_broken_line_is_told_with_its_number_and_skipped(
    tmp_path: Path, line: dict[str, Any] | str, words: str
) -> None:
    path = write(tmp_path / "r.jsonl", READ_LINE, line, READ_LINE | {"t": T + 1})
    recording, batches, told = read(path)
    assert sum(len(rows) for _, inputs in batches for rows in inputs.reads) == 2
    assert recording.counts.broken == 1
    assert told[0].startswith(f"{path}:2: skipped: ")
    assert words in told[0]


def test_broken_lines_do_not_make_a_good_one_together(tmp_path: Path) -> None:
    whole = json.dumps(READ_LINE)
    path = write(tmp_path / "r.jsonl", whole[:-1] + ', "x": [{}', "{}]}", f"{whole},{whole}", whole)
    recording, _, told = read(path)
    assert [line.split(":")[1] for line in told] == ["1", "2", "3"]
    assert recording.counts.reads == 1


def test_empty_lines_and_a_last_one_without_an_end_are_no_mistakes(tmp_path: Path) -> None:
    whole = json.dumps(READ_LINE)
    (tmp_path / "r.jsonl").write_bytes(f"\n{whole}\r\n \n\n{whole}\n\n{whole}".encode())
    recording, _, told = read(tmp_path / "r.jsonl")
    assert told == []
    assert (recording.counts.reads, recording.counts.lines) == (3, 7)


def test_lines_are_whole_wherever_a_block_of_them_ends(tmp_path: Path) -> None:
    lines = [READ_LINE | {"t": T + n, "note": "x" * (n * 7 % 900)} for n in range(1500)]
    lines[700] |= {"note": "x" * MAX_LINE_BYTES}
    recording, batches, told = read(write(tmp_path / "r.jsonl", *lines))
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path / 'r.jsonl'}:701: skipped: not JSON: ")
    times_us = np.concatenate([r["time_us"] for _, i in batches for r in i.reads])
    assert times_us.tolist() == [T + n for n in range(1500) if n != 700]
    assert recording.counts.lines == 1500


def test_other_antennas_than_the_sites_are_told_once(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", *[READ_LINE | {"antenna": 9, "t": T + n} for n in range(5)])
    recording, _, told = read(path)
    assert recording.counts.elsewhere == 5
    assert len(told) == 1
    assert "antenna 9" in told[0]


def test_what_else_the_site_does_not_have_is_told_once(tmp_path: Path) -> None:
    lines = [{"t": T, "reader": "gone", "status": "up"}, {"t": T, "sensor": "gone", "value": True}]
    path = write(tmp_path / "r.jsonl", *lines, *lines, READ_LINE)
    told: list[str] = []
    recording = Recording(SITE, TagIndex(), told.append, sensors={"door-1/inner"})
    ((_, inputs),) = recording.batches([path], 100_000)
    assert (inputs.statuses, inputs.sensors, len(inputs.reads)) == ([], [], 1)
    assert [words.split(" are left out")[0] for words in told] == [
        "statuses of reader 'gone'",
        "readings of sensor 'gone'",
    ]


def test_null_is_as_good_as_nothing(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("at", "first", "count", "phase", "channel", "tid", "rssi"))
    _, batches, told = read(write(tmp_path / "r.jsonl", READ_LINE | nothing))
    assert told == []
    (rows,) = batches[0][1].reads
    assert (rows["time_us"].tolist(), rows["at_us"].tolist()) == ([T], [T])


def test_files_that_are_far_apart_are_not_waited_for(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", READ_LINE)
    two = write(tmp_path / "b.jsonl", READ_LINE | {"t": T + 2 * MAX_GAP_US})
    with pytest.raises(DriverError, match="replay them one by one"):
        list(Recording(SITE, TagIndex(), print).batches([one, two], 100_000))


def test_sensors_statuses_and_commands(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"t": T, "sensor": "door-1/inner", "value": True},
        {"t": T + 1, "sensor": "door-1/temp", "value": 4},
        {"t": T + 2, "reader": "dock", "status": "down", "antenna": 2},
        {"t": T + 3, "command": {"do": "something"}},
    )
    _, batches, told = read(path)
    assert told == []
    inputs = batches[0][1]
    assert [(s.sensor, s.value) for s in inputs.sensors] == [
        ("door-1/inner", True),
        ("door-1/temp", 4.0),
    ]
    assert (inputs.statuses[0].port, inputs.statuses[0].up) == (2, False)
    assert [c.body for c in inputs.commands] == [{"do": "something"}]


def test_arrival_never_goes_back_and_ticks_are_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        READ_LINE | {"t": T + 500_000},
        READ_LINE | {"t": T + 100_000},
        READ_LINE | {"t": T + 900_000},
    )
    _, batches, _ = read(path)
    times = [now_us for now_us, _ in batches]
    assert times == sorted(times)
    assert [r["at_us"].tolist() for _, i in batches for r in i.reads] == [
        [T + 500_000, T + 500_000],
        [T + 900_000],
    ]


def test_several_files_come_in_order_of_arrival(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", READ_LINE, READ_LINE | {"t": T + 400_000})
    two = write(tmp_path / "b.jsonl", READ_LINE | {"t": T + 200_000})
    recording = Recording(SITE, TagIndex(), print)
    arrivals = [
        int(rows["at_us"][0]) - T
        for _, inputs in recording.batches([one, two], 100_000)
        for rows in inputs.reads
    ]
    assert arrivals == [0, 200_000, 400_000]


def test_each_tick_has_its_own_time_however_far_the_next_one_is(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", READ_LINE, READ_LINE | {"t": T + 400_000_000})
    two = write(tmp_path / "b.jsonl", READ_LINE | {"t": T + 200_000_000})
    for paths in ([one], [one, two]):
        batches = Recording(SITE, TagIndex(), print).batches(paths, 100_000)
        for now_us, inputs in batches:
            (rows,) = inputs.reads
            assert 0 <= now_us - int(rows["at_us"][0]) < 100_000


def test_gzip_is_read_and_a_cut_one_is_told(tmp_path: Path) -> None:
    whole = gzip.compress((json.dumps(READ_LINE) + "\n").encode() * 5000)
    (tmp_path / "r.jsonl.gz").write_bytes(whole)
    recording, _, _ = read(tmp_path / "r.jsonl.gz")
    assert recording.counts.reads == 5000
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-20])
    (tmp_path / "bad.jsonl.gz").write_bytes(whole[:20] + b"\xff" * 9 + whole[29:])
    for name in ("cut", "bad"):
        with pytest.raises(DriverError, match="cannot be read to its end"):
            read(tmp_path / f"{name}.jsonl.gz")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="cannot be read"):
        read(tmp_path / "none.jsonl")


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        READ_LINE | {"rssi": -55.5, "phase": 1.5, "count": 2, "channel": 4, "first": T - 5},
        {"t": T + 1, "sensor": "door-1/inner", "value": True},
        {"t": T + 2, "reader": "dock", "status": "up"},
    )
    recording, batches, _ = read(path)
    again = tmp_path / "again.jsonl"
    again.write_bytes(b"".join(lines_of(batches[0][1], SITE, recording._tags)))
    _, copies, told = read(again)
    assert told == []
    np.testing.assert_array_equal(copies[0][1].reads[0], batches[0][1].reads[0])
    assert copies[0][1].sensors == batches[0][1].sensors
    assert [s.up for s in copies[0][1].statuses] == [True]

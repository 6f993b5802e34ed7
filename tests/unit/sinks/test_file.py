"""The sink `file`: whole lines only, whatever happened to the file in between."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Hold, Retry, SinkError
from gateway.model.delivery import Record, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.file import FileSink


def sink_at(folder: Path, path: str = "out.jsonl", **options: object) -> FileSink:
    config = SinkConfig(name="log", kind="file", options={"path": path} | options)
    return FileSink(config, SinkContext(site="s", data_dir=folder))


def record(number: int, body: bytes | None = None) -> Record:
    return Record(
        seq=number, kind="movement", id=str(number), key="k", body=body or b'{"n":%d}' % number
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def put(sink: FileSink, *numbers: int) -> None:
    assert await sink.deliver([record(n) for n in numbers]) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b'{"n":0}\n', b'{"n":0}\n', id="whole"),
        pytest.param(b'{"n":0}\n{"n":', b'{"n":0}\n', id="torn"),
        pytest.param(b'{"n":', b"", id="nothing but a torn line"),
        pytest.param(b'{"n":0}', b'{"n":0}\n', id="whole but for its end"),
        pytest.param(b"\xff\xfe", b"", id="rubbish"),
    ],
)
async def test_a_line_that_a_crash_cut_short_is_mended(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(before)
    sink = sink_at(tmp_path)
    await sink.open()
    await put(sink, 1)
    await sink.close()
    assert path.read_bytes() == after + b'{"n":1}\n'


async def test_a_huge_unended_line_is_ended_and_not_searched_through(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"x" * (1 << 21))
    sink = sink_at(tmp_path)
    await sink.open()
    await put(sink, 1)
    await sink.close()
    assert path.read_bytes().endswith(b'x\n{"n":1}\n')


async def test_a_file_that_was_rotated_away_is_begun_anew(tmp_path: Path) -> None:
    path, rotated = tmp_path / "out.jsonl", tmp_path / "out.jsonl.1"
    sink = sink_at(tmp_path)
    await sink.open()
    await put(sink, 1, 2)
    path.rename(rotated)
    await put(sink, 3)
    path.unlink()
    await put(sink, 4)
    await sink.close()
    assert rotated.read_bytes() == b'{"n":1}\n{"n":2}\n'
    assert path.read_bytes() == b'{"n":4}\n'


async def test_a_file_emptied_in_place_goes_on_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = sink_at(tmp_path)
    await sink.open()
    await put(sink, 1)
    os.truncate(path, 0)
    await put(sink, 2)
    await sink.close()
    assert path.read_bytes() == b'{"n":2}\n'


async def test_a_write_that_fails_half_way_leaves_no_part_of_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = sink_at(tmp_path)
    await sink.open()
    await put(sink, 1)
    real_write, calls = os.write, [0]

    def write(descriptor: int, data: bytes) -> int:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, bytes(data)[:10])

    monkeypatch.setattr("gateway.sinks.file.os.write", write)
    with pytest.raises(Retry, match=r"out\.jsonl cannot be written \(no space left on device\)"):
        await put(sink, 2, 3)
    monkeypatch.undo()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"n":1}\n'
    await put(sink, 2, 3)
    await sink.close()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_is_retry_and_passes_when_there_is_room(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"\0" * 40_000)
    sink = sink_at(small_disk)
    await sink.open()
    big = [record(n, b'"%s"' % (b"x" * 1_000)) for n in range(30)]
    with pytest.raises(Retry, match="no space left"):
        await sink.deliver(big)
    assert (small_disk / "out.jsonl").read_bytes() == b""
    (small_disk / "ballast").unlink()
    assert await sink.deliver(big) == {}
    await sink.close()
    assert len((small_disk / "out.jsonl").read_bytes().splitlines()) == 30


async def test_what_a_person_has_to_mend_is_hold(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sink = sink_at(tmp_path, "file/out.jsonl")
    with pytest.raises(Hold, match=r"file/out\.jsonl cannot be written \("):
        await sink.open()


async def test_a_body_of_two_lines_is_refused_alone(tmp_path: Path) -> None:
    sink = sink_at(tmp_path)
    await sink.open()
    refused = await sink.deliver([record(1), record(2, b'{\n"n":2}'), record(3)])
    await sink.close()
    assert list(refused) == [2]
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"n":1}\n{"n":3}\n'


async def test_it_takes_movements_unless_told_otherwise(tmp_path: Path) -> None:
    assert sink_at(tmp_path).kinds == {"movement"}
    assert sink_at(tmp_path, kinds=["alert", "passage"]).kinds == {"alert", "passage"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "sink log: it needs a path"),
        ({"path": ""}, "sink log: it needs a path"),
        ({"path": "x\0"}, "sink log: it needs a path"),
        ({"path": 5}, "sink log: it needs a path"),
        ({"path": "x", "pth": "y"}, "has no option 'pth'; did you mean 'path'"),
        ({"path": "x", "zzz": "y"}, "has no option 'zzz'; it has keep, kinds, max_size, path"),
        ({"path": "x", "kinds": []}, "kinds is a list of alert, movement, passage"),
        ({"path": "x", "kinds": ["pallet"]}, "kinds is a list of alert, movement, passage"),
        ({"path": "x", "kinds": "movement"}, "kinds is a list of alert, movement, passage"),
    ],
)
def test_wrong_options_are_told_in_words(
    tmp_path: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(SinkError, match=words):
        FileSink(
            SinkConfig(name="log", kind="file", options=options),
            SinkContext(site="s", data_dir=tmp_path),
        )


async def test_a_file_that_would_grow_too_big_is_renamed_and_the_oldest_goes(
    tmp_path: Path,
) -> None:
    sink = sink_at(tmp_path, max_size=20, keep=2)  # a line takes eight octets
    await sink.open()
    for first in range(10, 24, 2):
        await put(sink, first, first + 1)
    await sink.close()
    assert files(tmp_path) == {
        "out.jsonl": b'{"n":22}\n{"n":23}\n',
        "out.jsonl.1": b'{"n":20}\n{"n":21}\n',
        "out.jsonl.2": b'{"n":18}\n{"n":19}\n',
    }


async def test_a_batch_bigger_than_a_file_may_be_stays_together(tmp_path: Path) -> None:
    sink = sink_at(tmp_path, max_size=20, keep=0)
    await sink.open()
    await put(sink, *range(10, 20))
    await put(sink, 20)
    await sink.close()
    assert files(tmp_path) == {"out.jsonl": b'{"n":20}\n'}


async def test_a_crash_while_files_are_renamed_loses_no_line(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.1").write_bytes(b'{"n":1}\n')  # … and out.jsonl was not begun yet
    sink = sink_at(tmp_path, max_size=20, keep=2)
    await sink.open()
    await put(sink, 2, 3)
    await put(sink, 4)
    await sink.close()
    assert (tmp_path / "out.jsonl.2").read_bytes() == b'{"n":1}\n'
    assert (tmp_path / "out.jsonl.1").read_bytes() == b'{"n":2}\n{"n":3}\n'

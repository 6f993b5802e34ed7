"""Commands that ask a running gateway: where, tail, record; and replay of what was recorded."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port, wait_until
from tests.system.daemon import Daemon
from tests.system.emulator import Emulator
from tests.system.processes import REPOSITORY, command, environment, run
from tests.system.sites import write_example

Json = dict[str, Any]

RECORD_S = 12.0
_OTHER = {"in": "out", "out": "in"}
#: A movement lies wholly inside a recording if it happened so long after its beginning and before
#: its end: a core that knows nothing has to meet the tag first, and then to see it on its way.
BEGUN_S, ENDED_S = 4.0, 4.0


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_example(tmp_path / "site", {}, None)


@pytest.fixture
def daemon(
    tmp_path: Path,
    site: Path,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> Daemon:
    """A daemon in the demo's warehouse; its sensors' broker is away, which keeps nobody."""
    emulator = begun(Emulator.warehouse(tmp_path, site, broker=None))
    listen = {"listen": f"127.0.0.1:{free_port()}"}
    write_example(site, emulator.ports, free_port(), api=listen)
    daemon = daemon_on(site)
    daemon.start()
    return daemon


@pytest.mark.slow
def test_a_running_gateway_says_where_things_are_and_follows_movements(
    daemon: Daemon, site: Path, tmp_path: Path
) -> None:
    with (tmp_path / "tail.out").open("wb") as out:
        following = subprocess.Popen(
            command(["tail", "--site", site, "--json"]),
            stdout=out, stderr=subprocess.STDOUT, cwd=REPOSITORY, env=environment(),
        )  # fmt: skip
    try:
        wait_until(lambda: daemon.get("/api/v1/zones/staging-1/tags")["tags"], 15.0)
        wait_until(lambda: (tmp_path / "tail.out").stat().st_size > 0, 15.0)
        (tag, *_) = daemon.get("/api/v1/tags?zone=staging-2&limit=1")["tags"]
        epc, uri = tag["epc"], tag["epc_uri"]
        for query in (epc, epc.lower(), uri):
            said = run("where", query, "--site", site)
            assert said.code == 0, said.err
            assert said.out.startswith(epc)
            assert uri in said.out
        zone = run("where", "staging-2", "--site", site, "--json")
        assert epc in {t["epc"] for t in json.loads(zone.out)["tags"]}
        assert "Staging 2 (staging-2): " in run("where", "staging-2", "--site", site).out
        carton = next(t for t in _tags(daemon) if t["gtin"] is not None)
        assert f"GTIN {carton['gtin']}" in run("where", carton["gtin"], "--site", site).out
        unknown = run("where", "3034257BF7194E40FFFFFFFF", "--site", site)
        assert unknown.code == 1
        assert len(unknown.err.splitlines()) == 1
    finally:
        following.terminate()
        following.wait(10.0)
    told = [json.loads(line) for line in (tmp_path / "tail.out").read_text().splitlines()]
    committed = {m["id"]: m for m in _movements(daemon)}
    assert told
    assert all(movement == committed[movement["id"]] for movement in told)
    daemon.stop()
    away = run("where", "staging-1", "--site", site)
    assert away.code == 1
    assert "No gateway answers" in away.err
    assert len(away.err.splitlines()) == 1


@pytest.mark.slow
def test_a_recording_replays_to_the_movements_that_the_gateway_told(
    daemon: Daemon, site: Path, tmp_path: Path
) -> None:
    wait_until(lambda: daemon.get("/api/v1/zones/staging-1/tags")["tags"], 15.0)
    full = run("record", "--site", site, "--out", "/dev/full", "--for", "300ms")
    assert (full.code, full.err) == (1, "/dev/full: cannot be written: No space left on device\n")
    out = tmp_path / "dock.jsonl.gz"
    begins_s = time.time()
    said = run("record", "--site", site, "--out", out, "--for", f"{RECORD_S:g}s")
    ends_s = time.time()
    assert said.code == 0, said.err
    wait_until(lambda: _has_decided(daemon, ends_s), 20.0)
    told = _through_doors(_movements(daemon), begins_s + BEGUN_S, ends_s - ENDED_S)
    again = run("replay", "--site", site, "--out", "-", "--drain", "20s", out)
    assert again.code == 0, again.err
    assert "0 broken lines" in again.err
    replayed = _through_doors(map(json.loads, again.out.splitlines()), begins_s, ends_s)
    assert told
    # The gateway knew the tags for longer than the recording does: what was a close call to it may
    # go undecided here, but nothing goes the other way.
    assert len(told - replayed) <= 1 + len(told) // 10, told - replayed
    assert not {(epc, door, _OTHER[way]) for epc, door, way in told} & (replayed - told)
    assert run("replay", "--site", site, "--out", "-", "--drain", "20s", out).out == again.out
    daemon.stop()


def _tags(daemon: Daemon) -> list[Json]:
    tags: list[Json] = daemon.get("/api/v1/tags?limit=1000")["tags"]
    return tags


def _movements(daemon: Daemon) -> list[Json]:
    movements: list[Json] = daemon.get("/api/v1/movements?limit=1000")["movements"]
    return movements


def _has_decided(daemon: Daemon, time_s: float) -> bool:
    """Whether the movements that lie wholly before `time_s` have been told, and some later ones."""
    return any(_time_s(m["record_time"]) > time_s + 3.0 for m in _movements(daemon))


def _through_doors(movements: Iterable[Json], from_s: float, to_s: float) -> set[tuple[str, ...]]:
    return {
        (m["epc"], m["door"], m["direction"])
        for m in movements
        if m["direction"] is not None and from_s <= _time_s(m["event_time"]) <= to_s
    }


def _time_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

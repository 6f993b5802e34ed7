"""`rfid-gateway emulate` as a program: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.settings.configuration import load
from gateway.simulation.scenario import names

ROOT = Path(__file__).parents[3]
DEADLINE_S = 30


def emulate(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", "emulate", *args],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@contextmanager
def emulating(*args: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "emulate", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ports(process: subprocess.Popen[str], count: int) -> dict[str, int]:
    """What the process says about where its readers listen."""
    assert process.stdout is not None
    found = {}
    for _ in range(count):
        match = re.fullmatch(r"(\S+) listening on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())
        assert match is not None
        found[match[1]] = int(match[2])
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_plain_readers_say_where_they_listen_and_end_on_a_signal(number: signal.Signals) -> None:
    with emulating("--readers", "3", "--port", "0") as process:
        found = ports(process, 3)
        assert list(found) == ["reader-1", "reader-2", "reader-3"]
        for port in found.values():
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                assert client.recv(2) == b"\x04\x3f"  # READER_EVENT_NOTIFICATION, version 1
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, err) == (0, "")
        assert re.fullmatch(r"\d+\.\d s: 0 reports sent, 0 dropped\n", out)


def test_it_ends_by_itself_after_the_seconds_that_it_was_given() -> None:
    done = emulate("--port", "0", "--seconds", "0.2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].endswith("0 reports sent, 0 dropped")


def test_the_readers_of_a_site_listen_under_their_names(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    with emulating("--site", str(ROOT), "--port", "0", "--truth", str(truth)) as process:
        assert set(ports(process, 3)) == {"aisle-a", "dock-1", "dock-2"}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
        assert truth.exists()


def test_a_recording_is_written_with_its_truth(tmp_path: Path) -> None:
    recording = tmp_path / "day.jsonl"
    done = emulate("--site", str(ROOT), "--seconds", "6", "--record", str(recording))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert sum("epc" in line for line in lines) > 500
    facts = [json.loads(line) for line in (tmp_path / "day.truth.jsonl").read_text().splitlines()]
    assert any("direction" in fact for fact in facts)


def test_the_help_names_every_built_in_scenario() -> None:
    said = "".join(emulate("--help").stdout.split())  # lines may break at a hyphen
    assert [name for name in names() if name not in said] == []


def test_a_scenario_with_a_site_of_its_own_is_recorded_and_its_site_written(
    tmp_path: Path,
) -> None:
    recording, place = tmp_path / "bins.jsonl.gz", tmp_path / "rack"
    done = emulate(
        "--scenario", "bins-nominal", "--write-site", str(place), "--seconds", "3",
        "--record", str(recording),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"3 s, [1-9]\d+ reads", done.stdout)
    site = load(place, secrets=False).site
    assert len(site.antennas) == 6
    facts = (tmp_path / "bins.truth.jsonl").read_text().splitlines()
    zones = {json.loads(line).get("zone") for line in facts}
    assert zones - {None} <= {zone.id for zone in site.zones}


def test_the_readers_of_a_scenarios_own_site_listen_from_the_port_that_is_given() -> None:
    with emulating("--scenario", "shifted", "--port", "0") as process:
        assert list(ports(process, 4)) == ["dock-1", "dock-2", "dock-3", "dock-4"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0


def test_a_port_in_use_is_one_sentence_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = emulate("--port", str(port))
    assert done.returncode == 1
    assert re.fullmatch(rf"reader 'reader-1' cannot listen on 127.0.0.1:{port}: .*\n", done.stderr)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["--mqtt", "127.0.0.1:1883"], 2, "only with --site"),
        (["--record", "x.jsonl"], 2, "only with --site"),
        (["--personality", "friendly"], 2, "expected one of generic"),
        (["--readers", "2", "--port", "65535"], 2, "2 ports from 65535 on"),
        (["--readers", "0"], 2, "--readers"),
        (["--site", str(ROOT), "--scenario", "nightmare"], 1, "no built-in scenario 'nightmare'"),
        (["--site", str(ROOT), "--scenario", "absent.yaml"], 2, "there is no file absent.yaml"),
        (["--site", str(ROOT), "--record", "x.jsonl"], 2, "a recording needs an end"),
        (["--site", str(ROOT), "--mqtt", "a:b:c"], 2, "expected host:port"),
        (["--site", "/nonexistent"], 1, "/nonexistent"),
        (["--scenario", "demo"], 2, "scenario 'demo' has no site of its own"),
        (["--scenario", "hard", "--mqtt", "127.0.0.1:1883"], 2, "only with --site"),
        (["--write-site", "x"], 2, "only with a --scenario that brings a site"),
        (["--site", str(ROOT), "--write-site", "x"], 2, "only without --site"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(args: list[str], code: int, told: str) -> None:
    done = emulate(*args)
    assert done.returncode == code
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_scenario_file_is_taken_or_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "hard.yaml"
    path.write_text("like: demo\nradio:\n  k_factor_db: 1.0\n")
    out = tmp_path / "out.jsonl"
    args = ["--site", str(ROOT), "--seconds", "1", "--record", str(out), "--scenario", str(path)]
    assert emulate(*args).returncode == 0
    path.write_text("radio: {k_faktor_db: 1.0}\n")
    done = emulate(*args)
    assert done.returncode == 1
    assert "did you mean 'k_factor_db'" in done.stderr

"""What keeps a daemon from starting is said in a sentence, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import accepts_connections, free_port, wait_until
from tests.system.daemon import Daemon
from tests.system.processes import Said, run
from tests.system.sites import write_example, write_settings, write_small


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site without devices."""
    return write_small(tmp_path / "site", {})


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be made; root may write anywhere but in /proc."""
    if os.geteuid() == 0:
        yield Path("/proc")
        return
    folder = tmp_path / "forbidden"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


def test_every_problem_of_the_settings_is_told_and_nothing_is_started(tmp_path: Path) -> None:
    site = write_example(tmp_path / "site", {}, None)
    port = free_port()
    write_settings(
        site, {"api": {"listen": f"127.0.0.1:{port}"}, "sinkss": [], "log": {"level": "loud"}}
    )
    (site / "readers" / "dock-2.yaml").write_text(
        "id: dock-2\ndriver: lrp\naddress: nowhere:99999\n"
    )
    said = run("run", "--site", site)
    assert said.code == 1
    for words in ("sinkss", "did you mean 'sinks'", "loud", "lrp", "99999"):
        assert words in said.err
    for line in said.err.splitlines():
        file, number, column, _ = line.split(":", 3)
        assert Path(file).is_file()
        assert number.isdecimal()
        assert column.isdecimal()
    assert not (site / "data").exists()
    assert not accepts_connections(port)


def test_a_site_that_is_not_there_is_told_with_the_way_to_get_one(tmp_path: Path) -> None:
    said = run("run", "--site", tmp_path / "nowhere")
    assert_one_sentence(said, "there is no such directory", "rfid-gateway init")


def test_an_api_port_in_use_is_told_in_one_sentence(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        write_settings(site, {"api": {"listen": f"127.0.0.1:{port}"}})
        said = run("run", "--site", site)
    assert_one_sentence(said, f"127.0.0.1:{port}", "in use", "api.listen")
    assert not (site / "data").exists()


def test_a_data_dir_that_is_a_file_is_told_in_one_sentence(site: Path) -> None:
    (site / "data").write_text("mine")
    assert_one_sentence(run("run", "--site", site), str(site / "data"))
    assert (site / "data").read_text() == "mine"


def test_a_data_dir_below_a_file_is_told_in_one_sentence(site: Path) -> None:
    (site / "file").write_text("mine")
    write_settings(site, {"data_dir": str(site / "file" / "data")})
    assert_one_sentence(run("run", "--site", site), str(site / "file" / "data"))


def test_a_data_dir_that_cannot_be_written_is_told_in_one_sentence(
    site: Path, forbidden: Path
) -> None:
    write_settings(site, {"data_dir": str(forbidden / "rfid-gateway")})
    assert_one_sentence(run("run", "--site", site), str(forbidden / "rfid-gateway"))


def test_a_second_daemon_on_the_same_data_is_told_in_one_sentence(
    site: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(site)
    daemon.start()
    assert_one_sentence(run("run", "--site", site), "another gateway", "data_dir")
    assert daemon.running
    assert daemon.fetch("/healthz")[0] == 200
    daemon.stop()
    daemon.start()
    daemon.stop()


def test_a_damaged_store_is_set_aside_and_the_daemon_starts(
    site: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(site)
    daemon.store.parent.mkdir()
    daemon.store.write_bytes(b"this is no database " * 1_000)
    daemon.start()
    assert any("set aside" in message for message in daemon.messages())
    assert list(daemon.store.parent.glob("state.db.damaged-*"))
    ready = daemon.get("/readyz")
    assert ready["status"] == "ready"
    assert "set aside" in ready["alarms"]["store"]
    assert daemon.metric("rfid_gateway_store_set_aside") == 1.0
    daemon.stop()


def test_a_hangup_signal_takes_up_rules_and_wrong_settings_end_nothing(
    site: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(site)
    daemon.start()
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: any("taken up" in m for m in daemon.messages()))
    write_settings(site, {"sinkss": []})
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: any("not taken up" in m for m in daemon.messages()))
    assert any("sinkss" in m for m in daemon.messages())
    assert daemon.fetch("/healthz")[0] == 200
    daemon.stop()


def test_the_log_is_one_json_object_a_line_where_a_program_reads_it(
    site: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(site)
    daemon.start()
    daemon.stop()
    for line in daemon.said().splitlines():
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()


def assert_one_sentence(said: Said, *words: str) -> None:
    """It said one line with these words, on standard error, and exited with code 1."""
    assert said.code == 1, said
    assert len(said.err.splitlines()) == 1, said.err
    assert not said.out
    for word in words:
        assert word in said.err, said.err

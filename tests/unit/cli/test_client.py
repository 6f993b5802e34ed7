"""The commands' client: where the gateway is, and what it makes of odd answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.client import DEFAULT_URL, Client, find_api
from gateway.cli.terminal import ago, clock, columns, plain, span
from gateway.errors import GatewayError


def _site(folder: Path, **files: str) -> Path:
    config = folder / "config"
    (config / "conf.d").mkdir(parents=True)
    for name, text in files.items():
        path = config / "conf.d" if name != "gateway" else config
        (path / f"{name}.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000"),
        ("[::]:9000", "http://[::1]:9000"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("[::1]", "http://[::1]:8080"),
        ("localhost", "http://localhost:8080"),
        (":9000", "http://127.0.0.1:9000"),
    ],
)
def test_an_address_to_listen_on_is_one_to_connect_to(listen: str, url: str) -> None:
    assert find_api(None, None, {"RFID_GATEWAY_API__LISTEN": listen}) == url


def test_what_is_said_on_the_command_line_wins(tmp_path: Path) -> None:
    site = _site(tmp_path, gateway="api: {listen: 127.0.0.1:7000}")
    environment = {"RFID_GATEWAY_API__LISTEN": "127.0.0.1:9000"}
    assert find_api("https://gw.example/x", site, environment) == "https://gw.example/x"
    assert find_api("gw:81", site, environment) == "http://gw:81"
    assert find_api(None, site, environment) == "http://127.0.0.1:9000"
    assert find_api(None, site, {}) == "http://127.0.0.1:7000"


def test_later_files_of_the_site_win(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        gateway="api: {listen: 127.0.0.1:7000}",
        a="api: {listen: 127.0.0.1:7001}",
        b="site: {name: no}",
    )
    assert find_api(None, site, {}) == "http://127.0.0.1:7001"


@pytest.mark.parametrize("text", ["", "[]", "api: 7", "api: {}", "api: {listen: [1]}"])
def test_settings_that_say_nothing_of_it_leave_the_default(tmp_path: Path, text: str) -> None:
    assert find_api(None, _site(tmp_path, gateway=text), {}) == DEFAULT_URL
    assert find_api(None, tmp_path / "absent", {}) == DEFAULT_URL


@pytest.mark.parametrize("text", ["api: {listen", "a: &a [*a]\nb: !!python/object:os.system x\n:"])
def test_settings_that_cannot_be_read_are_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(GatewayError, match="rfid-gateway check"):
        find_api(None, _site(tmp_path, gateway=text), {})


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://[", "http://x:99999", "nonsense"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(GatewayError, match="is no URL"):
        Client(url)


def test_times_are_local_and_short_today() -> None:
    now = datetime.now(UTC).isoformat()
    assert len(clock(now)) == len("12:00:01")
    assert len(clock("2024-11-21T15:40:00.123Z")) == len("2024-11-21 15:40:00")
    assert clock(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_725, "1 h 2 min"),
        (90_000, "1 d 1 h"),
        (86_400 * 400, "400 d"),
        (-5, "0 s"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_the_very_last_moment_is_just_now() -> None:
    assert ago(datetime.fromtimestamp(time.time() + 5, UTC).isoformat()) == "just now"
    assert ago(datetime.fromtimestamp(time.time() - 61, UTC).isoformat()) == "1 min 1 s ago"


def test_columns_line_up_and_controls_are_shown() -> None:
    assert columns(("A", "BB"), [("ccc", "d")]) == "A    BB\nccc  d"
    assert plain("a\x1b[0m\nb") == "a�[0m�b"

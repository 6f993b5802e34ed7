"""`rfid-gateway where`, against a real server on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.model.device import ReaderState
from gateway.model.movement import Presence
from tests.servers import free_port
from tests.unit.api.serving import Gateway, new_gateway, served
from tests.unit.cli.running import Said, run
from tests.unit.live.world import (
    GTIN,
    PLAIN,
    SGTIN,
    SGTIN_URI,
    SSCC,
    SSCC_TAG,
    outcome,
    row,
    status,
)


@pytest.fixture
def gateway() -> Gateway:
    gateway = new_gateway(SGTIN, PLAIN, SSCC_TAG, b"\x07")
    gateway.move(SGTIN, 17)
    gateway.live.apply(outcome(tags=[row(PLAIN, "bin-a-01", Presence.MISSING), row(SSCC_TAG)]))
    return gateway


@pytest.fixture
async def url(gateway: Gateway) -> AsyncIterator[str]:
    async with served(gateway) as client:
        yield str(client.base_url)


async def test_a_tag_is_told_with_zone_time_and_certainty(url: str) -> None:
    said = await run("where", SGTIN.hex(), "--api", url)
    assert said.code == 0
    head, place, seen, came = said.out.splitlines()
    assert head == f"{SGTIN.hex().upper()}  {SGTIN_URI}"
    assert place.startswith("  in yard since 2024-11-21 15:40:00, ")
    assert place.endswith(" ago; 99.4% sure")
    assert seen.startswith("  last seen 2024-11-21 15:40:00, ")
    assert came == "  moved from staging-1 through door-1 (out) at 2024-11-21 15:40:00"


@pytest.mark.parametrize("query", [SSCC, f"https://id.gs1.org/00/{SSCC}"])
async def test_a_pallet_is_asked_for_by_its_number(url: str, query: str) -> None:
    said = await run("where", query, "--api", url)
    assert f"SSCC {SSCC}" in said.out
    assert "in Staging 1 (staging-1) since" in said.out


@pytest.mark.parametrize(
    ("epc", "words"), [(PLAIN, "missing since"), (b"\x07", "read, but not yet anywhere")]
)
async def test_states_are_told_in_words(url: str, epc: bytes, words: str) -> None:
    said = await run("where", epc.hex(), "--api", url)
    assert (said.code, words in said.out) == (0, True)


async def test_an_unknown_state_says_because_of_what(gateway: Gateway, url: str) -> None:
    down = status(state=ReaderState.DOWN, reason="\x1b[31mRefused.")
    gateway.live.apply(outcome(statuses=[down], tags=[row(SGTIN, presence=Presence.UNKNOWN)]))
    said = await run("where", SGTIN.hex(), "--api", url)
    assert "unknown; was in Staging 1 (staging-1) since" in said.out
    assert "because reader dock-1 is down: �[31mRefused." in said.out


async def test_a_zone_lists_its_tags(url: str) -> None:
    said = await run("where", "yard", "--api", url)
    assert said.out.splitlines()[0] == "yard: 1 tag"
    assert "not all can be seen: reader dock-1 is connecting" in said.out
    assert [line.split() for line in said.out.splitlines()[-2:]] == [
        ["EPC", "STATE", "SINCE", "URI"],
        [SGTIN.hex().upper(), "present", "2024-11-21", "15:40:00", SGTIN_URI],
    ]


async def test_a_long_list_is_cut_and_says_so(gateway: Gateway, url: str) -> None:
    gateway.live.apply(outcome(tags=[row(SGTIN), row(PLAIN), row(SSCC_TAG)]))
    said = await run("where", "staging-1", "--limit", "1", "--api", url)
    assert said.out.splitlines()[-1] == "… and 2 more: --limit"


async def test_a_gtin_is_counted_by_zone(url: str) -> None:
    said = await run("where", GTIN, "--api", url)
    lines = [line.split() for line in said.out.splitlines()]
    assert lines == [
        ["GTIN", f"{GTIN}:", "1", "tag"],
        ["ZONE", "STATE", "TAGS"],
        ["yard", "present", "1"],
    ]


async def test_programs_get_one_object(url: str) -> None:
    tag = json.loads((await run("where", SGTIN.hex(), "--json", "--api", url)).out)
    assert (tag["kind"], tag["tag"]["zone"]) == ("tag", "yard")
    assert tag["last_movement"]["seq"] == 17
    zone = json.loads((await run("where", "yard", "--json", "--api", url)).out)
    assert (zone["zone"]["tags"], len(zone["tags"])) == (1, 1)
    gtin = json.loads((await run("where", GTIN, "--json", "--api", url)).out)
    assert gtin["gtin"]["tags"] == 1


async def test_what_is_not_known_is_a_sentence_and_exit_code_1(url: str) -> None:
    said = await run("where", "00FF", "--api", url)
    assert said == Said(1, "", "No tag '00FF' has been read here.\n")
    said = await run("where", "staging1", "--json", "--api", url)
    assert (said.code, json.loads(said.out)["kind"]) == (1, None)
    assert "Did you mean 'staging-1'?" in said.err


async def test_a_store_that_cannot_be_read_does_not_hide_the_place(
    gateway: Gateway, url: str
) -> None:
    from gateway.errors import StoreError

    gateway.history.fails_with = StoreError("it is gone")
    said = await run("where", SGTIN.hex(), "--api", url)
    assert (said.code, "in yard" in said.out) == (0, True)


async def test_no_running_gateway_is_a_sentence_and_exit_code_1() -> None:
    port = free_port()
    said = await run("where", "yard", "--api", f"127.0.0.1:{port}")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"No gateway answers at http://127.0.0.1:{port} (Connection refused")
    assert said.err.count("\n") == 1


async def test_the_gateway_is_found_as_the_daemon_would_listen(url: str, tmp_path: Path) -> None:
    listen = url.removeprefix("http://")
    by_environment = await run("where", "yard", RFID_GATEWAY_API__LISTEN=listen)
    assert by_environment.code == 0
    (tmp_path / "config").mkdir()
    (tmp_path / "config/gateway.yaml").write_text(f"api: {{listen: '{listen}'}}\n")
    by_site = await run("where", "yard", "--site", str(tmp_path))
    assert by_site.code == 0


def test_the_command_starts_without_anything_heavy() -> None:
    heavy = ["fastapi", "numpy", "orjson", "pydantic", "rich", "starlette", "yaml", "asyncio"]
    program = (
        "import sys; from gateway.cli import tail, where; "
        f"print(*sorted(set({heavy}) & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert out.stdout.decode().split() == []


async def test_why_tells_the_last_movement_and_who_hears_the_tag(
    gateway: Gateway, url: str
) -> None:
    said = await run("where", SGTIN.hex(), "--why", "--api", url)
    lines = said.out.splitlines()
    why = "  last movement: door-1 out (staging-1 to yard) at 2024-11-21 15:40:00.1, 99.4 % sure"
    assert lines[4:] == [
        why,
        "  heard by, now or last:",
        (
            "    dock-1/2 (door-1 outside), 12 reads, -51 dBm at most, -55 on average, "
            "2024-11-21 15:39:58.0 to 2024-11-21 15:40:00.1"
        ),
    ]
    asked = json.loads((await run("where", SGTIN.hex(), "--why", "--json", "--api", url)).out)
    assert asked["heard_by"][0]["reads"] == 12


async def test_the_history_of_a_tag_is_told_newest_first(gateway: Gateway, url: str) -> None:
    gateway.move(SGTIN, 18)
    epc = SGTIN.hex().upper()
    line = f"2024-11-21 15:40:00  {epc}  staging-1 → yard  out through door-1  99.4%"
    said = await run("history", SGTIN_URI, "--api", url)
    assert (said.code, said.out.splitlines()) == (0, [line, line])
    said = await run("history", epc, "--json", "--limit", "1", "--api", url)
    assert [json.loads(text)["seq"] for text in said.out.splitlines()] == [18]
    said = await run("history", epc, "--why", "--limit", "1", "--api", url)
    assert said.out.splitlines()[0] == epc
    assert said.out.splitlines()[1].startswith("  door-1 out (staging-1 to yard) at 2024-11-21")


async def test_a_tag_without_a_history_is_a_sentence(url: str) -> None:
    said = await run("history", "00FF", "--api", url)
    assert said == Said(1, "", "No movement of '00FF' is on record.\n")

"""Asking for tags: in every form, one by one, by filter, in bulk, and over time."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from gateway.model.device import ReaderState
from gateway.model.epc import check_digit
from tests.unit.api.serving import Gateway, asking, new_gateway
from tests.unit.live.world import (
    GTIN,
    NOW_US,
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
    gateway = new_gateway(SGTIN, PLAIN, SSCC_TAG, b"\x00\x01")
    gateway.live.apply(
        outcome(tags=[row(SGTIN, seq=17), row(PLAIN, "bin-a-01"), row(SSCC_TAG, "yard")])
    )
    return gateway


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(gateway) as client:
        yield client


async def test_a_tag_is_told_with_zone_times_and_confidence(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/tags/3074257BF7194E4000001A85")
    assert answer.status_code == 200
    assert answer.json() == {
        "epc": "3074257BF7194E4000001A85",
        "epc_uri": SGTIN_URI,
        "gtin": GTIN,
        "sscc": None,
        "state": "present",
        "zone": "staging-1",
        "zone_name": "Staging 1",
        "since": "2024-11-21T15:40:00.123Z",
        "last_seen": "2024-11-21T15:40:00.123Z",
        "seq": 17,
        "confidence": 0.9941,
        "reason": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "3074257bf7194e4000001a85",
        SGTIN_URI,
        quote("urn:epc:tag:sgtin-96:3.0614141.812345.6789", safe=""),
        quote(f"https://id.gs1.org/01/{GTIN}/21/6789", safe=""),
        f"https://id.gs1.org/01/{GTIN}/21/6789",
        f"(01){GTIN}(21)6789",
    ],
)
async def test_every_form_of_an_epc_finds_the_same_tag(
    client: httpx.AsyncClient, text: str
) -> None:
    answer = await client.get(f"/api/v1/tags/{text}")
    assert answer.json()["epc"] == "3074257BF7194E4000001A85"


async def test_a_pallet_is_found_by_its_sscc(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"/api/v1/tags/{SSCC}")).json()
    assert (answer["sscc"], answer["zone"]) == (SSCC, "yard")


async def test_tags_of_no_scheme_are_tags_all_the_same(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"/api/v1/tags/{PLAIN.hex()}")).json()
    assert (answer["epc_uri"], answer["zone"]) == (None, "bin-a-01")


async def test_a_tag_that_was_read_but_is_nowhere_yet_is_new(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/tags/0001")).json()
    assert answer["state"] == "new"
    assert (answer["zone"], answer["since"], answer["last_seen"]) == (None, None, None)


async def test_an_unknown_state_says_which_device_is_to_blame(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    down = status(state=ReaderState.DOWN, reason="Connection refused.")
    gateway.live.apply(outcome(statuses=[down], tags=[row(SGTIN)]))
    answer = (await client.get(f"/api/v1/tags/{SGTIN.hex()}")).json()
    assert answer["state"] == "unknown"
    assert answer["reason"] == "reader dock-1 is down: Connection refused."


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("00FF", 404, "No tag '00FF' has been read here."),
        ("nonsense", 400, "neither an EPC"),
        (GTIN, 404, f"ask /api/v1/tags?gtin={GTIN}"),
        (f"(01){GTIN}", 400, f"ask /api/v1/tags?gtin={GTIN}"),
        (f"(01){GTIN}(21){'9' * 21}", 400, "by its hex"),
        ("x" * 600, 400, "1 to 512"),
        ("", 400, "1 to 512"),
    ],
)
async def test_what_is_not_found_is_a_problem_in_words(
    client: httpx.AsyncClient, text: str, code: int, words: str
) -> None:
    answer = await client.get(f"/api/v1/tags/{quote(text, safe='')}")
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == code
    assert words in problem["detail"]


async def test_an_answer_that_the_client_has_is_not_sent_again(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    path = f"/api/v1/tags/{SGTIN.hex()}"
    held = {"if-none-match": f'"old", W/{(await client.get(path)).headers["etag"]}'}
    again = await client.get(path, headers=held)
    assert (again.status_code, again.content) == (304, b"")
    gateway.live.apply(outcome(tags=[row(SGTIN, last_us=NOW_US + 5_000)]))
    assert (await client.get(path, headers=held)).status_code == 200


async def test_lists_take_filters_and_pages(client: httpx.AsyncClient) -> None:
    async def epcs(**query: str | int) -> list[str]:
        answer = await client.get("/api/v1/tags", params=query)
        assert answer.status_code == 200
        return [bytes.fromhex(tag["epc"]).hex() for tag in answer.json()["tags"]]

    assert await epcs() == [SGTIN.hex(), PLAIN.hex(), SSCC_TAG.hex()]
    assert await epcs(zone="yard") == [SSCC_TAG.hex()]
    assert await epcs(gtin=GTIN) == [SGTIN.hex()]
    assert await epcs(state="missing") == []
    first = (await client.get("/api/v1/tags", params={"limit": 2})).json()
    assert len(first["tags"]) == 2
    assert await epcs(cursor=first["next"]) == [SSCC_TAG.hex()]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("zone=staging1", 404, "Did you mean 'staging-1'?"),
        ("gtin=123", 400, "neither an EPC"),
        ("gtin=ABCD", 400, "is no GTIN"),
        ("state=lost", 400, "state: "),
        ("limit=1001", 400, "limit: "),
        ("limit=0", 400, "limit: "),
        ("limit=many", 400, "limit: "),
        ("cursor=zz", 400, "no cursor"),
        ("cursor=1-5", 410, "begin again"),
        ("cursor=" + "1" * 65, 400, "cursor: "),
    ],
)
async def test_filters_out_of_bounds_are_errors_and_not_adjusted(
    client: httpx.AsyncClient, query: str, code: int, words: str
) -> None:
    answer = await client.get(f"/api/v1/tags?{query}")
    assert answer.status_code == code
    assert words in answer.json()["detail"]


async def test_many_keys_are_looked_up_at_once_in_their_order(client: httpx.AsyncClient) -> None:
    keys = [SGTIN.hex(), SSCC, GTIN, "yard", "nope", "00FF"]
    answer = await client.post("/api/v1/lookup", json={"keys": keys})
    results = answer.json()["results"]
    assert [r["key"] for r in results] == keys
    assert [r["kind"] for r in results] == ["tag", "tag", "gtin", "zone", None, None]
    assert results[0]["tag"]["zone"] == "staging-1"
    assert results[2]["gtin"] == {
        "gtin": GTIN,
        "tags": 1,
        "places": [{"zone": "staging-1", "zone_name": "Staging 1", "state": "present", "tags": 1}],
    }
    assert results[3]["zone"]["tags"] == 1
    assert "Nor is it a zone" in results[4]["problem"]
    assert results[5]["problem"] == "No tag '00FF' has been read here."


async def test_a_thousand_keys_are_the_most(client: httpx.AsyncClient) -> None:
    allowed = await client.post("/api/v1/lookup", json={"keys": [SSCC] * 1_000})
    assert len(allowed.json()["results"]) == 1_000
    refused = await client.post("/api/v1/lookup", json={"keys": [SSCC] * 1_001})
    assert refused.status_code == 400
    assert "1000" in refused.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"keys": []},
        {"keys": [""]},
        {"keys": [7]},
        {"keys": ["x" * 600]},
        {"keys": "abc"},
        {"key": ["abc"]},
        {"keys": ["abc"], "more": 1},
        [],
    ],
)
async def test_a_lookup_that_is_none_is_a_problem(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/api/v1/lookup", json=body)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Bad Request"


async def test_json_that_is_not_said_to_be_json_gets_a_hint(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/lookup", content=b'{"keys": ["yard"]}')
    assert "content-type: application/json" in answer.json()["detail"]


async def test_too_many_gtins_at_once_are_refused(client: httpx.AsyncClient) -> None:
    keys = [f"(01)0000000{n:06d}{_check(n)}" for n in range(1, 22)]
    answer = await client.post("/api/v1/lookup", json={"keys": keys})
    assert answer.status_code == 400
    assert "GTINs" in answer.json()["detail"]


def _check(number: int) -> str:
    return check_digit(f"0000000{number:06d}")


async def test_the_history_of_a_tag_comes_newest_first_as_it_was_told(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    for seq in (18, 19, 20):
        gateway.move(SGTIN, seq)
    answer = (await client.get(f"/api/v1/tags/{SGTIN_URI}/history?limit=2")).json()
    assert answer["epc"] == SGTIN.hex().upper()
    assert [m["seq"] for m in answer["movements"]] == [20, 19]


async def test_a_tag_that_is_only_in_the_history_is_found_there(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    forgotten = bytes.fromhex("3174257BF4499602D3000000")
    gateway.history.records.append((forgotten, b'{"seq":1}'))
    answer = await client.get(f"/api/v1/tags/{forgotten.hex()}/history")
    assert answer.json()["movements"] == [{"seq": 1}]
    assert (await client.get("/api/v1/tags/00FF/history")).status_code == 404


async def test_a_known_tag_without_movements_has_an_empty_history(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(f"/api/v1/tags/{PLAIN.hex()}/history")
    assert answer.json()["movements"] == []


async def test_movements_are_fetched_page_by_page_without_missing_any(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    for seq in range(1, 6):
        gateway.move(SGTIN, seq)
    found, after, more = [], "0", True
    while more:
        page = (await client.get(f"/api/v1/movements?after={after}&limit=2")).json()
        found += [m["seq"] for m in page["movements"]]
        after, more = page["next"], page["more"]
    assert found == [1, 2, 3, 4, 5]
    empty = (await client.get(f"/api/v1/movements?after={after}")).json()
    assert empty == {"movements": [], "next": after, "more": False}


@pytest.mark.parametrize("after", ["-1", "abc", "9" * 19, ""])
async def test_a_cursor_of_movements_is_a_number(client: httpx.AsyncClient, after: str) -> None:
    assert (await client.get(f"/api/v1/movements?after={after}")).status_code == 400


async def test_a_store_that_cannot_be_read_is_said_to_be_so(
    gateway: Gateway, client: httpx.AsyncClient
) -> None:
    gateway.history.fails_with = sqlite3.OperationalError("disk I/O error")
    answer = await client.get("/api/v1/movements")
    assert answer.status_code == 503
    assert "disk I/O error" in answer.json()["detail"]

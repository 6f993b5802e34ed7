"""The outbox over HTTP: what waits, what was set aside, and what may be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.api import outbox_models as models
from gateway.errors import Hold
from gateway.model.delivery import Origin
from gateway.outbox.dispatcher import State
from gateway.outbox.running import RunningOutbox
from tests.outboxes import Outbox
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually
from tests.unit.api.serving import asking, new_gateway


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
async def client(outbox: Outbox) -> AsyncIterator[httpx.AsyncClient]:
    """Of a gateway whose sink wms has refused one movement of ten and then us."""
    wms = ScriptedSink("wms")
    wms.gate.clear()
    ids = outbox.append(10)
    wms.rejects = {ids[4]}
    wms.gate.set()
    beginning = {"wms": Origin(from_beginning=True)}
    async with outbox.serving(wms, ScriptedSink("erp"), origins=beginning) as dispatchers:
        await eventually(lambda: len(wms.accepted) == 9)
        await eventually(lambda: dispatchers.statuses[0].pending == 0)
        wms.script.append(Hold("the token is not accepted"))
        outbox.append(2)
        await eventually(lambda: dispatchers.statuses[0].state is State.HELD)
        await eventually(lambda: dispatchers.statuses[1].pending == 0)
        gateway = new_gateway(outbox=RunningOutbox(outbox.store, outbox.writer, dispatchers))
        async with asking(gateway) as client:
            yield client


async def test_every_sink_tells_how_it_is(client: httpx.AsyncClient) -> None:
    report = models.OutboxReport.model_validate_json((await client.get("/api/v1/outbox")).content)
    erp, wms = report.sinks
    assert (erp.name, erp.state, erp.pending, erp.oldest) == ("erp", "idle", 0, None)
    assert (wms.name, wms.state, wms.pending, wms.dead_letters) == ("wms", "held", 2, 1)
    assert wms.reason == "the token is not accepted"
    assert wms.oldest is not None
    assert wms.retry_at is not None


async def test_dead_letters_come_in_pages_with_their_reasons(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/outbox/dead-letters?sink=wms&limit=1")
    page = models.DeadLetterPage.model_validate_json(answer.content)
    (letter,) = page.dead_letters
    assert (letter.sink, letter.kind, letter.reason) == ("wms", "movement", "not wanted")
    answer = await client.get(f"/api/v1/outbox/dead-letters?after={page.next}")
    assert answer.json() == {"dead_letters": [], "next": None}


async def test_retry_releases_the_sink_and_its_letters(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/outbox/wms/retry", json={"all": True})
    assert models.Retried.model_validate_json(answer.content).again == 1

    async with asyncio.timeout(10):
        while True:
            sink = (await client.get("/api/v1/outbox")).json()["sinks"][1]
            if (sink["state"], sink["pending"], sink["again"]) == ("idle", 0, 0):
                break
            await asyncio.sleep(0.02)


async def test_drop_removes_what_is_named(client: httpx.AsyncClient) -> None:
    letters = (await client.get("/api/v1/outbox/dead-letters")).json()["dead_letters"]
    answer = await client.post("/api/v1/outbox/wms/drop", json={"seqs": [letters[0]["seq"]]})
    assert models.Dropped.model_validate_json(answer.content).dropped == 1
    report = (await client.get("/api/v1/outbox")).json()
    assert report["sinks"][1]["dead_letters"] == 0
    assert report["sinks"][1]["pending"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("wsm/retry", {"all": True}, 404, "There is no sink 'wsm'. Did you mean 'wms'?"),
        ("wms/drop", {"seqs": [4711]}, 404, "no dead letter 4711"),
        ("wms/drop", {"seqs": ["all"]}, 400, "seqs"),
        ("wms/drop", {"every": True}, 400, "every"),
        ("wms/drop", {"seqs": [2**63]}, 400, "seqs"),
    ],
)
async def test_what_is_wrong_is_told_in_a_sentence(
    client: httpx.AsyncClient, path: str, body: object, status: int, said: str
) -> None:
    answer = await client.post(f"/api/v1/outbox/{path}", json=body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


async def test_an_unknown_sink_has_no_dead_letters(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/outbox/dead-letters?sink=epr")
    assert answer.status_code == 404
    assert "Did you mean 'erp'?" in answer.json()["detail"]


async def test_a_gateway_without_an_outbox_says_so() -> None:
    async with asking(new_gateway()) as client:
        answer = await client.get("/api/v1/outbox")
    assert answer.status_code == 404
    assert "no outbox" in answer.json()["detail"]

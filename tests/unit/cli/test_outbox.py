"""`rfid-gateway outbox` as a user runs it: on a running gateway, on the store of a stopped one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.model.delivery import Origin
from gateway.outbox.running import RunningOutbox
from tests.outboxes import Outbox
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually
from tests.unit.api.serving import new_gateway, served
from tests.unit.cli.running import run

FREE_PORT = "127.0.0.1:1"  # nobody listens there


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site whose gateway is stopped; one movement of ten was refused by the sink wms."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.yaml").write_text(
        f"site: {{id: s}}\ndata_dir: data\napi: {{listen: '{FREE_PORT}'}}\n"
    )
    (tmp_path / "data").mkdir()
    opened = Outbox(tmp_path / "data" / "state.db")
    try:
        asyncio.run(_refuse_one(opened))
    finally:
        opened.close()
    return tmp_path


async def _refuse_one(outbox: Outbox, name: str = "wms") -> None:
    sink = ScriptedSink(name)
    ids = outbox.append(10)
    sink.rejects = {ids[4]}
    async with outbox.serving(sink, origins={name: Origin(from_beginning=True)}) as dispatchers:
        await eventually(lambda: len(sink.accepted) == 9)
        await eventually(lambda: dispatchers.statuses[0].pending == 0)


async def test_the_outbox_of_a_stopped_gateway_is_read_from_its_store(site: Path) -> None:
    said = await run("outbox", "ls", "--site", str(site))
    assert said.code == 0, said.err
    assert "wms   stopped  0" in said.out
    assert "not wanted" in said.out
    document = json.loads((await run("outbox", "ls", "--json", "--site", str(site))).out)
    assert [(s["name"], s["dead_letters"]) for s in document["sinks"]] == [("wms", 1)]
    assert [letter["reason"] for letter in document["dead_letters"]] == ["not wanted"]


async def test_letters_of_a_stopped_gateway_are_marked_and_dropped(site: Path) -> None:
    said = await run("outbox", "retry", "wms", "--all", "--site", str(site))
    assert said.out == (
        "The sink wms tries again when the gateway is started, and 1 dead letter with it.\n"
    )
    said = await run("outbox", "ls", "--site", str(site))
    assert "not wanted (to be tried again)" in said.out
    said = await run("outbox", "drop", "wms", "5", "--yes", "--json", "--site", str(site))
    assert json.loads(said.out) == {"sink": "wms", "dropped": 1}


async def test_nothing_is_dropped_without_a_yes(site: Path) -> None:
    said = await run("outbox", "drop", "wms", "--all", "--site", str(site))
    assert said.code == 1
    assert "Remove ALL dead letters of wms for good?" in said.out
    document = json.loads((await run("outbox", "ls", "--json", "--site", str(site))).out)
    assert len(document["dead_letters"]) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["retry", "wsm"], "There is no sink 'wsm'. Did you mean 'wms'?"),
        (["drop", "wms", "4711", "--yes"], "has no dead letter 4711"),
        (["drop", "wms"], "Which dead letters?"),
        (["retry", "wms", "5", "--all"], "Either name dead letters or say --all, not both."),
        (["ls", "--sink", "vms"], "Did you mean 'wms'?"),
    ],
)
async def test_a_mistake_is_one_sentence(site: Path, arguments: list[str], sentence: str) -> None:
    said = await run("outbox", *arguments, "--site", str(site))
    assert (said.code, said.out) == (1, "")
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 1


async def test_the_running_gateway_is_asked_where_there_is_one(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "state.db")
    sink = ScriptedSink("wms")
    try:
        await _refuse_one(outbox)
        async with outbox.serving(sink) as dispatchers:
            gateway = new_gateway(outbox=RunningOutbox(outbox.store, outbox.writer, dispatchers))
            async with served(gateway) as client:
                api = ("--api", str(client.base_url))
                said = await run("outbox", "ls", *api)
                assert "wms   idle" in said.out, said.err
                said = await run("outbox", "retry", "wms", "5", *api)
                assert said.out == "The sink wms tries again now, and 1 dead letter with it.\n"
                await eventually(lambda: len(sink.accepted) == 1)
                await eventually(lambda: not outbox.dead_letters())
    finally:
        outbox.close()


async def test_a_store_that_a_silent_gateway_has_open_is_left_alone(site: Path) -> None:
    outbox = Outbox(site / "data" / "state.db")
    try:
        said = await run("outbox", "ls", "--site", str(site))
    finally:
        outbox.close()
    assert said.code == 1
    assert "No gateway answers at" in said.err
    assert "another gateway is running" in said.err


async def test_neither_a_gateway_nor_a_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.yaml").write_text(
        f"site: {{id: s}}\ndata_dir: data\napi: {{listen: '{FREE_PORT}'}}\n"
    )
    said = await run("outbox", "ls", "--site", str(tmp_path))
    assert said.code == 1
    assert "There is no store of a stopped one either" in said.err
    assert not (tmp_path / "data").exists(), "asking makes nothing"

"""The sink `epcis` against a capture interface: with jobs and without, and every way to refuse."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.errors import Hold, Rejected, Retry, SinkError
from gateway.model.delivery import Record, Secret, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.epcis import EpcisSink
from tests.epcis_schema import assert_valid
from tests.http_peer import Answer, HttpPeer, Request
from tests.outcomes import epc_of, movement, passage


class Repository:
    """A capture interface as the OpenAPI document describes it. Refuses events with `poison`."""

    def __init__(self) -> None:
        self.events: dict[str, Any] = {}
        self.documents: list[bytes] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.with_jobs = True
        self.asks_until_done = 2
        self.poison: set[str] = set()
        self.most_events = 1_000
        self.naming = True  # errors tell the event that they are about

    def __call__(self, request: Request) -> Answer:
        if request.method == "GET":
            return self._job(request.target)
        assert request.target == "/hook"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["gs1-epcis-version"] == "2.0.0"
        assert request.headers["gs1-cbv-version"] == "2.0.0"
        document = request.json
        assert_valid(document)
        self.documents.append(request.body)
        events = document["epcisBody"]["eventList"]
        if len(events) > self.most_events:
            return Answer(413, body=b'{"title": "too many events"}')
        bad = [e["eventID"] for e in events if e["eventID"] in self.poison]
        behaviour = request.headers["gs1-capture-error-behaviour"]
        if behaviour == "proceed" or not bad:
            self.events |= {e["eventID"]: e for e in events if e["eventID"] not in bad}
        if not self.with_jobs:
            return Answer(400, body=b'{"title": "invalid event"}') if bad else Answer(201)
        name = f"/capture/{len(self.jobs)}"
        errors = [
            {"type": "epcisException:ValidationException", "title": "invalid event",
             "detail": f"event {event}" if self.naming else "one of them"}
            for event in bad
        ]  # fmt: skip
        self.jobs[name] = {"asked": 0, "success": not bad, "errors": errors}
        return Answer(202, (("Location", name),))

    def _job(self, target: str) -> Answer:
        job = self.jobs.get(target)
        if job is None:
            return Answer(404)
        job["asked"] += 1
        told = job | {"running": job["asked"] < self.asks_until_done}
        return Answer(200, body=orjson.dumps(told))


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


@pytest.fixture
def repository(peer: HttpPeer) -> Repository:
    repository = Repository()
    peer.rule = repository
    return repository


Make = Callable[..., Awaitable[EpcisSink]]


@pytest.fixture
async def make(peer: HttpPeer, tmp_path: Path) -> AsyncIterator[Make]:
    """Opened sinks to the peer, which are closed after the test; they do not wait between asks."""
    sinks: list[EpcisSink] = []

    async def no_time(_: float) -> None:
        return

    async def make(**options: object) -> EpcisSink:
        given = {"url": peer.url, "allow": ["127.0.0.1"]} | options
        config = SinkConfig(name="trace", kind="epcis", options=given)
        sinks.append(
            EpcisSink(config, SinkContext(site="dc-north", data_dir=tmp_path), sleep=no_time)
        )
        await sinks[-1].open()
        return sinks[-1]

    yield make
    for sink in sinks:
        await sink.close()


def record(seq: int, **changes: object) -> Record:
    one = movement(1, seq, **changes)
    return Record(seq=seq, kind="movement", id=one.id, key=epc_of(1), body=one.to_json())


def urn(one: Record) -> str:
    return f"urn:uuid:{one.id}"


async def test_a_job_is_asked_until_it_has_finished(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    repository.asks_until_done = 5
    batch = [record(n) for n in range(1, 4)]
    assert await (await make(token=Secret("t"))).deliver(batch) == {}
    assert list(repository.events) == [urn(r) for r in batch]
    assert [r.method for r in peer.requests] == ["POST"] + ["GET"] * 5
    assert {r.headers["authorization"] for r in peer.requests} == {"Bearer t"}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_server_without_jobs_is_taken_at_its_word(
    peer: HttpPeer, make: Make, status: int
) -> None:
    peer.rule = lambda _: Answer(status)
    assert await (await make()).deliver([record(1)]) == {}
    assert len(peer.requests) == 1


async def test_jobs_are_not_asked_for_when_that_is_set(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    assert await (await make(follow_jobs=False)).deliver([record(1)]) == {}
    assert [r.method for r in peer.requests] == ["POST"]
    assert repository.events


async def test_the_same_records_are_the_same_bytes_at_every_try(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    peer.script.extend([Answer(503), Answer(None)])
    sink = await make()
    for _ in range(2):
        with pytest.raises(Retry):
            await sink.deliver([record(1), record(2)])
    assert await sink.deliver([record(1), record(2)]) == {}
    assert len({r.body for r in peer.requests if r.method == "POST"}) == 1


async def test_a_job_that_takes_long_is_asked_for_again_and_not_sent_again(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    repository.asks_until_done = 25
    sink = await make()
    with pytest.raises(Retry, match="has not finished capturing after 60 s"):
        await sink.deliver([record(1)])
    assert await sink.deliver([record(1)]) == {}
    assert [r.method for r in peer.requests].count("POST") == 1


async def test_a_job_that_was_forgotten_is_sent_again(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    sink = await make()
    peer.script.append(Answer(202, (("Location", "/capture/nowhere"),)))
    with pytest.raises(Retry, match="forgotten"):
        await sink.deliver([record(1)])
    assert await sink.deliver([record(1)]) == {}
    assert [r.method for r in peer.requests].count("POST") == 2


@pytest.mark.parametrize("with_jobs", [True, False])
async def test_one_bad_event_refuses_the_batch_and_alone_itself(
    repository: Repository, make: Make, with_jobs: bool
) -> None:
    repository.with_jobs = with_jobs
    batch = [record(n) for n in range(1, 5)]
    repository.poison = {urn(batch[2])}
    sink = await make()
    with pytest.raises(Rejected, match="invalid event"):
        await sink.deliver(batch)
    assert repository.events == {}
    with pytest.raises(Rejected, match="invalid event"):
        await sink.deliver([batch[2]])
    assert await sink.deliver([*batch[:2], batch[3]]) == {}


async def test_with_proceed_the_events_that_errors_name_are_refused_alone(
    repository: Repository, make: Make
) -> None:
    batch = [record(n) for n in range(1, 6)]
    repository.poison = {urn(batch[1]), urn(batch[3])}
    reasons = await (await make(on_error="proceed")).deliver(batch)
    assert list(reasons) == [2, 4]
    assert all("invalid event" in reason for reason in reasons.values())
    assert len(repository.events) == 3


async def test_with_proceed_errors_that_name_nobody_refuse_the_batch(
    repository: Repository, make: Make
) -> None:
    repository.naming = False
    repository.poison = {urn(record(2))}
    with pytest.raises(Rejected, match="one of them"):
        await (await make(on_error="proceed")).deliver([record(1), record(2)])


async def test_a_document_that_is_too_large_makes_the_next_smaller(
    repository: Repository, make: Make
) -> None:
    repository.most_events = 3
    sink = await make(batch=8)
    batch = [record(n) for n in range(1, 9)]
    with pytest.raises(Rejected, match="413"):
        await sink.deliver(batch)
    assert sink.max_batch == 4
    with pytest.raises(Rejected, match="413"):
        await sink.deliver(batch[:4])
    assert sink.max_batch == 2
    assert await sink.deliver(batch[:2]) == {}


@pytest.mark.parametrize("status", [401, 403, 404, 406, 415, 302])
async def test_a_refusal_of_our_settings_holds(peer: HttpPeer, make: Make, status: int) -> None:
    peer.rule = lambda _: Answer(status)
    with pytest.raises(Hold, match=str(status)):
        await (await make()).deliver([record(1)])


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(500), Answer(400), Answer(None), Answer(200)),
        *(Answer(200, body=b"[]"), Answer(200, body=b'{"running": "no"}')),
    ],
)
async def test_a_question_that_is_not_answered_is_asked_again(
    peer: HttpPeer, repository: Repository, make: Make, answer: Answer
) -> None:
    sink = await make()
    repository.jobs["/capture/0"] = {"asked": -1_000, "success": True}  # for a client that repeats
    peer.script.extend([Answer(202, (("Location", "/capture/0"),)), answer])
    with pytest.raises(Retry):
        await sink.deliver([record(1)])
    repository.jobs["/capture/0"] = {"asked": 9, "success": True}
    assert await sink.deliver([record(1)]) == {}
    assert [r.method for r in peer.requests].count("POST") == 1


async def test_a_job_at_another_host_is_not_asked_for(peer: HttpPeer, make: Make) -> None:
    peer.rule = lambda _: Answer(202, (("Location", "http://169.254.169.254/capture/1"),))
    with pytest.raises(Hold, match="another host"):
        await (await make()).deliver([record(1)])
    assert len(peer.requests) == 1


async def test_what_is_no_event_is_passed_over_and_what_is_broken_refused(
    repository: Repository, make: Make
) -> None:
    sink = await make(kinds=["movement", "passage"])
    missing = record(1, kind="missing")
    broken = Record(seq=2, kind="movement", id="x", key="k", body=b'{"kind": "moved"}')
    through = Record(seq=3, kind="passage", id="passage-1", key="door-1", body=passage(1).to_json())
    assert await sink.deliver([missing]) == {}
    assert list(await sink.deliver([missing, broken])) == [2]
    assert repository.documents == []
    assert list(await sink.deliver([missing, broken, through, record(4)])) == [2]
    assert len(repository.events) == 2


async def test_alerts_are_no_events(make: Make) -> None:
    with pytest.raises(SinkError, match="no event of EPCIS"):
        await make(kinds=["alert"])


async def test_a_long_outage_sends_every_event_once_it_is_over(
    peer: HttpPeer, repository: Repository, make: Make
) -> None:
    peer.script = deque([Answer(503, (("Retry-After", "3"),))] * 20)
    sink = await make()
    for _ in range(20):
        with pytest.raises(Retry) as failure:
            await sink.deliver([record(1)])
        assert failure.value.after_s == 3.0
    assert await sink.deliver([record(1)]) == {}

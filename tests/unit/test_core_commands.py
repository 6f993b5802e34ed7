"""Commands are done in the epoch of their time, and answered once what they did is durable."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from gateway.core import Core
from gateway.errors import GatewayError
from gateway.model.command import Command
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Door, Site, Zone, ZoneKind
from gateway.model.tags import TagIndex

S = 1_000_000
BEGIN_US = 1_732_203_600 * S
SITE = Site(
    id="dc",
    zones=(Zone(id="hall", kind=ZoneKind.STAGING), Zone(id="yard", kind=ZoneKind.OUTSIDE)),
    doors=(Door(id="door-1", inside="hall", outside="yard"),),
)
SHIPMENT = {"shipment": {"id": "S-1", "lines": [{"sku": "4711"}]}}


def outcomes(body: dict[str, Any], answer: Future[Any], tick_us: int = 50_000) -> list[Outcome]:
    """Of one second, the command being given in the middle of it."""
    core = Core(SITE, TagIndex())
    command = Command(time_us=BEGIN_US + S // 2, body=body, answer=answer)
    found = []
    for now_us in range(BEGIN_US, BEGIN_US + S + 1, tick_us):
        due = now_us - tick_us < command.time_us <= now_us
        found.append(core.tick(Inputs(commands=[command] if due else []), now_us))
    return found


@pytest.mark.parametrize("tick_us", [20_000, 50_000, 100_000])
def test_it_is_answered_after_the_commit_of_what_it_did(tick_us: int) -> None:
    answer: Future[Any] = Future()
    (kept,) = [o for o in outcomes(SHIPMENT, answer, tick_us) if o.memories]
    assert [(m.kind, m.key) for m in kept.memories] == [("shipment", "S-1")]
    assert not answer.done()
    for ack in kept.acks:
        ack()
    assert answer.result(0) is None


def test_what_makes_no_sense_is_refused_at_once_and_told() -> None:
    answer: Future[Any] = Future()
    told = [sentence for o in outcomes({"dance": True}, answer) for sentence in o.refused]
    assert told == ["there is no command 'dance'"]
    with pytest.raises(GatewayError, match="there is no command 'dance'"):
        answer.result(0)

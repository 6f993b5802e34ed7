"""Figures as a whole: kept and sent while the gateway runs, and never a reason for it to end."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.figures import Figures
from gateway.live import LiveView
from gateway.model.tags import TagIndex
from gateway.series import flow
from gateway.series.history_query import Question
from gateway.series.points import MEASUREMENTS
from gateway.telemetry.metrics import Metrics
from tests.http_peer import Answer, HttpPeer
from tests.outcomes import NOW_US, movement, outcome
from tests.servers import eventually
from tests.unit.settings.sites import READER, SITE, load_files

SURVEY_S = 0.002


@contextlib.asynccontextmanager
async def running(folder: Path, settings: str = "") -> AsyncIterator[Figures]:
    """Figures of a small site that survey often; time moves two seconds with each look."""
    configuration = load_files(
        folder,
        {
            "config/gateway.yaml": f"site: {{id: dc-north}}\ndata_dir: data\n{settings}",
            "config/site.yaml": SITE,
            "readers/dock-1.yaml": READER,
        },
    )
    configuration.data_dir.mkdir(exist_ok=True)
    live = LiveView(configuration.site, TagIndex())
    figures = Figures(configuration, live, _Clock(NOW_US), Metrics(series=MEASUREMENTS))
    task = asyncio.create_task(figures.run())
    try:
        yield figures
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Clock(ManualClock):
    def now_us(self) -> int:
        self.advance_s(2.0)
        return super().now_us()


def kept(figures: Figures, measurement: str, field: str) -> int:
    """How many values the history has."""
    question = Question(
        measurement=measurement,
        field=field,
        from_s=NOW_US / 1e6 - 60,
        to_s=NOW_US / 1e6 + 3_600,
        tags={},
    )
    with contextlib.suppress(sqlite3.OperationalError):
        return sum(s.count for series in figures.ask(question).series for s in series.steps)
    return 0


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "SURVEY_S", SURVEY_S)


async def test_what_happens_is_kept_and_what_is_left_at_the_end_too(tmp_path: Path) -> None:
    async with running(tmp_path) as figures:
        await eventually(lambda: kept(figures, "reader", "up"))
        figures.sampler.apply(outcome(movements=[movement(event_time_us=NOW_US)]))
        before = kept(figures, "reads", "reads")
    assert kept(figures, "movement", "confidence") == 1
    assert kept(figures, "reads", "reads") >= before > 0
    assert figures.trouble is None
    assert not (tmp_path / "data" / "spool").exists()


async def test_figures_are_sent_but_movements_are_left_to_the_outbox(tmp_path: Path) -> None:
    async with HttpPeer() as peer:
        settings = f"influxdb: {{api: v3, url: 'http://127.0.0.1:{peer.port}', database: rfid}}"
        async with running(tmp_path, settings) as figures:
            figures.sampler.apply(outcome(movements=[movement(event_time_us=NOW_US)]))
            await eventually(lambda: len(peer.requests) > 10)
            peer.rule = lambda _: Answer(401)
            await eventually(lambda: figures.trouble is not None)
        sent = [line for r in peer.requests for line in zlib.decompress(r.body, 31).splitlines()]
    assert {line.partition(b",")[0] for line in sent} == {b"zone", b"reads", b"reader"}
    assert "401 Unauthorized; they wait on the disk" in str(figures.trouble)


async def test_without_a_place_for_the_spool_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "spool").write_text("no folder")
    settings = "influxdb: {api: v1, url: 'http://127.0.0.1:9', database: rfid}"
    async with running(tmp_path, settings) as figures:
        await eventually(lambda: kept(figures, "reader", "up"))
    assert "no spool can be made" in caplog.text


async def test_a_mistake_costs_a_second_of_figures_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as figures:
        with monkeypatch.context() as patch:
            patch.setattr("gateway.series.sampler.Sampler.survey", lambda *_: 1 / 0)
            await eventually(lambda: "are lost" in caplog.text)
        await eventually(lambda: kept(figures, "reader", "up"))

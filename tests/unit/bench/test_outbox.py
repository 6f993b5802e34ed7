"""The outbox's benchmark in a short form: what it counts is right, whatever the machine takes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.bench.outbox import POISON, run
from gateway.bench.outbox_isolation import isolation
from gateway.bench.outbox_traffic import BenchSink, Traffic

MOVEMENTS = 600


@pytest.mark.slow
def test_a_backlog_outlives_the_daemon_and_drains_in_order_but_for_the_poison(
    tmp_path: Path,
) -> None:
    found = run(movements=MOVEMENTS, isolation_s=0.5, folder=tmp_path)
    sinks = [BenchSink(name, poison=POISON) for name in ("wms", "erp")]
    told = Traffic(50_000).outcome(MOVEMENTS).movements
    poison = sum(sink.refuses(one.id) for sink in sinks for one in told)
    assert (found["poison_set_aside"], found["out_of_order"]) == (poison, 0)
    assert found["good_taken"] == 2 * MOVEMENTS - poison
    assert found["rss_growth_mb"] < 50
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_a_healthy_sink_gets_everything_beside_any_other(tmp_path: Path) -> None:
    found = asyncio.run(isolation(0.5, tmp_path))
    assert {key for key in found if key.startswith("beside_")} == {
        f"beside_{temper}_{part}_ms"
        for temper in ("healthy", "dead", "slow", "refusing")
        for part in ("p50", "p99")
    }
    # A sink that waits for another would wait for five seconds.
    assert max(found[key] for key in found if key.endswith("_ms")) < 2_500

"""The benchmark of time series: it measures what it says, also when it is kept short."""

from __future__ import annotations

from gateway.bench import series


def test_a_short_run_gives_every_figure() -> None:
    figures = series.run(points=3_000)
    assert figures["sampled_points_per_cpu_s"] > 0
    assert figures["history_points_per_cpu_s"] > 0
    assert figures["movements_per_cpu_s"] > 0
    assert 0 < figures["spool_bytes_per_point"] < 100

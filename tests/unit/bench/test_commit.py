"""The benchmark of commits: it measures what it says, also when it is kept short."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bench import commit


def test_a_short_run_gives_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "PACED_TICKS", 5)
    figures = commit.run(movements=200, tags=1_000, folder=tmp_path)
    assert figures["tags"] == 1_000
    assert figures["movements_per_s"] > 0
    assert 0 < figures["commit_p50_ms"] <= figures["commit_p99_ms"]
    assert figures["submit_to_durable_p50_ms"] > 0
    assert figures["load_tags_s"] >= 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"

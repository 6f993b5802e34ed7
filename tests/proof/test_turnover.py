"""Three months of tags that come and go: nothing that is kept by tag grows with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.movement import Status
from gateway.model.tuning import LocationTuning
from tests.turnover import Turnover, lapse

DAYS, TAGS_A_DAY, GHOSTS_A_DAY, REGULARS = 90, 25, 10, 10
DAY_S = 86_400.0


def holders(gateway: Turnover) -> dict[str, int]:
    """How much is kept by tag, and where."""
    engine, rules = gateway.core.engine, gateway.core.watch.rules
    return {
        "EPCs known": gateway.tags.known,
        "numbers given": len(gateway.tags),
        "columns": len(engine.states),
        "rows of the live view": len(gateway.live._table),
        "tags of the live view": gateway.live.tags_known,
        "stored": len(gateway.stored()),
        "open cases": len(engine._presence._open),
        "groups of mates": len(engine._presence._mates._count),
        "kin": int(engine._presence._kin._linked.sum()),
        "tracks": len(engine._doors._tracks),
        "loads": sum(map(len, engine._passages._complete.values())),
        "where numbers of movements begin": len(gateway.core._sequences._begins),
        "epochs": len(gateway.core.epochs._open),
        "rules": len(rules._life.tags),
        "told": len(gateway.core._reuse._told if gateway.core._reuse is not None else ()),
    }


def test_three_months_at_a_high_turnover_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapse(monkeypatch, every_s=7_200)
    tuning = LocationTuning(forget_after_s=5 * DAY_S, max_tags=2_000)
    gateway = Turnover(tmp_path, tuning, tick_s=1.0, idle_tick_s=7_200)
    seen: list[dict[str, int]] = []
    for day in range(DAYS):
        at_s = day * DAY_S + 3_600.0
        for number in range(TAGS_A_DAY):
            gateway.stay(f"{day}/{number}", "aisle/1", at_s=at_s, for_s=1.5)
        for number in range(GHOSTS_A_DAY):
            gateway.read(f"{day}?{number}", "dock/2", at_s=at_s)
        for number in range(REGULARS if day % 8 == 0 else 0):
            gateway.stay(f"regular {number}", "dock/1", at_s=at_s, for_s=1.5)
        gateway.run((day + 1) * DAY_S)
        if day == DAYS // 2:
            gateway.restart()
        seen.append(holders(gateway))
    told = [m for m in gateway.movements if m.status is Status.CONFIRMED]
    assert len({m.id for m in told}) == len(told) > 2 * DAYS * TAGS_A_DAY
    assert len(gateway.forgotten) > 0.9 * (DAYS - 6) * (TAGS_A_DAY + GHOSTS_A_DAY)
    early, late = seen[10:40], seen[60:]
    for name in seen[0]:
        most = max(day[name] for day in early)
        assert max(day[name] for day in late) <= most, f"{name} have grown"
    assert gateway.most_known < 8 * (TAGS_A_DAY + GHOSTS_A_DAY + REGULARS)
    assert gateway.core.counts.forgotten_early == 0
    assert not gateway.shed
    gateway.close()

"""No power cut takes what was committed, or leaves a store that has to be mended."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from gateway.store import database
from tests.proof.figures import publish, size
from tests.proof.oracle import BrokenError
from tests.proof.power_cuts import Recording, examine, record

CUTS = size("power_cuts", short=40, long=500)
COMMITS = size("power_cut_commits", short=450, long=2_000)
#: Memory, where there is such a folder: what a flush means is recorded, and need not be waited for.
FAST = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store works."""
    return _made(tmp_path / "at-work")


def cut_often(done: Recording, cuts: int, folder: Path) -> list[str]:
    """Cut the power so many times, everywhere; what was found wrong."""
    rng = random.Random(cuts)
    found = []
    for number in range(cuts):
        place = _made(folder / str(number))
        try:
            examine(done, rng.randrange(len(done.log) + 1), rng, place)
        except BrokenError as broken:
            found.append(str(broken))
        shutil.rmtree(place)
    return found


@pytest.mark.slow
@pytest.mark.timeout(120 + 2 * CUTS)
def test_no_power_cut_takes_what_was_committed(folder: Path, tmp_path: Path) -> None:
    done = record(folder, COMMITS, seed=CUTS)
    assert cut_often(done, CUTS, tmp_path) == []
    publish(
        "power_cuts",
        {"cuts": CUTS, "movements": len(done.submitted), "operations": len(done.log),
         "lost": 0, "corrupt": 0},
    )  # fmt: skip


def test_without_full_flushes_power_cuts_do_take_something(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: cuts that find no loss here would prove nothing above."""
    weaker = tuple(
        p.replace("synchronous = FULL", "synchronous = NORMAL") for p in database._PRAGMAS
    )
    assert weaker != database._PRAGMAS
    monkeypatch.setattr(database, "_PRAGMAS", weaker)
    done = record(folder, 150, seed=1)
    monkeypatch.undo()
    assert any("are lost" in words for words in cut_often(done, 20, tmp_path))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder

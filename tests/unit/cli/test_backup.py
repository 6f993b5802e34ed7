"""`rfid-gateway backup` and `restore` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.store.database import STORE_FILE, open_store
from gateway.store.writer import Writer
from tests.outcomes import movement, outcome
from tests.unit.cli.running import run


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.yaml").write_text("site: {id: dc-north}\ndata_dir: data\n")
    (tmp_path / "data").mkdir()
    store = open_store(tmp_path / "data" / STORE_FILE)
    writer = Writer(store, lambda _: None)
    writer.submit(outcome(1, [movement()]))
    writer.start()
    assert writer.stop()
    store.close()
    return tmp_path


async def test_a_backup_is_made_and_put_back(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    said = await run("backup", str(file), "--site", str(site))
    assert said.code == 0, said.err
    assert "(state.db)" in said.out
    assert file.stat().st_mode & 0o777 == 0o600
    said = await run("restore", str(file), "--site", str(site), "--force", "--json")
    (aside,) = json.loads(said.out)["set_aside"]
    there = sorted(path.name for path in (site / "data").glob("state.db*"))
    assert there == [STORE_FILE, Path(aside).name, "state.db.lock"]


async def test_nothing_is_overwritten_without_a_word(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    file.write_text("precious")
    said = await run("backup", str(file), "--site", str(site))
    assert (said.code, file.read_text()) == (1, "precious")
    assert "exists already" in said.err
    assert (await run("backup", str(file), "--site", str(site), "--force")).code == 0
    said = await run("restore", str(file), "--site", str(site))
    assert said.code == 1
    assert "There is a store already" in said.err
    assert said.err.count("\n") == 1


async def test_what_is_no_backup_is_told(site: Path) -> None:
    said = await run("restore", str(site / "config" / "gateway.yaml"), "--site", str(site))
    assert said.code == 1
    assert "is no backup of an rfid-gateway" in said.err
    said = await run("restore", "nowhere.tar", "--site", str(site))
    assert said.err == "There is no file nowhere.tar.\n"

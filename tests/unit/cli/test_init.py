"""`rfid-gateway init`: a site that passes `check`, and nothing overwritten."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.init import app
from gateway.cli.main import run_command_line
from gateway.settings.configuration import load
from gateway.settings.packaged import site_files
from tests.unit.settings.sites import EXAMPLE


def test_a_new_site_is_the_example_and_passes_check(tmp_path: Path) -> None:
    site = tmp_path / "new" / "site"
    result = CliRunner().invoke(app, [str(site)])
    assert result.exit_code == 0
    assert f"rfid-gateway check --site {site}" in result.stdout
    assert site_files(site) == site_files(EXAMPLE)
    for file in site_files(site):
        assert (site / file).read_bytes() == (EXAMPLE / file).read_bytes()
    assert load(site, {}).site.id == "dc-north"


def test_what_exists_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "readers" / "dock-1.yaml"
    mine.parent.mkdir()
    mine.write_text("mine\n")
    monkeypatch.setattr(sys, "argv", ["rfid-gateway", "init", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        run_command_line()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"{mine} exists already and is not overwritten: give an empty directory, or a new one\n"
    )
    assert mine.read_text() == "mine\n"
    assert [p.name for p in tmp_path.iterdir()] == ["readers"]


def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", ["rfid-gateway", "init", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as ended:
        run_command_line()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert told.count("\n") == 1
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208

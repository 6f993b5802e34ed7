"""Settings of the outbox, and sinks that come, go and change their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.model.delivery import Origin
from gateway.model.tuning import OutboxTuning
from tests.unit.settings.sites import MINIMAL, load_files, problems


def sinks_of(text: str) -> dict[str, str]:
    return {"config/gateway.yaml": f"{MINIMAL}sinks:\n{text}"}


def test_sizes_and_times_are_written_as_people_do(tmp_path: Path) -> None:
    text = MINIMAL + "outbox: {max_size: 400MB, max_age: 7d, history: 12h, when_full: let_go}\n"
    found = load_files(tmp_path, {"config/gateway.yaml": text})
    assert found.outbox == OutboxTuning(
        max_bytes=400_000_000, max_age_s=604_800.0, history_s=43_200.0, let_go_when_full=True
    )


def test_by_default_nothing_that_waits_is_ever_let_go(tmp_path: Path) -> None:
    found = load_files(tmp_path, {}).outbox
    assert found == OutboxTuning()
    assert (found.max_age_s, found.let_go_when_full) == (None, False)


@pytest.mark.parametrize(
    ("outbox", "said"),
    [
        ("{max_size: 1MB}", "outbox.max_size"),
        ("{max_size: much}", "expected a size"),
        ("{max_age: sometimes}", "expected a duration"),
        ("{when_full: drop}", "expected one of wait, let_go, got 'drop'"),
        ("{max_sise: 1GB}", "did you mean 'max_size'?"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, outbox: str, said: str) -> None:
    (problem,) = problems(tmp_path, {"config/gateway.yaml": f"{MINIMAL}outbox: {outbox}\n"})
    assert said in problem


def test_a_sink_says_where_it_comes_from(tmp_path: Path) -> None:
    text = (
        "  - {name: sap, kind: webhook, url: 'https://h.example', was: wms}\n"
        "  - {name: log, kind: file, begin: oldest}\n"
    )
    found = {sink.name: sink for sink in load_files(tmp_path, sinks_of(text)).sinks}
    assert found["sap"].origin == Origin(was="wms")
    assert found["log"].origin == Origin(from_beginning=True)
    assert not {"was", "begin"} & (found["sap"].options.keys() | found["log"].options.keys())


def test_a_name_cannot_be_given_away_while_it_is_in_use_nor_twice(tmp_path: Path) -> None:
    text = (
        "  - {name: a, kind: file, was: b}\n"
        "  - {name: b, kind: file}\n"
        "  - {name: c, kind: file, was: old}\n"
        "  - {name: d, kind: file, was: old}\n"
    )
    assert problems(tmp_path, sinks_of(text)) == [
        "config/gateway.yaml:3:32: the sink 'b' is still there: nothing was renamed",
        "config/gateway.yaml:6:32: another sink was 'old' already",
    ]

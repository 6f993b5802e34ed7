"""The walks file: read strictly, and told what is wrong with file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bench.sites import dock
from gateway.calibration.walks import What, fits, read_walks, walks_of
from gateway.errors import SettingsError

SITE = dock(doors=2)
START_US = 1_795_248_000_000_000  # 2026-11-21T08:00:00Z


def read(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    path = tmp_path / "walks.yaml"
    path.write_text(text, encoding="utf-8")
    return read_walks(path, SITE)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    return [str(p).replace(f"{tmp_path}/", "") for p in caught.value.problems]


def test_times_are_counted_from_the_start_or_taken_by_the_clock(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "tags: [30*]\nwalks:\n"
        "  - {begin: 1:15, end: 1:32.5, what: out, door: door-1}\n"
        "  - {begin: 85s, end: 1m40s, what: turn-back, door: door-2}\n"
        "  - {begin: 2026-11-21T08:01:00Z, end: 2026-11-21T09:02:00+01:00, what: stand}\n",
    )
    walks, lying = walks_of(file, START_US)
    spans = [((w.begin_us - START_US) / 1e6, (w.end_us - START_US) / 1e6) for w in walks]
    assert spans == [(75.0, 92.5), (85.0, 100.0), (60.0, 120.0)]
    assert [w.what for w in walks] == [What.OUT, What.TURN_BACK, What.STAND]
    assert [w.tags for w in walks] == [("30*",)] * 3
    assert lying == []


def test_tags_of_a_walk_are_its_own_if_it_has_any(tmp_path: Path) -> None:
    text = 'tags: [30*]\nwalks: [{begin: 1, end: 2, what: cross, tags: ["e2AB"]}]\n'
    walks, _ = walks_of(read(tmp_path, text), START_US)
    assert walks[0].tags == ("E2AB",)


def test_patterns_mean_an_epc_or_those_that_begin_so() -> None:
    assert fits("3034AA", ["3034AA"])
    assert fits("3034AA", ["E2*", "3034*"])
    assert not fits("3034AA", ["3034"])


def test_tags_that_lie_in_a_zone(tmp_path: Path) -> None:
    text = "bins: [{zone: staging-1, tags: [30AA], begin: 0s, end: 60s}]\n"
    _, lying = walks_of(read(tmp_path, text), START_US)
    assert (lying[0].zone, lying[0].end_us - lying[0].begin_us) == ("staging-1", 60_000_000)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{begin: 5, end: 9, what: out, door: dor-1}", "39: there is no door 'dor-1'; did you"),
        ("{begin: 9, end: 5, what: out, door: door-1}", "19: 'end' must be later than 'begin'"),
        ("{begin: 5, end: 9, what: out}", "3: 'door' is required for a walk of kind 'out'"),
        ("{begin: 5, end: 9, what: fly}", "28: walks[0].what: expected one of out, in, turn-back"),
        (
            "{begin: soon, end: 9, what: cross}",
            "11: walks[0].begin: expected a time since the recording began",
        ),
        (
            "{begin: 2026-11-21T08:00:00, end: 9, what: cross}",
            "11: walks[0].begin: expected a moment with its",
        ),
        ("{begin: 2026-11-21T08:00:00Z, end: 9, what: cross}", "38: give both times the same"),
        (
            "{begin: 5, end: 9, what: cross, tags: [xyz]}",
            "42: walks[0].tags[0]: expected an EPC in hex",
        ),
        ("{begin: 5, end: 9, wat: cross}", "22: unknown key 'wat' in walks[0]; did you mean"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, line: str, problem: str) -> None:
    found = problems(tmp_path, f"tags: [30*]\nwalks:\n- {line}\n")
    assert found[0].startswith(f"walks.yaml:3:{problem}")


def test_walks_without_tags_and_files_without_walks_are_refused(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "walks: [{begin: 5, end: 9, what: cross}]\n")
    assert "'tags' is required here, or once for the whole file" in found
    (found,) = problems(tmp_path, "tags: [30*]\n")
    assert "nothing to learn from" in found


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        read_walks(tmp_path / "none.yaml", SITE)

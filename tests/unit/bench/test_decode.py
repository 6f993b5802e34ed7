"""The decoding benchmark: what it reports, with and without its peer."""

from __future__ import annotations

import sys

import pytest

from gateway.bench import decode


def test_every_case_has_a_rate() -> None:
    found = decode.run(reports=2_000)
    assert [case["case"] for case in found["cases"]] == [case.name for case in decode.CASES]
    assert all(case["gateway"] > 0 for case in found["cases"])


def test_the_peer_is_measured_in_the_same_run() -> None:
    pytest.importorskip("sllurp", reason="the peer sllurp is not installed")
    found = decode.run(reports=2_000)
    assert found["peer"].startswith("sllurp 3")
    assert all(case["ratio"] > 1 for case in found["cases"])


def test_without_its_peer_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sllurp.llrp", None)
    found = decode.run(reports=2_000)
    assert found["peer"] == "peer not installed"
    assert all(case["sllurp"] is None and case["ratio"] is None for case in found["cases"])

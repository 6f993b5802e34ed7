"""Metrics: the names of the contract, and labels that nothing from outside can add to."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.telemetry.metrics import Metrics


def _values(metrics: Metrics) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_the_names_of_the_contract_are_there_from_the_start() -> None:
    values = _values(Metrics(readers=["dock-1"], sinks=["wms"], shed_reasons=["rows"]))
    for name in (
        "reads_total[('reader', 'dock-1')]",
        "reads_shed_total[('reason', 'rows')]",
        "reads_coalesced_total[]",
        "reads_late_total[]",
        "movements_total[('kind', 'arrived')]",
        "tick_seconds_count[]",
        "commit_seconds_count[]",
        "read_to_commit_seconds_count[]",
        "outbox_pending[('sink', 'wms')]",
        "reader_up[('reader', 'dock-1')]",
        "tags_known[]",
    ):
        assert values[f"rfid_gateway_{name}"] == 0
    assert values[f"rfid_gateway_build_info[('version', '{__version__}')]"] == 1
    assert values["process_resident_memory_bytes[]"] > 0


def test_what_is_counted_is_told() -> None:
    metrics = Metrics(readers=["dock-1"])
    metrics.reads["dock-1"].inc(10)
    metrics.reader_up["dock-1"].set(1)
    metrics.movements["moved"].inc()
    metrics.tick_seconds.observe(0.003)
    values = _values(metrics)
    assert values["rfid_gateway_reads_total[('reader', 'dock-1')]"] == 10
    assert values["rfid_gateway_reader_up[('reader', 'dock-1')]"] == 1
    assert values["rfid_gateway_movements_total[('kind', 'moved')]"] == 1
    assert values["rfid_gateway_tick_seconds_bucket[('le', '0.005')]"] == 1


def test_labels_that_nobody_configured_are_counted_under_other() -> None:
    metrics = Metrics(readers=["dock-1"])
    for n in range(1_000):
        metrics.reads[f"rogue-{n}"].inc()
    values = _values(metrics)
    assert values["rfid_gateway_reads_total[('reader', 'other')]"] == 1_000
    assert not [name for name in values if "rogue" in name]


def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics(readers=["r"]), Metrics(readers=["r"])
    one.reads["r"].inc()
    assert _values(other)["rfid_gateway_reads_total[('reader', 'r')]"] == 0


@pytest.mark.parametrize("name", ["reads", "movements", "outbox_pending", "reader_up"])
def test_nothing_is_configured_and_nothing_fails(name: str) -> None:
    getattr(Metrics(), name)["anything"].inc()

"""The registry of sinks: by kind, with words for a kind that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SinkError
from gateway.model.delivery import BrokerConfig, InfluxConfig, Sink, SinkConfig
from gateway.sinks import registry
from gateway.sinks.base import SinkContext


def test_every_kind_can_be_built(tmp_path: Path) -> None:
    influx = InfluxConfig(api="v1", url="http://127.0.0.1:8086", database="rfid")
    context = SinkContext(site="s", data_dir=tmp_path, broker=BrokerConfig(), influx=influx)
    url: dict[str, object] = {"url": "https://example.com/"}
    options: dict[str, dict[str, object]] = {"file": {"path": "x"}, "webhook": url, "epcis": url}
    sinks: list[Sink] = registry.build(
        [SinkConfig(name=k, kind=k, options=options.get(k, {})) for k in registry.KINDS], context
    )
    assert [sink.name for sink in sinks] == list(registry.KINDS)


def test_an_unknown_kind_is_told_with_a_suggestion() -> None:
    with pytest.raises(
        SinkError, match=r"no sink of kind 'mqt': known are .*; did you mean 'mqtt'"
    ):
        registry.load("mqt")


def test_a_kind_from_outside_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    def pigeon(config: SinkConfig, context: SinkContext) -> Sink:
        raise NotImplementedError

    class Entry:
        name = "pigeon"

        def load(self) -> object:
            return pigeon

    monkeypatch.setattr(
        registry, "entry_points", lambda group, name="pigeon": [Entry()] if name == "pigeon" else []
    )
    assert registry.load("pigeon") is pigeon


def test_mqtt_without_a_broker_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="sink plant: it needs a broker"):
        registry.build(
            [SinkConfig(name="plant", kind="mqtt")], SinkContext(site="s", data_dir=tmp_path)
        )

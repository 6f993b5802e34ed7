"""Sources: `gateway.yaml`, `conf.d/` and the environment, laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.settings.document import read_document
from gateway.settings.environment import read_environment
from gateway.settings.files import yaml_files
from gateway.settings.fit import fit
from gateway.settings.messages import model_at
from gateway.settings.node import Node, Place, merged
from gateway.settings.report import Report
from gateway.settings.schema import MqttSettings, Settings
from gateway.settings.section import SecretRef


def read_settings(
    directory: Path, environ: Mapping[str, str], report: Report
) -> tuple[Settings, Node] | None:
    """Defaults < gateway.yaml < conf.d in name order < environment; None when unusable."""
    config = directory / "config"
    tree = Node({}, Place(str(config / "gateway.yaml"), 1, 1))
    readable = True
    for path in [config / "gateway.yaml", *yaml_files(config / "conf.d", report)]:
        document = read_document(path, report)
        if document is None:
            readable = False
        else:
            tree = merged(tree, document, _is_secret)
    tree = merged(tree, read_environment(environ, report), _is_secret)
    # What a file that cannot be read would have set is unknown, so nothing is told to be missing.
    found = fit(tree, Settings, report) if readable else None
    return (_completed(found[0]), found[1]) if found else None


def with_broker(settings: Settings) -> Settings:
    """The settings with a broker where none is set: the one of this machine."""
    broker = settings.mqtt or MqttSettings()
    return _completed(settings.model_copy(update={"mqtt": broker}))


def _is_secret(path: tuple[str, ...]) -> bool:
    return model_at(Settings, path) is SecretRef


def _completed(settings: Settings) -> Settings:
    """The settings with what follows from other settings filled in."""
    given = settings.mqtt
    if given is None:
        return settings
    follows = {
        "prefix": given.prefix or f"rfid/{settings.site.id}",
        "client_id": given.client_id or f"rfid-gateway-{settings.site.id}",
    }
    return settings.model_copy(update={"mqtt": given.model_copy(update=follows)})

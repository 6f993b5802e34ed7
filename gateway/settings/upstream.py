"""Upstream: broker, sinks and time series database, with secrets found and files checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.model.delivery import (
    TIME_SERIES_SINK,
    BrokerConfig,
    InfluxConfig,
    Secret,
    SinkConfig,
)
from gateway.model.place import Site
from gateway.settings.credentials import Secrets
from gateway.settings.files import is_file
from gateway.settings.http_sinks import ClientTls, EpcisSink, HttpSink, WebhookSink, plain_options
from gateway.settings.influx import check_keys, influx_config
from gateway.settings.node import Node
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.schema import FileSink, OutsideSink, Settings, SinkEntry, TlsSettings
from gateway.settings.section import SecretRef

#: What a mapping looks like that refers to a secret.
_REFERENCES = [{"credential"}, {"file"}, {"env"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Builds what connects to the world above; what is wrong goes into the report."""

    settings: Settings
    tree: Node
    site: Site
    directory: Path
    data_dir: Path
    secrets: Secrets
    report: Report

    def broker(self) -> BrokerConfig | None:
        """The MQTT broker; None when none is set."""
        mqtt = self.settings.mqtt
        if mqtt is None:
            return None
        tls = mqtt.tls or TlsSettings()
        return BrokerConfig(
            host=mqtt.host,
            port=mqtt.port,
            username=mqtt.username,
            password=self._secret(mqtt.password, "mqtt", "password"),
            tls=mqtt.tls is not None,
            **{
                f"tls_{name}": path
                for name, path in self._tls_files(tls, self.tree.at("mqtt", "tls")).items()
            },
            prefix=mqtt.prefix or "",
            client_id=mqtt.client_id or "",
        )

    def _secret(self, reference: SecretRef | None, *path: str) -> Secret | None:
        return self.secrets.resolve(".".join(path), reference, self.tree.at(*path).place)

    def _tls_files(self, tls: TlsSettings | ClientTls, at: Node) -> dict[str, str | None]:
        """Paths by what they are for; a file that is not there is reported."""
        found: dict[str, str | None] = {}
        for name, given in (("ca", tls.ca), ("cert", tls.cert), ("key", tls.key)):
            path = None if given is None else self.directory / given
            found[name] = None if path is None else str(path)
            if path is not None and not is_file(path):
                self.report.problem(at.at(name).place, f"there is no file {path}")
        if (tls.cert is None) != (tls.key is None):
            alone = "cert" if tls.key is None else "key"
            message = "'cert' and 'key' go together: give both or neither"
            self.report.problem(at.at(alone).place, message)
        return found

    def sinks(self) -> tuple[SinkConfig, ...]:
        """The sinks as listed; one of kind mqtt where a broker is set and none is listed; influxdb.

        What other settings add goes by the name of its kind.
        """
        sinks: dict[str, SinkConfig] = {}
        has_broker = self.settings.mqtt is not None
        for number, entry in enumerate(self.settings.sinks):
            at = self.tree.at("sinks", number)
            if entry.name in sinks:
                self.report.problem(
                    at.at("name").place, f"the sink {quoted(entry.name)} is already in the list"
                )
            if entry.kind == "mqtt" and not has_broker:
                self.report.problem(
                    at.at("kind").place, "a sink of kind mqtt needs a broker: add 'mqtt: {host: …}'"
                )
            options = self._sink_options(entry, f"sinks[{number}]", at)
            sinks[entry.name] = SinkConfig(
                name=entry.name, kind=entry.kind, options=options, origin=entry.origin()
            )
        if has_broker and not any(sink.kind == "mqtt" for sink in sinks.values()):
            self._add(sinks, "mqtt")
        if self.settings.influxdb is not None:
            self._add(sinks, TIME_SERIES_SINK)
        self._check_renamed(sinks)
        return tuple(sinks.values())

    def _check_renamed(self, sinks: dict[str, SinkConfig]) -> None:
        taken: set[str] = set()
        for number, entry in enumerate(self.settings.sinks):
            place = self.tree.at("sinks", number, "was").place
            if entry.was in sinks:
                self.report.problem(
                    place, f"the sink {quoted(entry.was)} is still there: nothing was renamed"
                )
            elif entry.was in taken:
                self.report.problem(place, f"another sink was {quoted(entry.was)} already")
            if entry.was is not None:
                taken.add(entry.was)

    def _add(self, sinks: dict[str, SinkConfig], kind: str) -> None:
        """Add the sink that goes with the setting of that name."""
        if kind in sinks:
            self.report.problem(
                self.tree.at("sinks").place,
                f"the name '{kind}' belongs to the sink that '{kind}:' adds: choose another",
            )
        sinks[kind] = SinkConfig(name=kind, kind=kind)

    def _sink_options(self, entry: SinkEntry, label: str, at: Node) -> dict[str, Any]:
        """The kind's own keys: paths made absolute, and in sinks from outside secrets found."""
        if isinstance(entry, OutsideSink):
            options = dict(entry.model_extra or {})
            for key, value in options.items():
                if isinstance(value, dict) and value.keys() in _REFERENCES:
                    reference = SecretRef.model_validate(value)
                    place = at.at(key).place
                    options[key] = self.secrets.resolve(f"{label}.{key}", reference, place)
            return options
        if isinstance(entry, WebhookSink | EpcisSink):
            return self._http_options(entry, label, at)
        kinds: dict[str, Any] = {"kinds": entry.kinds} if entry.kinds else {}
        if not isinstance(entry, FileSink):
            return kinds
        path = str((self.data_dir / entry.path).absolute())
        return kinds | {"path": path, "max_size": entry.max_size, "keep": entry.keep}

    def _http_options(self, entry: HttpSink, label: str, at: Node) -> dict[str, Any]:
        """Options with secrets found, files checked and places known."""
        secrets = frozenset({"token", "headers", "tls", "secrets"})
        options = plain_options(entry, without=secrets)

        def found(reference: SecretRef | None, *path: str | int) -> Secret | None:
            name = label + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
            return self.secrets.resolve(name, reference, at.at(*path).place)

        options["token"] = found(entry.token, "token")
        options["headers"] = {
            header.name: header.value or found(header.secret, "headers", number, "secret") or ""
            for number, header in enumerate(entry.headers)
        }
        if entry.tls is not None:
            options["tls"] = self._tls_files(entry.tls, at.at("tls"))
        if isinstance(entry, WebhookSink):
            signing = (found(ref, "secrets", n) for n, ref in enumerate(entry.secrets))
            options["secrets"] = tuple(secret for secret in signing if secret is not None)
        if isinstance(entry, EpcisSink):
            self._check_steps(entry, at.at("steps"))
        return options

    def _check_steps(self, entry: EpcisSink, at: Node) -> None:
        known = {"door": self.site.door_numbers, "zone": self.site.zone_numbers}
        for number, step in enumerate(entry.steps):
            for what, name in (("door", step.door), ("zone", step.zone)):
                if name is not None and name not in known[what]:
                    message = f"there is no {what} {quoted(name)}{suggestion(name, known[what])}"
                    self.report.problem(at.at(number, what).place, message)

    def influx(self) -> InfluxConfig | None:
        """The time series database; None when none is set."""
        settings = self.settings.influxdb
        if settings is None:
            return None
        at = self.tree.at("influxdb")
        check_keys(settings, at, self.report)
        return influx_config(
            settings,
            password=self._secret(settings.password, "influxdb", "password"),
            token=self._secret(settings.token, "influxdb", "token"),
            tls=self._tls_files(settings.tls, at.at("tls")) if settings.tls else {},
        )

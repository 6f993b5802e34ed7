"""The time series database: what its write API needs, and what does not belong to it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model.delivery import InfluxConfig, Secret
from gateway.settings.node import Node
from gateway.settings.report import Report
from gateway.settings.time_series import InfluxSettings

#: Per write API: what it cannot do without, and what else it has.
_KEYS = {
    "v1": (("database",), ("retention_policy", "username", "password")),
    "v2": (("org", "bucket"), ("token",)),
    "v3": (("database",), ("token",)),
}
#: What somebody who sets a key of another write API probably means.
_MEANT = {
    ("v1", "bucket"): "'database'",
    ("v1", "token"): "'username' and 'password'",
    ("v2", "database"): "'bucket'",
    ("v2", "username"): "'token'",
    ("v2", "password"): "'token'",
    ("v2", "retention_policy"): "'bucket'",
    ("v3", "bucket"): "'database'",
    ("v3", "username"): "'token'",
    ("v3", "password"): "'token'",
}


def check_keys(settings: InfluxSettings, at: Node, report: Report) -> None:
    """Report keys that the write API needs and lacks, and those that it does not have."""
    needed, optional = _KEYS[settings.api]
    for key in needed:
        if getattr(settings, key) is None:
            report.problem(at.key or at.place, f"influxdb: api {settings.api} needs '{key}'")
    others = {key for pair in _KEYS.values() for keys in pair for key in keys}
    for key in sorted(others - {*needed, *optional}):
        if getattr(settings, key) is not None:
            meant = _MEANT.get((settings.api, key))
            hint = f"; it has {meant}" if meant else ""
            message = f"influxdb: api {settings.api} has no '{key}'{hint}"
            report.problem(at.at(key).place, message)
    if settings.api == "v1" and (settings.username is None) != (settings.password is None):
        alone = "password" if settings.username is None else "username"
        message = "influxdb: 'username' and 'password' go together: give both or neither"
        report.problem(at.at(alone).place, message)


def influx_config(
    settings: InfluxSettings,
    password: Secret | None,
    token: Secret | None,
    tls: Mapping[str, str | None],
) -> InfluxConfig:
    """The database as the gateway takes it."""
    return InfluxConfig(
        api=settings.api,
        url=settings.url,
        database=settings.bucket or settings.database or "",
        org=settings.org,
        retention_policy=settings.retention_policy,
        username=settings.username,
        password=password,
        token=token,
        tls_ca=tls.get("ca"),
        tls_cert=tls.get("cert"),
        tls_key=tls.get("key"),
        timeout_s=settings.timeout,
        gzip=settings.gzip,
        spool_bytes=settings.spool_max,
    )

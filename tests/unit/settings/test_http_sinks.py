"""Sinks that speak HTTP: what the settings say reaches the sink as it takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.model.delivery import Secret
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from tests.unit.settings.sites import MINIMAL, load_files

SITE = """
zones: [{id: staging, kind: staging}, {id: yard, kind: outside}]
doors: [{id: door-1, inside: staging, outside: yard}]
"""
SINKS = """
sinks:
  - name: wms
    kind: webhook
    url: https://wms.example.com/hook
    kinds: [movement, alert]
    allow: [10.0.0.0/8, wms.local]
    timeout: 3s
    token: {env: TOKEN}
    headers: [{name: X-Site, value: north}, {name: X-Key, secret: {file: key.txt}}]
    tls: {ca: ca.pem}
    secrets: [{env: NEW}, {env: OLD}]
  - name: trace
    kind: epcis
    url: https://epcis.example.com/capture
    steps:
      - {door: door-1, direction: out, biz_step: shipping, destination: "https://x.example/a"}
      - {zone: staging, disposition: "https://x.example/mine"}
"""
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRON = {"TOKEN": "t0ken", "NEW": SIGNING, "OLD": SIGNING}


def test_options_are_complete_with_secrets_files_and_places(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "key.txt").write_text("k3y\n")
    files = {"config/gateway.yaml": MINIMAL + SINKS, "config/site.yaml": SITE}
    loaded = load_files(tmp_path, files, environ=ENVIRON)
    wms, trace = loaded.sinks
    shown: dict[str, Any] = {
        key: value.reveal() if isinstance(value, Secret) else value
        for key, value in wms.options.items()
    }
    assert [secret.reveal() for secret in shown.pop("secrets")] == [SIGNING, SIGNING]
    headers = shown.pop("headers")
    assert (headers["X-Site"], headers["X-Key"].reveal()) == ("north", "k3y")
    assert shown == {
        "url": "https://wms.example.com/hook",
        "kinds": ("movement", "alert"),
        "allow": ("10.0.0.0/8", "wms.local"),
        "timeout": 3.0,
        "token": "t0ken",
        "tls": {"ca": str(tmp_path / "ca.pem"), "cert": None, "key": None},
        "batch": 1,
        "format": "cloudevents",
        "parallel": 4,
        "type_prefix": "rfid-gateway",
    }
    assert trace.options["steps"] == (
        {
            "door": "door-1",
            "direction": "out",
            "biz_step": "shipping",
            "destination": "https://x.example/a",
        },
        {"zone": "staging", "disposition": "https://x.example/mine"},
    )
    context = SinkContext(site=loaded.site.id, data_dir=tmp_path, layout=loaded.site)
    assert [sink.name for sink in build(loaded.sinks, context)] == ["wms", "trace"]


def test_without_secrets_everything_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    files = {"config/gateway.yaml": MINIMAL + SINKS, "config/site.yaml": SITE}
    loaded = load_files(tmp_path, files, secrets=False)
    assert loaded.sinks[0].options["token"] is None
    assert loaded.sinks[0].options["secrets"] == ()
    context = SinkContext(site=loaded.site.id, data_dir=tmp_path, layout=loaded.site)
    assert len(build(loaded.sinks, context)) == 2

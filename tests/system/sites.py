"""Site directories for whole daemons: the example site moved to free ports, or a small one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from gateway.settings.packaged import example_site, site_files

Address = tuple[str, int]


def write_example(
    site: Path, readers: Mapping[str, int], broker: int | None, **more: object
) -> Path:
    """The example site with its readers at these ports and its broker at that one."""
    source = example_site()
    for file in site_files(source):
        text = (source / file).read_text()
        if file.parent.name == "readers" and file.stem in readers:
            text = re.sub(
                r"^address: \S+",
                f"address: 127.0.0.1:{readers[file.stem]}",
                text,
                flags=re.MULTILINE,
            )
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)
    settings: dict[str, object] = {"mqtt": {"port": broker}} if broker is not None else {}
    write_settings(site, settings | more)
    return site


def write_small(site: Path, readers: Mapping[str, int], **more: object) -> Path:
    """A site with a zone, `zone-<reader>`, under the only antenna of each reader; no broker."""
    (site / "config").mkdir(parents=True, exist_ok=True)
    (site / "readers").mkdir(exist_ok=True)
    zones = [{"id": f"zone-{reader}", "kind": "storage"} for reader in readers]
    (site / "config" / "gateway.yaml").write_text(json.dumps({"site": {"id": "small"}}))
    (site / "config" / "site.yaml").write_text(json.dumps({"zones": zones}))
    for reader, port in readers.items():
        device = {
            "id": reader,
            "driver": "llrp",
            "address": f"127.0.0.1:{port}",
            "keepalive": "1s",
            "antennas": [{"port": 1, "zone": f"zone-{reader}"}],
        }
        (site / "readers" / f"{reader}.yaml").write_text(json.dumps(device))
    write_settings(site, more)
    return site


def write_settings(site: Path, settings: Mapping[str, object]) -> None:
    """Lay settings over gateway.yaml; data and a free API port are the test's own by default."""
    (site / "config" / "conf.d").mkdir(parents=True, exist_ok=True)
    own = {"data_dir": str(site / "data"), "api": {"listen": "127.0.0.1:0"}}
    (site / "config" / "conf.d" / "test.yaml").write_text(json.dumps({**own, **settings}))

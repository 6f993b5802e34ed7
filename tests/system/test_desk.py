"""Items and shipments put by commands while the daemon runs, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.system.daemon import Daemon
from tests.system.processes import run
from tests.system.sites import write_small


def test_goods_and_shipments_are_taken_while_it_runs_and_survive_a_kill(
    tmp_path: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(write_small(tmp_path / "site", {"dock": 1}))
    daemon.start()
    items = tmp_path / "items.csv"
    items.write_text("key;sku;name;home_zones\n80614141123458;0047;Oil;zone-dock\nx;;;\n")
    said = run("items", "import", items, "--api", daemon.url)
    assert (said.code, said.out) == (1, "1 items taken, 1 rows refused.\n")
    assert f"{items}:3: 'x' is not an EPC" in said.err
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("key,sku\nx,1\ny,2\n")
    said = run("items", "import", wrong, "--api", daemon.url)
    assert (said.code, said.out) == (1, "0 items taken, 2 rows refused.\n")
    assert f"{wrong}:3: 'y' is not an EPC" in said.err
    shipment = tmp_path / "S-1.json"
    shipment.write_text(json.dumps({"id": "S-1", "lines": [{"sku": "0047", "count": 2}]}))
    assert run("shipments", "put", shipment, "--api", daemon.url).code == 0
    daemon.kill()  # what was answered is durable
    daemon.start()
    (item,) = daemon.get("/api/v1/items?key=urn:epc:id:sgtin:0614141.812345.6789")["items"]
    assert item == daemon.get("/api/v1/items")["items"][0]
    assert item["key"] == "gtin:80614141123458"
    assert (item["sku"], item["home_zones"]) == ("0047", ["zone-dock"])
    assert "S-1" in run("shipments", "ls", "--api", daemon.url).out
    assert run("shipments", "rm", "S-1", "--api", daemon.url).code == 0
    assert daemon.get("/api/v1/shipments")["shipments"] == []
    assert run("alerts", "ls", "--api", daemon.url).out == "No alerts.\n"
    refused = run("alerts", "ack", "5a9c", "--api", daemon.url)
    assert (refused.code, refused.out) == (1, "")
    assert "No alert has an id that begins with '5a9c'" in refused.err
    daemon.stop()
    daemon.assert_no_traceback()

"""What rules add to the decision of a movement: 200 of them, 1,000 movements a second, one core.

The site has 200 zones, and each of them a rule of its own; a tenth of the rules have an expression,
and a tenth watch dwell. An epoch of 100 ms holds 100 movements: what its step takes is what rules
add to the latency of each. Then 100,000 instances are made pending, each with its timer, and fire.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gateway.model.alert import AlertState
from gateway.model.catalog import Item, KeyKind
from gateway.model.movement import Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from gateway.model.place import Site, Zone, ZoneKind
from gateway.rules.build_where import World
from gateway.rules.engine import RuleEngine
from gateway.rules.expression import available
from gateway.rules.files import load_rules
from gateway.rules.rule import RuleSet

START_US = 1_732_203_600_000_000
EPOCH_US = 100_000
RULES = 200
SITE = Site(
    id="bench",
    timezone="Europe/Berlin",
    zones=tuple(
        Zone(id=f"zone-{n}", kind=ZoneKind.STAGING if n % 10 == 0 else ZoneKind.STORAGE)
        for n in range(RULES)
    ),
)
Json = dict[str, Any]


def run(seconds: float = 60.0, movements_per_s: int = 1_000, pending: int = 100_000) -> Json:
    """The time of a step, and of its evaluations; and of timers in great number."""
    rules = load([_rule(n) for n in range(RULES)])
    engine = RuleEngine(rules, SITE, _Items())
    walls_s, cpus_s, changes = [], [], 0
    for outcome, time_us in traffic(seconds, movements_per_s):
        begun_s, cpu_s = time.perf_counter(), time.thread_time()
        changes += len(engine.step(outcome, time_us))
        engine.rows()
        walls_s.append(time.perf_counter() - begun_s)
        cpus_s.append(time.thread_time() - cpu_s)
    return {
        "rules": RULES,
        "expressions": available(),
        "movements_per_s": movements_per_s,
        "step_p50_ms": _percentile_ms(walls_s, 50),
        "step_p99_ms": _percentile_ms(walls_s, 99),
        "step_cpu_p99_ms": _percentile_ms(cpus_s, 99),
        "share_of_a_core": round(sum(cpus_s) / seconds, 4),
        "evaluations": engine.evaluations,
        "changes": changes,
        "errors": sum(e.count for e in engine.errors.values()),
        **_timers(pending),
    }


def _percentile_ms(seconds: list[float], percent: float) -> float:
    return round(float(np.percentile(np.array(seconds), percent)) * 1e3, 2)


def load(written: list[Json]) -> RuleSet:
    """Rules as the loader makes them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(json.dumps({"rules": written}))
        return load_rules(path, World(site=SITE))


def traffic(seconds: float, movements_per_s: int) -> Iterator[tuple[Outcome, int]]:
    """Tags that go from zone to zone at random, epoch by epoch; the same in every run."""
    rng = np.random.default_rng(5)
    each = movements_per_s * EPOCH_US // 1_000_000
    where = rng.integers(0, RULES, 5_000)
    for epoch in range(1, round(seconds * 1e6) // EPOCH_US + 1):
        time_us = START_US + epoch * EPOCH_US
        outcome = Outcome(number=epoch, now_us=time_us)
        for tag in rng.choice(5_000, each, replace=False).tolist():
            to = int(rng.integers(0, RULES))
            outcome.movements.append(movement(tag, epoch, int(where[tag]), to, time_us))
            where[tag] = to
        yield outcome, time_us


def movement(tag: int, seq: int, from_zone: int, to_zone: int, time_us: int) -> Movement:
    """A tag goes from one zone to another."""
    epc = f"3034257BF7194E40{tag:08X}"
    return Movement(
        id=movement_id("bench", epc, seq),
        seq=seq,
        site="bench",
        epc=epc,
        epc_uri=None,
        kind=Kind.MOVED,
        status=Status.CONFIRMED,
        from_zone=f"zone-{from_zone}",
        to_zone=f"zone-{to_zone}",
        door=None,
        direction=None,
        passage=None,
        event_time_us=time_us - 2_000_000,
        record_time_us=time_us,
        confidence=0.98,
        dwell_s=60.0,
    )


def _rule(number: int) -> Json:
    """The rule of one zone."""
    alert = {"summary": "{goods} is in {zone.name}", "group": ["zone"]}
    rule: Json = {"id": f"rule-{number}", "on": "movement", "for": "5s", "alert": alert}
    where: Json = {"to": f"zone-{number}", "item": {"allowed": False}}
    match number % 10:
        case 0:
            return rule | {"on": "presence", "where": {"zone": f"zone-{number}"}, "for": "30s"}
        case 1 if available():
            return rule | {"where": {"to": where["to"]}, "when": "item.sku == 'A' && dwell > 30"}
        case 2:
            return rule | {"where": where | {"schedule": {"between": ["06:00", "22:00"]}}}
        case 3:
            epc = {"epc": "urn:epc:idpat:sgtin:0614141.*.*"}
            return rule | {"where": where | epc}
    return rule | {"where": where}


def _timers(pending: int) -> Json:
    """How long so many instances take to become pending, and to fire."""
    rule = {
        "id": "all",
        "on": "movement",
        "where": {"kind": "moved"},
        "for": "1m",
        "alert": {"summary": "{epc}", "group": ["zone"]},
    }
    engine = RuleEngine(load([rule]), SITE, _Items())
    begun_s = time.perf_counter()
    for first in range(0, pending, 100):
        time_us = START_US + first // 100 * EPOCH_US
        outcome = Outcome(number=0, now_us=time_us)
        tags = range(first, min(first + 100, pending))
        outcome.movements += [movement(tag, 1, 0, 1, START_US) for tag in tags]
        engine.step(outcome, START_US + 1)
    pended_s = time.perf_counter() - begun_s
    waiting = len(engine.instances)
    engine.rows()
    begun_s = time.perf_counter()
    changes = engine.step(Outcome(number=0, now_us=0), START_US + 70_000_000)
    fired_s = time.perf_counter() - begun_s
    fired = sum(change.state is AlertState.FIRING for change in changes)
    return {
        "pending": waiting,
        "pending_us_each": round(pended_s / pending * 1e6, 1),
        "fired": fired,
        "fired_us_each": round(fired_s / max(fired, 1) * 1e6, 1),
    }


class _Items:
    """Every tag has an item, whose home is the first zone."""

    def item(self, epc: str) -> Item | None:
        sku = "A" if epc.endswith(("0", "1", "2")) else "B"
        return Item(kind=KeyKind.EPC, key=epc, sku=sku, home_zones=("zone-1", "zone-4"))

    def shipments_in_use(self) -> bool:
        return False

    def shipment_expects(self, epc: str, door: str | None) -> str | None:  # noqa: ARG002
        return None

    def held(self, zone: str) -> bool:  # noqa: ARG002
        return False

    def judged(self, passage: Passage) -> Passage | None:  # noqa: ARG002
        return None

    def tags(self) -> Iterator[tuple[str, str | None, Presence, int]]:
        return iter(())

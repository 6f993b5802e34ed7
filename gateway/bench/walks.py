"""A walks file out of a simulated warehouse's truth: to try `calibrate` without a site.

    python -m gateway.bench.walks walks.truth.jsonl --out walks.yaml

At a real site a person writes the file, who has watched what happened.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from gateway.demo.truth import read_truth

#: A walk lasts from so long before its crossing or its turning until so long after it.
BEFORE_S, AFTER_S = 6.0, 5.0
#: What stood still for less than this is not worth a line; no line is about more.
LEAST_STAND_S, MOST_STAND_S = 20.0, 60.0
#: Things settle for so long when they have been put down.
SETTLES_S = 10.0

Fact = dict[str, Any]


def walks_file(facts: Iterable[Fact], start_us: int) -> dict[str, Any]:
    """What happened, as a walks file has it, for a recording that begins at `start_us`."""
    stood: dict[str, tuple[float, Fact]] = {}
    tags: dict[str, list[str]] = {}
    walks: list[Fact] = []
    bins: list[Fact] = []
    last_s = 0.0
    for fact in sorted(facts, key=lambda fact: fact["t"]):
        load = fact.get("pallet") or fact.get("carton")
        if load is None or "epc" in fact:
            continue
        last_s = (fact["t"] - start_us) / 1e6
        tags[load] = fact.get("epcs") or fact.get("tags") or tags.get(load, [])
        if "door" in fact:
            walks.append(_walk(last_s, fact["direction"], fact["door"], tags[load]))
        elif "turned" in fact and tags[load]:
            walks.append(_walk(last_s, "turn-back", fact["turned"], tags[load]))
        elif "zone" in fact:
            stood[load] = (last_s, fact)
        elif "lifted" in fact and load in stood:
            _stood(*stood.pop(load), last_s, walks, bins)
    for since_s, fact in stood.values():
        _stood(since_s, fact, last_s, walks, bins)
    return {"walks": sorted(walks, key=lambda walk: walk["begin"]), "bins": bins}


def _walk(at_s: float, what: str, door: str, tags: list[str]) -> Fact:
    begin_s = max(0.0, at_s - BEFORE_S)
    return {
        "begin": f"{begin_s:.1f}", "end": f"{at_s + AFTER_S:.1f}", "what": what, "door": door,
        "tags": tags,
    }  # fmt: skip


def _stood(since_s: float, fact: Fact, until_s: float, walks: list[Fact], bins: list[Fact]) -> None:
    """Something stood still: in a bin that says which one it was, else beside the doors."""
    begin_s = since_s + SETTLES_S
    end_s = min(until_s, begin_s + MOST_STAND_S)
    if end_s - begin_s < LEAST_STAND_S:
        return
    times = {"begin": f"{begin_s:.1f}", "end": f"{end_s:.1f}"}
    if "carton" in fact:
        bins.append({"zone": fact["zone"], "tags": fact["tags"], **times})
    else:
        walks.append({**times, "what": "stand", "tags": fact["epcs"]})


def main() -> None:
    """Read the truth beside a recording, and write its walks file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    facts = read_truth(options.truth)
    start_us = min((fact["t"] for fact in facts), default=0)
    content = walks_file(facts, start_us)
    options.out.write_text(yaml.safe_dump(content, sort_keys=False, width=120), encoding="utf-8")


if __name__ == "__main__":
    main()

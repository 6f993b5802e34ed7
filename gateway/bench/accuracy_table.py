"""The accuracy benchmark for a person: a table for each setting, the gateway first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.bench.accuracy_targets import READS_PER_CPU_S, TARGETS

#: figure → (what it is called, its format)
ROWS = {
    "precision": ("tags through doors: precision", "{:.3f}"),
    "recall": ("  recall", "{:.3f}"),
    "recall_of_readable": ("  recall of readable", "{:.3f}"),
    "direction": ("  direction", "{:.3f}"),
    "false": ("  false", "{:,.0f}"),
    "false_per_1000_tag_hours": ("  false per 1,000 h standing", "{:,.0f}"),
    "false_per_1000_tag_hours_in_mouth": ("  … read by both sides", "{:,.0f}"),
    "retracted": ("  retracted", "{:.3f}"),
    "withdrawn": ("  announced, never confirmed", "{:.3f}"),
    "pallets_found": ("pallets: found", "{:.3f}"),
    "pallets_false": ("  false", "{:,.0f}"),
    "passages_found": ("passages: of a pallet found", "{:.3f}"),
    "pallets_split": ("  pallet in several", "{:.3f}"),
    "passages_right": ("  precision", "{:.3f}"),
    "empties_found": ("  empty ones found", "{:.3f}"),
    "provisional_s_p50": ("first word: p50 s", "{:.1f}"),
    "provisional_s_p95": ("  p95 s", "{:.1f}"),
    "confirmed_s_p50": ("confirmed: p50 s", "{:.1f}"),
    "confirmed_s_p95": ("  p95 s", "{:.1f}"),
    "zone": ("zones: right, of all time", "{:.3f}"),
    "zone_settled": ("  right, tag at rest", "{:.3f}"),
    "flaps_per_tag_day": ("  flaps per tag-day", "{:,.0f}"),
    "column": ("bins: column, tag", "{:.3f}"),
    "column_within_1": ("  within one, tag", "{:.3f}"),
    "carton_column": ("  column, carton", "{:.3f}"),
    "carton_column_within_1": ("  within one, carton", "{:.3f}"),
    "ece": ("confidence: ECE", "{:.3f}"),
    "sure_right": ("  right at >= 0.99", "{:.3f}"),
}


def table(result: dict[str, Any]) -> str:
    """What `accuracy.run` found, for a wide terminal."""
    head = f"{len(result['seeds'])} seeds of {result['seconds']:g} s each; {result['interval']}"
    tables = [_setting(name, found) for name, found in result["settings"].items()]
    return "\n\n".join([head, *tables])


def _setting(name: str, found: dict[str, Any]) -> str:
    detectors: dict[str, Any] = found["detectors"]
    rows = [["", "target", *detectors]]
    targets = TARGETS.get(name, {})
    for key, (label, form) in ROWS.items():
        cells = [_cell(figures[key], form) for figures in detectors.values()]
        if any(cells):
            target = targets.get(key)
            rows.append([label, "" if target is None else str(target), *cells])
    ours = next(iter(detectors.values()))
    replay = found["replay"]
    head = (
        f"{name}: {found['summary']}\n"
        f"{replay['reads']:,} reads; {ours['recall']['of']:,.0f} crossings of tags, "
        f"{_share(ours['readable'])} of them readable; {ours['pallets_found']['of']:,.0f} of "
        f"pallets; {ours['false_per_1000_tag_hours']['of']:.1f} tag-hours standing at a door, "
        f"{ours['false_per_1000_tag_hours_in_mouth']['of']:.1f} of them read by both sides\n"
        f"replay: {replay['reads_per_cpu_s']:,} reads per CPU-second, "
        f"{replay['reads_per_cpu_s_without_parsing']:,} without parsing"
        + (f" (target {READS_PER_CPU_S:,})" if name == "nominal" else "")
    )
    return f"{head}\n{_lined_up(rows)}"


def _share(figure: dict[str, Any]) -> str:
    return "none" if figure["value"] is None else f"{figure['value']:.1%}"


def _cell(figure: dict[str, Any], form: str) -> str:
    if figure["value"] is None:
        return ""
    value = form.format(figure["value"])
    if figure["low"] is None:
        return value
    return f"{value} [{form.format(figure['low'])}, {form.format(figure['high'])}]"


def _lined_up(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

"""The accuracy benchmark for a person: a table for each setting, the gateway first; or
one short table of the gateway alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.bench.accuracy_targets import CALIBRATED, GATEWAY, READS_PER_CPU_S, TARGETS

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
    "misplaced": ("  misplaced, told: right", "{:.3f}"),
    "misplaced_told": ("  misplaced: told", "{:.3f}"),
    "ece": ("confidence: ECE", "{:.3f}"),
    "sure_right": ("  right at >= 0.99", "{:.3f}"),
}


#: What the short table tells.
SHORT = (
    "precision", "recall", "recall_of_readable", "direction", "false",
    "false_per_1000_tag_hours", "false_per_1000_tag_hours_in_mouth", "retracted", "withdrawn",
    "pallets_found", "pallets_false", "passages_found", "passages_right", "empties_found",
    "provisional_s_p50", "confirmed_s_p50", "confirmed_s_p95",
    "zone_settled", "flaps_per_tag_day", "column", "carton_column", "carton_column_within_1",
    "misplaced", "misplaced_told", "ece", "sure_right",
)  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """What `accuracy.run` found, as Markdown: with baselines a table for each setting."""
    seeds, settings = len(result["seeds"]), result["settings"]
    head = f"{seeds} seed{'s' * (seeds > 1)} of {result['seconds']:g} s each"
    if all({GATEWAY, CALIBRATED}.issuperset(found["detectors"]) for found in settings.values()):
        return f"{head}; ! misses its target\n\n{_short(settings)}"
    tables = [_setting(name, found) for name, found in settings.items()]
    return "\n\n".join([f"{head}; {result['interval']}", *tables])


def _short(settings: dict[str, Any]) -> str:
    """The gateway alone, a column for each setting; what misses its target is marked.

    Beside a setting that is measured calibrated, too, a column for that.
    """
    columns = [(name, found, of) for name, found in settings.items() for of in found["detectors"]]
    rows = [["", *(name if of == GATEWAY else f"… {of}" for name, _, of in columns)]]
    for key in SHORT:
        label, form = ROWS[key]
        cells = [_marked(found, of, key, form) for _, found, of in columns]
        if any(cells):
            rows.append([label, *cells])
    shipped = [found if of == GATEWAY else None for _, found, of in columns]
    for label, key in (
        ("replay: reads per CPU-s", "reads_per_cpu_s"),
        ("  without parsing", "reads_per_cpu_s_without_parsing"),
    ):
        rows.append([label, *(f"{f['replay'][key] / 1000:.0f} k" if f else "" for f in shipped)])
    for label, key in (
        ("crossings of tags", "recall"),
        ("tag-hours standing", "false_per_1000_tag_hours"),
    ):
        rows.append([label, *(_rests_on(f, key) if f else "" for f in shipped)])
    return _lined_up(rows)


def _marked(found: dict[str, Any], detector: str, key: str, form: str) -> str:
    figure = found["detectors"][detector][key]
    if figure["value"] is None:
        return ""
    met = "met" if detector == GATEWAY else detector
    missed = found["targets"].get(key, {}).get(met) is False
    return form.format(figure["value"]) + (" !" if missed else "")


def _rests_on(found: dict[str, Any], key: str) -> str:
    of = next(iter(found["detectors"].values()))[key]["of"]
    return f"{of:,.0f}" if of >= 10 else f"{of:.1f}"


def _setting(name: str, found: dict[str, Any]) -> str:
    detectors: dict[str, Any] = found["detectors"]
    rows = [["", "target", *detectors]]
    targets = TARGETS.get(name, {})
    for key, (label, form) in ROWS.items():
        cells = [_cell(figures[key], form) for figures in detectors.values()]
        if any(cells):
            target = targets.get(key)
            rows.append([label, "" if target is None else str(target), *cells])
    return f"**{name}**: {found['summary']}.\n{_rests(name, found)}\n\n{_lined_up(rows)}"


def _rests(name: str, found: dict[str, Any]) -> str:
    """What the figures of a setting rest on, and how fast it was replayed."""
    ours, replay = next(iter(found["detectors"].values())), found["replay"]
    said = [f"{replay['reads']:,} reads"]
    if crossings := ours["recall"]["of"]:
        readable = ours["readable"]["value"]
        said.append(f"{crossings:,.0f} crossings of tags, {readable:.1%} of them readable")
        said.append(f"{ours['pallets_found']['of']:,.0f} of pallets")
        hours = [ours[f"false_per_1000_tag_hours{key}"]["of"] for key in ("", "_in_mouth")]
        said.append(
            f"{hours[0]:.1f} tag-hours standing at a door, {hours[1]:.1f} of them read by both "
            "sides"
        )
    speed = (
        f"Replay: {replay['reads_per_cpu_s']:,} reads per CPU-second, "
        f"{replay['reads_per_cpu_s_without_parsing']:,} without parsing"
    )
    target = f" (target {READS_PER_CPU_S:,})" if name == "nominal" else ""
    return f"{'; '.join(said)}. {speed}{target}."


def _cell(figure: dict[str, Any], form: str) -> str:
    if figure["value"] is None:
        return ""
    value, low, high = (
        None if figure[key] is None else form.format(figure[key]).replace("-0.0", "0.0")
        for key in ("value", "low", "high")
    )
    return f"{value}" if low is None else f"{value} [{low}, {high}]"


def _lined_up(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    lined = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lined[0], rule, *lined[1:]])

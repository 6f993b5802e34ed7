"""How rules, and what they look at, are told on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.cli.terminal import clock, columns, plain

Json = dict[str, Any]
SHORT = 8


def table(rules: Sequence[Json]) -> str:
    """Rules with what they hold, and below what went wrong with them."""
    if not rules:
        return "No rules."
    rows = [
        (
            plain(rule["rule"]),
            rule["on"],
            rule["severity"] + (" (dry run)" if rule["dry_run"] else ""),
            str(rule["pending"]),
            str(rule["firing"]),
            plain(rule["place"]),
        )
        for rule in rules
    ]
    told = columns(("RULE", "ON", "SEVERITY", "PENDING", "FIRING", "WRITTEN IN"), rows)
    return "\n".join([told, *(line for rule in rules for line in _trouble(rule))])


def tell(answer: Json) -> str:
    """Why a rule fires, or does not: subject by subject, condition by condition."""
    flags = ", dry run" if answer.get("dry_run") else ""
    lines = [plain(f"{answer['rule']} ({answer['place']}), {answer['severity']}{flags}")]
    lines += _trouble(answer)
    for look in answer["looks"]:
        lines += _look(look)
    if answer["note"]:
        lines.append(plain(answer["note"]))
    for change in answer.get("changes", ()):
        at = clock(change["at"])
        lines.append(plain(f"{at}  {change['state']} {change['key']} {change['reason']}").rstrip())
    return "\n".join(lines)


def _look(look: Json) -> Iterator[str]:
    subject = f"{look['subject']}  " if look["subject"] else ""
    yield plain(f"{clock(look['at'])}  {subject}{look['why']}")
    for line in look["conditions"]:
        sign = "yes" if line["holds"] else "NO "
        yield plain(f"  {sign}  {line['condition']}: wanted {line['wanted']}; saw {line['saw']}")
    yield plain(f"  → {look['state']}")
    for line in look["ends_when"]:
        sign = "yes" if line["holds"] else "no "
        told = f"{line['condition']}: {line['wanted']}; saw {line['saw']}"
        yield plain(f"  ends when  {sign}  {told}")
    if look.get("alert") is not None:
        yield from _alert(look["alert"])


def _alert(alert: Json) -> Iterator[str]:
    many = f", {alert['count']} together" if alert["count"] > 1 else ""
    told = "told" if alert["told"] else "not told"
    if alert["acknowledged_by"]:
        told += f", acknowledged by {alert['acknowledged_by']}"
    if alert["flapping"]:
        told += ", flapping"
    since = clock(alert["since"])
    yield plain(f"  alert {alert['id'][:SHORT]} {alert['state']} since {since}{many}: {told}")
    for sentence in alert["quiet"]:
        yield plain(f"    {sentence}")


def _trouble(rule: Json) -> Iterator[str]:
    if rule.get("errors"):
        times = "once" if rule["errors"] == 1 else f"{rule['errors']} times"
        why = rule["last_error"]
        yield plain(f"{rule['rule']} could not be evaluated {times}, the last time: {why}")
    if rule.get("passed_over"):
        over = rule["passed_over"]
        yield plain(f"{rule['rule']} watches as many as it may: {over:,} were passed over")

"""Loading `rules/*.yaml`: all of it or nothing, every problem at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from gateway.model.alert import Severity
from gateway.model.alert_routes import Escalation, Inhibition, Route, Routes
from gateway.rules.build import RuleBuilder
from gateway.rules.build_where import World, check_name
from gateway.rules.fields import ALL_FIELDS
from gateway.rules.rule import Rule, RuleSet
from gateway.rules.schema import MatchEntry, RouteEntry, RuleEntry, RuleFile
from gateway.settings.configuration import Configuration, Draft, read
from gateway.settings.document import read_document
from gateway.settings.files import yaml_files
from gateway.settings.fit import fit
from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted

#: More rules than this in one site are a mistake.
MAX_RULES = 2_000
_OWN_RULES = ("storm", "flapping")


def world_of(
    configuration: Configuration, named: Mapping[str, Collection[str] | None] | None = None
) -> World:
    """What the rule files of a site may name; `named` as in `Draft`."""
    return World(
        named=named or {},
        site=configuration.site,
        sensors=configuration.sensors,
        sinks=tuple(sink.name for sink in configuration.sinks),
        brokers=tuple(sink.name for sink in configuration.sinks if sink.kind == "mqtt"),
        readers=tuple(reader.id for reader in configuration.readers),
    )


def load_site_rules(configuration: Configuration, folder: Path | None = None) -> RuleSet:
    """The rules of a site, or those of another folder at it; raises `SettingsError`."""
    return load_rules(folder or configuration.directory / "rules", world_of(configuration))


def load_all(
    directory: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    secrets: bool = True,
    folder: Path | None = None,
) -> tuple[Configuration, RuleSet]:
    """A site and its rules, or those of another folder; raises `SettingsError`.

    Every problem is told at once: those of rule files in the light of what the others hold.
    """
    draft = read(directory, environ, secrets=secrets)
    rules = rules_of(draft, folder)
    draft.report.raise_problems()
    return draft.configuration, rules


def rules_of(draft: Draft, folder: Path | None = None) -> RuleSet:
    """The rules of a site as far as they can be read; what is wrong is in the draft's report."""
    configuration, report = draft.configuration, draft.report
    world = world_of(configuration, draft.named)
    rules = _read(folder or configuration.directory / "rules", world, report)
    notes = tuple(note for note in report.notes if note not in configuration.notes)
    return replace(rules, notes=notes)


def load_rules(path: Path, world: World) -> RuleSet:
    """The rules in a folder, or in one file; raises `SettingsError` with every problem at once."""
    report = Report()
    rules = _read(path, world, report)
    report.raise_problems()
    return replace(rules, notes=tuple(report.notes))


def _read(path: Path, world: World, report: Report) -> RuleSet:
    paths = yaml_files(path, report) if not path.is_file() else [path]
    files, left_out = [], list[Node]()
    for file in paths:
        tree = read_document(file, report)
        fitted = fit(tree, RuleFile, report) if tree is not None else None
        if fitted:
            files.append(fitted)
            left_out += _left_out(tree, fitted[1])
    return _Collector(world, report).collect(files, left_out)


def _left_out(tree: Node | None, fitted: Node) -> list[Node]:
    """Rules that do not fit as a whole, whose parts may be wrong as well."""
    written = None if tree is None else tree.child("rules")
    entries = written.value if written is not None else None
    kept = fitted.at("rules").value
    known = {node.place for node in kept} if isinstance(kept, list) else set()
    return [n for n in entries if n.place not in known] if isinstance(entries, list) else []


class _Collector:
    """Puts the files of a folder together."""

    def __init__(self, world: World, report: Report) -> None:
        self._world, self._report = world, report

    def collect(self, files: list[tuple[RuleFile, Node]], left_out: list[Node]) -> RuleSet:
        entries = [
            (entry, tree.at("rules", n))
            for file, tree in files
            for n, entry in enumerate(file.rules)
        ]
        ids = self._ids(entries)
        routes = self._routes(files, ids)
        builder = RuleBuilder(self._world, [r.name for r in routes.routes], self._report)
        rules: list[Rule] = []
        for node in left_out:
            builder.check_parts(node)
        for entry, node in entries:
            built = builder.build(entry, node)
            if entry.enabled:
                rules += built
        return RuleSet(
            rules=tuple(rules),
            routes=routes,
            sensors=self._world.sensors,
            disabled=tuple(entry.id for entry, _ in entries if not entry.enabled),
            tests=tuple((entry.id, test) for entry, _ in entries for test in entry.tests),
        )

    def _ids(self, entries: list[tuple[RuleEntry, Node]]) -> list[str]:
        seen: dict[str, Place] = {}
        for entry, node in entries:
            at = node.at("id").place
            if entry.id in seen:
                first = seen[entry.id]
                self._report.problem(at, f"the rule {quoted(entry.id)} is already in {first}")
            seen.setdefault(entry.id, at)
        if len(entries) > MAX_RULES:
            place = entries[MAX_RULES][1].place
            self._report.problem(place, f"more than {MAX_RULES:,} rules")
        return list(seen)

    def _routes(self, files: list[tuple[RuleFile, Node]], ids: list[str]) -> Routes:
        routes: list[Route] = []
        inhibitions: list[Inhibition] = []
        for file, tree in files:
            for n, route in enumerate(file.routes):
                routes.append(self._route(route, tree.at("routes", n), len(routes), ids))
            for n, entry in enumerate(file.inhibit):
                node = tree.at("inhibit", n)
                self._match(entry.source, node.at("source"), ids)
                self._match(entry.target, node.at("target"), ids)
                for number, name in enumerate(entry.equal):
                    at = node.at("equal")
                    check_name("field", name, ALL_FIELDS, at.child(number) or at, self._report)
                if not entry.source.rule and not entry.source.severity:
                    self._report.problem(node.at("source").place, "expected rule or severity")
                inhibitions.append(
                    Inhibition(
                        source_rules=entry.source.rule,
                        source_severity=entry.source.severity,
                        target_rules=entry.target.rule,
                        target_severity=entry.target.severity,
                        equal=entry.equal,
                    )
                )
        return Routes(routes=tuple(routes), inhibitions=tuple(inhibitions))

    def _route(self, entry: RouteEntry, node: Node, number: int, ids: list[str]) -> Route:
        self._match(entry.match, node.at("match"), ids)
        self._sinks(entry.to, node.at("to"))
        for n, step in enumerate(entry.escalate):
            self._sinks(step.to, node.at("escalate", n, "to"))
        severities: tuple[Severity, ...] = entry.match.severity
        return Route(
            name=entry.name or f"route-{number + 1}",
            match_severity=severities,
            match_rules=entry.match.rule,
            to=entry.to,
            repeat_s=entry.repeat,
            group_wait_s=entry.group_wait,
            escalations=tuple(
                Escalation(after_s=step.after, to=step.to)
                for step in sorted(entry.escalate, key=lambda step: step.after)
            ),
        )

    def _match(self, entry: MatchEntry, node: Node, ids: list[str]) -> None:
        at, known = node.at("rule"), [*ids, *_OWN_RULES]
        for number, name in enumerate(entry.rule):
            check_name("rule", name, known, at.child(number) or at, self._report)

    def _sinks(self, names: tuple[str, ...], at: Node) -> None:
        for number, name in enumerate(names):
            self._world.check("sink", name, at.child(number) or at, self._report)

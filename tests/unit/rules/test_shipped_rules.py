"""The rules in `rules/`: they load at the example site, and their tests go as their stories say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.rules.files import load_site_rules
from gateway.rules.rule import RuleSet
from gateway.rules.trials import run_trials
from gateway.settings.configuration import Configuration, load

EXAMPLE = Path(__file__).parents[3]
STORIES = {
    *("misplaced-stock", "wrong-door", "outbound-without-shipment", "inbound-unexpected"),
    *("short-or-over", "dwell-staging", "quarantine-left", "cold-chain", "missing-from-bin"),
    *("door-open", "stock-low", "reader-quiet", "antenna-quiet", "antenna-silent", "empty-passage"),
}


@pytest.fixture(scope="module")
def example() -> Configuration:
    return load(EXAMPLE, {}, secrets=False)


@pytest.fixture(scope="module")
def rules(example: Configuration) -> RuleSet:
    return load_site_rules(example)


def test_every_story_has_a_rule_and_every_rule_has_tests(rules: RuleSet) -> None:
    assert {rule.id for rule in rules.rules} == STORIES
    assert {rule for rule, _ in rules.tests} == STORIES


@pytest.mark.parametrize("rule", sorted(STORIES))
def test_the_rule_does_what_its_story_says(
    example: Configuration, rules: RuleSet, rule: str
) -> None:
    for trial in run_trials(rules, example.site, rule):
        assert trial.failures == (), trial.name


def test_the_shipped_rules_load_at_a_site_that_has_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "gateway.yaml").write_text("site: {id: bare}\n")
    found = load_site_rules(load(tmp_path, {}), EXAMPLE / "rules")
    assert {rule.id for rule in found.rules} == STORIES

"""Taking up what has been changed in a site's files: all of it or nothing.

What can change while the gateway runs are the rules; for other settings it has to be started anew,
and then none of the change is taken up before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from gateway.errors import GatewayError
from gateway.model.place import Site
from gateway.rules.files import load_all
from gateway.rules.rule import RuleSet
from gateway.rules.trials import run_trials
from gateway.settings.configuration import Configuration


class Reload:
    """Call it to read the files again; one at a time, from any thread."""

    def __init__(self, configuration: Configuration, adopt: Callable[[RuleSet], None]) -> None:
        self._configuration = configuration
        self._adopt = adopt
        self._one_at_a_time = threading.Lock()

    def __call__(self) -> str:
        """What was taken up, in a sentence.

        Raises `SettingsError` with every problem, or `GatewayError` when a start is needed; what
        is in force stays in force then.
        """
        with self._one_at_a_time:
            fresh, rules = load_all(self._configuration.directory)
            _check_tests(rules, fresh.site)
            if _without_secrets(fresh) != _without_secrets(self._configuration):
                raise GatewayError(
                    "not only rules have changed: start the gateway anew to take that up; "
                    "nothing was taken up now"
                )
            self._adopt(rules)
        count = len({rule.id for rule in rules.rules})
        return f"{count} rule{'' if count == 1 else 's'} taken up"


def _check_tests(rules: RuleSet, site: Site) -> None:
    """Rules whose own tests fail do not do what whoever wrote them believes."""
    failed = [trial for trial in run_trials(rules, site) if trial.failures]
    if failed:
        first = failed[0]
        raise GatewayError(
            f"{len(failed)} of the rules' own tests fail, the first one of rule '{first.rule}' "
            f"({first.place}), {first.name}: {first.failures[0]}; 'rfid-gateway rules check' tells "
            "all"
        )


def _without_secrets(configuration: Configuration) -> Configuration:
    """For comparison: brokers and sinks are made of the settings, and hold secrets' texts."""
    return replace(configuration, broker=None, sinks=(), influx=None, notes=())

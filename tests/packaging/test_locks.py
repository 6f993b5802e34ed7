"""The lock files agree with pyproject.toml; `make lock` writes them anew."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)", re.MULTILINE)

LOCKS = {
    "runtime": PROJECT["dependencies"],
    "demo": PROJECT["dependencies"] + EXTRAS["demo"],
    "test": PROJECT["dependencies"] + EXTRAS["demo"] + EXTRAS["sllurp"],
}


def pins(lock: str) -> dict[str, set[str]]:
    """Name → the pinned versions; there are several where Pythons differ."""
    found: dict[str, set[str]] = {}
    for pin in PIN.finditer((CHECKOUT / "requirements" / f"{lock}.txt").read_text()):
        found.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_dependency_is_pinned_to_a_version_that_fits(lock: str) -> None:
    pinned = pins(lock)
    for text in LOCKS[lock]:
        requirement = Requirement(text)
        versions = pinned.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements/{lock}.txt: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions)


@pytest.mark.parametrize("lock", ["build", "runtime", "demo"])
def test_no_two_lists_pin_different_versions(lock: str) -> None:
    tested = pins("test")
    assert {name: tested.get(name) for name in pins(lock)} == pins(lock)

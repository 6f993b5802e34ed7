"""GS1's schema of EPCIS 2.0 documents, with formats asserted; it lies beside the repository."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

EPCIS = Path(__file__).parents[1] / "../shared/data/epcis"
#: Formats that the schema uses; one that is not checked would be asserted in name only.
FORMATS = ("uri", "date-time")


def read(name: str) -> Any:
    """A file of GS1's or of the examples; the test is skipped where there is none."""
    path = EPCIS / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    return json.loads(path.read_text())


@cache
def _validator() -> Draft7Validator:
    checker = FormatChecker()
    assert set(FORMATS) <= checker.checkers.keys(), "jsonschema[format-nongpl] is not installed"
    return Draft7Validator(read("EPCIS-JSON-Schema.json"), format_checker=checker)


def assert_valid(document: Any) -> None:
    """Fail with the first thing that is wrong in a document."""
    for error in _validator().iter_errors(document):
        raise AssertionError(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")

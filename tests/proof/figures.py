"""How long a form to run, and what it measured: short in `make test`, long in `make nightly`.

PROOF=long runs the long forms; PROOF_<NAME>=N sets one size. Figures go to standard error, and as
JSON into the folder PROOF_FIGURES, where that is set.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def size(name: str, *, short: int, long: int) -> int:
    """How often: `PROOF_<NAME>`, or the long or the short form."""
    chosen = os.environ.get(f"PROOF_{name.upper()}")
    if chosen is not None:
        return int(chosen)
    return long if os.environ.get("PROOF") == "long" else short


def publish(name: str, figures: dict[str, Any]) -> None:
    """Print what was measured, and keep it."""
    sys.stderr.write(f"\n{name}: {json.dumps(figures)}\n")
    folder = os.environ.get("PROOF_FIGURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")


def percentile(values: Sequence[float], part: float) -> float:
    """A percentile of at least one value, to the millisecond."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3)

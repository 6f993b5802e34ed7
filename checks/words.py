"""Fail on text that must not be committed: paths of one machine, notes to self, addresses in locks.

The checkout's own path is looked for as well, whatever it is: it belongs in no file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SKIPPED = {"__pycache__", "build", "dist", "words.py"}  # this file names what it looks for

#: What is looked for, and why it is wrong.
EVERYWHERE = {
    re.compile(r"(?<![\w.])/(?:home|Users)/\w+|(?<![\w.])/root/"): "a path of somebody's machine",
    re.compile(rf"{re.escape(str(ROOT))}(?!\w)"): "the path of this checkout",
    re.compile(r"\b(?:TODO|FIXME|XXX)\b"): "a note to self: do it or file an issue",
}
IN_LOCKS = {re.compile(r"https?://"): "an address in a lock file: resolve without one"}


def main() -> int:
    """Print every hit as file:line: reason; the exit code says whether there was one."""
    found = [hit for file in _texts(ROOT) for hit in _hits(file)]
    for hit in found:
        sys.stdout.write(f"{hit}\n")
    sys.stdout.write(f"words: {len(found)} hits\n")
    return 1 if found else 0


def _texts(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        hidden = entry.name.startswith(".") and entry.name not in (".ci", ".gitignore")
        if hidden or entry.name in SKIPPED:
            continue
        if entry.is_dir():
            yield from _texts(entry)
        else:
            yield entry


def _hits(file: Path) -> Iterator[str]:
    try:
        lines = file.read_text().splitlines()
    except UnicodeDecodeError:  # not a text
        return
    patterns = dict(EVERYWHERE)
    if file.parent == ROOT / "requirements":
        patterns |= IN_LOCKS
    for number, line in enumerate(lines, 1):
        for pattern, reason in patterns.items():
            if pattern.search(line):
                yield f"{file.relative_to(ROOT)}:{number}: {reason}: {line.strip()[:80]}"


if __name__ == "__main__":
    sys.exit(main())

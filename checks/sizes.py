"""Fail when a function or a file has outgrown one idea: the hard limits of CONTRIBUTING.md.

The aim is 40 and 400 lines; this check leaves room for the odd table or dispatch and no more.
A file of tests may be as long as what it tests has cases.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("gateway", "tests", "checks")
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 450


def main() -> int:
    """Print every file and function over its limit; the exit code says whether there was one."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    found = [problem for file in files for problem in _too_long(file)]
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"sizes: {len(files)} files, {len(found)} over the limit\n")
    return 1 if found else 0


def _too_long(file: Path) -> Iterator[str]:
    text = file.read_text()
    name = file.relative_to(ROOT)
    lines = text.count("\n")
    if lines > MAX_FILE_LINES and name.parts[0] != "tests":
        yield f"{name}:1: {lines} lines; limit {MAX_FILE_LINES}: split it by idea"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                found = f"{node.name} has {lines} lines; limit {MAX_FUNCTION_LINES}"
                yield f"{name}:{node.lineno}: {found}"


if __name__ == "__main__":
    sys.exit(main())

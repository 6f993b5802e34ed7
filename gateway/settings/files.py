"""Which files of a site directory are read."""

from __future__ import annotations

import stat
from pathlib import Path

from gateway.settings.node import Place
from gateway.settings.report import Report, quoted

#: More files than this in one folder are a mistake, such as a wrong directory.
MAX_FILES = 5000


def yaml_files(folder: Path, report: Report) -> list[Path]:
    """The `*.yaml` files of a folder in name order; none when there is no such folder.

    Hidden files are passed over; `*.yml` is told as a problem, because it would never be read.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        report.problem(Place(str(folder)), f"cannot be read: {error.strerror}")
        return []
    if len(entries) > MAX_FILES:
        report.problem(
            Place(str(folder)), f"more than {MAX_FILES:,} files: is this the right folder?"
        )
        return []
    for path in entries:
        if not path.name.isprintable():
            report.problem(Place(str(folder)), f"rename the file {quoted(path.name)}: unprintable")
        if path.suffix in (".yml", ".YAML", ".YML"):
            report.problem(
                Place(str(path)), f"is not read: name it {path.with_suffix('.yaml').name}"
            )
    return [path for path in entries if path.suffix == ".yaml" and path.name.isprintable()]


def is_file(path: Path) -> bool:
    """Whether there is a regular file that we may look at; never raises."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def same_folder(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder; never raises."""
    try:
        return one.samefile(other)
    except OSError:
        return False

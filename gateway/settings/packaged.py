"""The example site that comes with the program: `init` writes it, profiles fall back to it."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Unavailable

_PACKAGE = Path(__file__).resolve().parents[1]


def example_site() -> Path:
    """The folder of `config/`, `readers/` and `rules/`: in the wheel, else the checkout's root."""
    for folder in (_PACKAGE / "_site", _PACKAGE.parent):
        if (folder / "config" / "gateway.yaml").is_file():
            return folder
    raise Unavailable("the example site is missing from this installation: install it again")


def site_files(folder: Path) -> list[Path]:
    """What belongs to a site in `folder`, relative to it: YAML files and what explains them."""
    return sorted(
        path.relative_to(folder)
        for part in ("config", "readers", "rules")
        for path in (folder / part).rglob("*")
        if path.suffix in (".yaml", ".md") and path.is_file()
    )

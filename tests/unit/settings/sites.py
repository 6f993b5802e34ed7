"""Sites for tests: files written from text, and the problems that loading them tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.errors import SettingsError
from gateway.settings.configuration import Configuration, load

#: The repository's root, which is the example site.
EXAMPLE = Path(__file__).parents[3]

MINIMAL = "site: {id: dc-north}\n"

SITE = """\
zones:
  - {id: yard, kind: outside}
  - {id: staging-1, kind: staging}
  - {id: bin-a-01, kind: storage}
doors:
  - {id: door-1, inside: staging-1, outside: yard}
"""

READER = """\
id: dock-1
address: 10.0.0.21:5084
antennas:
  - {port: 1, door: door-1, side: inside}
  - {port: 2, zone: bin-a-01}
"""


def write_site(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `directory`; `config/gateway.yaml` is minimal unless it is given."""
    for name, content in {"config/gateway.yaml": MINIMAL, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def load_files(
    directory: Path,
    files: Mapping[str, str | bytes],
    environ: Mapping[str, str] | None = None,
    *,
    secrets: bool = True,
) -> Configuration:
    """The configuration of a site of these files, with this environment and no other."""
    return load(write_site(directory, files), environ or {}, secrets=secrets)


def problems(
    directory: Path,
    files: Mapping[str, str | bytes],
    environ: Mapping[str, str] | None = None,
    *,
    secrets: bool = True,
) -> list[str]:
    """Every problem as a line, with paths relative to the site."""
    try:
        load_files(directory, files, environ, secrets=secrets)
    except SettingsError as error:
        return [str(p).replace(f"{directory}/", "") for p in error.problems]
    return []

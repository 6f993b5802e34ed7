"""File: a calibration as `config/calibration.yaml`, with a hash of what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import Unavailable
from gateway.model.calibration import AntennaKey, Calibration

_HEAD = (
    "# Written by `rfid-gateway calibrate`; docs/calibration.md says what it means.\n"
    "# Delete it, and the gateway decides as it was shipped.\n"
)
_BLOCK = 1 << 20


def version_of(calibration: Calibration, sources: Sequence[Path]) -> str:
    """A hash of the contents and of the files that they were made from, in any order."""
    digest = hashlib.sha256(_text(_content(calibration)).encode())
    for one in sorted(_hash(path) for path in sources):
        digest.update(one)
    return digest.hexdigest()[:12]


def write_calibration(path: Path, calibration: Calibration, sources: Sequence[Path]) -> None:
    """Write it, as a whole or not at all."""
    named = {"version": calibration.version, "made_from": [source.name for source in sources]}
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(_HEAD + _text({**named, **_content(calibration)}), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise Unavailable(f"{path}: cannot be written: {error.strerror or error}") from error


def _content(calibration: Calibration) -> dict[str, Any]:
    doors = calibration.doors
    offsets, zones = calibration.antenna_offset_db, calibration.zone_power_db
    return {
        "antennas": [_antenna(key) | {"offset_db": offsets[key]} for key in sorted(offsets)],
        "zones": [
            {
                "zone": zone,
                "antennas": [
                    _antenna(k) | {"power_db": zones[zone][k]} for k in sorted(zones[zone])
                ],
            }
            for zone in sorted(zones)
        ],
        "doors": {
            "order": dict(sorted(doors.order.items())),
            "passage": dict(sorted(doors.passage.items())),
            "bias": doors.bias,
            "temperature": doors.temperature,
        },
    }


def _antenna(key: AntennaKey) -> dict[str, Any]:
    return {"reader": key[0], "port": key[1]}


def _text(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)


def _hash(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise Unavailable(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.digest()

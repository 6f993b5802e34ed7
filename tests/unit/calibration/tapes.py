"""Hand-made recordings of a dock of two doors and of a rack, for calibration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from gateway.calibration.measured import Measured
from gateway.calibration.tape import Tape
from gateway.calibration.walks import Walk, What
from gateway.errors import GatewayError
from gateway.model.place import Site
from gateway.model.tags import TagIndex

START_US = 1_795_248_000_000_000
#: (second, tag, reader, port, dBm)
Row = tuple[float, int, str, int, float]


def epc(tag: int) -> str:
    """The EPC of a tag."""
    return f"3034257BF7194E40{tag:08X}"


def tape(path: Path, site: Site, rows: Iterable[Row]) -> Tape:
    """A recording with these reads, read again."""
    lines = [
        {
            "t": START_US + round(s * 1e6), "reader": reader, "antenna": port, "epc": epc(tag),
            "rssi": dbm,
        }
        for s, tag, reader, port, dbm in sorted(rows)
    ]  # fmt: skip
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))

    def never(complaint: str) -> None:
        raise GatewayError(complaint)

    return Tape(site, TagIndex(), [path], never)


def measured(path: Path, site: Site, rows: Iterable[Row]) -> Measured:
    """What such a recording measures."""
    return Measured(tape(path, site, rows))


def walk(number: int, begin_s: float, end_s: float, tags: Iterable[int], **more: object) -> Walk:
    """Tags that went out through door 1, unless told otherwise."""
    values = {"what": What.OUT, "door": "door-1"} | more
    return Walk(
        number=number,
        begin_us=START_US + round(begin_s * 1e6),
        end_us=START_US + round(end_s * 1e6),
        tags=tuple(epc(tag) for tag in tags),
        **values,  # type: ignore[arg-type]
    )

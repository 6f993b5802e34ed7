"""A big site for the benchmarks: many readers, each with four antennas that watch a bin each."""

from __future__ import annotations

from pathlib import Path

PORTS = 4


def write_site(directory: Path, addresses: list[str], data_dir: Path) -> None:
    """A site directory with one reader per address and no doors, sinks to a file."""
    config, readers = directory / "config", directory / "readers"
    config.mkdir(parents=True)
    readers.mkdir()
    (config / "gateway.yaml").write_text(
        "site: {id: bench}\n"
        f"data_dir: {data_dir}\n"
        "api: {listen: 127.0.0.1:0}\n"
        "sinks: [{name: log, kind: file, path: movements.jsonl}]\n",
        encoding="utf-8",
    )
    zones = [f"bin-{n + 1}-{port}" for n in range(len(addresses)) for port in range(1, PORTS + 1)]
    (config / "site.yaml").write_text(
        "zones:\n" + "".join(f"  - {{id: {zone}, kind: storage}}\n" for zone in zones),
        encoding="utf-8",
    )
    for n, address in enumerate(addresses):
        antennas = "".join(
            f"  - {{port: {port}, zone: bin-{n + 1}-{port}}}\n" for port in range(1, PORTS + 1)
        )
        (readers / f"reader-{n + 1:03d}.yaml").write_text(
            f"id: reader-{n + 1}\ndriver: llrp\naddress: {address}\nantennas:\n{antennas}",
            encoding="utf-8",
        )

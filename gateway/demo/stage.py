"""The demo's stage: its own copy of the example site, its broker, its emulated readers.

The emulator is a process of its own, as real readers are: what it says comes over TCP and MQTT.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.demo.broker import LocalBroker
from gateway.errors import Unavailable
from gateway.model.delivery import BrokerConfig, SinkConfig
from gateway.settings.configuration import Configuration, load
from gateway.settings.packaged import example_site

READY_S = 20.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What the simulated warehouse is asked for."""

    seed: int = 1
    speed: float = 1.0
    scenario: str = "demo"


@contextlib.asynccontextmanager
async def emulator(
    play: Play, broker: LocalBroker, truth: Path
) -> AsyncIterator[dict[str, tuple[str, int]]]:
    """Emulated readers and sensors of the example site; gives where each reader listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "emulate",
        "--site", str(example_site()), "--port", "0", "--mqtt", f"{broker.host}:{broker.port}",
        "--truth", str(truth), "--seed", str(play.seed), "--speed", str(play.speed),
        "--scenario", play.scenario,
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us: we end it in order
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield await _addresses(process, len(load(example_site(), secrets=False).readers))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(5.0):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


async def _addresses(
    process: asyncio.subprocess.Process, readers: int
) -> dict[str, tuple[str, int]]:
    """`dock-1 listening on 127.0.0.1:40001`, a line per reader."""
    found: dict[str, tuple[str, int]] = {}
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            while len(found) < readers and (line := await process.stdout.readline()):
                name, _, address = line.decode().strip().partition(" listening on ")
                host, _, port = address.rpartition(":")
                if port.isdecimal():
                    found[name] = (host.strip("[]"), int(port))
    except TimeoutError:
        pass
    if len(found) < readers:
        raise Unavailable("the demo's emulated readers did not start")
    return found


def demo_configuration(
    data_dir: Path,
    broker: LocalBroker,
    readers: dict[str, tuple[str, int]],
    api: tuple[str, int],
) -> Configuration:
    """The example site, pointed at the emulated readers and the demo's own broker."""
    configuration = load(example_site(), secrets=False)
    prefix = f"rfid/{configuration.site.id}"
    return dataclasses.replace(
        configuration,
        readers=tuple(
            dataclasses.replace(reader, host=readers[reader.id][0], port=readers[reader.id][1])
            for reader in configuration.readers
        ),
        broker=BrokerConfig(host=broker.host, port=broker.port, prefix=prefix, client_id="demo"),
        sinks=(
            SinkConfig(name="mqtt", kind="mqtt"),
            SinkConfig(name="log", kind="file", options={"path": "movements.jsonl"}),
        ),
        data_dir=data_dir,
        api_host=api[0],
        api_port=api[1],
    )

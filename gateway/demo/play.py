"""The demo from curtain to curtain: broker, emulator, gateway, and a summary against the truth."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from gateway.demo.broker import local_broker
from gateway.demo.show import Show, counted
from gateway.demo.stage import Play, demo_configuration, emulator
from gateway.demo.truth import compare, read_truth
from gateway.service import Service

POLL_S = 0.1


async def play_demo(
    directory: Path, play: Play, api: tuple[str, int], seconds: float | None, *, quiet: bool
) -> None:
    """Run until Ctrl-C, or for `seconds` after everything is up; its files go to `directory`."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    truth = directory / "truth.jsonl"
    with local_broker(directory) as broker:
        async with emulator(play, broker, truth) as readers:
            configuration = demo_configuration(directory, broker, readers, api)
            show = Show(configuration.site.timezone, _say)
            service = Service(configuration)
            service.listeners.append(lambda outcome: show.take(outcome, time.monotonic()))
            showing = asyncio.create_task(
                _show(service, show, stop, seconds, hello="" if quiet else broker.name)
            )
            try:
                await service.run(stop)
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)
            end_us = service.clock.now_us()
    show.flush(float("inf"))
    agreement = compare(read_truth(truth), show.movements, to_us=end_us)
    _say(f"\nmovements: {counted(show.movements)}; loads through doors: {show.passages}")
    _say(f"truth:     {agreement.words()}")


async def _show(
    service: Service, show: Show, stop: asyncio.Event, seconds: float | None, hello: str
) -> None:
    """Say hello, print what gathers, end when it is time."""
    await service.started.wait()
    if hello:
        readers = len(service.configuration.readers)
        _say(f"{readers} emulated readers speak LLRP, {hello} carries the sensors; Ctrl-C ends it.")
        _say(f"Ask it: rfid-gateway where staging-1 --api {service.api_url}\n")
    ends_at_s = time.monotonic() + seconds if seconds is not None else float("inf")
    while time.monotonic() < ends_at_s:
        show.flush(time.monotonic())
        await asyncio.sleep(POLL_S)
    stop.set()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

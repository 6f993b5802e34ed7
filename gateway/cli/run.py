"""`rfid-gateway run`: the daemon."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import asyncio

    from gateway.service import Service

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway run --site /etc/rfid-gateway")
def run(
    site: Annotated[Path, typer.Option(help="The site directory.")] = Path("/etc/rfid-gateway"),
) -> None:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C).

    Wrong settings are told all at once, and nothing is started. Readers, brokers and sinks that are
    away do not keep it from starting: they are tried again, and their state says why.
    """
    import asyncio
    import gc
    import logging

    # Almost all that a start makes stays: to look for garbage in it, again and again, would be a
    # fifth of its work.
    gc.disable()
    from gateway.rules.files import load_all
    from gateway.service import Service
    from gateway.telemetry.logging import set_up_logging

    configuration, rules = load_all(site)
    log = configuration.settings.log
    set_up_logging(log.level, json_lines=_json_lines(log.format))
    for note in configuration.calibration_notes:
        logging.getLogger(__name__).warning("%s", note)
    asyncio.run(_serve(Service(configuration, rules)))


def _json_lines(log_format: str) -> bool:
    """`auto` is text where a person or the journal reads, JSON where a program does."""
    if log_format == "auto":
        return not (sys.stderr.isatty() or "JOURNAL_STREAM" in os.environ)
    return log_format == "json"


async def _serve(service: Service) -> None:
    import asyncio

    stop = asyncio.Event()
    _handle_signals(service, stop)
    collecting = asyncio.create_task(_collect_garbage_after(service.started), name="garbage")
    try:
        await service.run(stop)
    finally:
        collecting.cancel()


async def _collect_garbage_after(started: asyncio.Event) -> None:
    import gc

    await started.wait()
    gc.enable()


def _handle_signals(service: Service, stop: asyncio.Event) -> None:
    import asyncio
    import contextlib
    import signal

    from gateway.errors import GatewayError

    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    async def take_up() -> None:
        # The service has told the log what is wrong.
        with contextlib.suppress(GatewayError):
            await asyncio.to_thread(service.reload)

    def reload() -> None:
        task = loop.create_task(take_up())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)

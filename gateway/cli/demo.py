"""`rfid-gateway demo`: a simulated warehouse with the whole gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway demo --headless --seconds 30")
def demo(
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="Print movements only, for scripts.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End after this time with a summary.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=4, help="How fast the warehouse's time goes.")
    ] = 1.0,
    listen: Annotated[
        str, typer.Option(help="Address of the API; port 0 takes any free one.")
    ] = "127.0.0.1:0",
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same warehouse.")] = 1,
) -> None:
    """A simulated warehouse: emulated readers speaking LLRP over TCP, sensors over a real MQTT
    broker, and the whole gateway between them. Prints movements as they happen.

    Nothing is kept: its files live in a temporary directory.
    """
    import asyncio
    import tempfile

    from gateway.demo.play import play_demo
    from gateway.demo.stage import Play
    from gateway.telemetry.logging import set_up_logging

    set_up_logging("warning")
    api = _address(listen)
    play = Play(seed=seed, speed=speed)
    with tempfile.TemporaryDirectory(prefix="rfid-gateway-demo-") as directory:
        asyncio.run(play_demo(Path(directory), play, api, seconds, quiet=headless))


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise typer.BadParameter(f"expected HOST:PORT, not '{listen}'", param_hint="--listen")
    if host.strip("[]") not in ("127.0.0.1", "localhost", "::1"):
        raise typer.BadParameter(
            "the API has no tokens yet and listens on loopback only", param_hint="--listen"
        )
    return host.strip("[]"), int(port)

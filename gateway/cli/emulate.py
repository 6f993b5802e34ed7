"""`rfid-gateway emulate`: LLRP reader emulators, for tests and load."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gateway.model.device import ReaderConfig
    from gateway.model.place import Site
    from gateway.settings.configuration import Configuration
    from gateway.simulation.mqtt_sensors import MqttSensors
    from gateway.simulation.reader import EmulatedReader
    from gateway.simulation.scenario import Scenario
    from gateway.simulation.warehouse import World

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

LLRP_PORT = 5084
MAX_PORT = 65_535
#: In load mode a reader's own buffer is small: a thousand readers must fit.
LOAD_BUFFER_READS = 5_000


FirstPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=MAX_PORT,
        help="Port of the first reader, the others follow; 0: any free ones. Default 5084; "
        "with --site the ports that the site says.",
    ),
]
ScenarioName = Annotated[
    str | None,
    typer.Option(
        help="demo, steady, nominal, hard, calm, calm-hard, shifted, parked, reference, "
        "bins-nominal, bins-hard, or a scenario file. Default demo. With a site of its own it "
        "needs no --site."
    ),
]
OwnSite = Annotated[
    Path | None,
    typer.Option(help="Write the scenario's own site there as a site directory, for replays."),
]


@app.command(
    epilog="Examples: rfid-gateway emulate --readers 3 --rate 200 · "
    "rfid-gateway emulate --site . --mqtt 127.0.0.1:1883 --truth truth.jsonl · "
    "rfid-gateway emulate --scenario hard --write-site hard --seconds 600 --record hard.jsonl.gz"
)
def emulate(
    *,
    readers: Annotated[int, typer.Option(min=1, max=1000, help="How many plain readers.")] = 1,
    port: FirstPort = None,
    tags: Annotated[int, typer.Option(min=1, max=100_000, help="Tags before each reader.")] = 200,
    rate: Annotated[
        float, typer.Option(min=0.1, max=100_000, help="Reports a second from each reader.")
    ] = 100.0,
    personality: Annotated[
        str, typer.Option(help="What plain readers are: generic, first-edition or impinj.")
    ] = "generic",
    site: Annotated[
        Path | None, typer.Option(help="Simulate the warehouse of this site directory.")
    ] = None,
    scenario: ScenarioName = None,
    write_site: OwnSite = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Publish the site's sensors here.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what really happened here.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write a recording instead of serving readers.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same warehouse.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.1, max=20, help="How fast the warehouse's time goes.")
    ] = 1.0,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after this time; default: on Ctrl-C.")
    ] = None,
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve emulated LLRP readers: plain ones with tags that lie still, or those of a warehouse.

    Each reader tells on a line of its own where it listens. A warehouse begins to work when all of
    its readers inventory, or after ten seconds.
    """
    if site is None and scenario is None:
        _refuse_without_site(mqtt=mqtt, truth=truth, record=record)
        if write_site is not None:
            raise typer.BadParameter(
                "only with a --scenario that brings a site along", param_hint="--write-site"
            )
        _plain(readers, port, tags, rate, personality, seed, seconds, listen)
        return
    configuration, world = _world(site, scenario or "demo", seed, mqtt, write_site)
    if record is not None:
        _record(world, record, truth, seconds)
        return
    _warehouse(configuration, world, port, mqtt, truth, speed, seconds, listen)


def _world(
    site: Path | None, scenario: str, seed: int, mqtt: str | None, write_site: Path | None
) -> tuple[Configuration | None, World]:
    """The warehouse of a site directory, or of a scenario that brings its own site along."""
    from gateway.settings.configuration import load
    from gateway.simulation.warehouse import World

    chosen = _scenario(scenario)
    if site is None:
        return None, World(_own_site(chosen, mqtt, write_site), chosen, seed)
    if write_site is not None:
        raise typer.BadParameter("only without --site", param_hint="--write-site")
    configuration = load(site, secrets=False)
    return configuration, World(configuration.site, chosen, seed)


def _plain(
    count: int,
    port: int | None,
    tags: int,
    rate: float,
    personality: str,
    seed: int,
    seconds: float | None,
    listen: str,
) -> None:
    from gateway.simulation.epc_table import EpcTable
    from gateway.simulation.load import Load, static_epcs
    from gateway.simulation.personality import BY_NAME
    from gateway.simulation.reader import EmulatedReader

    if personality not in BY_NAME:
        raise typer.BadParameter(
            f"expected one of {', '.join(BY_NAME)}", param_hint="--personality"
        )
    epcs = EpcTable(static_epcs(tags))
    readers = [
        EmulatedReader(
            f"reader-{n + 1}",
            epcs,
            personality=BY_NAME[personality],
            buffer_reads=LOAD_BUFFER_READS,
        )
        for n in range(count)
    ]
    ports = _ports([r.name for r in readers], LLRP_PORT if port is None else port)
    _run(
        readers, ports, Load(readers, tags=tags, reads_per_s=rate, seed=seed).run(), seconds, listen
    )


def _warehouse(
    configuration: Configuration | None,
    world: World,
    port: int | None,
    mqtt: str | None,
    truth: Path | None,
    speed: float,
    seconds: float | None,
    listen: str,
) -> None:
    from contextlib import ExitStack

    from gateway.simulation.live import LiveWarehouse, emulated_readers
    from gateway.simulation.recorder import opened

    configs: tuple[ReaderConfig, ...] = () if configuration is None else configuration.readers
    readers = emulated_readers(world, configs)
    if port is None and configuration is not None:
        ports = {config.id: config.port for config in configs}
    else:
        ports = _ports(list(readers), LLRP_PORT if port is None else port)
    with ExitStack() as stack:
        sensors = None
        if configuration is not None and mqtt is not None:
            sensors = stack.enter_context(_sensors(configuration, mqtt))
        facts = stack.enter_context(opened(truth)) if truth is not None else None
        live = LiveWarehouse(
            world,
            readers,
            publish=None if sensors is None else sensors.publish,
            truth=facts,
            speed=speed,
        )
        _run(list(readers.values()), ports, live.run(), seconds, listen)


def _own_site(scenario: Scenario, mqtt: str | None, directory: Path | None) -> Site:
    """The site that a scenario brings along, written down if wanted."""
    from gateway.bench.premises import site_of
    from gateway.bench.sites import write_site

    _refuse_without_site(mqtt=mqtt)
    site = site_of(scenario.site)
    if site is None:
        raise typer.BadParameter(
            f"scenario '{scenario.name}' has no site of its own: give one", param_hint="--site"
        )
    if directory is not None:
        write_site(site, directory)
    return site


def _record(world: World, recording: Path, truth: Path | None, seconds: float | None) -> None:
    from gateway.simulation.recorder import opened, record

    if seconds is None:
        raise typer.BadParameter("a recording needs an end", param_hint="--seconds")
    facts_path = truth or recording.with_name(recording.name.split(".")[0] + ".truth.jsonl")
    with opened(recording) as out, opened(facts_path) as facts:
        recorded = record(world, seconds=seconds, out=out, truth=facts)
    typer.echo(
        f"{recording}: {seconds:g} s, {recorded.reads} reads, {recorded.sensor_events} sensor "
        f"changes; truth in {facts_path}"
    )


def _run(
    readers: list[EmulatedReader],
    ports: Mapping[str, int],
    work: Coroutine[Any, Any, None],
    seconds: float | None,
    listen: str,
) -> None:
    import asyncio
    import time

    started_s = time.monotonic()
    asyncio.run(_serve(readers, ports, work, seconds, listen))
    sent, dropped = (sum(getattr(r.flow, n) for r in readers) for n in ("sent", "dropped"))
    lasted_s = time.monotonic() - started_s
    typer.echo(f"{lasted_s:.1f} s: {sent} reports sent, {dropped} dropped")


async def _serve(
    readers: list[EmulatedReader],
    ports: Mapping[str, int],
    work: Coroutine[Any, Any, None],
    seconds: float | None,
    listen: str,
) -> None:
    """Serve until the time is over, a signal comes, or the work fails."""
    import asyncio
    import signal
    import sys

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        for reader in readers:
            await reader.listen(listen, ports[reader.name])
            host = f"[{listen}]" if ":" in listen else listen
            sys.stdout.write(f"{reader.name} listening on {host}:{reader.port}\n")
            sys.stdout.flush()
        await asyncio.wait(
            {working, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if working.done():
            await working  # it runs for ever, unless it fails
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
        for reader in readers:
            await reader.close()


def _sensors(configuration: Configuration, mqtt: str) -> MqttSensors:
    from gateway.settings.address import parse_address
    from gateway.simulation.mqtt_sensors import MqttSensors

    try:
        address = parse_address(mqtt, 1883)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mqtt") from error
    topics = {s.id: s.topic for s in configuration.sensors if s.topic is not None}
    return MqttSensors(address.host, address.port, topics, lambda text: typer.echo(text, err=True))


def _scenario(name: str) -> Scenario:
    """A built-in scenario, or the one in a file."""
    from gateway.settings.document import read_document
    from gateway.settings.report import Report
    from gateway.simulation.scenario import from_mapping, named

    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return named(name)
    report = Report()
    node = read_document(path, report) if path.exists() else None
    report.raise_problems()
    if node is None:
        raise typer.BadParameter(f"there is no file {path}", param_hint="--scenario")
    return from_mapping(node.plain(), name=str(path))


def _ports(names: list[str], first: int) -> dict[str, int]:
    """Ports from the first one on; 0 for each when any will do."""
    if first + len(names) - 1 > MAX_PORT:
        raise typer.BadParameter(f"{len(names)} ports from {first} on", param_hint="--port")
    return {name: first + n if first else 0 for n, name in enumerate(names)}


def _refuse_without_site(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            hint = f"--{name.replace('_', '-')}"
            raise typer.BadParameter("only with --site", param_hint=hint)

"""The composition root: a configuration becomes a running gateway, and ends in good order.

Start: store → what was known → writer → API → sinks → devices last. Stop is the reverse: devices
first, then what they brought is committed, then delivery gets a moment, then everything closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from gateway import __version__
from gateway.announce import Announcements
from gateway.api.context import Context
from gateway.api.front import Front
from gateway.api.server import listen, serve
from gateway.api.streams import Streams
from gateway.clock import Clock, SystemClock
from gateway.core import Core
from gateway.desk import Desk
from gateway.drivers import registry as driver_registry
from gateway.drivers.base import Driver, DriverContext
from gateway.errors import GatewayError
from gateway.figures import Figures
from gateway.live import LiveView
from gateway.model.alert import RuleAction
from gateway.model.delivery import LiveSink, Sink
from gateway.model.device import ReaderState
from gateway.model.outcome import Outcome
from gateway.model.tags import TagIndex
from gateway.outbox.buffer import Buffer
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.outbox.running import RunningOutbox
from gateway.reload import Reload
from gateway.rules.life import RuleErrors
from gateway.rules.rule import RuleSet
from gateway.runtime import Runtime
from gateway.series.points import MEASUREMENTS
from gateway.series.windows import with_windows
from gateway.settings.configuration import Configuration
from gateway.sinks import registry as sink_registry
from gateway.sinks.base import SinkContext
from gateway.store.database import STORE_FILE, Store, open_store
from gateway.store.forgetting import known_tags
from gateway.store.housekeeping import Keep
from gateway.store.items import stored_items
from gateway.store.writer import Writer
from gateway.tap import InputTap
from gateway.telemetry.device_log import log_reader, log_sensor
from gateway.telemetry.health import Health
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.notify import Notifier, Watchdog
from gateway.watch import Watch

logger = logging.getLogger(__name__)

#: How long the devices may take to let go; each driver has two seconds.
CORE_STOP_S = 6.0
#: How long delivery may go on after the devices have stopped.
LAST_DELIVERY_S = 3.0
#: How long the last commit may take.
LAST_COMMIT_S = 10.0
#: How often figures that nobody pushes are looked at.
SURVEY_S = 1.0

Listener = Callable[[Outcome], None]


@dataclass(slots=True)
class Service:
    """One running gateway. `listeners` are called in the event loop after each commit."""

    configuration: Configuration
    rules: RuleSet = field(default_factory=RuleSet)
    clock: Clock = field(default_factory=SystemClock)
    listeners: list[Listener] = field(default_factory=list)
    api_url: str | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    _reload: Reload | None = None
    _metrics: Metrics | None = None

    def reload(self) -> str:
        """Take up what has changed in the files, all or nothing; in a thread, not in the loop.

        Returns what was done, in a sentence; raises GatewayError when nothing was.
        """
        if self._reload is None or self._metrics is None:
            raise GatewayError("the gateway is still starting: try again in a moment")
        try:
            done = self._reload()
        except GatewayError as error:
            self._metrics.reload_successful.set(0)
            logger.error("the files of the site are not taken up: %s", error)  # noqa: TRY400
            raise
        self._metrics.reload_successful.set(1)
        logger.info("%s", done)
        return done

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises GatewayError when it cannot start."""
        begun_s = time.monotonic()
        async with self._composed(stop) as (parts, front), asyncio.TaskGroup() as tasks:
            parts.runtime.start()
            running = [
                tasks.create_task(parts.dispatchers.run(), name="dispatchers"),
                tasks.create_task(parts.figures.run(), name="time series"),
                tasks.create_task(self._survey(parts), name="survey"),
                tasks.create_task(parts.buffer.run(), name="buffer"),
                tasks.create_task(Watchdog(parts.notifier, parts.health).run(), name="watchdog"),
            ]
            parts.health.ready("gateway")
            parts.notifier.ready()
            logger.info(
                "rfid-gateway %s runs: %d tags known, API on %s, started in %.1f s",
                __version__,
                parts.core.tags.known,
                self.api_url,
                time.monotonic() - begun_s,
            )
            self.started.set()
            tasks.create_task(front.load(), name="whole API")
            await stop.wait()
            parts.notifier.stopping()
            parts.health.not_ready("gateway", "The gateway is stopping.")
            ended = await asyncio.to_thread(parts.runtime.stop, CORE_STOP_S)
            await self._last_commit(parts.writer)
            await self._last_delivery(parts.dispatchers)
            for task in running:
                task.cancel()
        if parts.runtime.failure is not None:
            raise GatewayError(
                "the core failed, so the gateway has ended: the log says why"
            ) from parts.runtime.failure
        if not ended:
            raise GatewayError(f"the core hangs: it was left behind after {CORE_STOP_S:g} s")

    @contextlib.asynccontextmanager
    async def _composed(self, stop: asyncio.Event) -> AsyncIterator[tuple[_Parts, Front]]:
        """Everything built and connected, in order; closed in the reverse order."""
        configuration, loop = self.configuration, asyncio.get_running_loop()
        # The address first: a second daemon must fail before it touches the store.
        address = listen(configuration.api_host, configuration.api_port)
        with contextlib.closing(address), contextlib.closing(self._open_store()) as store:
            parts = self._build(store, loop, stop)
            parts.writer.start()
            self._reload = Reload(configuration, parts.runtime.adopt)
            self._metrics = parts.metrics
            try:
                context = self._api_context(parts, store)
                front = Front(context, _whole_api)
                async with serve(front, address, context.streams) as self.api_url:
                    yield parts, front
            finally:
                await asyncio.to_thread(parts.runtime.stop, CORE_STOP_S)
                await asyncio.to_thread(parts.writer.stop, LAST_COMMIT_S)
                parts.queue.close()

    def _api_context(self, parts: _Parts, store: Store) -> Context:
        configuration = self.configuration
        return Context(
            live=parts.live,
            history=store,
            metrics=parts.metrics,
            health=parts.health,
            streams=Streams(),
            inputs=InputTap(parts.runtime, configuration.site, parts.core.tags).lines,
            figures=parts.figures.ask,
            outbox=RunningOutbox(store, parts.writer, parts.dispatchers),
            desk=Desk(
                configuration.site,
                store,
                parts.writer,
                parts.core.watch.catalog.items,
                parts.runtime.ask,
                parts.runtime.look,
                self.reload,
                self.clock,
            ),
        )

    async def _last_commit(self, writer: Writer) -> None:
        """Wait until what the devices brought is durable, so that it can still be delivered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT_S):
                await asyncio.wrap_future(writer.run_soon(lambda _: None))

    async def _last_delivery(self, dispatchers: Dispatchers) -> None:
        """Give delivery a moment, but none to a sink in trouble: the outbox keeps what is left."""
        ends_at_s = time.monotonic() + LAST_DELIVERY_S
        while any(s.pending and s.reason is None for s in dispatchers.statuses):
            if time.monotonic() >= ends_at_s:
                break
            await asyncio.sleep(0.02)
        for status in dispatchers.statuses:
            if status.pending:
                logger.info("sink %s: %d wait for the next start", status.name, status.pending)

    def _open_store(self) -> Store:
        configuration = self.configuration
        return open_store(
            configuration.data_dir / STORE_FILE, limit_bytes=configuration.outbox.max_bytes
        )

    def _build(self, store: Store, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> _Parts:
        configuration, site = self.configuration, self.configuration.site
        stored = known_tags(store, configuration.location, self.clock.now_us())
        tags = TagIndex(max(configuration.location.max_tags, len(stored)))
        core = Core(
            site, tags, configuration.location, configuration.overload, configuration.calibration,
            Watch(site, self.rules),
        )  # fmt: skip
        live = LiveView(
            site,
            tags,
            readers=[reader.id for reader in configuration.readers],
            sensors=configuration.sensors,
            last_read_us=core.last_read_us,
            reads_of=core.reads_of,
            let_go=core.reuse_numbers().let_go,
            first_event_id=self.clock.now_us(),
        )
        live.restore(stored)
        core.restore(stored, self.clock.now_us())
        self._recall(core, store)
        metrics = self._all_metrics()
        health = Health(time.monotonic)
        if store.quarantined is not None:
            metrics.store_set_aside.set(1)
            health.alarm(
                "store", f"The store was damaged: it was set aside as {store.quarantined}."
            )
        figures = Figures(configuration, live, self.clock, metrics)
        committed = _Committed(self, loop, live, metrics, health, figures.sampler.apply)
        writer = Writer(
            store, committed, observe=committed.observe, keep=Keep.of(configuration.outbox)
        )
        queue = Queue(store, writer, self.clock)
        sinks = self._sinks()
        origins = {sink.name: sink.origin for sink in configuration.sinks}
        sink_options = [sink.options for sink in configuration.sinks]
        dispatchers = Dispatchers(queue, sinks, origins=origins)
        committed.wake = dispatchers.wake
        runtime = Runtime(
            core,
            self._drivers(tags),
            self.clock,
            with_windows(configuration.site, configuration.sensors, sink_options, writer.submit),
            metrics,
            health,
            failed=lambda: _soon(loop, stop.set),
        )
        committed.act = runtime.act
        runtime.tap(figures.reads.take)
        return _Parts(
            core=core, live=live, metrics=metrics, health=health, writer=writer, queue=queue,
            buffer=Buffer(store, metrics, health),
            dispatchers=dispatchers, runtime=runtime, notifier=Notifier(), figures=figures,
            announcements=Announcements(
                site, live, core.counts, [sink for sink in sinks if isinstance(sink, LiveSink)]
            ),
        )  # fmt: skip

    def _recall(self, core: Core, store: Store) -> None:
        """What rules, alerts and the catalog have to remember."""
        with store.reading() as reader:
            core.watch.catalog.items.load(stored_items(reader.connection))
        memories = store.memories("rule", "alert", "silence", "shipment", "hold")
        odd = core.watch.restore(memories, self.clock.now_us())
        if odd:
            logger.error("%d stored states of rules and alerts make no sense: left out", odd)

    def _all_metrics(self) -> Metrics:
        configuration = self.configuration
        return Metrics(
            readers=[reader.id for reader in configuration.readers],
            sinks=[sink.name for sink in configuration.sinks],
            sensors=[sensor.id for sensor in configuration.sensors],
            series=MEASUREMENTS,
        )

    def _sinks(self) -> list[Sink]:
        configuration = self.configuration
        return sink_registry.build(
            configuration.sinks,
            SinkContext(
                site=configuration.site.id,
                data_dir=configuration.data_dir,
                broker=configuration.broker,
                influx=configuration.influx,
                layout=configuration.site,
            ),
        )

    def _drivers(self, tags: TagIndex) -> list[Driver]:
        """One driver for each name that a device asks for, in the order of the names."""
        configuration = self.configuration
        names = {r.driver for r in configuration.readers} | {
            s.driver for s in configuration.sensors
        }
        return [
            driver_registry.load(name)(
                DriverContext(
                    site=configuration.site,
                    tags=tags,
                    clock=self.clock,
                    readers=tuple(r for r in configuration.readers if r.driver == name),
                    sensors=tuple(s for s in configuration.sensors if s.driver == name),
                    broker=configuration.broker,
                )
            )
            for name in sorted(names)
        ]

    async def _survey(self, parts: _Parts) -> None:
        """Figures, readiness and the line for `systemctl status`, once a second."""
        told, failures = "", 0
        failing: set[str] = set()
        while True:
            _log_failing(parts.core.watch.rules.errors, failing)
            for status in parts.dispatchers.statuses:
                parts.metrics.outbox_pending[status.name].set(status.pending)
            for reader in parts.live.devices.readers.values():
                parts.metrics.reader_up[reader.id].set(reader.state is ReaderState.UP)
            for sensor in parts.live.devices.sensors.values():
                parts.metrics.sensor_well[sensor.id].set(sensor.problem is None)
            if parts.writer.trouble is None:
                parts.health.ready("store")
            else:
                parts.health.not_ready("store", parts.writer.trouble)
                # Trying is progress too: a restart would lose what waits, and make no room.
                if parts.writer.failures != failures and not parts.writer.damaged:
                    parts.health.beat("store")
                failures = parts.writer.failures
            parts.announcements.survey(time.monotonic())
            if (status_line := _status_line(parts)) != told:
                parts.notifier.status(told := status_line)
            await asyncio.sleep(SURVEY_S)


def _whole_api(context: Context) -> ASGIApp:
    from gateway.api.app import create_app  # noqa: PLC0415 - half a start's work: see `Front`

    return create_app(context)


@dataclass(slots=True, kw_only=True)
class _Parts:
    """What a running gateway consists of."""

    core: Core
    live: LiveView
    metrics: Metrics
    health: Health
    writer: Writer
    queue: Queue
    buffer: Buffer
    dispatchers: Dispatchers
    runtime: Runtime
    notifier: Notifier
    announcements: Announcements
    figures: Figures


class _Committed:
    """What happens after a commit: figures in the store's thread, the view in the event loop."""

    def __init__(
        self,
        service: Service,
        loop: asyncio.AbstractEventLoop,
        live: LiveView,
        metrics: Metrics,
        health: Health,
        follow: Listener,
    ) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.act: Callable[[list[RuleAction]], None] = lambda _: None
        self._service, self._loop, self._live = service, loop, live
        self._metrics, self._health, self._follow = metrics, health, follow

    def __call__(self, outcomes: list[Outcome]) -> None:
        self._health.beat("store")
        now_us = self._service.clock.now_us()
        for outcome in outcomes:
            for movement in outcome.movements:
                self._metrics.movements[movement.kind].inc()
            if outcome.due_us is not None:
                waited_s = (now_us - outcome.due_us) / 1e6
                self._metrics.read_to_commit_seconds.observe(waited_s)
            for alert in outcome.alerts:
                self._metrics.alerts[alert.severity].inc()
            if outcome.actions:
                self.act(outcome.actions)
        self.wake()
        _soon(self._loop, lambda: self._publish(outcomes))

    def observe(self, commit_s: float, _rows: int) -> None:
        """One transaction took so long."""
        self._metrics.commit_seconds.observe(commit_s)

    def _publish(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            for status in outcome.statuses:
                log_reader(status)
            for health in outcome.sensor_health:
                log_sensor(health)
            self._live.apply(outcome)
            self._follow(outcome)
            for listener in self._service.listeners:
                listener(outcome)


def _status_line(parts: _Parts) -> str:
    """How the gateway is, in words."""
    readers = parts.live.devices.readers.values()
    up = sum(reader.state is ReaderState.UP for reader in readers)
    words = [f"{up} of {len(readers)} readers up, {parts.core.tags.known} tags known"]
    if parts.buffer.words is not None:
        words.append(parts.buffer.words)
    words += [status.words for status in parts.dispatchers.statuses if status.reason is not None]
    words += [parts.figures.trouble] if parts.figures.trouble is not None else []
    words += parts.health.alarms().values()
    return "; ".join(words)


def _log_failing(errors: dict[str, RuleErrors], told: set[str]) -> None:
    """Rules that fail where they should be evaluated, each once."""
    for rule, error in dict(errors).items():
        if rule not in told:
            told.add(rule)
            reason = error.last or f"{error.overflow} instances too many"
            logger.warning("rule '%s' cannot always be evaluated: %s", rule, reason)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Have the event loop call `call`, unless it has ended: then nobody looks any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)

"""Kills the whole gateway again and again, at random points, in a world that goes on meanwhile.

    python -m tests.proof.kill_loop --kills 1000 --folder FOLDER

The gateway is the service itself — core, store, outbox, sinks, API — with readers that tell of
`World`, forked from a parent that has imported everything, so that a kill takes little.
Its clock runs `SPEED` times as fast and stands still while it is dead. Kills fall into the start,
into commits and deliveries, and into the end after SIGTERM. What a webhook receiver and a file got
is compared with what was committed and with what really happened.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson

from gateway.service import Service
from gateway.settings.configuration import Configuration, load
from gateway.telemetry.logging import set_up_logging
from tests.proof.figures import percentile
from tests.proof.oracle import Verdict, Watched, by_tag, judge, unique
from tests.proof.receiver import receive
from tests.proof.virtual import Feed, Ledger, PacedClock, ProvenService
from tests.proof.world import Habits, S, World
from tests.servers import accepts_connections, free_port, wait_until
from tests.system.deliveries import check_sink, check_stories, read_store
from tests.system.sites import write_small

SPEED = 40
ZONES = 6
TAGS = 80
READY_S = 60.0
DRAIN_S = 300.0
#: On a busy machine a tick may come more than a second late, which is most of a minute here.
LINGER_US = 60 * S
#: How the kills are spread: into the start, into the end, the rest into the work.
INTO_START, INTO_END = 0.25, 0.1


class KillLoop:
    """One site, one world, many lives of the gateway."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.rng = random.Random(seed)
        self.received = folder / "received.jsonl"
        self.log = folder / "gateway.log"
        self.port = free_port()
        self.configuration = _configure(folder / "site", self.port)
        habits = Habits(stay_s=(30.0, 120.0))
        self.world = World(seed, TAGS, ZONES, time.time_ns() // 1_000, habits)
        self.ledger = Ledger()
        self.now_us = self.world.start_us
        self.watched = Watched()
        self.ready_s: list[float] = []
        self._living: list[int] = []  # the gateway, while there is one
        self.kills: dict[str, int] = {"start": 0, "work": 0, "end": 0}

    def run(self, kills: int) -> dict[str, Any]:
        """Kill so many times, then let everything be delivered, and compare."""
        self._warm_up()
        begun_s = time.monotonic()
        with self._receiving():
            for _ in range(kills):
                self._live_and_die()
            killed_s = time.monotonic()
            self._end_well()
        figures = self._compare()
        loop_s = killed_s - begun_s
        return {
            "kills": kills,
            **{f"kills_into_{where}": count for where, count in self.kills.items()},
            **figures,
            "ready_p50_s": percentile(self.ready_s, 0.5),
            "ready_p99_s": percentile(self.ready_s, 0.99),
            "kills_per_min": round(60 * kills / loop_s),
            "simulated_hours": round((self.now_us - self.world.start_us) / S / 3_600, 1),
        }

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        receiver = _fork(
            lambda: asyncio.run(receive(self.port, self.received, self.seed)), self.log
        )
        try:
            wait_until(lambda: accepts_connections(self.port), READY_S)
            yield
        finally:
            for process in (receiver, *self._living):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)

    def _live_and_die(self) -> None:
        luck = self.rng.random()
        process, begun_s = self._begin()
        if luck < INTO_START:
            self.kills["start"] += 1
            time.sleep(self.rng.uniform(0.0, 0.15))
        else:
            self._wait_ready(process, begun_s)
            time.sleep(self.rng.expovariate(1 / 0.25))
            self.kills["end" if luck < INTO_START + INTO_END else "work"] += 1
            if luck < INTO_START + INTO_END:
                os.kill(process, signal.SIGTERM)
                time.sleep(self.rng.uniform(0.0, 0.1))
        os.kill(process, signal.SIGKILL)
        status = self._wait(process)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        ended_well = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        assert died or ended_well, f"it ended by itself ({status}):\n{self.log.read_text()[-4000:]}"
        self._remember()

    def _begin(self) -> tuple[int, float]:
        """A new life, some time after the last one."""
        self.now_us = self.ledger.seen_us or self.now_us
        self.now_us += round(self.rng.uniform(0.0, 20.0) * S)
        self.ledger.clear(self.now_us)
        begun_s = time.monotonic()
        process = _fork(self._live, self.log)
        self._living = [process]
        return process, begun_s

    def _wait(self, process: int) -> int:
        """Until a process has ended; its status."""
        _, status = os.waitpid(process, 0)
        self._living.clear()
        return status

    def _live(self) -> None:
        set_up_logging("warning")
        asyncio.run(_serve(self._service(self.configuration), self.ledger))

    def _service(self, configuration: Configuration) -> ProvenService:
        clock = PacedClock(self.ledger, self.now_us, SPEED)
        feed = Feed(self.world, self.ledger)
        service = ProvenService(configuration=configuration, clock=clock, feed=feed)
        service.listeners.append(self.ledger.committed)
        return service

    def _warm_up(self) -> None:
        """A life elsewhere, in this process, which imports what children would have to."""
        self.ledger.clear(self.now_us)
        warm_up = _configure(self.folder / "warm-up", self.port)
        asyncio.run(_serve(self._service(warm_up), self.ledger, until_ready=True))
        self.ledger.clear(self.now_us)

    def _wait_ready(self, process: int, begun_s: float) -> None:
        ends_at_s = begun_s + READY_S
        while not self.ledger.ready:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                self._living.clear()
            assert not ended, f"it ended in its start ({status}):\n{self.log.read_text()[-4000:]}"
            assert time.monotonic() < ends_at_s, f"not ready:\n{self.log.read_text()[-4000:]}"
            time.sleep(0.001)
        self.ready_s.append(time.monotonic() - begun_s)

    def _remember(self) -> None:
        """In which span of true time this life has seen, and kept what it saw."""
        for zone in range(ZONES):
            self.watched.add(zone, self.ledger.begun_us, self.ledger.committed_us)

    def _end_well(self) -> None:
        """A last life, until everything has arrived."""
        process, begun_s = self._begin()
        self._wait_ready(process, begun_s)
        wait_until(lambda: self.ledger.committed_us > self.now_us + 60 * S, READY_S)
        self.ledger.hold()
        self.received.with_name("calm").touch()
        wait_until(self._all_delivered, DRAIN_S)
        os.kill(process, signal.SIGTERM)
        status = self._wait(process)
        assert status == 0, f"it ended badly ({status}):\n{self.log.read_text()[-4000:]}"
        self._remember()
        self.now_us = self.ledger.seen_us

    def _all_delivered(self) -> bool:
        store = f"file:{self.configuration.data_dir / 'state.db'}?mode=ro"
        with closing(sqlite3.connect(store, uri=True)) as connection:
            (newest,) = connection.execute("SELECT max(seq) FROM record").fetchone()
            (least,) = connection.execute("SELECT min(delivered) FROM sink").fetchone()
        return bool(least == newest)

    def _compare(self) -> dict[str, Any]:
        data = self.configuration.data_dir
        stored = read_store(data / "state.db", self.folder / "copy")
        assert set(stored.delivered.values()) == {stored.newest}, stored.delivered
        assert not list(data.glob("*damaged*")), "a store was set aside"
        said = self.log.read_text()
        assert "Traceback" not in said, said[-8000:]
        check_stories(stored)
        (self.folder / "watched.json").write_text(json.dumps(self.watched.spans))
        given = {
            "wms": [_data(line) for line in self.received.read_bytes().splitlines()],
            "log": (data / "movements.jsonl").read_bytes().splitlines(),
        }
        repeated, verdict = {}, Verdict()
        for sink, bodies in given.items():
            check_sink(stored, sink, bodies)
            movements, repeated[sink] = unique(bodies, sink)
            assert len(movements) == len(stored.movements), f"{sink}: something was lost"
            zone_ids = [zone.id for zone in self.configuration.site.zones]
            verdict = judge(
                self.world, zone_ids, self.watched, by_tag(movements), self.ledger.committed_us,
                linger_us=LINGER_US,
            )  # fmt: skip
        return {
            "movements": verdict.movements,
            "stays_that_had_to_be_told": verdict.obliged,
            "lost": 0,
            "phantom": 0,
            "reordered": 0,
            "changed": 0,
            **{f"repeated_{sink}": count for sink, count in repeated.items()},
        }


def _configure(site: Path, port: int) -> Configuration:
    readers = {f"r{number}": 1 + number for number in range(ZONES)}  # nobody ever calls there
    sinks = [
        {
            "name": "wms",
            "kind": "webhook",
            "url": f"http://127.0.0.1:{port}/hook",
            "allow": ["127.0.0.1"],
        },
        {"name": "log", "kind": "file", "path": "movements.jsonl"},
    ]
    return load(write_small(site, readers, sinks=sinks), environ={})


async def _serve(service: Service, ledger: Ledger, *, until_ready: bool = False) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def tell_ready() -> None:
        await service.started.wait()
        ledger.tell_ready()
        if until_ready:
            stop.set()

    telling = asyncio.create_task(tell_ready())
    await service.run(stop)
    telling.cancel()


def _data(event: bytes) -> bytes:
    return orjson.dumps(orjson.loads(event)["data"])


def _fork(live: Any, log: Path) -> int:
    """A child that does `live()` and ends; it leaves nothing of ours to be done twice."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        live()
        code = 0
    except BaseException as error:  # noqa: BLE001 - a child ends here, whatever it is
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Run the loop and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    print(json.dumps(KillLoop(options.folder, options.seed).run(options.kills)))


if __name__ == "__main__":
    main()

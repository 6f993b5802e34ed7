"""What every test lives under: nothing may be left behind, and random inputs repeat.

A test that leaves threads, sockets or asyncio tasks behind fails, because such leftovers are how a
daemon that runs for a year dies. Hypothesis derandomises, so that a failure in CI repeats on a
desk; HYPOTHESIS_PROFILE=nightly looks further, with new inputs each time.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from gateway.rules.expression import available
from tests.databases import Influx1, VictoriaMetrics
from tests.servers import Mosquitto, absent

#: Closing takes a moment where a thread or a peer has a part in it.
GRACE_S = 3.0
POLL_S = 0.01

hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def cel() -> None:
    """The test needs the engine of the Common Expression Language."""
    if not available():
        absent("cel-expr-python is not installed: pip install 'rfid-gateway[rules]'")


@pytest.fixture(autouse=True)
def no_threads_or_sockets_left() -> Iterator[None]:
    """Fail a test after which a thread runs or a socket is open that was not there before."""
    threads, sockets = set(threading.enumerate()), _open_sockets()
    yield
    left = _leftovers(threads, sockets)
    if left:
        gc.collect()  # an object in a cycle is a leak only if it outlives a collection
    ends_at_s = time.monotonic() + GRACE_S
    while left and time.monotonic() < ends_at_s:
        time.sleep(POLL_S)
        left = _leftovers(threads, sockets)
    if left:
        pytest.fail(f"left behind by this test: {', '.join(left)}", pytrace=False)


@pytest.fixture(autouse=True)
def no_tasks_left(no_threads_or_sockets_left: None, request: pytest.FixtureRequest) -> None:
    """Fail an asynchronous test that leaves tasks; then its loop closes, then sockets count."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("pending_tasks")


@pytest.fixture
async def pending_tasks() -> AsyncIterator[None]:
    """Runs in the test's own event loop, around the test and its fixtures."""
    yield
    loop = asyncio.get_running_loop()
    ends_at_s = loop.time() + GRACE_S
    own = asyncio.current_task()
    while (left := asyncio.all_tasks() - {own}) and loop.time() < ends_at_s:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)
    if left:
        names = ", ".join(sorted(f"{task.get_name()} ({task.get_coro()})" for task in left))
        pytest.fail(f"asyncio tasks left behind by this test: {names}", pytrace=False)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker of the test's own; mark the test with `@pytest.mark.server`."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        yield broker


@pytest.fixture
def influx1(tmp_path: Path) -> Iterator[Influx1]:
    """A running InfluxDB 1.x of the test's own; mark the test with `@pytest.mark.server`."""
    folder = tmp_path / "influx1"
    folder.mkdir()
    with Influx1(folder) as database:
        yield database


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    """A running VictoriaMetrics of the test's own; mark the test with `@pytest.mark.server`."""
    folder = tmp_path / "victoria-metrics"
    folder.mkdir()
    with VictoriaMetrics(folder) as database:
        yield database


def _leftovers(threads: set[threading.Thread], sockets: set[str]) -> list[str]:
    new_threads = [t for t in threading.enumerate() if t not in threads]
    return [f"thread {t.name}" for t in new_threads] + sorted(_open_sockets() - sockets)


def _open_sockets() -> set[str]:
    """The sockets of this process by inode, as Linux names them: `socket:[12345]`."""
    names = set()
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208 - only the names, and fast
        try:
            name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        except FileNotFoundError:  # the descriptor of this very listing
            continue
        if name.startswith("socket:"):
            names.add(name)
    return names

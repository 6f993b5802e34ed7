"""The fixtures that every other test leans on."""

from __future__ import annotations

import asyncio
import textwrap
import time

import pytest

from tests.servers import Mosquitto, accepts_connections, eventually, require, wait_until

pytest_plugins = ["pytester"]


@pytest.mark.server
def test_mosquitto_comes_back_on_the_same_port_after_a_kill(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert not accepts_connections(mosquitto.port)
    mosquitto.start()
    assert accepts_connections(mosquitto.port)


def test_an_absent_program_skips_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        require("no-such-program")


def test_an_absent_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        require("no-such-program")


def test_waiting_ends_with_a_sentence_at_the_deadline() -> None:
    with pytest.raises(AssertionError, match=r"still false after 0\.05 s"):
        wait_until(lambda: False, 0.05)


async def test_eventually_lets_the_event_loop_go_on() -> None:
    ready_at_s = time.monotonic() + 0.02
    await eventually(lambda: time.monotonic() > ready_at_s)


LEAKS = {
    "thread": """
        import threading

        def test_leaves_a_thread():
            wait = threading.Event().wait
            threading.Thread(target=wait, args=(9,), daemon=True, name="forgotten").start()
    """,
    "socket": """
        import socket
        kept = []

        def test_leaves_a_socket():
            kept.append(socket.socket())
    """,
    "task": """
        import asyncio
        kept = []

        async def test_leaves_a_task():
            kept.append(asyncio.create_task(asyncio.sleep(9), name="forgotten"))
    """,
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_test_that_leaves_something_behind_fails(kind: str, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    pytester.makeconftest(
        """
        import tests.conftest
        from tests.conftest import no_tasks_left, no_threads_or_sockets_left, pending_tasks
        tests.conftest.GRACE_S = 0.1
        """
    )
    pytester.makepyfile(textwrap.dedent(LEAKS[kind]))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.re_match_lines([rf".*left behind by this test: .*({kind}|forgotten).*"])


async def test_a_cancelled_and_awaited_task_is_not_left_behind() -> None:
    task = asyncio.create_task(asyncio.sleep(9))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

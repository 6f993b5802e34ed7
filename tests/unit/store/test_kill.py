"""kill -9 in the middle of commits: what was told as committed is there, once, and in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.store.database import open_store
from tests.outcomes import epc_of
from tests.proof.figures import size

KILLS = size("store_kills", short=10, long=300)
READY_DEADLINE_S = 20.0

#: Commits movements of ten tags without end; prints a tag and its number after each commit.
CHILD = """
import sys
from pathlib import Path
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.outcomes import movement, outcome

def committed(outcomes):
    text = "".join(f"{m.epc} {m.seq}\\n" for o in outcomes for m in o.movements)
    sys.stdout.write(text)
    sys.stdout.flush()

store = open_store(Path(sys.argv[1]))
tags = store.load_tags()
seqs = dict(zip((e.hex().upper() for e in tags.epcs), tags.seq.tolist()))
assert store.quarantined is None
writer = Writer(store, committed)
writer.start()
print("ready", flush=True)
number = 0
while True:
    tag = number % 10
    epc = movement(tag).epc
    seqs[epc] = seqs.get(epc, 0) + 1
    writer.submit(outcome(number, [movement(tag, seqs[epc])]))
    number += 1
    while writer.pending > 100:
        pass
"""


@pytest.mark.timeout(120 + 5 * KILLS)
def test_no_kill_loses_doubles_or_reorders_a_committed_movement(tmp_path: Path) -> None:
    rng = random.Random(20)
    path = tmp_path / "state.db"
    told: dict[str, int] = {}
    for number in range(KILLS):
        told_lines = number % 2  # every other one is killed after it has committed something
        after_s, output = rng.uniform(0.0, 0.15), tmp_path / "told"
        for epc, seq in _run_and_kill(path, after_s, output, told_lines):
            assert seq > told.get(epc, 0), "a number was given twice, or numbers went back"
            told[epc] = seq
    store = open_store(path)
    assert store.quarantined is None
    with store.reading() as reader:
        assert reader.connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = reader.connection.execute("SELECT epc, seq FROM movement ORDER BY record").fetchall()
        (records,) = reader.connection.execute("SELECT count(*) FROM record").fetchone()
    assert records == len(rows)
    stored: dict[str, list[int]] = {}
    for epc, seq in rows:
        stored.setdefault(epc.hex().upper(), []).append(seq)
    assert told, "the kills came before anything was committed: nothing was tested"
    for epc, seq in told.items():
        assert stored[epc] == list(range(1, len(stored[epc]) + 1)), "gaps, repeats or disorder"
        assert len(stored[epc]) >= seq, f"{epc}: {seq} was told, {len(stored[epc])} are there"
    tags = store.load_tags()
    kept = dict(zip((e.hex().upper() for e in tags.epcs), tags.seq.tolist(), strict=True))
    assert kept == {epc: seqs[-1] for epc, seqs in stored.items()}, "state and history disagree"
    assert set(kept) <= {epc_of(tag) for tag in range(10)}
    store.close()


def _run_and_kill(path: Path, after_s: float, output: Path, least: int) -> list[tuple[str, int]]:
    """Start the child, kill it some time after it is ready and has told of `least` commits.

    Returns what it told to be committed.
    """
    root = Path(__file__).parents[3]
    with output.open("wb") as told:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            stdout=told,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        try:
            ends_at_s = time.monotonic() + READY_DEADLINE_S
            while output.read_bytes().count(b"\n") < 1 + least:
                assert child.poll() is None, "the child could not start"
                assert time.monotonic() < ends_at_s
                time.sleep(0.005)
            time.sleep(after_s)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    whole, _, _ = output.read_text().rpartition("\n")
    lines = [line.split() for line in whole.splitlines()[1:]]
    return [(epc, int(seq)) for epc, seq in lines]

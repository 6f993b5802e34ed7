"""A receiver of webhooks in a process of its own: it writes down what it is given, then answers.

Now and then it answers that it is busy, or hangs up after it has written, so that what it has comes
again — until a file `calm` lies beside its own. It outlives every gateway.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

from tests.http_peer import Answer, HttpPeer, Request

BUSY = 0.01
HANGS_UP = 0.01


async def receive(port: int, file: Path, seed: int) -> None:
    """Listen at `port` until the process ends; one body a line goes into `file`."""
    rng, calm = random.Random(seed), file.with_name("calm")
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def answer(request: Request) -> Answer:
        luck = 1.0 if calm.exists() else rng.random()
        if luck < BUSY:
            return Answer(503)
        os.write(descriptor, request.body + b"\n")
        return Answer(None if luck < BUSY + HANGS_UP else 204)

    peer = HttpPeer(answer)
    peer.port = port
    await peer.start()
    await asyncio.Event().wait()

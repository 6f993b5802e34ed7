"""The JSON objects of the API about the outbox, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_SEQS = 10_000

SinkState = Literal["starting", "idle", "delivering", "retrying", "held", "removed", "stopped"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SinkQueue(_Answer):
    """One sink's queue."""

    name: str
    state: SinkState = Field(
        description="retrying: the last try failed, see reason. held: the other side refuses our "
        "settings; nothing is dropped. removed: no longer in the settings."
    )
    reason: str | None = Field(description="Why it is retrying or held.")
    retry_at: datetime | None = Field(description="When it tries again by itself.")
    pending: int = Field(description="Records that it has still to take.")
    oldest: datetime | None = Field(description="When the oldest of them was committed.")
    delivered: int | None = Field(description="Records that it took since the start.")
    dead_letters: int = Field(description="Records that it refused for good.")
    again: int = Field(description="Of them, those that are to be tried again.")
    let_go: int = Field(description="Records given up for lack of room or for their age.")
    removed: datetime | None = Field(description="When it left the settings.")


class Buffer(_Answer):
    """How much room there is for what waits."""

    used_bytes: int = Field(description="What the store takes.")
    limit_bytes: int = Field(description="What it may take; less where the disk has less.")
    free_bytes: int = Field(description="What is left, counting delivered history as free.")
    bytes_per_hour: int = Field(description="What came in lately.")
    hours_left: float | None = Field(description="At that rate; null: nothing came in yet.")


class OutboxReport(_Answer):
    """Every sink's queue, and how much room there is."""

    sinks: list[SinkQueue]
    buffer: Buffer


class DeadLetter(_Answer):
    """A record that one sink refused for good."""

    number: int
    sink: str
    seq: int = Field(description="Its place in the journal.")
    id: str
    kind: str = Field(examples=["movement", "passage", "alert"])
    key: str = Field(description="What order is kept by: the EPC, the door, the alert's key.")
    reason: str
    set_aside: datetime
    again: bool = Field(description="It is to be tried again.")


class DeadLetterPage(_Answer):
    """Some dead letters, and the cursor of the next page; null at the end."""

    dead_letters: list[DeadLetter]
    next: int | None


class Chosen(BaseModel):
    """Which dead letters are meant."""

    model_config = ConfigDict(extra="forbid")

    seqs: list[Annotated[int, Field(ge=0, lt=2**62)]] = Field(
        default_factory=list, max_length=MAX_SEQS, description="These."
    )
    all: bool = Field(default=False, description="All of them.")


class Retried(_Answer):
    """How many dead letters are tried again by that."""

    again: int


class Dropped(_Answer):
    """How many dead letters were removed."""

    dropped: int

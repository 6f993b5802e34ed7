"""The JSON objects of the API about alerts, items and shipments, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

StateName = Literal["firing", "resolved"]
#: A year; who wants to hear of it never again changes the rule.
LONGEST_S = 366 * 86_400.0

By = Annotated[str, Field(min_length=1, max_length=100, description="Who says so.")]
Note = Annotated[str, Field(max_length=1_000, description="Why.")]


class AlertList(BaseModel):
    """Alerts as the contract's objects."""

    alerts: list[dict[str, Any]]


class Ack(BaseModel):
    """Somebody takes note."""

    model_config = ConfigDict(extra="forbid")

    by: By = "api"
    note: Note = ""
    for_s: float | None = Field(
        default=None, gt=0, le=LONGEST_S, description="For so long; absent: until it ends."
    )


class Quiet(BaseModel):
    """For how long, and why."""

    model_config = ConfigDict(extra="forbid")

    by: By = "api"
    note: Note = ""
    for_s: float = Field(default=3_600.0, gt=0, le=LONGEST_S, description="For so long.")


class Silence(Quiet):
    """Which alerts: those that match everything given."""

    rule: Annotated[str, Field(max_length=200)] | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    match: dict[str, str | int | float] = Field(
        default_factory=dict, max_length=20, description="Fields of the alert."
    )


class Taken(BaseModel):
    """It is done with the next tick."""

    id: str


class Reloaded(BaseModel):
    """The files were taken up."""

    done: str


class Imported(BaseModel):
    """What became of the rows."""

    taken: int
    refused: int
    problems: list[str] = Field(description="A sentence for each of the first that are wrong.")

"""Query parameters that several routes share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from gateway.api.models import TagStateName

Limit = Annotated[int, Query(ge=1, le=1_000, description="Most entries in one answer.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before.")]
StateName = Annotated[TagStateName | None, Query(description="Only tags in this state.")]

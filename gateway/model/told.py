"""Movements and passages made again of the JSON objects that were told of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.model.movement import Direction, Kind, Movement, Status
from gateway.model.passage import Passage


def movement_told(body: dict[str, Any]) -> Movement:
    """The movement of a contract's object; ValueError, KeyError or TypeError if it is none."""
    return Movement(
        id=body["id"],
        seq=body["seq"],
        site=body["site"],
        epc=body["epc"],
        epc_uri=body["epc_uri"],
        kind=Kind(body["kind"]),
        status=Status(body["status"]),
        from_zone=body["from"],
        to_zone=body["to"],
        door=body["door"],
        direction=None if body["direction"] is None else Direction(body["direction"]),
        passage=body["passage"],
        event_time_us=_us(body["event_time"]),
        record_time_us=_us(body["record_time"]),
        confidence=body["confidence"],
        dwell_s=body.get("dwell_s"),
    )


def passage_told(body: dict[str, Any]) -> Passage:
    """The passage of a contract's object; ValueError, KeyError or TypeError if it is none."""
    return Passage(
        id=body["id"],
        site=body["site"],
        door=body["door"],
        direction=None if body["direction"] is None else Direction(body["direction"]),
        status=Status(body["status"]),
        start_us=_us(body["start"]),
        end_us=_us(body["end"]),
        event_time_us=_us(body["event_time"]),
        record_time_us=_us(body["record_time"]),
        epcs=tuple(body["epcs"]),
        confidence=body["confidence"],
        expected=body["expected"],
        verdict=body["verdict"],
    )


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000) * 1_000

"""The sink `epcis`: movements, passages, readings as EPCIS 2.0 events to a capture interface.

    sinks: [{name: trace, kind: epcis, url: https://epcis.example.com/capture,
             token: {credential: epcis-token}}]

Options: those of `http`; `kinds` (movement, passage; default: movement); `batch`, the most events
of one document; `movements`, which kinds become events; `identifiers` (digital-link or urn),
`resolver`, `locations` and `tags`, how things are named; `aggregate`; `follow_jobs` and `on_error`,
how the repository is asked to capture; `steps`, what is said at single doors and in single zones;
`sensors`, whether what sensors measured is told, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.errors import Rejected, SinkError
from gateway.model.delivery import Record, SinkConfig
from gateway.model.epc_elements import CANONICAL
from gateway.model.place import Site
from gateway.sinks import http
from gateway.sinks.base import SinkContext
from gateway.sinks.cloudevents import read_body
from gateway.sinks.epcis_capture import Capture, TooLarge, document_of
from gateway.sinks.epcis_mapping import DEFAULT_MOVEMENTS, EpcisMapping, Event, Step
from gateway.sinks.epcis_offsets import Offsets
from gateway.sinks.epcis_places import DEFAULT_PLACE, DEFAULT_TAG, Form, Names
from gateway.sinks.epcis_sensors import sensor_event, window_of
from gateway.sinks.options import kinds_option, no_other_options

DEFAULT_BATCH = 100
_OPTIONS = http.OPTIONS | {
    "kinds", "batch", "movements", "identifiers", "resolver", "locations", "tags", "aggregate",
    "follow_jobs", "on_error", "steps", "sensors", "sensors_every",
}  # fmt: skip
_WORDS = ("biz_step", "disposition", "source", "destination")


class EpcisSink:
    """Captures events; `lookup` and `sleep` are what tests replace."""

    def __init__(
        self,
        config: SinkConfig,
        context: SinkContext,
        *,
        lookup: http.Lookup | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        no_other_options(config, _OPTIONS)
        self.name = config.name
        self.kinds = kinds_option(config, default=frozenset({"movement"}))
        if "alert" in self.kinds:
            raise SinkError(f"sink {config.name}: an alert is no event of EPCIS: leave it out")
        if config.options.get("sensors"):
            self.kinds |= {"reading"}
        self.max_batch = int(config.options.get("batch") or DEFAULT_BATCH)
        self._mapping = mapping_of(config.options, context.layout or Site(id=context.site))
        self._connection = http.HttpConnection(http.endpoint_of(config), lookup=lookup)
        self._capture = Capture(
            self._connection,
            on_error=config.options.get("on_error") or "rollback",
            follow_jobs=config.options.get("follow_jobs") is not False,
            sleep=sleep,
        )

    async def open(self) -> None:
        """Get ready; raises `Hold`."""
        await self._connection.open()

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Capture one document; raises `Rejected` when it is refused as a whole."""
        refused: dict[int, str] = {}
        told: list[tuple[Record, Event]] = []
        created = ""
        for record in records:
            try:
                body = read_body(record)
                event = self._event(record, body)
            except Rejected as refusal:
                refused[record.seq] = str(refusal)
                continue
            if event is not None:
                told.append((record, event))
                created = max(created, str(body.get("record_time") or event["eventTime"]))
        if not told:
            return refused
        document = document_of([event for _, event in told], created)
        try:
            reasons = await self._capture.capture(document, [e["eventID"] for _, e in told])
        except TooLarge:
            self.max_batch = max(1, len(records) // 2)
            raise
        return refused | {
            record.seq: reasons[event["eventID"]]
            for record, event in told
            if event["eventID"] in reasons
        }

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _event(self, record: Record, body: Mapping[str, Any]) -> Event | None:
        """The event of a record; None when it has none."""
        if record.kind == "movement":
            return self._mapping.movement(body)
        if record.kind == "passage":
            return self._mapping.passage(body)
        if record.kind == "reading":
            return sensor_event(self._mapping, [window_of(body)], zone=body.get("zone"))
        raise Rejected(f"there is no event of EPCIS for records of kind {record.kind!r}")


def mapping_of(options: Mapping[str, Any], layout: Site) -> EpcisMapping:
    """The mapping of a site by a sink's options."""
    given: dict[str, str] = {}
    steps: dict[str, Step] = {}
    for entry in options.get("steps") or ():
        place = f"door:{entry['door']}" if entry.get("door") else f"zone:{entry['zone']}"
        if entry.get("location"):
            given[place] = entry["location"]
        step = Step(**{word: entry.get(word) for word in _WORDS})
        directions = (entry["direction"],) if entry.get("direction") else ("in", "out")
        for key in [f"{place}:{d}" for d in directions] if entry.get("door") else [place]:
            steps[key] = step
    names = Names(
        site=layout,
        form=Form(options.get("identifiers") or Form.DIGITAL_LINK),
        resolver=(options.get("resolver") or CANONICAL).rstrip("/"),
        place=options.get("locations") or DEFAULT_PLACE,
        tag=options.get("tags") or DEFAULT_TAG,
        given=given,
    )
    return EpcisMapping(
        names=names,
        offsets=Offsets(layout.timezone),
        movements=frozenset(options.get("movements") or DEFAULT_MOVEMENTS),
        aggregate=bool(options.get("aggregate")),
        steps=steps,
    )

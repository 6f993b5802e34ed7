"""The sink `webhook`: movements, passages and alerts as CloudEvents to an address over HTTP.

    sinks: [{name: wms, kind: webhook, url: https://wms.example.com/hook,
             secrets: [{credential: wms-secret}]}]

Options: those of `http`; `secrets`, which sign (see `signatures`); `batch`, how many events go in
one request (1: CloudEvents structured mode, more: batched mode); `parallel`, how many requests at a
time; `source` and `type_prefix` of the events; `kinds` (default: movement).

Requests go out in parallel for different keys, one after the other for the same: order per tag
holds at the receiver. What was taken before a failure is not sent again by this process.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import quote

from gateway.errors import Hold, Rejected, Retry, SinkError
from gateway.model.delivery import Record, Secret, SinkConfig
from gateway.sinks import alertmanager, cloudevents, http
from gateway.sinks.base import SinkContext
from gateway.sinks.http_status import Reply, check
from gateway.sinks.options import kinds_option, no_other_options
from gateway.sinks.signatures import Signer

#: Records of one page when each is a request of its own.
PAGE = 200
_OPTIONS = http.OPTIONS | {
    "secrets", "batch", "parallel", "source", "type_prefix", "kinds", "format",
}  # fmt: skip
_HEADER_SAFE = "/:._~-"


class WebhookSink:
    """Posts events; `now_s` and `lookup` are what tests replace."""

    def __init__(
        self,
        config: SinkConfig,
        context: SinkContext,
        *,
        lookup: http.Lookup | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        no_other_options(config, _OPTIONS)
        options = config.options
        secrets: Sequence[Secret] = [s for s in options.get("secrets") or () if s is not None]
        try:
            self._signer = Signer(secrets)
        except SinkError as error:
            raise SinkError(f"sink {config.name}: {error}") from None
        self.name = config.name
        self._as_alertmanager = options.get("format") == "alertmanager"
        usual = "alert" if self._as_alertmanager else "movement"
        self.kinds = kinds_option(config, default=frozenset({usual}))
        if self._as_alertmanager and (self.kinds != {"alert"} or options.get("batch", 1) != 1):
            raise SinkError(f"sink {config.name}: format alertmanager holds alerts, one at a time")
        self._batched = int(options.get("batch") or 1) > 1
        self.max_batch = int(options.get("batch") or 1) if self._batched else PAGE
        self._parallel = int(options.get("parallel") or 4)
        self._source = options.get("source") or cloudevents.default_source(context.site)
        self._type_prefix = options.get("type_prefix") or cloudevents.DEFAULT_TYPE_PREFIX
        self._now_s = now_s
        self._connection = http.HttpConnection(
            http.endpoint_of(config), parallel=self._parallel, lookup=lookup
        )
        self._settled: dict[int, str | None] = {}  # of the page that is under way: seq → refusal

    async def open(self) -> None:
        """Get ready; raises `Hold`."""
        await self._connection.open()

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Post in order per key; raises the worst that happened, after what could be delivered."""
        asked = {record.seq for record in records}
        self._settled = {seq: told for seq, told in self._settled.items() if seq in asked}
        left = [record for record in records if record.seq not in self._settled]
        if self._batched:
            await self._deliver_together(left)
        else:
            await self._deliver_singly(left)
        settled, self._settled = self._settled, {}
        return {seq: refusal for seq, refusal in settled.items() if refusal is not None}

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def _deliver_singly(self, records: Sequence[Record]) -> None:
        chains: dict[str, deque[Record]] = {}
        for record in records:
            chains.setdefault(record.key, deque()).append(record)
        waiting, settled_before = deque(chains.values()), len(self._settled)
        failures: list[Retry | Hold] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._parallel, len(waiting))):
                group.create_task(self._work(waiting, failures))
        if failures:
            failure = next((f for f in failures if isinstance(f, Hold)), failures[0])
            if isinstance(failure, Retry):
                failure.progress = len(self._settled) > settled_before
            raise failure

    async def _work(self, waiting: deque[deque[Record]], failures: list[Retry | Hold]) -> None:
        """Take one key after the other, until all are done or somebody has failed."""
        while waiting and not failures:
            chain = waiting.popleft()
            while chain and not failures:
                record = chain.popleft()
                try:
                    self._settled[record.seq] = await self._deliver_one(record)
                except (Retry, Hold) as failure:
                    failures.append(failure)

    async def _deliver_one(self, record: Record) -> str | None:
        """Post one event; returns why it is refused, None if it was taken."""
        try:
            body = cloudevents.read_body(record)
            if self._as_alertmanager:
                event = alertmanager.notification(record, body, self.name)
                content_type = alertmanager.CONTENT_TYPE
            else:
                event = cloudevents.envelope(record, body, self._source, self._type_prefix)
                content_type = cloudevents.ONE
            self._check(await self._post(cloudevents.event_id(record, body), event, content_type))
        except Rejected as refusal:
            return str(refusal)
        return None

    async def _deliver_together(self, records: Sequence[Record]) -> None:
        """Post one batch; raises `Rejected` when it is refused as a whole."""
        events, ids = [], []
        for record in records:
            try:
                body = cloudevents.read_body(record)
            except Rejected as refusal:
                self._settled[record.seq] = str(refusal)
                continue
            events.append(cloudevents.envelope(record, body, self._source, self._type_prefix))
            ids.append(cloudevents.event_id(record, body))
        if not events:
            return
        batch = cloudevents.batch(events)
        self._check(await self._post(cloudevents.batch_id(ids), batch, cloudevents.SEVERAL))

    async def _post(self, message_id: str, body: bytes, content_type: str) -> Reply:
        # An id with characters that a header must not hold is escaped there, and signed so.
        safe_id = quote(message_id, safe=_HEADER_SAFE)
        headers = self._signer.headers(safe_id, int(self._now_s()), body)
        return await self._connection.post(body, headers | {"Content-Type": content_type})

    def _check(self, reply: Reply) -> None:
        check(reply, self._connection.endpoint.host)

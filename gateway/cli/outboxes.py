"""An outbox to work on: of a running gateway by its API, or of a stopped one by its store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from gateway.cli.client import DEFAULT_SITE, Client, find_api
from gateway.errors import StoreError, Unavailable

if TYPE_CHECKING:
    from gateway.store.database import Store

Json = dict[str, Any]


class Outbox(Protocol):
    """What the command does; `running` says whether somebody delivers."""

    running: bool

    def report(self) -> Json:
        """Every sink's queue."""

    def dead_letters(self, sink: str | None, limit: int) -> list[Json]:
        """The first that were set aside (for one sink)."""

    def retry(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Have dead letters (None: all) tried again."""

    def drop(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Remove dead letters (None: all)."""


class _Running:
    """By the API."""

    running = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def report(self) -> Json:
        report: Json = self._client.get("/api/v1/outbox")
        return report

    def dead_letters(self, sink: str | None, limit: int) -> list[Json]:
        query = {"limit": limit} | ({} if sink is None else {"sink": sink})
        found: list[Json] = self._client.get(f"/api/v1/outbox/dead-letters?{urlencode(query)}")[
            "dead_letters"
        ]
        return found

    def retry(self, sink: str, seqs: Sequence[int] | None) -> int:
        return int(self._post(sink, "retry", seqs)["again"])

    def drop(self, sink: str, seqs: Sequence[int] | None) -> int:
        return int(self._post(sink, "drop", seqs)["dropped"])

    def _post(self, sink: str, what: str, seqs: Sequence[int] | None) -> Json:
        chosen = {"all": True} if seqs is None else {"seqs": list(seqs)}
        path = f"/api/v1/outbox/{quote(sink, safe='')}/{what}"
        answer: Json = self._client.post(path, chosen)
        return answer


class _Stopped:
    """By the store, which nobody else has open."""

    running = False

    def __init__(self, store: Store) -> None:
        self._connection = store.writing

    def report(self) -> Json:
        from gateway.outbox.report import sink_reports
        from gateway.store.room import room

        sinks = [r.to_json() for r in sink_reports(self._connection, {})]
        return {"sinks": sinks, "buffer": room(self._connection).to_json()}

    def dead_letters(self, sink: str | None, limit: int) -> list[Json]:
        from gateway.outbox.report import letter_json
        from gateway.outbox.upkeep import check_sink
        from gateway.store import letters

        if sink is not None:
            check_sink(self._connection, sink)
        return [letter_json(d) for d in letters.listed(self._connection, 0, limit, sink)]

    def retry(self, sink: str, seqs: Sequence[int] | None) -> int:
        from gateway.outbox import upkeep

        with self._transaction():
            return upkeep.retry(self._connection, sink, seqs)

    def drop(self, sink: str, seqs: Sequence[int] | None) -> int:
        from gateway.outbox import upkeep

        with self._transaction():
            return upkeep.drop(self._connection, sink, seqs)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def open_outbox(api: str | None, site: Path | None) -> Iterator[Outbox]:
    """The outbox of the gateway that runs, else the one in the site's store.

    With `api` given only the running one is meant. Raises `Unavailable` when there is neither.
    """
    with Client(find_api(api, site)) as client:
        away = _away(client)
        if away is None:
            yield _Running(client)
            return
    if api is not None:
        raise away
    with closing(open_stopped_store(site, away)) as store:
        yield _Stopped(store)


def open_stopped_store(site: Path | None, away: Unavailable) -> Store:
    """The site's store, when no gateway has it open; `away` is raised where there is none."""
    from gateway.settings.configuration import load_settings
    from gateway.store.database import STORE_FILE, open_store

    directory = site or DEFAULT_SITE
    if site is None and not directory.is_dir():
        raise away
    settings = load_settings(directory)[0]
    path = directory / settings.data_dir / STORE_FILE
    if not path.is_file():
        raise Unavailable(f"{away} There is no store of a stopped one either: no file {path}.")
    try:
        return open_store(path, limit_bytes=settings.outbox.max_size)
    except StoreError as error:
        raise Unavailable(f"{away} Its store cannot be used either: {error}.") from error


def _away(client: Client) -> Unavailable | None:
    """Why no gateway can be asked; None when one answers."""
    try:
        client.get("/api/v1/outbox")
    except Unavailable as error:
        return error
    return None

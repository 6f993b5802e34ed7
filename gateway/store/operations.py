"""Small operations of others (cursor moves, dead letters) that ride in the writer's commits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from gateway.store import faults

Operation = Callable[[sqlite3.Connection], Any]


class Asked:
    """One operation that was asked for, and the future of whoever waits for it."""

    def __init__(self, operation: Operation) -> None:
        self.future: Future[Any] = Future()
        self._operation = operation
        self._result: Any = None
        self._mistake: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Do it inside the open transaction; a mistake of its own undoes only itself.

        Raises what concerns the whole transaction: a full or failing disk, a damaged file.
        """
        self._result = self._mistake = None
        connection.execute("SAVEPOINT asked")
        try:
            self._result = self._operation(connection)
        except Exception as error:  # whatever it is belongs to the one who asked
            if faults.is_surroundings(error) or faults.is_corruption(error):
                raise
            connection.execute("ROLLBACK TO asked")
            self._mistake = error
        connection.execute("RELEASE asked")

    def answer(self) -> None:
        """Tell the result, after the commit."""
        with suppress(InvalidStateError):  # the one who asked may have gone
            if self._mistake is not None:
                self.future.set_exception(self._mistake)
            else:
                self.future.set_result(self._result)

    def cancel(self) -> None:
        """It will not be done."""
        self.future.cancel()

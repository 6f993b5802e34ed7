"""Report: every problem of a site, collected before anything is refused."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable

from gateway.errors import Problem, SettingsError
from gateway.settings.node import Place

#: More problems than a person reads at once; the rest is not told.
MAX_PROBLEMS = 100
#: In a longer list of known words only as many neighbours in the alphabet are compared.
MAX_COMPARED = 200


class Report:
    """Collects problems (which refuse the configuration) and notes (which do not)."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._notes: dict[Problem, None] = {}

    @property
    def full(self) -> bool:
        """Whether no more problems are taken."""
        return len(self._problems) > MAX_PROBLEMS

    @property
    def problems(self) -> list[Problem]:
        """The problems in order of file, line and column."""
        return _sorted(self._problems)

    @property
    def notes(self) -> list[Problem]:
        """The notes in order of file, line and column."""
        return _sorted(self._notes)

    def problem(self, place: Place, message: str) -> None:
        """Add what refuses the configuration; the same thing twice is told once."""
        if self.full:
            return
        if len(self._problems) == MAX_PROBLEMS:
            place, message = Place("…"), f"more than {MAX_PROBLEMS} problems: the rest is not told"
        self._problems[_told(place, message)] = None

    def note(self, place: Place, message: str) -> None:
        """Add what the user should know but what refuses nothing."""
        if len(self._notes) < MAX_PROBLEMS:
            self._notes[_told(place, message)] = None

    def raise_problems(self) -> None:
        """Raise `SettingsError` with every problem, if there is one."""
        if self._problems:
            raise SettingsError(self.problems)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is probably meant to be."""
    words = {k.lower(): k for k in known}
    given = word.lower()[:200]
    if len(words) > MAX_COMPARED:
        ordered = sorted(words)
        middle = bisect.bisect(ordered, given)
        window = ordered[max(0, middle - MAX_COMPARED // 2) : middle + MAX_COMPARED // 2]
        words = {w: words[w] for w in window}
    close = difflib.get_close_matches(given, words, n=1, cutoff=0.6)
    if not close and len(given) > 2:
        close = [w for w in words if w.startswith(given)][:1]
    return words[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word that is nearest to `word`, else nothing."""
    found = nearest(word, known)
    return f"; did you mean '{found}'?" if found else ""


def quoted(text: str) -> str:
    """What a person wrote, in quotes, at a length that a terminal bears."""
    shown = text if len(text) <= 60 else text[:57] + "…"
    return "'" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown) + "'"


def _told(place: Place, message: str) -> Problem:
    return Problem(file=place.source, line=place.line, column=place.column, message=message)


def _sorted(told: dict[Problem, None]) -> list[Problem]:
    return sorted(told, key=lambda p: (p.file, p.line, p.column))

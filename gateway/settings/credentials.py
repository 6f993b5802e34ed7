"""Secrets: found where a reference says, never shown."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from gateway.model.delivery import Secret
from gateway.settings.node import Place
from gateway.settings.report import Report, quoted
from gateway.settings.section import SecretRef

MAX_SECRET_BYTES = 16_384


class Secrets:
    """Resolves references; unless they are `required`, nothing is looked up and all are absent."""

    def __init__(
        self, directory: Path, environ: Mapping[str, str], report: Report, *, required: bool
    ) -> None:
        self._directory = directory
        self._environ = environ
        self._report = report
        self._required = required

    def resolve(self, name: str, reference: SecretRef | None, place: Place) -> Secret | None:
        """The secret of the setting `name`; None without a reference, or, told, if not found."""
        if reference is None or not self._required:
            return None
        try:
            text = self._text(reference)
        except _UnresolvedError as error:
            self._report.problem(place, f"{name}: {error}")
            return None
        if not text:
            self._report.problem(place, f"{name}: the secret ({_where(reference)}) is empty")
            return None
        return Secret(text)

    def _text(self, reference: SecretRef) -> str:
        if reference.env is not None:
            text = self._environ.get(reference.env)
            if text is None:
                raise _UnresolvedError(
                    f"the environment variable {quoted(reference.env)} is not set"
                )
            return text
        if reference.credential is not None:
            folder = self._environ.get("CREDENTIALS_DIRECTORY")
            if folder is None:
                raise _UnresolvedError(
                    f"the credential {quoted(reference.credential)} needs $CREDENTIALS_DIRECTORY, "
                    "which systemd sets: add LoadCredential= to the unit"
                )
            return _read(Path(folder) / reference.credential)
        assert reference.file is not None
        return _read(self._directory / reference.file)


class _UnresolvedError(Exception):
    """A secret is not where its reference says."""


def _read(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _UnresolvedError(f"the secret file {path} is not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise _UnresolvedError(f"the secret file {path} cannot be read: {error.strerror}") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise _UnresolvedError(f"the secret file {path} is larger than {MAX_SECRET_BYTES:,} bytes")
    try:
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _UnresolvedError(f"the secret file {path} is not UTF-8 text") from None


def _where(reference: SecretRef) -> str:
    return ", ".join(f"{key} {value}" for key, value in reference if value is not None)

"""A backup's file: a tar of the databases and a manifest with their checksums, written at once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gateway.errors import StoreError

FORMAT = "rfid-gateway-backup"
VERSION = 1
MANIFEST = "manifest.json"
_MANIFEST_BYTES = 1_000_000
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    site: str
    time: str  # of the backup, ISO 8601
    gateway: str  # version
    files: Mapping[str, str]  # name → SHA-256 in hex


def write_archive(path: Path, manifest: Manifest, files: Sequence[Path]) -> None:
    """Write the archive beside its place and move it there: it is there whole, or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as out:
            partial.chmod(0o600)
            with tarfile.open(fileobj=out, mode="w") as archive:
                _add(archive, MANIFEST, _encoded(manifest))
                for file in files:
                    archive.add(file, arcname=file.name, recursive=False)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def opened_archive(path: Path) -> Iterator[tuple[tarfile.TarFile, Manifest]]:
    """A backup with its manifest; `StoreError` for anything else."""
    try:
        with tarfile.open(path, mode="r:") as archive:
            yield archive, _manifest(archive)
    except FileNotFoundError as error:
        raise StoreError(f"There is no file {path}.") from error
    except (OSError, tarfile.TarError, EOFError) as error:
        raise StoreError(f"{path} is no backup of an rfid-gateway ({error}).") from error


def extract(archive: tarfile.TarFile, manifest: Manifest, folder: Path) -> list[Path]:
    """Write the backup's files into `folder`, each checked against its checksum."""
    written = []
    for name, checksum in manifest.files.items():
        target = folder / name
        with _member(archive, name) as source, target.open("xb") as out:
            target.chmod(0o600)
            found = hashlib.sha256()
            while chunk := source.read(_CHUNK_BYTES):
                found.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if found.hexdigest() != checksum:
            raise StoreError(f"The backup is damaged: {name} is not what was written.")
        written.append(target)
    return written


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _encoded(manifest: Manifest) -> bytes:
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "site": manifest.site,
            "time": manifest.time,
            "gateway": manifest.gateway,
            "files": dict(manifest.files),
        },
        indent=2,
    ).encode()


def _manifest(archive: tarfile.TarFile) -> Manifest:
    with _member(archive, MANIFEST) as member:
        text = member.read(_MANIFEST_BYTES)
    try:
        found: dict[str, Any] = json.loads(text)
        newer = int(found["version"]) > VERSION
        manifest = Manifest(
            site=str(found["site"]),
            time=str(found["time"]),
            gateway=str(found["gateway"]),
            files={str(name): str(digest) for name, digest in found["files"].items()},
        )
        ours = found["format"] == FORMAT and all(map(_in_place, manifest.files))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError("The backup's manifest cannot be read: it is damaged.") from error
    if newer:
        raise StoreError(
            f"The backup was written by a newer gateway ({manifest.gateway}): install that one."
        )
    if not ours:
        raise StoreError("This is no backup of an rfid-gateway: its manifest is another one.")
    return manifest


def _in_place(name: str) -> bool:
    """Whether a file of this name can only go where databases are."""
    return Path(name).name == name and name.endswith(".db") and not name.startswith(".")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """A plain file of the archive; links and devices are nothing that we wrote."""
    try:
        member = archive.getmember(name)
    except KeyError:
        raise StoreError(f"This is no whole backup: it has no {name}.") from None
    plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
    file = archive.extractfile(member) if plain else None
    if file is None:
        raise StoreError(f"This is no backup: {name} is not a file in it.")
    return file


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

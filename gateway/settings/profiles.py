"""Profiles: what is known of reader models, from the site's own folder and the packaged one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.model.device import ReaderProfile
from gateway.settings.device_files import ProfileFile, ReaderSettings
from gateway.settings.document import read_document
from gateway.settings.files import same_folder, yaml_files
from gateway.settings.fit import fit
from gateway.settings.node import Place, named_by_its_file
from gateway.settings.packaged import example_site
from gateway.settings.report import Report

_FOLDER = Path("readers") / "profiles"


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by id; `whole` is False when one of the site's own could not be read."""

    by_id: dict[str, ReaderProfile]
    whole: bool


def load_profiles(site_directory: Path, report: Report) -> Profiles:
    """The packaged profiles, overruled by those of the site with the same id."""
    by_id = {"generic": ReaderProfile()}
    packaged, own = example_site() / _FOLDER, site_directory / _FOLDER
    if not same_folder(packaged, own):  # a checkout is its own site
        _read_folder(packaged, by_id, report)
    whole = _read_folder(own, by_id, report)
    return Profiles(by_id, whole)


def overruled(profile: ReaderProfile, settings: ReaderSettings) -> ReaderProfile:
    """The profile with what `settings` say instead; what they leave out stays."""
    given: dict[str, Any] = {
        key: value
        for key in ReaderSettings.model_fields
        if (value := getattr(settings, key)) is not None
    }
    if "keepalive" in given:
        given["keepalive_s"] = given.pop("keepalive")
    fields = {name: getattr(profile, name) for name in ReaderProfile.__dataclass_fields__}
    return ReaderProfile(**(fields | given))


def _read_folder(folder: Path, by_id: dict[str, ReaderProfile], report: Report) -> bool:
    seen: dict[str, Place] = {}
    whole = True
    for path in yaml_files(folder, report):
        tree = read_document(path, report)
        if tree:
            named_by_its_file(tree, path.stem)
        fitted = fit(tree, ProfileFile, report) if tree else None
        if fitted is None:
            whole = False
            continue
        file, node = fitted
        profile_id = file.id or path.stem
        if profile_id in seen:
            report.problem(
                node.at("id").place, f"the profile '{profile_id}' is already in {seen[profile_id]}"
            )
        seen[profile_id] = node.at("id").place
        plain = ReaderProfile(id=profile_id, name=file.name or profile_id)
        by_id[profile_id] = overruled(plain, file)
    return whole

"""`config/calibration.yaml`: taken where it is, told where it is wrong."""

from __future__ import annotations

from pathlib import Path

from gateway.model.calibration import NO_CALIBRATION
from tests.unit.settings.sites import MINIMAL, load_files, problems

SITE = "zones: [{id: bin-1}, {id: bin-2}]\n"
READER = "id: rack\naddress: 10.0.0.1\nantennas: [{port: 1, zones: [bin-1, bin-2]}]\n"
FILES = {"config/site.yaml": SITE, "readers/rack.yaml": READER}
CALIBRATION = """\
version: 0123456789ab
antennas: [{reader: rack, port: 1, offset_db: -2.5}]
zones: [{zone: bin-1, antennas: [{reader: rack, port: 1, power_db: -51.5}]}]
doors: {order: {centroid_s: 0.25}, passage: {both: -0.5}, bias: -0.3, temperature: 1.2}
"""


def test_without_a_file_nothing_is_corrected(tmp_path: Path) -> None:
    assert load_files(tmp_path, FILES).calibration == NO_CALIBRATION


def test_the_usual_file_is_taken_if_it_is_there(tmp_path: Path) -> None:
    found = load_files(tmp_path, FILES | {"config/calibration.yaml": CALIBRATION}).calibration
    assert found.version == "0123456789ab"
    assert found.antenna_offset_db == {("rack", 1): -2.5}
    assert found.zone_power_db == {"bin-1": {("rack", 1): -51.5}}
    assert found.doors.order == {"centroid_s": 0.25}
    assert found.doors.passage == {"both": -0.5}
    assert (found.doors.bias, found.doors.temperature) == (-0.3, 1.2)


def test_the_settings_may_name_another_file(tmp_path: Path) -> None:
    settings = MINIMAL + "location: {calibration: measured.yaml}\n"
    files = FILES | {"config/gateway.yaml": settings, "measured.yaml": CALIBRATION}
    assert load_files(tmp_path, files).calibration.version == "0123456789ab"


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    settings = MINIMAL + "location: {calibration: measured.yaml}\n"
    (found,) = problems(tmp_path, FILES | {"config/gateway.yaml": settings})
    assert found == "config/gateway.yaml:2:25: there is no file 'measured.yaml'"


def test_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    text = "antennas: [{reader: rack, port: 1, offset_db: loud}]\ndoors: {temperature: 0}\n"
    found = problems(tmp_path, FILES | {"config/calibration.yaml": text})
    assert "calibration.yaml:1:47: antennas[0].offset_db: expected a number, got 'loud'" in found[0]
    assert "calibration.yaml:2:22" in found[1]


def test_what_the_site_no_longer_has_is_told_and_ignored(tmp_path: Path) -> None:
    text = CALIBRATION.replace("zone: bin-1", "zone: bin-9").replace("port: 1, off", "port: 7, off")
    found = load_files(tmp_path, FILES | {"config/calibration.yaml": text})
    assert [note.message for note in found.notes] == [
        "the site has no antenna 7 of 'rack': ignored",
        "the site has no zone 'bin-9': ignored",
    ]

"""The calibration of a site: the file that `rfid-gateway calibrate` writes, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from gateway.model.calibration import NO_CALIBRATION, AntennaKey, Calibration, DoorTrim
from gateway.model.place import Site
from gateway.settings.document import read_document
from gateway.settings.files import is_file
from gateway.settings.fit import fit
from gateway.settings.node import Node
from gateway.settings.report import Report, quoted
from gateway.settings.section import Section
from gateway.settings.values import Identifier, Line

#: Where it is unless the settings say otherwise, in the site directory.
USUAL_FILE = "config/calibration.yaml"

Decibels = Annotated[float, Field(ge=-200, le=200)]
Weight = Annotated[float, Field(ge=-100, le=100)]


class AntennaOffset(Section):
    """How much better than its peers an antenna hears."""

    reader: Identifier
    port: Annotated[int, Field(ge=1, le=65535)]
    offset_db: Decibels


class AntennaPower(Section):
    """How well an antenna hears a zone."""

    reader: Identifier
    port: Annotated[int, Field(ge=1, le=65535)]
    power_db: Decibels


class ZonePower(Section):
    """How well the antennas hear a zone; those that are absent hardly do."""

    zone: Identifier
    antennas: tuple[AntennaPower, ...] = ()


class DoorWeights(Section):
    """What is added to the weights that come with the program."""

    order: dict[str, Weight] = Field(default_factory=dict)
    passage: dict[str, Weight] = Field(default_factory=dict)
    bias: Weight = 0.0
    temperature: Annotated[float, Field(gt=0.1, le=10)] = 1.0


class CalibrationFile(Section):
    """Everything of `config/calibration.yaml`."""

    version: Line = ""
    """A hash of what it was made from."""
    made_from: tuple[Line, ...] = ()
    """Names of the walks file and the recordings."""
    antennas: tuple[AntennaOffset, ...] = ()
    zones: tuple[ZonePower, ...] = ()
    doors: DoorWeights = DoorWeights()

    def calibration(self) -> Calibration:
        """The same as the location engine takes it."""
        return Calibration(
            version=self.version,
            antenna_offset_db={(a.reader, a.port): a.offset_db for a in self.antennas},
            zone_power_db={
                zone.zone: {(a.reader, a.port): a.power_db for a in zone.antennas}
                for zone in self.zones
            },
            doors=DoorTrim(**dict(self.doors)),
        )


def read_calibration(
    directory: Path, given: str | None, where: Node, site: Site, report: Report
) -> Calibration:
    """The calibration of a site directory; none when there is no file and none was asked for.

    `given` is the file that the settings name, at `where`. What it says of antennas and zones that
    the site does not have is told and ignored.
    """
    path = directory / (given or USUAL_FILE)
    if not is_file(path):
        if given is not None:
            report.problem(where.place, f"there is no file {quoted(given)}")
        return NO_CALIBRATION
    document = read_document(path, report)
    found = fit(document, CalibrationFile, report) if document else None
    if found is None:
        return NO_CALIBRATION
    _tell_strangers(found[1], found[0], site, report)
    return found[0].calibration()


def _tell_strangers(tree: Node, file: CalibrationFile, site: Site, report: Report) -> None:
    antennas: list[tuple[AntennaKey, tuple[Any, ...]]] = [
        ((a.reader, a.port), ("antennas", n)) for n, a in enumerate(file.antennas)
    ]
    for n, zone in enumerate(file.zones):
        if zone.zone not in site.zone_numbers:
            place = tree.at("zones", n, "zone").place
            report.note(place, f"the site has no zone {quoted(zone.zone)}: ignored")
        antennas += [
            ((a.reader, a.port), ("zones", n, "antennas", m)) for m, a in enumerate(zone.antennas)
        ]
    first = dict(reversed(antennas))  # each is told once
    for (reader, port), steps in first.items():
        if (reader, port) not in site.antenna_numbers:
            place = tree.at(*steps).place
            report.note(place, f"the site has no antenna {port} of {quoted(reader)}: ignored")

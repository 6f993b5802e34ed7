"""What labelled walks have measured at a site, where physics and defaults would otherwise do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: (reader id, port) of an antenna.
AntennaKey = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorTrim:
    """What a site adds to the weights of the passage classifier that comes with the program.

    By the names of its features (`location/passage_features.py`); what it does not know is ignored.
    """

    order: Mapping[str, float] = field(default_factory=dict)
    passage: Mapping[str, float] = field(default_factory=dict)
    #: Log-odds added for a passage of any direction: less than 0 asks for more evidence.
    bias: float = 0.0
    #: All log-odds are divided by this: more than 1 makes the classifier less sure of itself.
    temperature: float = 1.0


NO_TRIM = DoorTrim()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Measured corrections, by the identifiers of a site; what is not mentioned is not corrected.

    Identifiers that the site does not have are ignored: a calibration may be older than the site.
    """

    #: By how many dB an antenna hears tags better than its peers do; taken off its reads.
    antenna_offset_db: Mapping[AntennaKey, float] = field(default_factory=dict)
    #: Zone id → antenna → mean power of a tag in that zone, offsets taken off. Only differences
    #: within a zone count; an antenna without a value hardly hears it.
    zone_power_db: Mapping[str, Mapping[AntennaKey, float]] = field(default_factory=dict)
    doors: DoorTrim = NO_TRIM
    #: A hash of what the calibration was made from; empty for none.
    version: str = ""


NO_CALIBRATION = Calibration()

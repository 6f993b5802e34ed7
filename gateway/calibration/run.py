"""Run: from a site directory, a walks file and recordings to a calibration file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.calibration.file import version_of, write_calibration
from gateway.calibration.fit import Fitted, Material, fitted
from gateway.calibration.measured import Measured
from gateway.calibration.tape import Tape
from gateway.calibration.walks import read_walks, walks_of
from gateway.model.tags import TagIndex
from gateway.settings.calibration_file import USUAL_FILE
from gateway.settings.configuration import load

#: Into how many parts walks are dealt for the check; how many missed passages a false one is worth.
FOLDS, FALSE_ALARM_COST = 4, 5.0

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a calibration is asked from: files, and how it is weighed."""

    site: Path
    walks: Path
    recordings: Sequence[Path]
    folds: int = FOLDS
    false_alarm_cost: float = FALSE_ALARM_COST


def calibrated(
    sources: Sources, out: Path | None = None, *, complain: Told, progress: Told
) -> tuple[Fitted, Path | None]:
    """Fit what walks say, and write what helps to `out` (absent: where the site looks for it).

    Gives what was found, and the file; None where nothing helped and nothing was written.
    """
    configuration = load(sources.site, secrets=False)
    file = read_walks(sources.walks, configuration.site)
    tape = Tape(configuration.site, TagIndex(), sources.recordings, complain)
    walks, lying = walks_of(file, tape.start_us)
    material = Material(
        tape=tape,
        measured=Measured(tape),
        walks=walks,
        lying=lying,
        tuning=configuration.location,
        false_alarm_cost=sources.false_alarm_cost,
    )
    found = fitted(material, sources.folds, progress)
    if not found.kept:
        return found, None
    made_from = [sources.walks, *sources.recordings]
    calibration = replace(found.calibration, version=version_of(found.calibration, made_from))
    path = out or sources.site / USUAL_FILE
    write_calibration(path, calibration, made_from)
    return replace(found, calibration=calibration), path

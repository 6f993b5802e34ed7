"""Run: from a site directory, a walks file and recordings to a calibration file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.calibration.file import version_of, write_calibration
from gateway.calibration.fit import Fitted, Material, fitted
from gateway.calibration.measured import Measured
from gateway.calibration.tape import Tape
from gateway.calibration.told import Told, told
from gateway.calibration.walks import read_walks, walks_of
from gateway.errors import GatewayError
from gateway.model.tags import TagIndex
from gateway.settings.calibration_file import USUAL_FILE
from gateway.settings.configuration import load

#: Into how many parts walks are dealt for the check; how many missed passages a false one is worth.
FOLDS, FALSE_ALARM_COST = 4, 5.0
#: So many complaints are told.
MOST_COMPLAINTS = 20

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a calibration is asked from: files, and how it is weighed."""

    site: Path
    walks: Path
    recordings: Sequence[Path]
    folds: int = FOLDS
    false_alarm_cost: float = FALSE_ALARM_COST


def calibrated(
    sources: Sources, out: Path | None = None, *, complain: Tell, progress: Tell
) -> tuple[Fitted, Path | None]:
    """Fit what walks say, and write what helps to `out` (absent: where the site looks for it).

    Gives what was found, and the file; None where nothing helped and nothing was written.
    """
    configuration = load(sources.site, secrets=False)
    file = read_walks(sources.walks, configuration.site)
    tape = Tape(configuration.site, TagIndex(), sources.recordings, complain)
    walks, lying = walks_of(file, tape.start_us)
    measured = Measured(tape)
    _hold_against(
        sources.walks, told(walks, lying, measured, tape.start_us, tape.last_at_us), complain
    )
    material = Material(
        tape=tape,
        measured=measured,
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


def _hold_against(walks: Path, found: Told, complain: Tell) -> None:
    """Say what of a walks file was not found; refuse one of which nothing was."""
    for text in found.complaints[:MOST_COMPLAINTS]:
        complain(f"{walks}: {text}")
    if (more := len(found.complaints) - MOST_COMPLAINTS) > 0:
        complain(f"{walks}: and {more:,} more like these")
    if not found.found:
        raise GatewayError(
            f"{walks}: no tag that it names was read when it says so: there is nothing to learn "
            "from. Are its times those of these recordings, and its tags as they are read?"
        )

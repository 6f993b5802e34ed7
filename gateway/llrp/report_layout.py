"""Many tag reports that are laid out alike, read as columns.

A layout is proved, not presumed: `fits` compares every byte that decides where fields lie, so two
layouts of one length are told apart.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from gateway.llrp.report_rows import NO_RSSI_CDBM, PHASE_STEPS, PHASES_RAD, REPORT, Rows
from gateway.llrp.report_survey import Survey

#: TagReportData parameters of one length, one per row.
Tags = npt.NDArray[np.uint8]

#: struct's letters in numpy's words.
_WIRE = {">b": ">i1", ">h": ">i2", ">H": ">u2", ">q": ">i8"}


class Layout:
    """How one survey's TagReportData, and all that fit it, become rows and EPCs."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        proof = b"".join(span for _, span in survey.proof)
        self._proof = np.frombuffer(proof, np.uint8)
        self._proof_at = np.array(
            [at + i for at, span in survey.proof for i in range(len(span))], np.intp
        )
        named = {name: (_WIRE[form], at) for name, at, form in survey.fields}
        self._epc = slice(survey.epc, survey.epc + survey.epc_bytes)
        self._sent = frozenset(named)
        self._wire = np.dtype(
            {
                "names": list(named),
                "formats": [form for form, _ in named.values()],
                "offsets": [at for _, at in named.values()],
                "itemsize": survey.size,
            }
        )

    def fits(self, tags: Tags) -> npt.NDArray[np.bool_]:
        """Which of these TagReportData, all as long as the survey's, are laid out like it."""
        same: npt.NDArray[np.bool_] = (tags[:, self._proof_at] == self._proof).all(axis=1)
        return same

    def epcs(self, tags: Tags) -> Tags:
        """The octets of the EPCs of TagReportData that fit, as a view."""
        return tags[:, self._epc]

    def rows(self, tags: Tags) -> Rows:
        """Rows (without source and arrival) of TagReportData that fit."""
        sent = tags.view(self._wire)[:, 0]
        has = self._sent
        rows = np.zeros(len(tags), REPORT)
        for name in ("antenna", "channel", "rssi_cdbm"):
            if name in has:
                rows[name] = sent[name]
        for name in ("first_us", "last_us"):
            if name in has:
                np.maximum(sent[name], 0, out=rows[name])
        rows["count"] = np.maximum(sent["count"], 1) if "count" in has else 1
        if "rssi_dbm" in has:
            np.multiply(sent["rssi_dbm"], 100, out=rows["rssi_cdbm"], dtype=np.int16)
        elif "rssi_cdbm" not in has:
            rows["rssi_cdbm"] = NO_RSSI_CDBM
        if "phase_steps" in has:
            rows["phase_rad"] = PHASES_RAD[sent["phase_steps"] % PHASE_STEPS]
        else:
            rows["phase_rad"] = np.nan
        rows["uptime"] = self.survey.uptime
        return rows


@functools.lru_cache(maxsize=256)
def layout(survey: Survey) -> Layout:
    """The layout of a survey; the last few hundred are kept ready."""
    return Layout(survey)

"""RO_ACCESS_REPORT messages cut into their TagReportData parameters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.llrp.framing import HEADER_BYTES
from gateway.llrp.report_layout import Tags
from gateway.llrp.report_survey import TAG_REPORT_DATA, TLV, tlv_head

RF_SURVEY_REPORT_DATA = 242

#: Messages of one length, one per row.
Frames = npt.NDArray[np.uint8]


def split_alike(frames: Frames) -> tuple[Tags, npt.NDArray[np.bool_]] | None:
    """Equally long messages of nothing but TagReportData as long as the very first one.

    Gives the TagReportData of all messages in one array, and which messages are built like that
    (the others' rows mean nothing); None if no such cut is possible.
    """
    body = frames[:, HEADER_BYTES:]
    if body.shape[1] < TLV.size:
        return None
    kind, length = TLV.unpack(body[0, : TLV.size].tobytes())
    if kind != TAG_REPORT_DATA or length < TLV.size or body.shape[1] % length:
        return None
    tags = body.reshape(-1, length)
    heads = tags[:, : TLV.size].view(np.uint32)
    alike = (heads == heads[0]).reshape(len(frames), -1)
    return tags, alike.all(axis=1)


def split(frame: bytes) -> tuple[list[bytes], bool]:
    """The TagReportData of any one message; True if it also carries the results of an RF survey.

    Raises DecodeError where the message's outermost parameters do not line up; what is neither of
    the two is passed over.
    """
    tags = []
    surveyed = False
    at = HEADER_BYTES
    while at < len(frame):
        kind, length = tlv_head(frame, at)
        if kind == TAG_REPORT_DATA:
            tags.append(frame[at : at + length])
        elif kind == RF_SURVEY_REPORT_DATA:
            surveyed = True
        at += length
    return tags, surveyed

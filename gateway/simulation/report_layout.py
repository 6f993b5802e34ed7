"""Where everything lies in a tag report, for one content selector: a template and its columns.

All reports of one ROSpec with EPCs of one length look alike. So a report is a copy of a template
into which numpy writes the columns that differ: a thousand reports cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.llrp.codec import Parameter
from gateway.model.reads import Reads
from gateway.simulation.epc_table import EpcTable, pc_word

HEADER_BYTES = 10
_RO_ACCESS_REPORT = 61
_TAG_REPORT_DATA = 240
_EPC_DATA = 241
_EPC_96_BYTES = 12
_CUSTOM = 1023
_IMPINJ = 25882
_IMPINJ_PHASE = 56
_IMPINJ_RSSI = 57


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a tag report holds beside the EPC, by the names of TagReportContentSelector."""

    ro_spec_id: bool = False
    spec_index: bool = False
    inventory_parameter_spec_id: bool = False
    antenna_id: bool = True
    channel_index: bool = True
    peak_rssi: bool = True
    first_seen: bool = True
    last_seen: bool = True
    seen_count: bool = True
    access_spec_id: bool = False
    crc: bool = False
    pc: bool = False
    impinj_phase: bool = False
    impinj_rssi: bool = False

    @classmethod
    def of(cls, report_spec: Parameter, *, vendor_extensions: bool) -> Content:
        """What a ROReportSpec asks for; without a content selector, nothing but EPCs."""
        selector = report_spec.first("TagReportContentSelector") or Parameter("")
        memory = selector.first("C1G2EPCMemorySelector") or Parameter("")
        vendor = report_spec.first("ImpinjTagReportContentSelector") if vendor_extensions else None
        return cls(
            ro_spec_id=bool(selector.field("EnableROSpecID")),
            spec_index=bool(selector.field("EnableSpecIndex")),
            inventory_parameter_spec_id=bool(selector.field("EnableInventoryParameterSpecID")),
            antenna_id=bool(selector.field("EnableAntennaID")),
            channel_index=bool(selector.field("EnableChannelIndex")),
            peak_rssi=bool(selector.field("EnablePeakRSSI")),
            first_seen=bool(selector.field("EnableFirstSeenTimestamp")),
            last_seen=bool(selector.field("EnableLastSeenTimestamp")),
            seen_count=bool(selector.field("EnableTagSeenCount")),
            access_spec_id=bool(selector.field("EnableAccessSpecID")),
            crc=bool(memory.field("EnableCRC")),
            pc=bool(memory.field("EnablePCBits")),
            impinj_phase=_enabled(vendor, "ImpinjEnableRFPhaseAngle", "RFPhaseAngleMode"),
            impinj_rssi=_enabled(vendor, "ImpinjEnablePeakRSSI", "PeakRSSIMode"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What all reports of a running ROSpec have in common."""

    version: int = 1
    ro_spec_id: int = 0
    spec_index: int = 1
    inventory_parameter_spec_id: int = 1
    uptime: bool = False  # stamps count from the reader's start instead of in UTC


class ReportLayout:
    """TagReportData for one content, origin and length of EPC, alone or one to a message."""

    def __init__(self, content: Content, origin: Origin, epc_bytes: int) -> None:
        self._epc_bytes = epc_bytes
        parts = _Parts()
        parts.constant(origin.version << 10 | _RO_ACCESS_REPORT, "u2")
        parts.constant(0, "u4")  # length of the message, written below
        parts.column("message_id", ">u4")
        parts.constant(_TAG_REPORT_DATA, "u2")
        parts.constant(0, "u2")  # length of the parameter, written below
        _lay_out(parts, content, origin, epc_bytes)
        size = len(parts.template)
        parts.template[2:6] = size.to_bytes(4, "big")
        parts.template[12:14] = (size - HEADER_BYTES).to_bytes(2, "big")
        self._template = np.frombuffer(bytes(parts.template), dtype=np.uint8)
        self._dtype: np.dtype[np.void] = np.dtype(
            {
                "names": [name for name, _, _ in parts.columns],
                "formats": [form for _, form, _ in parts.columns],
                "offsets": [offset for _, _, offset in parts.columns],
                "itemsize": size,
            }
        )
        self._has = frozenset(self._dtype.names or ())

    def messages(self, reads: Reads, epcs: EpcTable, first_id: int) -> npt.NDArray[np.uint8]:
        """One message per read: a row of octets each; message ids count up from `first_id`."""
        octets = np.empty((len(reads), len(self._template)), dtype=np.uint8)
        octets[:] = self._template
        rows = octets.view(self._dtype)[:, 0]
        ids = np.arange(first_id, first_id + len(reads), dtype=np.int64)
        rows["message_id"] = ids.astype(np.uint32)
        self._fill(rows, reads, epcs)
        return octets

    def parameters(self, reads: Reads, epcs: EpcTable) -> npt.NDArray[np.uint8]:
        """One TagReportData per read, without message headers: a row of octets each."""
        return self.messages(reads, epcs, 0)[:, HEADER_BYTES:]

    def _fill(self, rows: Any, reads: Reads, epcs: EpcTable) -> None:
        if self._epc_bytes:
            octets = epcs.octets(reads["tag"], self._epc_bytes)
            rows["epc"] = np.ascontiguousarray(octets).view(f"V{self._epc_bytes}")[:, 0]
        has = self._has
        if "antenna" in has:
            rows["antenna"] = reads["antenna"]
        if "rssi" in has:
            rows["rssi"] = np.clip(np.rint(reads["rssi_cdbm"] / 100), -128, 127)
        if "channel" in has:
            rows["channel"] = reads["channel"]
        if "first" in has:
            rows["first"] = reads["first_us"]
        if "last" in has:
            rows["last"] = reads["time_us"]
        if "count" in has:
            rows["count"] = reads["count"]
        if "crc" in has:
            rows["crc"] = epcs.crcs(reads["tag"])
        if "phase" in has:
            turns = np.nan_to_num(reads["phase_rad"]) / (2 * np.pi)
            rows["phase"] = np.rint(turns * 4096).astype(np.int64) % 4096
        if "rssi_centi" in has:
            rows["rssi_centi"] = reads["rssi_cdbm"]


class _Parts:
    """A template that grows, and where its columns lie."""

    def __init__(self) -> None:
        self.template = bytearray()
        self.columns: list[tuple[str, str, int]] = []

    def constant(self, value: int, form: str) -> None:
        self.template += value.to_bytes(int(form[1:]), "big")

    def column(self, name: str, form: str) -> None:
        self.columns.append((name, form, len(self.template)))
        self.template += bytes(np.dtype(form).itemsize)

    def tv(self, number: int) -> None:
        """The octet in front of a parameter of fixed size."""
        self.template.append(0x80 | number)

    def vendor(self, subtype: int) -> None:
        """The header of an Impinj parameter with two octets of value."""
        for value, form in ((_CUSTOM, "u2"), (14, "u2"), (_IMPINJ, "u4"), (subtype, "u4")):
            self.constant(value, form)


def _lay_out(parts: _Parts, content: Content, origin: Origin, epc_bytes: int) -> None:
    """The children of TagReportData in the order of the standard."""
    if epc_bytes == _EPC_96_BYTES:
        parts.tv(13)
    else:
        for value in (_EPC_DATA, 6 + epc_bytes, 8 * epc_bytes):
            parts.constant(value, "u2")
    if epc_bytes:
        parts.column("epc", f"V{epc_bytes}")
    constants = (
        (content.ro_spec_id, 9, origin.ro_spec_id, "u4"),
        (content.spec_index, 14, origin.spec_index, "u2"),
        (content.inventory_parameter_spec_id, 10, origin.inventory_parameter_spec_id, "u2"),
    )
    for wanted, number, value, form in constants:
        if wanted:
            parts.tv(number)
            parts.constant(value, form)
    uptime = 1 if origin.uptime else 0
    columns = (
        (content.antenna_id, 1, "antenna", ">u2"),
        (content.peak_rssi, 6, "rssi", "i1"),
        (content.channel_index, 7, "channel", ">u2"),
        (content.first_seen, 2 + uptime, "first", ">u8"),
        (content.last_seen, 4 + uptime, "last", ">u8"),
        (content.seen_count, 8, "count", ">u2"),
    )
    for wanted, number, name, form in columns:
        if wanted:
            parts.tv(number)
            parts.column(name, form)
    if content.pc:
        parts.tv(12)
        parts.constant(pc_word(epc_bytes), "u2")
    if content.crc:
        parts.tv(11)
        parts.column("crc", ">u2")
    if content.access_spec_id:
        parts.tv(16)
        parts.constant(0, "u4")
    if content.impinj_phase:
        parts.vendor(_IMPINJ_PHASE)
        parts.column("phase", ">u2")
    if content.impinj_rssi:
        parts.vendor(_IMPINJ_RSSI)
        parts.column("rssi_centi", ">i2")


def _enabled(selector: Parameter | None, name: str, mode: str) -> bool:
    child = selector.first(name) if selector is not None else None
    return child is not None and child.field(mode) == 1

"""What a reader can do, read from its GET_READER_CAPABILITIES_RESPONSE.

Everything may be missing: readers leave out what the standard requires. A field that was not told
has the value that restrains us least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway.llrp.codec import Message, Parameter

#: Private enterprise numbers of makers, as readers state them.
IMPINJ_PEN = 25882
MAKERS = {IMPINJ_PEN: "Impinj", 161: "Zebra"}

#: A reader's own text is cut to this.
MAX_TEXT = 200


class Power(NamedTuple):
    """One row of the reader's table of transmit powers."""

    table_index: int
    dbm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """A reader's abilities; `Capabilities()` is a reader of which nothing is known."""

    maker_pen: int = 0
    model: int = 0
    firmware: str = ""
    max_antennas: int = 0  # 0: not told
    has_utc_clock: bool = False
    gpi_count: int = 0
    gpo_count: int = 0
    can_hold_reports: bool = False
    can_warn_of_full_buffer: bool = False
    state_aware: bool = False
    max_rospecs: int = 0  # 0: not told, or no limit
    country: int = 0
    powers: tuple[Power, ...] = ()
    modes: tuple[int, ...] = ()  # ModeIdentifier of every row of the mode tables
    hopping: bool = False
    hop_tables: tuple[int, ...] = ()  # their ids
    fixed_channels: int = 0  # how many fixed frequencies there are

    @property
    def maker(self) -> str:
        """The maker's name, or its number where we know no name."""
        return MAKERS.get(self.maker_pen, f"maker {self.maker_pen}")

    def __str__(self) -> str:
        if not self.maker_pen:
            return "a reader that does not tell what it is"
        firmware = f", firmware {self.firmware}" if self.firmware else ""
        return f"{self.maker} model {self.model}{firmware}"


def read(response: Message) -> Capabilities:
    """The capabilities in a GET_READER_CAPABILITIES_RESPONSE; never raises, whatever is missing."""
    general = response.first("GeneralDeviceCapabilities") or Parameter("GeneralDeviceCapabilities")
    llrp = response.first("LLRPCapabilities") or Parameter("LLRPCapabilities")
    regulatory = response.first("RegulatoryCapabilities") or Parameter("RegulatoryCapabilities")
    band = regulatory.first("UHFBandCapabilities") or Parameter("UHFBandCapabilities")
    frequencies = band.first("FrequencyInformation") or Parameter("FrequencyInformation")
    gpio = general.first("GPIOCapabilities") or Parameter("GPIOCapabilities")
    fixed = frequencies.first("FixedFrequencyTable") or Parameter("FixedFrequencyTable")
    return Capabilities(
        maker_pen=_number(general, "DeviceManufacturerName"),
        model=_number(general, "ModelName"),
        firmware=plain_text(general.field("ReaderFirmwareVersion")),
        max_antennas=_number(general, "MaxNumberOfAntennaSupported"),
        has_utc_clock=bool(general.field("HasUTCClockCapability")),
        gpi_count=_number(gpio, "NumGPIs"),
        gpo_count=_number(gpio, "NumGPOs"),
        can_hold_reports=bool(llrp.field("SupportsEventAndReportHolding")),
        can_warn_of_full_buffer=bool(llrp.field("CanReportBufferFillWarning")),
        state_aware=bool(llrp.field("CanDoTagInventoryStateAwareSingulation")),
        max_rospecs=_number(llrp, "MaxNumROSpecs"),
        country=_number(regulatory, "CountryCode"),
        powers=tuple(
            Power(_number(row, "Index"), _number(row, "TransmitPowerValue") / 100)
            for row in band.all("TransmitPowerLevelTableEntry")
        ),
        modes=_modes(band),
        hopping=bool(frequencies.field("Hopping")),
        hop_tables=tuple(
            _number(table, "HopTableID") for table in frequencies.all("FrequencyHopTable")
        ),
        fixed_channels=len(fixed.field("Frequency") or ()),
    )


def plain_text(text: object) -> str:
    """Text that a reader sent, fit for a log: printable, on one line, of bounded length."""
    shown = "".join(c if c.isprintable() else " " for c in str(text or "")[: 4 * MAX_TEXT])
    shown = " ".join(shown.split())
    return shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 1] + "…"


def _number(parameter: Parameter, name: str) -> int:
    return int(parameter.field(name) or 0)


def _modes(band: Parameter) -> tuple[int, ...]:
    return tuple(
        _number(row, "ModeIdentifier")
        for table in band.all("C1G2UHFRFModeTable")
        for row in table.all("C1G2UHFRFModeTableEntry")
    )

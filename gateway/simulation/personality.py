"""Personalities: what an emulated reader is, and what it says it can do."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.llrp.codec import Parameter

IMPINJ_PEN = 25882
_FCC_PART_15 = 1
_COUNTRY_USA = 840
_GEN2 = 1
#: Which answer belongs to which RequestedData of GET_READER_CAPABILITIES; 0 asks for all.
_REQUESTED = {
    "GeneralDeviceCapabilities": 1,
    "LLRPCapabilities": 2,
    "RegulatoryCapabilities": 3,
    "C1G2LLRPCapabilities": 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One row of the table of Gen2 modes: Miller value, bit rate and pulse interval."""

    identifier: int
    m: int  # 0 FM0, 1 Miller 2, 2 Miller 4, 3 Miller 8
    bit_rate: int
    pie: int
    tari_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One model of reader."""

    name: str = "generic"
    vendor_pen: int = 0
    model: int = 1
    firmware: str = "1.0.0"
    antennas: int = 4
    max_version: int = 2  # highest LLRP version: 1 = 1.0.1, 2 = 1.1
    has_utc_clock: bool = True
    gpis: int = 4
    gpos: int = 4
    max_ro_specs: int = 8
    holds_reports: bool = True
    powers_dbm: tuple[float, ...] = tuple(10 + n for n in range(22))  # 10 … 31 dBm
    modes: tuple[Mode, ...] = (
        Mode(identifier=0, m=2, bit_rate=256_000, pie=2_000, tari_ns=12_500),
        Mode(identifier=1, m=1, bit_rate=320_000, pie=1_500, tari_ns=6_250),
    )

    @property
    def is_impinj(self) -> bool:
        """Whether it speaks Impinj's extensions."""
        return self.vendor_pen == IMPINJ_PEN


GENERIC = Personality()
#: A reader of the first days: LLRP 1.0.1 and nothing else.
FIRST_EDITION = Personality(name="first-edition", max_version=1, holds_reports=False)
IMPINJ = Personality(
    name="impinj",
    vendor_pen=IMPINJ_PEN,
    model=2_001_002,
    firmware="5.14.0.240",
    max_ro_specs=1,
    max_version=1,
    powers_dbm=tuple(10 + n * 0.25 for n in range(91)),  # 10 … 32.5 dBm
    modes=(
        Mode(identifier=0, m=0, bit_rate=640_000, pie=1_500, tari_ns=6_250),
        Mode(identifier=1, m=1, bit_rate=640_000, pie=1_500, tari_ns=6_250),
        Mode(identifier=2, m=2, bit_rate=274_000, pie=2_000, tari_ns=20_000),
        Mode(identifier=3, m=3, bit_rate=170_600, pie=2_000, tari_ns=20_000),
        Mode(identifier=1000, m=2, bit_rate=274_000, pie=2_000, tari_ns=20_000),
        Mode(identifier=1002, m=3, bit_rate=170_600, pie=2_000, tari_ns=20_000),
    ),
)
BY_NAME = {p.name: p for p in (GENERIC, FIRST_EDITION, IMPINJ)}


def capabilities(personality: Personality, requested: int) -> list[Parameter]:
    """The parameters of GET_READER_CAPABILITIES_RESPONSE after its status."""
    parts = (
        _general(personality),
        _llrp(personality),
        _regulatory(personality),
        Parameter(
            "C1G2LLRPCapabilities",
            {
                "CanSupportBlockErase": 0,
                "CanSupportBlockWrite": 1,
                "MaxNumSelectFiltersPerQuery": 5,
            },
        ),
    )
    return [part for part in parts if requested in (0, _REQUESTED[part.name])]


def _general(personality: Personality) -> Parameter:
    antennas = range(1, personality.antennas + 1)
    return Parameter(
        "GeneralDeviceCapabilities",
        {
            "MaxNumberOfAntennaSupported": personality.antennas,
            "CanSetAntennaProperties": 0,
            "HasUTCClockCapability": int(personality.has_utc_clock),
            "DeviceManufacturerName": personality.vendor_pen,
            "ModelName": personality.model,
            "ReaderFirmwareVersion": personality.firmware,
        },
        [
            Parameter("ReceiveSensitivityTableEntry", {"Index": 1, "ReceiveSensitivityValue": 0}),
            Parameter(
                "GPIOCapabilities", {"NumGPIs": personality.gpis, "NumGPOs": personality.gpos}
            ),
            *(
                Parameter("PerAntennaAirProtocol", {"AntennaID": a, "ProtocolID": bytes([_GEN2])})
                for a in antennas
            ),
        ],
    )


def _llrp(personality: Personality) -> Parameter:
    return Parameter(
        "LLRPCapabilities",
        {
            "CanDoRFSurvey": 0,
            "CanReportBufferFillWarning": 1,
            "SupportsClientRequestOpSpec": 0,
            "CanDoTagInventoryStateAwareSingulation": 0,
            "SupportsEventAndReportHolding": int(personality.holds_reports),
            "MaxNumPriorityLevelsSupported": 1,
            "ClientRequestOpSpecTimeout": 0,
            "MaxNumROSpecs": personality.max_ro_specs,
            "MaxNumSpecsPerROSpec": 32,
            "MaxNumInventoryParameterSpecsPerAISpec": 1,
            "MaxNumAccessSpecs": 1508,
            "MaxNumOpSpecsPerAccessSpec": 8,
        },
    )


def _regulatory(personality: Personality) -> Parameter:
    powers = [
        Parameter(
            "TransmitPowerLevelTableEntry",
            {"Index": n, "TransmitPowerValue": round(dbm * 100)},
        )
        for n, dbm in enumerate(personality.powers_dbm, start=1)
    ]
    hops = Parameter(
        "FrequencyHopTable",
        {"HopTableID": 1, "Frequency": [902_750 + 500 * n for n in range(50)]},
    )
    modes = [
        Parameter(
            "C1G2UHFRFModeTableEntry",
            {
                "ModeIdentifier": mode.identifier,
                "DRValue": 1,
                "EPCHAGTCConformance": 0,
                "MValue": mode.m,
                "ForwardLinkModulation": 0,
                "SpectralMaskIndicator": 3,
                "BDRValue": mode.bit_rate,
                "PIEValue": mode.pie,
                "MinTariValue": mode.tari_ns,
                "MaxTariValue": mode.tari_ns,
                "StepTariValue": 0,
            },
        )
        for mode in personality.modes
    ]
    band = Parameter(
        "UHFBandCapabilities",
        {},
        [
            *powers,
            Parameter("FrequencyInformation", {"Hopping": 1}, [hops]),
            Parameter("C1G2UHFRFModeTable", {}, modes),
        ],
    )
    return Parameter(
        "RegulatoryCapabilities",
        {"CountryCode": _COUNTRY_USA, "CommunicationsStandard": _FCC_PART_15},
        [band],
    )

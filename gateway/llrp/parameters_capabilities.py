"""Parameters that say what a reader can do."""

from __future__ import annotations

from gateway.llrp.tables import Row, tlv

CAPABILITIES: tuple[Row, ...] = (
    tlv(
        137,
        "GeneralDeviceCapabilities",
        (
            "MaxNumberOfAntennaSupported:u16 CanSetAntennaProperties:u1 HasUTCClockCapability:u1 "
            "r14 DeviceManufacturerName:u32 ModelName:u32 ReaderFirmwareVersion:utf8v"
        ),
        children=(
            "ReceiveSensitivityTableEntry+ PerAntennaReceiveSensitivityRange* GPIOCapabilities "
            "PerAntennaAirProtocol+ MaximumReceiveSensitivity?"
        ),
    ),
    tlv(139, "ReceiveSensitivityTableEntry", "Index:u16 ReceiveSensitivityValue:s16"),
    tlv(140, "PerAntennaAirProtocol", "AntennaID:u16 ProtocolID:u8v=AirProtocols"),
    tlv(141, "GPIOCapabilities", "NumGPIs:u16 NumGPOs:u16"),
    tlv(
        142,
        "LLRPCapabilities",
        (
            "CanDoRFSurvey:u1 CanReportBufferFillWarning:u1 SupportsClientRequestOpSpec:u1 "
            "CanDoTagInventoryStateAwareSingulation:u1 SupportsEventAndReportHolding:u1 r3 "
            "MaxNumPriorityLevelsSupported:u8 ClientRequestOpSpecTimeout:u16 MaxNumROSpecs:u32 "
            "MaxNumSpecsPerROSpec:u32 MaxNumInventoryParameterSpecsPerAISpec:u32 "
            "MaxNumAccessSpecs:u32 MaxNumOpSpecsPerAccessSpec:u32"
        ),
    ),
    tlv(
        143,
        "RegulatoryCapabilities",
        "CountryCode:u16 CommunicationsStandard:u16=CommunicationsStandard",
        children="UHFBandCapabilities? Custom*",
    ),
    tlv(
        144,
        "UHFBandCapabilities",
        children=(
            "TransmitPowerLevelTableEntry+ FrequencyInformation AirProtocolUHFRFModeTable+ "
            "RFSurveyFrequencyCapabilities?"
        ),
    ),
    tlv(145, "TransmitPowerLevelTableEntry", "Index:u16 TransmitPowerValue:s16"),
    tlv(
        146,
        "FrequencyInformation",
        "Hopping:u1 r7",
        children="FrequencyHopTable* FixedFrequencyTable?",
    ),
    tlv(147, "FrequencyHopTable", "HopTableID:u8 r8 Frequency:u32v"),
    tlv(148, "FixedFrequencyTable", "Frequency:u32v"),
    tlv(
        149,
        "PerAntennaReceiveSensitivityRange",
        "AntennaID:u16 ReceiveSensitivityIndexMin:u16 ReceiveSensitivityIndexMax:u16",
    ),
    tlv(
        327,
        "C1G2LLRPCapabilities",
        (
            "CanSupportBlockErase:u1 CanSupportBlockWrite:u1 CanSupportBlockPermalock:u1 "
            "CanSupportTagRecommissioning:u1 CanSupportUMIMethod2:u1 CanSupportXPC:u1 r2 "
            "MaxNumSelectFiltersPerQuery:u16"
        ),
    ),
    tlv(328, "C1G2UHFRFModeTable", children="C1G2UHFRFModeTableEntry+"),
    tlv(
        329,
        "C1G2UHFRFModeTableEntry",
        (
            "ModeIdentifier:u32 DRValue:u1=C1G2DRValue EPCHAGTCConformance:u1 r6 "
            "MValue:u8=C1G2MValue ForwardLinkModulation:u8=C1G2ForwardLinkModulation "
            "SpectralMaskIndicator:u8=C1G2SpectralMaskIndicator BDRValue:u32 PIEValue:u32 "
            "MinTariValue:u32 MaxTariValue:u32 StepTariValue:u32"
        ),
    ),
    tlv(363, "MaximumReceiveSensitivity", "MaximumSensitivityValue:s16", since=2),
    tlv(365, "RFSurveyFrequencyCapabilities", "MinimumFrequency:u32 MaximumFrequency:u32", since=2),
)

"""Impinj's messages and parameters that a gateway needs, by the numbers of Octane LLRP.

A parameter of another layout than the one here (older or newer firmware) is kept as bytes, under
the name `Custom`: nothing of a report is lost because a vendor changed its mind.
"""

from __future__ import annotations

from gateway.llrp.tables import Row, custom_message, custom_parameter

#: Impinj's private enterprise number.
VENDOR = 25882


def _message(subtype: int, name: str, fields: str = "", *, children: str = "") -> Row:
    return custom_message(VENDOR, subtype, name, fields, children=children)


def _parameter(subtype: int, name: str, fields: str = "", *, children: str = "Custom*") -> Row:
    return custom_parameter(VENDOR, subtype, name, fields, children=children)


MESSAGES: tuple[Row, ...] = (
    _message(21, "IMPINJ_ENABLE_EXTENSIONS", "r32", children="Custom*"),
    _message(22, "IMPINJ_ENABLE_EXTENSIONS_RESPONSE", children="LLRPStatus Custom*"),
    _message(23, "IMPINJ_SAVE_SETTINGS", "SaveConfiguration:u1 r7", children="Custom*"),
    _message(24, "IMPINJ_SAVE_SETTINGS_RESPONSE", children="LLRPStatus Custom*"),
)

PARAMETERS: tuple[Row, ...] = (
    # What a reader is and can do, asked for by ImpinjRequestedData.
    _parameter(21, "ImpinjRequestedData", "RequestedData:u32=ImpinjRequestedDataType"),
    _parameter(22, "ImpinjSubRegulatoryRegion", "RegulatoryRegion:u16"),
    _parameter(
        29,
        "ImpinjDetailedVersion",
        (
            "ModelName:utf8v SerialNumber:utf8v SoftwareVersion:utf8v FirmwareVersion:utf8v "
            "FPGAVersion:utf8v PCBAVersion:utf8v"
        ),
    ),
    _parameter(30, "ImpinjFrequencyCapabilities", "FrequencyList:u32v"),
    _parameter(37, "ImpinjReaderTemperature", "Temperature:s16"),
    # How it inventories.
    _parameter(
        23, "ImpinjInventorySearchMode", "InventorySearchMode:u16=ImpinjInventorySearchType"
    ),
    _parameter(
        26,
        "ImpinjFixedFrequencyList",
        "FixedFrequencyMode:u16=ImpinjFixedFrequencyMode r16 ChannelList:u16v",
    ),
    _parameter(
        27,
        "ImpinjReducedPowerFrequencyList",
        "ReducedPowerMode:u16=ImpinjMode r16 ChannelList:u16v",
    ),
    _parameter(
        28,
        "ImpinjLowDutyCycle",
        "LowDutyCycleMode:u16=ImpinjMode EmptyFieldTimeout:u16 FieldPingInterval:u16",
    ),
    # How it is set up.
    _parameter(36, "ImpinjGPIDebounceConfiguration", "GPIPortNum:u16 GPIDebounceTimerMSec:u32"),
    _parameter(
        38,
        "ImpinjLinkMonitorConfiguration",
        "LinkMonitorMode:u16=ImpinjMode LinkDownThreshold:u16",
    ),
    _parameter(
        39, "ImpinjReportBufferConfiguration", "ReportBufferMode:u16=ImpinjReportBufferMode"
    ),
    _parameter(
        64,
        "ImpinjAdvancedGPOConfiguration",
        "GPOPortNum:u16 GPOMode:u16=ImpinjAdvancedGPOMode GPOPulseDurationMSec:u32",
    ),
    # What a tag report shall hold.
    _parameter(
        50,
        "ImpinjTagReportContentSelector",
        children=(
            "ImpinjEnableSerializedTID? ImpinjEnableRFPhaseAngle? ImpinjEnablePeakRSSI? "
            "ImpinjEnableGPSCoordinates? ImpinjEnableOptimizedRead? "
            "ImpinjEnableRFDopplerFrequency? Custom*"
        ),
    ),
    _parameter(51, "ImpinjEnableSerializedTID", "SerializedTIDMode:u16=ImpinjMode"),
    _parameter(52, "ImpinjEnableRFPhaseAngle", "RFPhaseAngleMode:u16=ImpinjMode"),
    _parameter(53, "ImpinjEnablePeakRSSI", "PeakRSSIMode:u16=ImpinjMode"),
    _parameter(54, "ImpinjEnableGPSCoordinates", "GPSCoordinatesMode:u16=ImpinjMode"),
    _parameter(
        65,
        "ImpinjEnableOptimizedRead",
        "OptimizedReadMode:u16=ImpinjMode",
        children="C1G2Read* Custom*",
    ),
    _parameter(67, "ImpinjEnableRFDopplerFrequency", "RFDopplerFrequencyMode:u16=ImpinjMode"),
    # What a tag report then holds: phase in 1/4096 of a turn, power in 1/100 dBm, shift in 1/16 Hz.
    _parameter(55, "ImpinjSerializedTID", "TID:u16v"),
    _parameter(56, "ImpinjRFPhaseAngle", "PhaseAngle:u16"),
    _parameter(57, "ImpinjPeakRSSI", "RSSI:s16"),
    _parameter(58, "ImpinjGPSCoordinates", "Latitude:s32 Longitude:s32"),
    _parameter(68, "ImpinjRFDopplerFrequency", "DopplerFrequency:s16"),
)

ENUMERATIONS: dict[str, dict[int, str]] = {
    "ImpinjMode": {0: "Disabled", 1: "Enabled"},
    "ImpinjInventorySearchType": {
        0: "Reader_Selected",
        1: "Single_Target",
        2: "Dual_Target",
        3: "Single_Target_With_Suppression",
    },
    "ImpinjFixedFrequencyMode": {0: "Disabled", 1: "Auto_Select", 2: "Channel_List"},
    "ImpinjReportBufferMode": {0: "Normal", 1: "Low_Latency"},
    "ImpinjAdvancedGPOMode": {
        0: "Normal",
        1: "Pulsed",
        2: "Reader_Operational_Status",
        3: "LLRP_Connection_Status",
    },
    "ImpinjRequestedDataType": {
        1000: "All_Capabilities",
        1001: "Impinj_Detailed_Version",
        1002: "Impinj_Frequency_Capabilities",
        2000: "All_Configuration",
        2001: "Impinj_Sub_Regulatory_Region",
        2003: "Impinj_GPI_Debounce_Configuration",
        2004: "Impinj_Reader_Temperature",
        2005: "Impinj_Link_Monitor_Configuration",
        2006: "Impinj_Report_Buffer_Configuration",
        2009: "Impinj_Advanced_GPO_Configuration",
    },
}

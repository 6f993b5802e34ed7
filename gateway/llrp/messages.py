"""The messages of LLRP 1.0.1 and 1.1."""

from __future__ import annotations

from gateway.llrp.tables import Row, message

MESSAGES: tuple[Row, ...] = (
    message(
        1,
        "GET_READER_CAPABILITIES",
        "RequestedData:u8=GetReaderCapabilitiesRequestedData",
        children="Custom*",
    ),
    message(
        2,
        "GET_READER_CONFIG",
        "AntennaID:u16 RequestedData:u8=GetReaderConfigRequestedData GPIPortNum:u16 GPOPortNum:u16",
        children="Custom*",
    ),
    message(
        3,
        "SET_READER_CONFIG",
        "ResetToFactoryDefault:u1 r7",
        children=(
            "ReaderEventNotificationSpec? AntennaProperties* AntennaConfiguration* ROReportSpec? "
            "AccessReportSpec? KeepaliveSpec? GPOWriteData* GPIPortCurrentState* EventsAndReports? "
            "Custom*"
        ),
    ),
    message(4, "CLOSE_CONNECTION_RESPONSE", children="LLRPStatus"),
    message(
        11,
        "GET_READER_CAPABILITIES_RESPONSE",
        children=(
            "LLRPStatus GeneralDeviceCapabilities? LLRPCapabilities? RegulatoryCapabilities? "
            "AirProtocolLLRPCapabilities? Custom*"
        ),
    ),
    message(
        12,
        "GET_READER_CONFIG_RESPONSE",
        children=(
            "LLRPStatus Identification? AntennaProperties* AntennaConfiguration* "
            "ReaderEventNotificationSpec? ROReportSpec? AccessReportSpec? "
            "LLRPConfigurationStateValue? KeepaliveSpec? GPIPortCurrentState* GPOWriteData* "
            "EventsAndReports? Custom*"
        ),
    ),
    message(13, "SET_READER_CONFIG_RESPONSE", children="LLRPStatus"),
    message(14, "CLOSE_CONNECTION"),
    message(20, "ADD_ROSPEC", children="ROSpec"),
    message(21, "DELETE_ROSPEC", "ROSpecID:u32"),
    message(22, "START_ROSPEC", "ROSpecID:u32"),
    message(23, "STOP_ROSPEC", "ROSpecID:u32"),
    message(24, "ENABLE_ROSPEC", "ROSpecID:u32"),
    message(25, "DISABLE_ROSPEC", "ROSpecID:u32"),
    message(26, "GET_ROSPECS"),
    message(30, "ADD_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(31, "DELETE_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(32, "START_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(33, "STOP_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(34, "ENABLE_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(35, "DISABLE_ROSPEC_RESPONSE", children="LLRPStatus"),
    message(36, "GET_ROSPECS_RESPONSE", children="LLRPStatus ROSpec*"),
    message(40, "ADD_ACCESSSPEC", children="AccessSpec"),
    message(41, "DELETE_ACCESSSPEC", "AccessSpecID:u32"),
    message(42, "ENABLE_ACCESSSPEC", "AccessSpecID:u32"),
    message(43, "DISABLE_ACCESSSPEC", "AccessSpecID:u32"),
    message(44, "GET_ACCESSSPECS"),
    message(45, "CLIENT_REQUEST_OP", children="TagReportData"),
    message(46, "GET_SUPPORTED_VERSION", since=2),
    message(47, "SET_PROTOCOL_VERSION", "ProtocolVersion:u8", since=2),
    message(50, "ADD_ACCESSSPEC_RESPONSE", children="LLRPStatus"),
    message(51, "DELETE_ACCESSSPEC_RESPONSE", children="LLRPStatus"),
    message(52, "ENABLE_ACCESSSPEC_RESPONSE", children="LLRPStatus"),
    message(53, "DISABLE_ACCESSSPEC_RESPONSE", children="LLRPStatus"),
    message(54, "GET_ACCESSSPECS_RESPONSE", children="LLRPStatus AccessSpec*"),
    message(55, "CLIENT_REQUEST_OP_RESPONSE", children="ClientRequestResponse"),
    message(
        56,
        "GET_SUPPORTED_VERSION_RESPONSE",
        "CurrentVersion:u8 SupportedVersion:u8",
        children="LLRPStatus",
        since=2,
    ),
    message(57, "SET_PROTOCOL_VERSION_RESPONSE", children="LLRPStatus", since=2),
    message(60, "GET_REPORT"),
    message(61, "RO_ACCESS_REPORT", children="TagReportData* RFSurveyReportData* Custom*"),
    message(62, "KEEPALIVE"),
    message(63, "READER_EVENT_NOTIFICATION", children="ReaderEventNotificationData"),
    message(64, "ENABLE_EVENTS_AND_REPORTS"),
    message(72, "KEEPALIVE_ACK"),
    message(100, "ERROR_MESSAGE", children="LLRPStatus"),
    message(1023, "CUSTOM_MESSAGE", "VendorIdentifier:u32 MessageSubtype:u8 Data:bytesToEnd"),
)

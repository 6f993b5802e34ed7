"""Parameters that a reader sends by itself: tag reports, events, times, and what went wrong."""

from __future__ import annotations

from gateway.llrp.tables import Row, tlv, tv

REPORTS: tuple[Row, ...] = (
    tv(1, "AntennaID", "AntennaID:u16"),
    tv(2, "FirstSeenTimestampUTC", "Microseconds:u64"),
    tv(3, "FirstSeenTimestampUptime", "Microseconds:u64"),
    tv(4, "LastSeenTimestampUTC", "Microseconds:u64"),
    tv(5, "LastSeenTimestampUptime", "Microseconds:u64"),
    tv(6, "PeakRSSI", "PeakRSSI:s8"),
    tv(7, "ChannelIndex", "ChannelIndex:u16"),
    tv(8, "TagSeenCount", "TagCount:u16"),
    tv(9, "ROSpecID", "ROSpecID:u32"),
    tv(10, "InventoryParameterSpecID", "InventoryParameterSpecID:u16"),
    tv(11, "C1G2_CRC", "CRC:u16"),
    tv(12, "C1G2_PC", "PC_Bits:u16"),
    tv(13, "EPC_96", "EPC:u96"),
    tv(14, "SpecIndex", "SpecIndex:u16"),
    tv(15, "ClientRequestOpSpecResult", "OpSpecID:u16"),
    tv(16, "AccessSpecID", "AccessSpecID:u32"),
    tv(17, "OpSpecID", "OpSpecID:u16"),
    tv(18, "C1G2SingulationDetails", "NumCollisionSlots:u16 NumEmptySlots:u16"),
    tv(19, "C1G2_XPCW1", "XPC_W1:u16", since=2),
    tv(20, "C1G2_XPCW2", "XPC_W2:u16", since=2),
    tlv(128, "UTCTimestamp", "Microseconds:u64"),
    tlv(129, "Uptime", "Microseconds:u64"),
    tlv(
        240,
        "TagReportData",
        children=(
            "EPCParameter ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? PeakRSSI? "
            "ChannelIndex? FirstSeenTimestampUTC? FirstSeenTimestampUptime? LastSeenTimestampUTC? "
            "LastSeenTimestampUptime? TagSeenCount? AirProtocolTagData* AccessSpecID? "
            "AccessCommandOpSpecResult* Custom*"
        ),
    ),
    tlv(241, "EPCData", "EPC:u1v"),
    tlv(
        242,
        "RFSurveyReportData",
        children="ROSpecID? SpecIndex? FrequencyRSSILevelEntry+ Custom*",
    ),
    tlv(
        243,
        "FrequencyRSSILevelEntry",
        "Frequency:u32 Bandwidth:u32 AverageRSSI:s8 PeakRSSI:s8",
        children="Timestamp",
    ),
    tlv(
        246,
        "ReaderEventNotificationData",
        children=(
            "Timestamp HoppingEvent? GPIEvent? ROSpecEvent? ReportBufferLevelWarningEvent? "
            "ReportBufferOverflowErrorEvent? ReaderExceptionEvent? RFSurveyEvent? AISpecEvent? "
            "AntennaEvent? ConnectionAttemptEvent? ConnectionCloseEvent? SpecLoopEvent? Custom*"
        ),
    ),
    tlv(247, "HoppingEvent", "HopTableID:u16 NextChannelIndex:u16"),
    tlv(248, "GPIEvent", "GPIPortNumber:u16 GPIEvent:u1 r7"),
    tlv(249, "ROSpecEvent", "EventType:u8=ROSpecEventType ROSpecID:u32 PreemptingROSpecID:u32"),
    tlv(250, "ReportBufferLevelWarningEvent", "ReportBufferPercentageFull:u8"),
    tlv(251, "ReportBufferOverflowErrorEvent"),
    tlv(
        252,
        "ReaderExceptionEvent",
        "Message:utf8v",
        children=(
            "ROSpecID? SpecIndex? InventoryParameterSpecID? AntennaID? AccessSpecID? OpSpecID? "
            "Custom*"
        ),
    ),
    tlv(253, "RFSurveyEvent", "EventType:u8=RFSurveyEventType ROSpecID:u32 SpecIndex:u16"),
    tlv(
        254,
        "AISpecEvent",
        "EventType:u8=AISpecEventType ROSpecID:u32 SpecIndex:u16",
        children="AirProtocolSingulationDetails?",
    ),
    tlv(255, "AntennaEvent", "EventType:u8=AntennaEventType AntennaID:u16"),
    tlv(256, "ConnectionAttemptEvent", "Status:u16=ConnectionAttemptStatusType"),
    tlv(257, "ConnectionCloseEvent"),
    tlv(
        287,
        "LLRPStatus",
        "StatusCode:u16=StatusCode ErrorDescription:utf8v",
        children="FieldError? ParameterError?",
    ),
    tlv(288, "FieldError", "FieldNum:u16 ErrorCode:u16=StatusCode"),
    tlv(
        289,
        "ParameterError",
        "ParameterType:u16 ErrorCode:u16=StatusCode",
        children="FieldError? ParameterError?",
    ),
    tlv(349, "C1G2ReadOpSpecResult", "Result:u8=C1G2ReadResultType OpSpecID:u16 ReadData:u16v"),
    tlv(
        350,
        "C1G2WriteOpSpecResult",
        "Result:u8=C1G2WriteResultType OpSpecID:u16 NumWordsWritten:u16",
    ),
    tlv(351, "C1G2KillOpSpecResult", "Result:u8=C1G2KillResultType OpSpecID:u16"),
    tlv(352, "C1G2LockOpSpecResult", "Result:u8=C1G2LockResultType OpSpecID:u16"),
    tlv(353, "C1G2BlockEraseOpSpecResult", "Result:u8=C1G2BlockEraseResultType OpSpecID:u16"),
    tlv(
        354,
        "C1G2BlockWriteOpSpecResult",
        "Result:u8=C1G2BlockWriteResultType OpSpecID:u16 NumWordsWritten:u16",
    ),
    tlv(356, "SpecLoopEvent", "ROSpecID:u32 LoopCount:u32", since=2),
    tlv(
        360,
        "C1G2RecommissionOpSpecResult",
        "Result:u8=C1G2RecommissionResultType OpSpecID:u16",
        since=2,
    ),
    tlv(
        361,
        "C1G2BlockPermalockOpSpecResult",
        "Result:u8=C1G2BlockPermalockResultType OpSpecID:u16",
        since=2,
    ),
    tlv(
        362,
        "C1G2GetBlockPermalockStatusOpSpecResult",
        "Result:u8=C1G2GetBlockPermalockStatusResultType OpSpecID:u16 PermalockStatus:u16v",
        since=2,
    ),
    tlv(1023, "Custom", "VendorIdentifier:u32 ParameterSubtype:u32 Data:bytesToEnd"),
)

"""Parameters that set a reader up, or tell how it is set up."""

from __future__ import annotations

from gateway.llrp.tables import Row, tlv

CONFIGURATION: tuple[Row, ...] = (
    tlv(217, "LLRPConfigurationStateValue", "LLRPConfigurationStateValue:u32"),
    tlv(218, "Identification", "IDType:u8=IdentificationType ReaderID:u8v"),
    tlv(219, "GPOWriteData", "GPOPortNumber:u16 GPOData:u1 r7"),
    tlv(
        220,
        "KeepaliveSpec",
        "KeepaliveTriggerType:u8=KeepaliveTriggerType PeriodicTriggerValue:u32",
    ),
    tlv(221, "AntennaProperties", "AntennaConnected:u1 r7 AntennaID:u16 AntennaGain:s16"),
    tlv(
        222,
        "AntennaConfiguration",
        "AntennaID:u16",
        children="RFReceiver? RFTransmitter? AirProtocolInventoryCommandSettings*",
    ),
    tlv(223, "RFReceiver", "ReceiverSensitivity:u16"),
    tlv(224, "RFTransmitter", "HopTableID:u16 ChannelIndex:u16 TransmitPower:u16"),
    tlv(225, "GPIPortCurrentState", "GPIPortNum:u16 Config:u1 r7 State:u8=GPIPortState"),
    tlv(226, "EventsAndReports", "HoldEventsAndReportsUponReconnect:u1 r7"),
    tlv(
        237,
        "ROReportSpec",
        "ROReportTrigger:u8=ROReportTriggerType N:u16",
        children="TagReportContentSelector Custom*",
    ),
    tlv(
        238,
        "TagReportContentSelector",
        (
            "EnableROSpecID:u1 EnableSpecIndex:u1 EnableInventoryParameterSpecID:u1 "
            "EnableAntennaID:u1 EnableChannelIndex:u1 EnablePeakRSSI:u1 "
            "EnableFirstSeenTimestamp:u1 EnableLastSeenTimestamp:u1 EnableTagSeenCount:u1 "
            "EnableAccessSpecID:u1 r6"
        ),
        children="AirProtocolEPCMemorySelector*",
    ),
    tlv(239, "AccessReportSpec", "AccessReportTrigger:u8=AccessReportTriggerType"),
    tlv(244, "ReaderEventNotificationSpec", children="EventNotificationState+"),
    tlv(
        245,
        "EventNotificationState",
        "EventType:u16=NotificationEventType NotificationState:u1 r7",
    ),
    tlv(348, "C1G2EPCMemorySelector", "EnableCRC:u1 EnablePCBits:u1 EnableXPCBits:u1 r5"),
)

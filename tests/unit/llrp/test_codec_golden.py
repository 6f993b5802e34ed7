"""Bytes worked out by hand from the standard's layouts, and what they mean.

Every message header is `u16` = version << 10 | type, `u32` length with these 10 bytes, `u32` id.
A TLV header is `u16` type, `u16` length with these 4 bytes. Lengths are added up in the comments.
"""

from __future__ import annotations

import pytest

from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.fields import Bits

P = Parameter

# 1 << 10 | 62 = 0x400 | 0x3E = 0x043E. Header only: 10 = 0x0A.
KEEPALIVE = ("043E 0000000A 00000007", Message("KEEPALIVE", 7))

# 72 = 0x48. The same message in LLRP 1.1: 2 << 10 | 72 = 0x0848.
KEEPALIVE_ACK = ("0448 0000000A 00000007", Message("KEEPALIVE_ACK", 7))
KEEPALIVE_ACK_1_1 = ("0848 0000000A 00000007", Message("KEEPALIVE_ACK", 7, version=2))

# 24 = 0x18. 10 + u32 = 14 = 0x0E.
ENABLE_ROSPEC = (
    "0418 0000000E 00000102  0000000E",
    Message("ENABLE_ROSPEC", 0x102, fields={"ROSpecID": 14}),
)

# 63 = 0x3F. UTCTimestamp (128 = 0x80): 4 + 8 = 12. ConnectionAttemptEvent (256 = 0x100): 4 + 2 = 6.
# ReaderEventNotificationData (246 = 0xF6): 4 + 12 + 6 = 22 = 0x16. Message: 10 + 22 = 32 = 0x20.
# 1,700,000,000,000,000 us = 0x00060A24181E4000.
CONNECTION_EVENT = (
    "043F 00000020 00000000  00F6 0016  0080 000C 00060A24181E4000  0100 0006 0002",
    Message(
        "READER_EVENT_NOTIFICATION",
        children=[
            P(
                "ReaderEventNotificationData",
                children=[
                    P("UTCTimestamp", {"Microseconds": 1_700_000_000_000_000}),
                    P("ConnectionAttemptEvent", {"Status": 2}),
                ],
            )
        ],
    ),
)

# ADD_ROSPEC (20 = 0x14) with one AISpec; lengths from the inside out:
#   ROSpecStartTrigger (179 = 0xB3)  4 + 1                    =  5
#   ROSpecStopTrigger (182 = 0xB6)   4 + 1 + 4                =  9
#   ROBoundarySpec (178 = 0xB2)      4 + 5 + 9                = 18 = 0x12
#   AISpecStopTrigger (184 = 0xB8)   4 + 1 + 4                =  9
#   RFTransmitter (224 = 0xE0)       4 + 2 + 2 + 2            = 10 = 0x0A
#   C1G2RFControl (335 = 0x14F)      4 + 2 + 2                =  8
#   C1G2SingulationControl (336 = 0x150) 4 + 1 + 2 + 4        = 11 = 0x0B
#   C1G2InventoryCommand (330 = 0x14A)   4 + 1 + 8 + 11       = 24 = 0x18
#   AntennaConfiguration (222 = 0xDE)    4 + 2 + 10 + 24      = 40 = 0x28
#   InventoryParameterSpec (186 = 0xBA)  4 + 2 + 1 + 40       = 47 = 0x2F
#   AISpec (183 = 0xB7)    4 + count 2 + two antennas 4 + 9 + 47 = 66 = 0x42
#   TagReportContentSelector (238 = 0xEE) 4 + 2               =  6
#   ROReportSpec (237 = 0xED)        4 + 1 + 2 + 6            = 13 = 0x0D
#   ROSpec (177 = 0xB1)    4 + 4 + 1 + 1 + 18 + 66 + 13       = 107 = 0x6B
#   message                10 + 107                           = 117 = 0x75
# Session 2 stands in the upper two bits of its byte: 10 000000 = 0x80. The ten flags of the content
# selector from the top: antenna is the 4th, RSSI the 6th, first, last and count the 7th, 8th, 9th:
# 0001 0111 | 10 000000 = 0x1780. (5th, ChannelIndex, and 10th, AccessSpecID, are off.)
ADD_ROSPEC = (
    (
        "0414 00000075 00000003"
        "  00B1 006B 0000000E 00 00"
        "    00B2 0012  00B3 0005 01  00B6 0009 00 00000000"
        "    00B7 0042 0002 0001 0004"
        "      00B8 0009 00 00000000"
        "      00BA 002F 0001 01"
        "        00DE 0028 0004"
        "          00E0 000A 0001 0000 003D"
        "          014A 0018 00  014F 0008 03E8 0000  0150 000B 80 0020 00000000"
        "    00ED 000D 01 0001  00EE 0006 1780"
    ),
    Message(
        "ADD_ROSPEC",
        3,
        children=[
            P(
                "ROSpec",
                {"ROSpecID": 14, "Priority": 0, "CurrentState": 0},
                [
                    P(
                        "ROBoundarySpec",
                        children=[
                            P("ROSpecStartTrigger", {"ROSpecStartTriggerType": 1}),
                            P(
                                "ROSpecStopTrigger",
                                {"ROSpecStopTriggerType": 0, "DurationTriggerValue": 0},
                            ),
                        ],
                    ),
                    P(
                        "AISpec",
                        {"AntennaIDs": [1, 4]},
                        [
                            P(
                                "AISpecStopTrigger",
                                {"AISpecStopTriggerType": 0, "DurationTrigger": 0},
                            ),
                            P(
                                "InventoryParameterSpec",
                                {"InventoryParameterSpecID": 1, "ProtocolID": 1},
                                [
                                    P(
                                        "AntennaConfiguration",
                                        {"AntennaID": 4},
                                        [
                                            P(
                                                "RFTransmitter",
                                                {
                                                    "HopTableID": 1,
                                                    "ChannelIndex": 0,
                                                    "TransmitPower": 61,
                                                },
                                            ),
                                            P(
                                                "C1G2InventoryCommand",
                                                {"TagInventoryStateAware": 0},
                                                [
                                                    P(
                                                        "C1G2RFControl",
                                                        {"ModeIndex": 1000, "Tari": 0},
                                                    ),
                                                    P(
                                                        "C1G2SingulationControl",
                                                        {
                                                            "Session": 2,
                                                            "TagPopulation": 32,
                                                            "TagTransitTime": 0,
                                                        },
                                                    ),
                                                ],
                                            ),
                                        ],
                                    )
                                ],
                            ),
                        ],
                    ),
                    P(
                        "ROReportSpec",
                        {"ROReportTrigger": 1, "N": 1},
                        [
                            P(
                                "TagReportContentSelector",
                                {
                                    "EnableROSpecID": 0,
                                    "EnableSpecIndex": 0,
                                    "EnableInventoryParameterSpecID": 0,
                                    "EnableAntennaID": 1,
                                    "EnableChannelIndex": 0,
                                    "EnablePeakRSSI": 1,
                                    "EnableFirstSeenTimestamp": 1,
                                    "EnableLastSeenTimestamp": 1,
                                    "EnableTagSeenCount": 1,
                                    "EnableAccessSpecID": 0,
                                },
                            )
                        ],
                    ),
                ],
            )
        ],
    ),
)

# RO_ACCESS_REPORT (61 = 0x3D) with every parameter without a length. Each is one byte 0x80 | type,
# then the value:
#   13 EPC_96 1 + 12 = 13      14 SpecIndex 3    10 InventoryParameterSpecID 3   1 AntennaID 3
#    6 PeakRSSI 2               7 ChannelIndex 3   2 FirstUTC 9   3 FirstUptime 9   4 LastUTC 9
#    5 LastUptime 9             8 TagSeenCount 3  12 PC 3  11 CRC 3  19 XPCW1 3  20 XPCW2 3
#    9 ROSpecID 5              16 AccessSpecID 5  17 OpSpecID 3  18 SingulationDetails 5
#   15 ClientRequestOpSpecResult 3
# 13 + 3+3+3 + 2+3 + 4*9 + 3 + 4*3 + 5+5 + 3+5 + 3 = 99. TagReportData (240 = 0xF0): 4 + 99 = 103 =
# 0x67. Message: 10 + 103 = 113 = 0x71. PeakRSSI -61 = 256 - 61 = 195 = 0xC3.
ALL_TVS = (
    (
        "043D 00000071 0000002A  00F0 0067"
        "  8D 300833B2DDD9014000000001  89 0000000E  8E 0001  8A 0002  81 0003  86 C3  87 0004"
        "  82 0000000000000005  83 0000000000000006  84 0000000000000007  85 0000000000000008"
        "  88 0009  8C 3000  8B BEEF  93 000A  94 000B  90 0000000C  91 000D  92 000E 000F  8F 0010"
    ),
    Message(
        "RO_ACCESS_REPORT",
        42,
        children=[
            P(
                "TagReportData",
                children=[
                    P("EPC_96", {"EPC": bytes.fromhex("300833B2DDD9014000000001")}),
                    P("ROSpecID", {"ROSpecID": 14}),
                    P("SpecIndex", {"SpecIndex": 1}),
                    P("InventoryParameterSpecID", {"InventoryParameterSpecID": 2}),
                    P("AntennaID", {"AntennaID": 3}),
                    P("PeakRSSI", {"PeakRSSI": -61}),
                    P("ChannelIndex", {"ChannelIndex": 4}),
                    P("FirstSeenTimestampUTC", {"Microseconds": 5}),
                    P("FirstSeenTimestampUptime", {"Microseconds": 6}),
                    P("LastSeenTimestampUTC", {"Microseconds": 7}),
                    P("LastSeenTimestampUptime", {"Microseconds": 8}),
                    P("TagSeenCount", {"TagCount": 9}),
                    P("C1G2_PC", {"PC_Bits": 0x3000}),
                    P("C1G2_CRC", {"CRC": 0xBEEF}),
                    P("C1G2_XPCW1", {"XPC_W1": 10}),
                    P("C1G2_XPCW2", {"XPC_W2": 11}),
                    P("AccessSpecID", {"AccessSpecID": 12}),
                    P("OpSpecID", {"OpSpecID": 13}),
                    P("C1G2SingulationDetails", {"NumCollisionSlots": 14, "NumEmptySlots": 15}),
                    P("ClientRequestOpSpecResult", {"OpSpecID": 16}),
                ],
            )
        ],
    ),
)

# EPCData (241 = 0xF1) of 20 bits: 4 + count 2 + 3 bytes = 9; the last 4 bits fill up the byte.
# ImpinjRFPhaseAngle: TLV 1023 = 0x3FF, 4 + PEN 4 (25882 = 0x651A) + subtype 4 (56 = 0x38) + 2 = 14
# = 0x0E. ImpinjPeakRSSI: subtype 57 = 0x39, -5550 = 65536 - 5550 = 59986 = 0xEA52.
# TagReportData: 4 + 9 + 14 + 14 = 41 = 0x29. Message: 51 = 0x33.
IMPINJ_REPORT = (
    (
        "043D 00000033 00000001  00F0 0029"
        "  00F1 0009 0014 ABCDE0"
        "  03FF 000E 0000651A 00000038 0FFF"
        "  03FF 000E 0000651A 00000039 EA52"
    ),
    Message(
        "RO_ACCESS_REPORT",
        1,
        children=[
            P(
                "TagReportData",
                children=[
                    P("EPCData", {"EPC": Bits(20, b"\xab\xcd\xe0")}),
                    P("ImpinjRFPhaseAngle", {"PhaseAngle": 4095}),
                    P("ImpinjPeakRSSI", {"RSSI": -5550}),
                ],
            )
        ],
    ),
)

# SET_READER_CONFIG (3): ResetToFactoryDefault is the top bit of its byte: 0x80.
#   EventNotificationState (245 = 0xF5) 4 + 2 + 1 = 7, state in the top bit: 0x80 on, 0x00 off
#   ReaderEventNotificationSpec (244 = 0xF4) 4 + 7 + 7 = 18 = 0x12
#   KeepaliveSpec (220 = 0xDC) 4 + 1 + 4 = 9, 5000 ms = 0x1388
#   GPOWriteData (219 = 0xDB) 4 + 2 + 1 = 7
#   EventsAndReports (226 = 0xE2) 4 + 1 = 5
#   message 10 + 1 + 18 + 9 + 7 + 5 = 50 = 0x32
SET_READER_CONFIG = (
    (
        "0403 00000032 00000009  80"
        "  00F4 0012  00F5 0007 0001 80  00F5 0007 0005 00"
        "  00DC 0009 01 00001388  00DB 0007 0002 80  00E2 0005 80"
    ),
    Message(
        "SET_READER_CONFIG",
        9,
        fields={"ResetToFactoryDefault": 1},
        children=[
            P(
                "ReaderEventNotificationSpec",
                children=[
                    P("EventNotificationState", {"EventType": 1, "NotificationState": 1}),
                    P("EventNotificationState", {"EventType": 5, "NotificationState": 0}),
                ],
            ),
            P("KeepaliveSpec", {"KeepaliveTriggerType": 1, "PeriodicTriggerValue": 5000}),
            P("GPOWriteData", {"GPOPortNumber": 2, "GPOData": 1}),
            P("EventsAndReports", {"HoldEventsAndReportsUponReconnect": 1}),
        ],
    ),
)

# CUSTOM_MESSAGE: 1 << 10 | 1023 = 0x400 | 0x3FF = 0x07FF; PEN 4, subtype 1 (one byte, unlike a
# custom parameter's four), data 3: 10 + 8 = 18 = 0x12.
CUSTOM_MESSAGE = (
    "07FF 00000012 00000005  000000A1 03 010203",
    Message(
        "CUSTOM_MESSAGE",
        5,
        fields={"VendorIdentifier": 161, "MessageSubtype": 3, "Data": b"\x01\x02\x03"},
    ),
)

# The same with a table: 25882 = 0x651A, subtype 21 = 0x15, then 32 reserved bits:
# 10 + 5 + 4 = 19 = 0x13.
IMPINJ_MESSAGE = (
    "07FF 00000013 00000002  0000651A 15 00000000",
    Message("IMPINJ_ENABLE_EXTENSIONS", 2),
)

GOLDEN = {
    "keepalive": KEEPALIVE,
    "acknowledgement": KEEPALIVE_ACK,
    "acknowledgement in 1.1": KEEPALIVE_ACK_1_1,
    "a message with a field": ENABLE_ROSPEC,
    "connection event": CONNECTION_EVENT,
    "a ROSpec with an AISpec": ADD_ROSPEC,
    "a report with every TV": ALL_TVS,
    "a report of Impinj": IMPINJ_REPORT,
    "bit fields": SET_READER_CONFIG,
    "a vendor's message": CUSTOM_MESSAGE,
    "a message of Impinj": IMPINJ_MESSAGE,
}


@pytest.mark.parametrize(("hex_text", "message"), GOLDEN.values(), ids=GOLDEN.keys())
def test_a_message_is_written_as_worked_out_by_hand(hex_text: str, message: Message) -> None:
    assert encode(message).hex() == bytes.fromhex(hex_text).hex()


@pytest.mark.parametrize(("hex_text", "message"), GOLDEN.values(), ids=GOLDEN.keys())
def test_bytes_worked_out_by_hand_are_read(hex_text: str, message: Message) -> None:
    assert decode(bytes.fromhex(hex_text)) == message
    assert decode(memoryview(bytes.fromhex(hex_text))) == message

"""Parameters of ROSpecs and AccessSpecs: what a reader shall do, when, and with which tags."""

from __future__ import annotations

from gateway.llrp.tables import Row, tlv

SPECS: tuple[Row, ...] = (
    tlv(
        177,
        "ROSpec",
        "ROSpecID:u32 Priority:u8 CurrentState:u8=ROSpecState",
        children="ROBoundarySpec SpecParameter+ ROReportSpec?",
    ),
    tlv(178, "ROBoundarySpec", children="ROSpecStartTrigger ROSpecStopTrigger"),
    tlv(
        179,
        "ROSpecStartTrigger",
        "ROSpecStartTriggerType:u8=ROSpecStartTriggerType",
        children="PeriodicTriggerValue? GPITriggerValue?",
    ),
    tlv(180, "PeriodicTriggerValue", "Offset:u32 Period:u32", children="UTCTimestamp?"),
    tlv(181, "GPITriggerValue", "GPIPortNum:u16 GPIEvent:u1 r7 Timeout:u32"),
    tlv(
        182,
        "ROSpecStopTrigger",
        "ROSpecStopTriggerType:u8=ROSpecStopTriggerType DurationTriggerValue:u32",
        children="GPITriggerValue?",
    ),
    tlv(
        183,
        "AISpec",
        "AntennaIDs:u16v",
        children="AISpecStopTrigger InventoryParameterSpec+ Custom*",
    ),
    tlv(
        184,
        "AISpecStopTrigger",
        "AISpecStopTriggerType:u8=AISpecStopTriggerType DurationTrigger:u32",
        children="GPITriggerValue? TagObservationTrigger?",
    ),
    tlv(
        185,
        "TagObservationTrigger",
        (
            "TriggerType:u8=TagObservationTriggerType r8 NumberOfTags:u16 NumberOfAttempts:u16 "
            "T:u16 Timeout:u32"
        ),
    ),
    tlv(
        186,
        "InventoryParameterSpec",
        "InventoryParameterSpecID:u16 ProtocolID:u8=AirProtocols",
        children="AntennaConfiguration* Custom*",
    ),
    tlv(
        187,
        "RFSurveySpec",
        "AntennaID:u16 StartFrequency:u32 EndFrequency:u32",
        children="RFSurveySpecStopTrigger Custom*",
    ),
    tlv(
        188,
        "RFSurveySpecStopTrigger",
        "StopTriggerType:u8=RFSurveySpecStopTriggerType DurationPeriod:u32 N:u32",
    ),
    tlv(
        207,
        "AccessSpec",
        (
            "AccessSpecID:u32 AntennaID:u16 ProtocolID:u8=AirProtocols "
            "CurrentState:u1=AccessSpecState r7 ROSpecID:u32"
        ),
        children="AccessSpecStopTrigger AccessCommand AccessReportSpec? Custom*",
    ),
    tlv(
        208,
        "AccessSpecStopTrigger",
        "AccessSpecStopTrigger:u8=AccessSpecStopTriggerType OperationCountValue:u16",
    ),
    tlv(209, "AccessCommand", children="AirProtocolTagSpec AccessCommandOpSpec+ Custom*"),
    tlv(210, "ClientRequestOpSpec", "OpSpecID:u16"),
    tlv(
        211,
        "ClientRequestResponse",
        "AccessSpecID:u32",
        children="EPCParameter AccessCommandOpSpec*",
    ),
    tlv(
        330,
        "C1G2InventoryCommand",
        "TagInventoryStateAware:u1 r7",
        children="C1G2Filter* C1G2RFControl? C1G2SingulationControl? Custom*",
    ),
    tlv(
        331,
        "C1G2Filter",
        "T:u2=C1G2TruncateAction r6",
        children=(
            "C1G2TagInventoryMask C1G2TagInventoryStateAwareFilterAction? "
            "C1G2TagInventoryStateUnawareFilterAction?"
        ),
    ),
    tlv(332, "C1G2TagInventoryMask", "MB:u2 r6 Pointer:u16 TagMask:u1v"),
    tlv(
        333,
        "C1G2TagInventoryStateAwareFilterAction",
        "Target:u8=C1G2StateAwareTarget Action:u8=C1G2StateAwareAction",
    ),
    tlv(334, "C1G2TagInventoryStateUnawareFilterAction", "Action:u8=C1G2StateUnawareAction"),
    tlv(335, "C1G2RFControl", "ModeIndex:u16 Tari:u16"),
    tlv(
        336,
        "C1G2SingulationControl",
        "Session:u2 r6 TagPopulation:u16 TagTransitTime:u32",
        children="C1G2TagInventoryStateAwareSingulationAction?",
    ),
    tlv(
        337,
        "C1G2TagInventoryStateAwareSingulationAction",
        "I:u1=C1G2TagInventoryStateAwareI S:u1=C1G2TagInventoryStateAwareS r6",
    ),
    tlv(338, "C1G2TagSpec", children="C1G2TargetTag+"),
    tlv(339, "C1G2TargetTag", "MB:u2 Match:u1 r5 Pointer:u16 TagMask:u1v TagData:u1v"),
    tlv(341, "C1G2Read", "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 WordPointer:u16 WordCount:u16"),
    tlv(
        342,
        "C1G2Write",
        "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 WordPointer:u16 WriteData:u16v",
    ),
    tlv(343, "C1G2Kill", "OpSpecID:u16 KillPassword:u32"),
    tlv(344, "C1G2Lock", "OpSpecID:u16 AccessPassword:u32", children="C1G2LockPayload+"),
    tlv(345, "C1G2LockPayload", "Privilege:u8=C1G2LockPrivilege DataField:u8=C1G2LockDataField"),
    tlv(
        346,
        "C1G2BlockErase",
        "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 WordPointer:u16 WordCount:u16",
    ),
    tlv(
        347,
        "C1G2BlockWrite",
        "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 WordPointer:u16 WriteData:u16v",
    ),
    # 189 and u16 in the 1.1 definition file of the LLRP Toolkit; 355 and u32 everywhere else.
    tlv(355, "LoopSpec", "LoopCount:u32", since=2),
    tlv(
        357,
        "C1G2Recommission",
        "OpSpecID:u16 KillPassword:u32 r5 BIT_3SB:u1 BIT_2SB:u1 BIT_LSB:u1",
        since=2,
    ),
    # That file counts the words of the mask twice, the standard once: the mask is taken as the
    # bytes that are there, so that either form survives.
    tlv(
        358,
        "C1G2BlockPermalock",
        (
            "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 BlockPointer:u16 BlockMaskWordCount:u16 "
            "BlockMask:bytesToEnd"
        ),
        since=2,
    ),
    tlv(
        359,
        "C1G2GetBlockPermalockStatus",
        "OpSpecID:u16 AccessPassword:u32 MB:u2 r6 BlockPointer:u16 BlockRange:u16",
        since=2,
    ),
)

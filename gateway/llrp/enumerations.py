"""Names of the values that fields of the kind `u8=SomeEnumeration` may take; for printing only."""

from __future__ import annotations


def _names(text: str) -> dict[int, str]:
    """Values from 0 on, in order."""
    return dict(enumerate(text.split()))


ENUMERATIONS: dict[str, dict[int, str]] = {
    "AirProtocols": _names("Unspecified EPCGlobalClass1Gen2"),
    "GetReaderCapabilitiesRequestedData": _names(
        "All General_Device_Capabilities LLRP_Capabilities Regulatory_Capabilities "
        "LLRP_Air_Protocol_Capabilities"
    ),
    "CommunicationsStandard": _names(
        "Unspecified US_FCC_Part_15 ETSI_302_208 ETSI_300_220 Australia_LIPD_1W "
        "Australia_LIPD_4W Japan_ARIB_STD_T89 Hong_Kong_OFTA_1049 Taiwan_DGT_LP0002 "
        "Korea_MIC_Article_5_2"
    ),
    "ROSpecState": _names("Disabled Inactive Active"),
    "ROSpecStartTriggerType": _names("Null Immediate Periodic GPI"),
    "ROSpecStopTriggerType": _names("Null Duration GPI_With_Timeout"),
    "AISpecStopTriggerType": _names("Null Duration GPI_With_Timeout Tag_Observation"),
    "TagObservationTriggerType": _names(
        "Upon_Seeing_N_Tags_Or_Timeout Upon_Seeing_No_More_New_Tags_For_Tms_Or_Timeout "
        "N_Attempts_To_See_All_Tags_In_FOV_Or_Timeout Upon_Seeing_N_Unique_Tags_Or_Timeout "
        "Upon_Seeing_No_More_New_Unique_Tags_For_Tms_Or_Timeout"
    ),
    "RFSurveySpecStopTriggerType": _names("Null Duration N_Iterations_Through_Frequency_Range"),
    "AccessSpecState": _names("Disabled Active"),
    "AccessSpecStopTriggerType": _names("Null Operation_Count"),
    "GetReaderConfigRequestedData": _names(
        "All Identification AntennaProperties AntennaConfiguration ROReportSpec "
        "ReaderEventNotificationSpec AccessReportSpec LLRPConfigurationStateValue "
        "KeepaliveSpec GPIPortCurrentState GPOWriteData EventsAndReports"
    ),
    "IdentificationType": _names("MAC_Address EPC"),
    "KeepaliveTriggerType": _names("Null Periodic"),
    "GPIPortState": _names("Low High Unknown"),
    "ROReportTriggerType": _names(
        "None Upon_N_Tags_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec "
        "Upon_N_Tags_Or_End_Of_ROSpec Upon_N_Seconds_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec "
        "Upon_N_Seconds_Or_End_Of_ROSpec "
        "Upon_N_Milliseconds_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec "
        "Upon_N_Milliseconds_Or_End_Of_ROSpec"
    ),
    "AccessReportTriggerType": _names("Whenever_ROReport_Is_Generated End_Of_AccessSpec"),
    "NotificationEventType": _names(
        "Upon_Hopping_To_Next_Channel GPI_Event ROSpec_Event Report_Buffer_Fill_Warning "
        "Reader_Exception_Event RFSurvey_Event AISpec_Event AISpec_Event_With_Details "
        "Antenna_Event SpecLoop_Event"
    ),
    "ROSpecEventType": _names("Start_Of_ROSpec End_Of_ROSpec Preemption_Of_ROSpec"),
    "RFSurveyEventType": _names("Start_Of_RFSurvey End_Of_RFSurvey"),
    "AISpecEventType": _names("End_Of_AISpec"),
    "AntennaEventType": _names("Antenna_Disconnected Antenna_Connected"),
    "ConnectionAttemptStatusType": _names(
        "Success Failed_A_Reader_Initiated_Connection_Already_Exists "
        "Failed_A_Client_Initiated_Connection_Already_Exists "
        "Failed_Reason_Other_Than_A_Connection_Already_Exists Another_Connection_Attempted"
    ),
    "StatusCode": {
        0: "M_Success",
        100: "M_ParameterError",
        101: "M_FieldError",
        102: "M_UnexpectedParameter",
        103: "M_MissingParameter",
        104: "M_DuplicateParameter",
        105: "M_OverflowParameter",
        106: "M_OverflowField",
        107: "M_UnknownParameter",
        108: "M_UnknownField",
        109: "M_UnsupportedMessage",
        110: "M_UnsupportedVersion",
        111: "M_UnsupportedParameter",
        200: "P_ParameterError",
        201: "P_FieldError",
        202: "P_UnexpectedParameter",
        203: "P_MissingParameter",
        204: "P_DuplicateParameter",
        205: "P_OverflowParameter",
        206: "P_OverflowField",
        207: "P_UnknownParameter",
        208: "P_UnknownField",
        209: "P_UnsupportedParameter",
        300: "A_Invalid",
        301: "A_OutOfRange",
        401: "R_DeviceError",
    },
    "C1G2DRValue": _names("DRV_8 DRV_64_3"),
    "C1G2MValue": _names("MV_FM0 MV_2 MV_4 MV_8"),
    "C1G2ForwardLinkModulation": _names("PR_ASK SSB_ASK DSB_ASK"),
    "C1G2SpectralMaskIndicator": _names("Unknown SI MI DI"),
    "C1G2TruncateAction": _names("Unspecified Do_Not_Truncate Truncate"),
    "C1G2StateAwareTarget": _names(
        "SL Inventoried_State_For_Session_S0 Inventoried_State_For_Session_S1 "
        "Inventoried_State_For_Session_S2 Inventoried_State_For_Session_S3"
    ),
    "C1G2StateAwareAction": _names(
        "AssertSLOrA_DeassertSLOrB AssertSLOrA_Noop Noop_DeassertSLOrB NegateSLOrABBA_Noop "
        "DeassertSLOrB_AssertSLOrA DeassertSLOrB_Noop Noop_AssertSLOrA Noop_NegateSLOrABBA"
    ),
    "C1G2StateUnawareAction": _names(
        "Select_Unselect Select_DoNothing DoNothing_Unselect Unselect_DoNothing "
        "Unselect_Select DoNothing_Select"
    ),
    "C1G2TagInventoryStateAwareI": _names("State_A State_B"),
    "C1G2TagInventoryStateAwareS": _names("SL Not_SL"),
    "C1G2LockPrivilege": _names("Read_Write Perma_Lock Perma_Unlock Unlock"),
    "C1G2LockDataField": _names("Kill_Password Access_Password EPC_Memory TID_Memory User_Memory"),
    "C1G2ReadResultType": _names(
        "Success Nonspecific_Tag_Error No_Response_From_Tag Nonspecific_Reader_Error "
        "Tag_Memory_Overrun_Error Tag_Memory_Locked_Error Incorrect_password_error"
    ),
    "C1G2WriteResultType": _names(
        "Success Tag_Memory_Overrun_Error Tag_Memory_Locked_Error Insufficient_Power "
        "Nonspecific_Tag_Error No_Response_From_Tag Nonspecific_Reader_Error "
        "Incorrect_Password_Error"
    ),
    "C1G2KillResultType": _names(
        "Success Zero_Kill_Password_Error Insufficient_Power Nonspecific_Tag_Error "
        "No_Response_From_Tag Nonspecific_Reader_Error Incorrect_Password_Error"
    ),
    "C1G2RecommissionResultType": _names(
        "Success Zero_Kill_Password_Error Insufficient_Power Nonspecific_Tag_Error "
        "No_Response_From_Tag Nonspecific_Reader_Error Incorrect_Password_Error"
    ),
    "C1G2LockResultType": _names(
        "Success Insufficient_Power Nonspecific_Tag_Error No_Response_From_Tag "
        "Nonspecific_Reader_Error Incorrect_Password_Error Tag_Memory_Overrun_Error "
        "Tag_Memory_Locked_Error"
    ),
    "C1G2BlockEraseResultType": _names(
        "Success Tag_Memory_Overrun_Error Tag_Memory_Locked_Error Insufficient_Power "
        "Nonspecific_Tag_Error No_Response_From_Tag Nonspecific_Reader_Error "
        "Incorrect_Password_Error"
    ),
    "C1G2BlockWriteResultType": _names(
        "Success Tag_Memory_Overrun_Error Tag_Memory_Locked_Error Insufficient_Power "
        "Nonspecific_Tag_Error No_Response_From_Tag Nonspecific_Reader_Error "
        "Incorrect_Password_Error"
    ),
    "C1G2BlockPermalockResultType": _names(
        "Success Insufficient_Power Nonspecific_Tag_Error No_Response_From_Tag "
        "Nonspecific_Reader_Error Incorrect_Password_Error Tag_Memory_Overrun_Error"
    ),
    "C1G2GetBlockPermalockStatusResultType": _names(
        "Success Nonspecific_Tag_Error No_Response_From_Tag Nonspecific_Reader_Error "
        "Incorrect_Password_Error Tag_Memory_Overrun_Error"
    ),
}

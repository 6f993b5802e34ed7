"""Every row of the tables, found by name and by what stands on the wire.

Vendors bring tables of the same kind (`vendors/`): a new vendor is one file and one entry in
`VENDOR_TABLES`. What is in no table is kept as bytes, under one of three names:

* `Unknown`: a message, or a parameter with a length, of a number that no table has;
* `Custom` and `CUSTOM_MESSAGE`: of a vendor, or a vendor's subtype, that no table has;
* `Opaque`: what follows a parameter without length of an unknown number, to the end of its parent.
"""

from __future__ import annotations

import struct

from gateway.llrp import enumerations
from gateway.llrp.messages import MESSAGES
from gateway.llrp.parameters_capabilities import CAPABILITIES
from gateway.llrp.parameters_configuration import CONFIGURATION
from gateway.llrp.parameters_reports import REPORTS
from gateway.llrp.parameters_specs import SPECS
from gateway.llrp.tables import CUSTOM_NUMBER, Row, message, tlv
from gateway.llrp.vendors import impinj

UNKNOWN = "Unknown"
OPAQUE = "Opaque"

PARAMETERS: tuple[Row, ...] = (*REPORTS, *CAPABILITIES, *SPECS, *CONFIGURATION)
VENDOR_TABLES = (impinj,)

#: Their number is the field `Type`.
UNKNOWN_MESSAGE = message(0, UNKNOWN, "Data:bytesToEnd")
UNKNOWN_PARAMETER = tlv(0, UNKNOWN, "Data:bytesToEnd")
OPAQUE_REST = tlv(0, OPAQUE, "Data:bytesToEnd")

#: A choice stands for any one of these parameters.
CHOICES: dict[str, tuple[str, ...]] = {
    name: tuple(words.split())
    for name, words in {
        "SpecParameter": "AISpec RFSurveySpec LoopSpec Custom",
        "AccessCommandOpSpec": (
            "C1G2Read C1G2Write C1G2Kill C1G2Recommission C1G2Lock C1G2BlockErase C1G2BlockWrite "
            "C1G2BlockPermalock C1G2GetBlockPermalockStatus ClientRequestOpSpec Custom"
        ),
        "AccessCommandOpSpecResult": (
            "C1G2ReadOpSpecResult C1G2WriteOpSpecResult C1G2KillOpSpecResult C1G2LockOpSpecResult "
            "C1G2BlockEraseOpSpecResult C1G2BlockWriteOpSpecResult C1G2RecommissionOpSpecResult "
            "C1G2BlockPermalockOpSpecResult C1G2GetBlockPermalockStatusOpSpecResult "
            "ClientRequestOpSpecResult Custom"
        ),
        "EPCParameter": "EPCData EPC_96",
        "Timestamp": "UTCTimestamp Uptime",
        "AirProtocolLLRPCapabilities": "C1G2LLRPCapabilities",
        "AirProtocolUHFRFModeTable": "C1G2UHFRFModeTable",
        "AirProtocolInventoryCommandSettings": "C1G2InventoryCommand",
        "AirProtocolTagSpec": "C1G2TagSpec",
        "AirProtocolEPCMemorySelector": "C1G2EPCMemorySelector",
        "AirProtocolTagData": "C1G2_PC C1G2_CRC C1G2_XPCW1 C1G2_XPCW2",
        "AirProtocolSingulationDetails": "C1G2SingulationDetails",
    }.items()
}

#: Names of values, of the standard and of vendors.
ENUMERATIONS: dict[str, dict[int, str]] = dict(enumerations.ENUMERATIONS)
for _table in VENDOR_TABLES:
    ENUMERATIONS.update(_table.ENUMERATIONS)

_VENDOR_MESSAGES = tuple(row for table in VENDOR_TABLES for row in table.MESSAGES)
_VENDOR_PARAMETERS = tuple(row for table in VENDOR_TABLES for row in table.PARAMETERS)

MESSAGES_BY_NAME: dict[str, Row] = {row.name: row for row in (*MESSAGES, *_VENDOR_MESSAGES)}
MESSAGES_BY_NUMBER: dict[int, Row] = {row.number: row for row in MESSAGES}
CUSTOM_MESSAGES: dict[tuple[int, int], Row] = {
    struct.unpack(">IB", row.prefix): row for row in _VENDOR_MESSAGES
}

PARAMETERS_BY_NAME: dict[str, Row] = {row.name: row for row in (*PARAMETERS, *_VENDOR_PARAMETERS)}
TLV_BY_NUMBER: dict[int, Row] = {row.number: row for row in PARAMETERS if not row.is_tv}
TV_BY_NUMBER: dict[int, Row] = {row.number: row for row in PARAMETERS if row.is_tv}
CUSTOM_PARAMETERS: dict[tuple[int, int], Row] = {
    struct.unpack(">II", row.prefix): row for row in _VENDOR_PARAMETERS
}

CUSTOM_MESSAGE = MESSAGES_BY_NUMBER[CUSTOM_NUMBER]
CUSTOM_PARAMETER = TLV_BY_NUMBER[CUSTOM_NUMBER]

#: Rows that are not in the tables of the standard but can be met in a decoded message.
SPECIAL_PARAMETERS: dict[str, Row] = {UNKNOWN: UNKNOWN_PARAMETER, OPAQUE: OPAQUE_REST}


def message_row(name: str) -> Row | None:
    """The row of a message by its name, `Unknown` included."""
    return UNKNOWN_MESSAGE if name == UNKNOWN else MESSAGES_BY_NAME.get(name)


def parameter_row(name: str) -> Row | None:
    """The row of a parameter by its name, `Unknown` and `Opaque` included."""
    return PARAMETERS_BY_NAME.get(name) or SPECIAL_PARAMETERS.get(name)

"""What an emulated reader refuses in ADD_ROSPEC, and where it says the fault is."""

from __future__ import annotations

from gateway.llrp.codec import Parameter
from gateway.simulation.personality import Personality
from gateway.simulation.refusal import Code, refused_parameter

#: Trigger types; 0 is none.
IMMEDIATE, PERIODIC, BY_GPI = 1, 2, 3
DURATION, GPI_OR_TIMEOUT, TAG_OBSERVATION = 1, 2, 3
#: TagObservationTriggerType: N tags, N unique tags.
BY_NUMBER_OF_TAGS = (0, 3)

#: Parameter numbers, for the path to a fault.
RO_SPEC = 177
_BOUNDARY, _START, _AI_SPEC, _INVENTORY = 178, 179, 183, 186
_ANTENNA, _TRANSMITTER, _COMMAND, _RF_CONTROL = 222, 224, 330, 335
_REPORT = 237
_HOP_TABLE = 1  # the only one


def check(spec: Parameter, personality: Personality) -> None:
    """Raise Refused for the first thing in a ROSpec that the reader cannot do."""
    if not spec.field("ROSpecID"):
        raise refused_parameter("ROSpecID 0 is not allowed", path=(RO_SPEC,), field=0)
    if spec.field("CurrentState"):
        raise refused_parameter("a ROSpec is added disabled", path=(RO_SPEC,), field=2)
    boundary = spec.first("ROBoundarySpec")
    if boundary is None:
        path = (RO_SPEC, _BOUNDARY)
        raise refused_parameter("no ROBoundarySpec", path=path, code=Code.P_MISSING_PARAMETER)
    start = boundary.first("ROSpecStartTrigger")
    if start is not None and start.field("ROSpecStartTriggerType") > BY_GPI:
        where = (RO_SPEC, _BOUNDARY, _START)
        raise refused_parameter("there is no such start trigger", path=where, field=0)
    if not spec.all("AISpec"):
        path = (RO_SPEC, _AI_SPEC)
        raise refused_parameter("no AISpec", path=path, code=Code.P_MISSING_PARAMETER)
    for ai_spec in spec.all("AISpec"):
        _check_ai_spec(ai_spec, personality)
    report = spec.first("ROReportSpec")
    if report is not None:
        _refuse_foreign(report, personality, path=(RO_SPEC, _REPORT))


def check_antenna_configuration(
    configuration: Parameter, personality: Personality, path: tuple[int, ...]
) -> None:
    """Raise Refused for an AntennaConfiguration that the reader cannot do."""
    here = (*path, _ANTENNA)
    if configuration.field("AntennaID") > personality.antennas:
        text = f"there is no antenna {configuration.field('AntennaID')}"
        raise refused_parameter(text, path=here, field=0, code=Code.A_OUT_OF_RANGE)
    transmitter = configuration.first("RFTransmitter")
    if transmitter is not None:
        _check_transmitter(transmitter, personality, (*here, _TRANSMITTER))
    command = configuration.first("C1G2InventoryCommand")
    if command is not None:
        _refuse_foreign(command, personality, path=(*here, _COMMAND))
        control = command.first("C1G2RFControl")
        modes = {mode.identifier for mode in personality.modes}
        # Mode 0 stands for the reader's own choice where the table has no such mode.
        if control is not None and control.field("ModeIndex") not in modes | {0}:
            text = f"there is no mode {control.field('ModeIndex')}"
            where = (*here, _COMMAND, _RF_CONTROL)
            raise refused_parameter(text, path=where, field=0, code=Code.A_OUT_OF_RANGE)


def _check_ai_spec(ai_spec: Parameter, personality: Personality) -> None:
    path = (RO_SPEC, _AI_SPEC)
    beyond = [a for a in ai_spec.field("AntennaIDs") if a > personality.antennas]
    if beyond:
        text = f"there is no antenna {beyond[0]}"
        raise refused_parameter(text, path=path, field=0, code=Code.A_OUT_OF_RANGE)
    for inventory in ai_spec.all("InventoryParameterSpec"):
        _refuse_foreign(inventory, personality, path=(*path, _INVENTORY))
        for configuration in inventory.all("AntennaConfiguration"):
            check_antenna_configuration(configuration, personality, (*path, _INVENTORY))


def _check_transmitter(
    transmitter: Parameter, personality: Personality, path: tuple[int, ...]
) -> None:
    limits = (
        ("HopTableID", 0, _HOP_TABLE, "hop table"),
        ("ChannelIndex", 1, 50, "channel"),
        ("TransmitPower", 2, len(personality.powers_dbm), "power index"),
    )
    for name, number, highest, words in limits:
        value = transmitter.field(name)
        # Some clients leave table and channel at 0 on a reader that hops.
        if value > highest or (value < 1 and name == "TransmitPower"):
            text = f"there is no {words} {value}: 1 to {highest}"
            raise refused_parameter(text, path=path, field=number, code=Code.A_OUT_OF_RANGE)


def _refuse_foreign(parameter: Parameter, personality: Personality, path: tuple[int, ...]) -> None:
    """Refuse a vendor's parameter on a reader that is not of that vendor."""
    if personality.is_impinj:
        return
    foreign = next((c for c in parameter.children if c.name.startswith(("Custom", "Impinj"))), None)
    if foreign is not None:
        text = f"{foreign.name} is not supported"
        raise refused_parameter(text, path=(*path, 1023), code=Code.P_UNSUPPORTED_PARAMETER)

"""The ROSpec: how the reader is to inventory, built from what is wanted and what the reader can do.

A pure function. What the reader cannot do is left out or put as near as it gets, and told in a
note; what it refuses nevertheless can be asked for again with less `Detail`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateway.llrp.capabilities import Capabilities, Power
from gateway.llrp.codec import Message, Parameter
from gateway.llrp.configuration import ROSPEC_ID, Port, Profile
from gateway.llrp.errors import LlrpError

#: AntennaID that stands for every antenna of the reader.
ALL_ANTENNAS = 0

_START_IMMEDIATELY = 1
_NEVER_STOP = 0
_GEN2 = 1
_UPON_N_TAGS = 1
_ENABLED = 1
#: Powers nearer than this to what was asked for are what was asked for.
_SAME_POWER_DB = 0.05


class RospecError(LlrpError):
    """No ROSpec can be built: nothing of what is wanted is there."""


class Detail(IntEnum):
    """How much a ROSpec asks for; a reader that refuses one may take the next."""

    FULL = 0
    NO_AIR_PROTOCOL = 1  # without C1G2InventoryCommand and vendors' parameters
    BARE = 2  # antennas only: the reader's own power as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An ADD_ROSPEC; `notes` say, in sentences, how it differs from what was wanted."""

    message: Message
    notes: tuple[str, ...] = ()
    absent_ports: tuple[int, ...] = ()  # wanted, but the reader has no such antenna


def build(
    profile: Profile,
    ports: tuple[Port, ...],
    capabilities: Capabilities,
    *,
    extensions: bool = False,
    detail: Detail = Detail.FULL,
) -> Plan:
    """The ROSpec for these antennas; `extensions`: Impinj's have been enabled.

    No ports means every antenna. Raises RospecError when the reader has none of the ports.
    """
    notes: list[str] = []
    absent = tuple(p.number for p in ports if not _has(capabilities, p.number))
    if absent:
        listed = ", ".join(map(str, absent))
        if len(absent) == len(ports):
            raise RospecError(
                f"the reader has antenna ports 1 to {capabilities.max_antennas}, none of the "
                f"configured {listed}: correct `antennas` of this reader"
            )
        notes.append(
            f"antenna {listed} is not there: the reader has ports 1 to {capabilities.max_antennas}"
        )
    wanted = tuple(p for p in ports if p.number not in absent) or (Port(number=ALL_ANTENNAS),)
    settings: list[Parameter] = []
    if detail is not Detail.BARE:
        air = _air_protocol(profile, capabilities, extensions, detail, notes)
        settings = [_antenna(p, capabilities, air) for p in wanted]
        _note_powers(wanted, capabilities.powers, notes)
    ai_spec = Parameter(
        "AISpec",
        {"AntennaIDs": [p.number for p in wanted]},
        [
            Parameter("AISpecStopTrigger", {"AISpecStopTriggerType": _NEVER_STOP}),
            Parameter(
                "InventoryParameterSpec",
                {"InventoryParameterSpecID": 1, "ProtocolID": _GEN2},
                [s for s in settings if s.children],
            ),
        ],
    )
    report = _report(profile, extensions and detail is Detail.FULL, notes)
    rospec = Parameter("ROSpec", {"ROSpecID": ROSPEC_ID}, [_boundary(), ai_spec, report])
    message = Message("ADD_ROSPEC", children=[rospec])
    return Plan(message=message, notes=tuple(notes), absent_ports=absent)


def nearest_power(power_dbm: float | None, powers: tuple[Power, ...]) -> Power | None:
    """The reader's power nearest to `power_dbm` (None: its highest); None if it tells no powers."""
    if not powers:
        return None
    if power_dbm is None:
        return max(powers, key=lambda power: power.dbm)
    return min(powers, key=lambda power: abs(power.dbm - power_dbm))


def _has(capabilities: Capabilities, port: int) -> bool:
    return port >= 1 and (capabilities.max_antennas == 0 or port <= capabilities.max_antennas)


def _boundary() -> Parameter:
    return Parameter(
        "ROBoundarySpec",
        children=[
            Parameter("ROSpecStartTrigger", {"ROSpecStartTriggerType": _START_IMMEDIATELY}),
            Parameter("ROSpecStopTrigger", {"ROSpecStopTriggerType": _NEVER_STOP}),
        ],
    )


def _antenna(port: Port, capabilities: Capabilities, air: Parameter | None) -> Parameter:
    configuration = Parameter("AntennaConfiguration", {"AntennaID": port.number})
    power = nearest_power(port.power_dbm, capabilities.powers)
    if power is not None:
        configuration.children.append(_transmitter(power.table_index, capabilities))
    if air is not None:
        configuration.children.append(air)
    return configuration


def _note_powers(ports: tuple[Port, ...], powers: tuple[Power, ...], notes: list[str]) -> None:
    """Tell where the power is not the one that was asked for; alike antennas in one note."""
    alike: dict[str, list[str]] = {}
    for port in ports:
        power = nearest_power(port.power_dbm, powers)
        if port.power_dbm is None:
            continue
        if power is None:
            what = f"{port.power_dbm:g} dBm is left to the reader, which tells no power table"
        elif abs(power.dbm - port.power_dbm) > _SAME_POWER_DB:
            what = f"{power.dbm:g} dBm is the reader's nearest to {port.power_dbm:g} dBm"
        else:
            continue
        alike.setdefault(what, []).append(str(port.number))
    notes += [f"power at antenna {', '.join(numbers)}: {what}" for what, numbers in alike.items()]


def _transmitter(power_index: int, capabilities: Capabilities) -> Parameter:
    """Hop table and channel exist on the reader: some refuse ids that they do not have."""
    hop_table = (
        capabilities.hop_tables[0] if capabilities.hopping and capabilities.hop_tables else 0
    )
    return Parameter(
        "RFTransmitter",
        {"HopTableID": hop_table, "ChannelIndex": 1, "TransmitPower": power_index},
    )


def _air_protocol(
    profile: Profile,
    capabilities: Capabilities,
    extensions: bool,
    detail: Detail,
    notes: list[str],
) -> Parameter | None:
    if detail is not Detail.FULL:
        return None
    command = Parameter("C1G2InventoryCommand")
    mode = profile.mode_index
    if mode is not None and capabilities.modes and mode not in capabilities.modes:
        notes.append(
            f"RF mode {mode} is left to the reader: "
            f"its modes are {', '.join(map(str, sorted(capabilities.modes)))}"
        )
    elif mode is not None:
        command.children.append(
            Parameter("C1G2RFControl", {"ModeIndex": mode, "Tari": profile.tari_ns})
        )
    command.children.append(
        Parameter(
            "C1G2SingulationControl",
            {"Session": profile.session, "TagPopulation": profile.tag_population},
        )
    )
    if profile.search_mode is not None and extensions:
        command.children.append(
            Parameter("ImpinjInventorySearchMode", {"InventorySearchMode": profile.search_mode})
        )
    elif profile.search_mode is not None:
        notes.append(f"search mode {profile.search_mode} needs Impinj's extensions")
    return command


def _report(profile: Profile, extensions: bool, notes: list[str]) -> Parameter:
    content = {
        f"Enable{name}": _ENABLED
        for name in (
            "AntennaID",
            "ChannelIndex",
            "PeakRSSI",
            "FirstSeenTimestamp",
            "LastSeenTimestamp",
            "TagSeenCount",
        )
    }
    report = Parameter(
        "ROReportSpec",
        {"ROReportTrigger": _UPON_N_TAGS, "N": profile.report_every_n_tags},
        [Parameter("TagReportContentSelector", content)],
    )
    extras = []
    if profile.report_phase:
        extras.append(Parameter("ImpinjEnableRFPhaseAngle", {"RFPhaseAngleMode": _ENABLED}))
    if profile.report_rssi_centi:
        extras.append(Parameter("ImpinjEnablePeakRSSI", {"PeakRSSIMode": _ENABLED}))
    if extras and extensions:
        report.children.append(Parameter("ImpinjTagReportContentSelector", children=extras))
    elif extras:
        notes.append("phase and fine power are not reported: they need Impinj's extensions")
    return report

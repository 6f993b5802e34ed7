"""What GET_READER_CONFIG and SET_READER_CONFIG are about: the settings of one emulated reader."""

from __future__ import annotations

import hashlib

from gateway.llrp.codec import Message, Parameter
from gateway.simulation.personality import Personality
from gateway.simulation.refusal import refused_field
from gateway.simulation.rospec_check import check_antenna_configuration

#: RequestedData of GET_READER_CONFIG.
(
    _ALL,
    _IDENTIFICATION,
    _PROPERTIES,
    _ANTENNA_CONFIGURATION,
    _RO_REPORT,
    _EVENTS,
    _ACCESS_REPORT,
    _STATE_VALUE,
    _KEEPALIVE,
    _GPI,
    _GPO,
    _HOLD,
) = range(12)
#: NotificationEventType.
HOPPING, GPI_EVENT, RO_SPEC_EVENT, BUFFER_FILL, EXCEPTION, RF_SURVEY, AI_SPEC = range(7)
AI_SPEC_DETAILS, ANTENNA_EVENT = 7, 8
_PERIODIC = 1
_LOW, _HIGH = 0, 1
_EVERY_READ = Parameter(
    "ROReportSpec",
    {"ROReportTrigger": 2, "N": 1},
    [
        Parameter(
            "TagReportContentSelector",
            {
                "EnableAntennaID": 1,
                "EnableChannelIndex": 1,
                "EnablePeakRSSI": 1,
                "EnableFirstSeenTimestamp": 1,
                "EnableLastSeenTimestamp": 1,
                "EnableTagSeenCount": 1,
            },
        )
    ],
)


class ReaderSettings:
    """Settings with their factory defaults; `reset` goes back to those."""

    def __init__(self, name: str, personality: Personality) -> None:
        self._personality = personality
        #: EUI-64 of the reader: stable for a name, locally administered.
        digest = hashlib.sha256(name.encode()).digest()
        self.mac = bytes([0x02, *digest[:2], 0xFF, 0xFE, *digest[2:5]])
        self.connected = dict.fromkeys(range(1, personality.antennas + 1), True)
        self.gpi_levels = dict.fromkeys(range(1, personality.gpis + 1), False)
        self.gpo_levels = dict.fromkeys(range(1, personality.gpos + 1), False)
        self.reset()

    def reset(self) -> None:
        """Back to factory defaults."""
        self.keepalive_ms = 0
        self.hold = False
        self.events: set[int] = set()
        self.ro_report = _EVERY_READ
        self.access_report = Parameter("AccessReportSpec", {"AccessReportTrigger": 0})
        self.gpi_enabled = dict.fromkeys(self.gpi_levels, True)
        self._antennas: dict[int, Parameter] = {}
        self._changes = 0

    def apply(self, request: Message) -> None:
        """SET_READER_CONFIG: all of it, or nothing and Refused."""
        self._check(request)
        if request.field("ResetToFactoryDefault"):
            self.reset()
        self._changes += 1
        for configuration in request.all("AntennaConfiguration"):
            chosen = configuration.field("AntennaID")
            for antenna in [chosen] if chosen else list(self.connected):
                fields = {**configuration.fields, "AntennaID": antenna}
                self._antennas[antenna] = Parameter(
                    "AntennaConfiguration", fields, configuration.children
                )
        for spec in request.all("ReaderEventNotificationSpec"):
            for state in spec.all("EventNotificationState"):
                change = (
                    self.events.add if state.field("NotificationState") else self.events.discard
                )
                change(state.field("EventType"))
        self.ro_report = request.first("ROReportSpec") or self.ro_report
        self.access_report = request.first("AccessReportSpec") or self.access_report
        keepalive = request.first("KeepaliveSpec")
        if keepalive is not None:
            periodic = keepalive.field("KeepaliveTriggerType") == _PERIODIC
            self.keepalive_ms = keepalive.field("PeriodicTriggerValue") if periodic else 0
        for gpo in request.all("GPOWriteData"):
            self.gpo_levels[gpo.field("GPOPortNumber")] = bool(gpo.field("GPOData"))
        for gpi in request.all("GPIPortCurrentState"):
            self.gpi_enabled[gpi.field("GPIPortNum")] = bool(gpi.field("Config"))
        hold = request.first("EventsAndReports")
        if hold is not None:
            wanted = bool(hold.field("HoldEventsAndReportsUponReconnect"))
            self.hold = wanted and self._personality.holds_reports

    def described(self, request: Message) -> list[Parameter]:
        """GET_READER_CONFIG: what was asked for, in the order of the standard."""
        wanted = request.field("RequestedData")
        if wanted > _HOLD:
            raise refused_field(f"there is no RequestedData {wanted}", number=1)
        antenna, gpi, gpo = (request.field(n) for n in ("AntennaID", "GPIPortNum", "GPOPortNum"))
        chosen = _selected(self.connected, antenna, "antenna", 0)
        gpis = _selected(self.gpi_levels, gpi, "GPI", 2)
        gpos = _selected(self.gpo_levels, gpo, "GPO", 3)
        parts: list[tuple[int, list[Parameter]]] = [
            (_IDENTIFICATION, [Parameter("Identification", {"IDType": 0, "ReaderID": self.mac})]),
            (_PROPERTIES, [self._properties(a) for a in chosen]),
            (_ANTENNA_CONFIGURATION, [self._configuration(a) for a in chosen]),
            (_EVENTS, [self._notification_spec()]),
            (_RO_REPORT, [self.ro_report]),
            (_ACCESS_REPORT, [self.access_report]),
            (_STATE_VALUE, [self._state_value()]),
            (_KEEPALIVE, [self._keepalive_spec()]),
            (_GPI, [self._gpi_state(port) for port in gpis]),
            (_GPO, [self._gpo_state(port) for port in gpos]),
            (
                _HOLD,
                [Parameter("EventsAndReports", {"HoldEventsAndReportsUponReconnect": self.hold})],
            ),
        ]
        return [p for number, found in parts if wanted in (_ALL, number) for p in found]

    def _check(self, request: Message) -> None:
        for configuration in request.all("AntennaConfiguration"):
            check_antenna_configuration(configuration, self._personality, ())
        for gpo in request.all("GPOWriteData"):
            _selected(self.gpo_levels, gpo.field("GPOPortNumber"), "GPO", 0)
        for gpi in request.all("GPIPortCurrentState"):
            _selected(self.gpi_levels, gpi.field("GPIPortNum"), "GPI", 0)

    def _properties(self, antenna: int) -> Parameter:
        fields = {"AntennaConnected": int(self.connected[antenna]), "AntennaID": antenna}
        return Parameter("AntennaProperties", {**fields, "AntennaGain": 600})

    def _configuration(self, antenna: int) -> Parameter:
        set_by_client = self._antennas.get(antenna)
        if set_by_client is not None:
            return set_by_client
        highest = len(self._personality.powers_dbm)
        transmitter = {"HopTableID": 1, "ChannelIndex": 1, "TransmitPower": highest}
        children = [
            Parameter("RFReceiver", {"ReceiverSensitivity": 1}),
            Parameter("RFTransmitter", transmitter),
        ]
        return Parameter("AntennaConfiguration", {"AntennaID": antenna}, children)

    def _notification_spec(self) -> Parameter:
        states = [
            Parameter(
                "EventNotificationState",
                {"EventType": number, "NotificationState": int(number in self.events)},
            )
            for number in range(ANTENNA_EVENT + 1)
        ]
        return Parameter("ReaderEventNotificationSpec", {}, states)

    def _state_value(self) -> Parameter:
        fields = {"LLRPConfigurationStateValue": self._changes}
        return Parameter("LLRPConfigurationStateValue", fields)

    def _keepalive_spec(self) -> Parameter:
        kind = _PERIODIC if self.keepalive_ms else 0
        fields = {"KeepaliveTriggerType": kind, "PeriodicTriggerValue": self.keepalive_ms}
        return Parameter("KeepaliveSpec", fields)

    def _gpi_state(self, port: int) -> Parameter:
        state = _HIGH if self.gpi_levels[port] else _LOW
        fields = {"GPIPortNum": port, "Config": int(self.gpi_enabled[port]), "State": state}
        return Parameter("GPIPortCurrentState", fields)

    def _gpo_state(self, port: int) -> Parameter:
        fields = {"GPOPortNumber": port, "GPOData": int(self.gpo_levels[port])}
        return Parameter("GPOWriteData", fields)


def _selected(ports: dict[int, bool], chosen: int, words: str, field: int) -> list[int]:
    """All ports when `chosen` is 0, else that one; Refused when there is none."""
    if chosen and chosen not in ports:
        raise refused_field(f"there is no {words} {chosen}", number=field)
    return [chosen] if chosen else list(ports)

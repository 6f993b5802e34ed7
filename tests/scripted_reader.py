"""A reader that answers by the book, for tests of the session and of the driver.

It has no sockets and no clock: requests in, replies out. Tests bend it: `answers` replaces the
reply to one kind of message, `silent` and `error` are the usual ways to be difficult.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.framing import Framer

Answer = Callable[[Message], list[Message]]

DISABLED, INACTIVE, ACTIVE = range(3)


def status(code: int = 0, words: str = "", *children: Parameter) -> Parameter:
    """An LLRPStatus."""
    return Parameter("LLRPStatus", {"StatusCode": code, "ErrorDescription": words}, list(children))


def response(request: Message, *children: Parameter, code: int = 0, words: str = "") -> Message:
    """The reply to a request, with a status in front."""
    return Message(
        f"{request.name}_RESPONSE", id=request.id, children=[status(code, words), *children]
    )


def silent(request: Message) -> list[Message]:
    """No reply."""
    return []


def error(request: Message) -> list[Message]:
    """An ERROR_MESSAGE, as from a reader that does not know the request."""
    words = f"{request.name} is not known here"
    return [Message("ERROR_MESSAGE", id=request.id, children=[status(109, words)])]


def refused(code: int = 100, words: str = "no") -> Answer:
    """A reply with a status of failure."""
    return lambda request: [response(request, code=code, words=words)]


def notification(*events: Parameter, stamp: Parameter | None = None) -> Message:
    """A READER_EVENT_NOTIFICATION."""
    stamp = stamp or Parameter("UTCTimestamp", {"Microseconds": 1_700_000_000_000_000})
    data = Parameter("ReaderEventNotificationData", children=[stamp, *events])
    return Message("READER_EVENT_NOTIFICATION", children=[data])


def connection_attempt(code: int = 0, stamp: Parameter | None = None) -> Message:
    """The first message of a connection."""
    return notification(Parameter("ConnectionAttemptEvent", {"Status": code}), stamp=stamp)


def rospec_event(kind: int, rospec: int, by: int = 0) -> Message:
    """A ROSpec has started (0), ended (1), been preempted (2)."""
    fields = {"EventType": kind, "ROSpecID": rospec, "PreemptingROSpecID": by}
    return notification(Parameter("ROSpecEvent", fields))


def antenna_event(port: int, *, connected: bool) -> Message:
    """An antenna has been connected or disconnected."""
    return notification(Parameter("AntennaEvent", {"EventType": int(connected), "AntennaID": port}))


def tag_report(
    epc: bytes, antenna: int, seen_us: int, rssi_dbm: int = -60, *, uptime: bool = False
) -> Message:
    """One read of one tag."""
    clock = "Uptime" if uptime else "UTC"
    stamps = [
        Parameter(f"{which}SeenTimestamp{clock}", {"Microseconds": seen_us})
        for which in ("First", "Last")
    ]
    data = Parameter(
        "TagReportData",
        children=[
            Parameter("EPC_96", {"EPC": epc}),
            Parameter("AntennaID", {"AntennaID": antenna}),
            Parameter("PeakRSSI", {"PeakRSSI": rssi_dbm}),
            *stamps,
            Parameter("TagSeenCount", {"TagCount": 1}),
        ],
    )
    return Message("RO_ACCESS_REPORT", children=[data])


@dataclass
class ScriptedReader:
    """State and manners of one reader; `answers` overrides what it says to one kind of message."""

    maker_pen: int = 0
    antennas: int = 4
    version: int = 1
    starts_by_itself: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)
    rospecs: dict[int, Parameter] = field(default_factory=dict)
    requests: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._framer = Framer()

    def reset_connection(self) -> None:
        """A new connection begins: nothing of the last one's bytes is left."""
        self._framer = Framer()

    @property
    def asked(self) -> list[str]:
        """The names of the messages that came, in order."""
        return [request.name for request in self.requests]

    def state(self, rospec: int) -> int | None:
        """The state of a ROSpec, None when there is no such."""
        spec = self.rospecs.get(rospec)
        return None if spec is None else int(spec.fields["CurrentState"])

    def take(self, data: bytes) -> bytes:
        """What it answers to these bytes, however they are cut."""
        replies: list[Message] = []
        for frame in self._framer.feed(data):
            request = decode(frame)
            self.requests.append(request)
            answer = self.answers.get(request.name, self._answer)
            replies += answer(request)
        return b"".join(encode(reply) for reply in replies)

    def _answer(self, request: Message) -> list[Message]:
        handler = getattr(self, f"_{request.name.lower()}", None)
        if request.name in ("KEEPALIVE_ACK", "ENABLE_EVENTS_AND_REPORTS"):
            return []
        if handler is None:
            return error(request)
        return [handler(request)]

    def _get_supported_version(self, request: Message) -> Message:
        reply = response(request)
        reply.fields = {"CurrentVersion": 1, "SupportedVersion": self.version}
        return reply

    def _set_protocol_version(self, request: Message) -> Message:
        return response(request)

    def _get_reader_capabilities(self, request: Message) -> Message:
        return response(request, *capabilities(self.maker_pen, self.antennas))

    def _impinj_enable_extensions(self, request: Message) -> Message:
        return response(request)

    def _set_reader_config(self, request: Message) -> Message:
        return response(request)

    def _get_reader_config(self, request: Message) -> Message:
        antennas = [
            Parameter("AntennaProperties", {"AntennaConnected": 1, "AntennaID": port})
            for port in range(1, self.antennas + 1)
        ]
        return response(request, *antennas)

    def _get_rospecs(self, request: Message) -> Message:
        return response(request, *self.rospecs.values())

    def _add_rospec(self, request: Message) -> Message:
        spec = request.first("ROSpec")
        assert spec is not None
        if spec.fields["ROSpecID"] in self.rospecs:
            return response(request, code=104, words="it is there already")
        spec.fields["CurrentState"] = DISABLED
        self.rospecs[spec.fields["ROSpecID"]] = spec
        return response(request)

    def _delete_rospec(self, request: Message) -> Message:
        number = request.fields["ROSpecID"]
        if number == 0:
            self.rospecs.clear()
        elif self.rospecs.pop(number, None) is None:
            return response(request, code=300, words="there is no such ROSpec")
        return response(request)

    def _enable_rospec(self, request: Message) -> Message:
        return self._move(request, {DISABLED}, ACTIVE if self.starts_by_itself else INACTIVE)

    def _start_rospec(self, request: Message) -> Message:
        return self._move(request, {INACTIVE}, ACTIVE)

    def _stop_rospec(self, request: Message) -> Message:
        return self._move(request, {ACTIVE}, INACTIVE)

    def _disable_rospec(self, request: Message) -> Message:
        return self._move(request, {ACTIVE, INACTIVE}, DISABLED)

    def _close_connection(self, request: Message) -> Message:
        return response(request)

    def _move(self, request: Message, sources: set[int], target: int) -> Message:
        spec = self.rospecs.get(request.fields["ROSpecID"])
        if spec is None or spec.fields["CurrentState"] not in sources:
            return response(request, code=300, words="not in this state")
        spec.fields["CurrentState"] = target
        return response(request)


def capabilities(maker_pen: int = 0, antennas: int = 4) -> list[Parameter]:
    """What a reader with powers of 10 to 30 dBm and three modes tells of itself."""
    powers = [
        Parameter(
            "TransmitPowerLevelTableEntry",
            {"Index": n + 1, "TransmitPowerValue": 1000 + 100 * n},
        )
        for n in range(21)
    ]
    modes = [Parameter("C1G2UHFRFModeTableEntry", {"ModeIdentifier": n}) for n in (0, 2, 1002)]
    return [
        Parameter(
            "GeneralDeviceCapabilities",
            {
                "MaxNumberOfAntennaSupported": antennas,
                "HasUTCClockCapability": 1,
                "DeviceManufacturerName": maker_pen,
                "ModelName": 7,
                "ReaderFirmwareVersion": "1.2.3",
            },
            [Parameter("GPIOCapabilities", {"NumGPIs": 4, "NumGPOs": 2})],
        ),
        Parameter(
            "LLRPCapabilities",
            {
                "CanReportBufferFillWarning": 1,
                "SupportsEventAndReportHolding": 1,
                "MaxNumROSpecs": 1,
            },
        ),
        Parameter(
            "RegulatoryCapabilities",
            {"CountryCode": 840, "CommunicationsStandard": 1},
            [
                Parameter(
                    "UHFBandCapabilities",
                    children=[
                        *powers,
                        Parameter(
                            "FrequencyInformation",
                            {"Hopping": 1},
                            [Parameter("FrequencyHopTable", {"HopTableID": 3})],
                        ),
                        Parameter("C1G2UHFRFModeTable", children=modes),
                    ],
                )
            ],
        ),
    ]

"""What is asked of a reader: how it is to inventory, on which antennas, and how it is to report.

`SessionConfig` is the whole of it; `reader_configs` makes SET_READER_CONFIG messages of its part
that is not in the ROSpec.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.llrp.capabilities import IMPINJ_PEN, Capabilities
from gateway.llrp.codec import Message, Parameter

#: ROSpecs with these ids are ours, to delete whenever they are found ("RG" and a number).
OWN_ROSPEC_IDS = range(0x5247_0001, 0x5247_0011)
#: The one that we add.
ROSPEC_ID = OWN_ROSPEC_IDS[0]

#: NotificationEventType: what we want to be told of.
_GPI, _ROSPEC, _BUFFER_FILL, _EXCEPTION, _ANTENNA = 1, 2, 3, 4, 8
_PERIODIC = 1
_ENABLED = 1
#: Keepalives that go unanswered before an Impinj reader lets go of a connection that is dead.
_LINK_DOWN_THRESHOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a reader model is driven; every field has a safe default."""

    max_version: int = 2  # highest LLRP protocol version to negotiate: 1 = 1.0.1, 2 = 1.1
    keepalive_s: float = 5.0
    tag_population: int = 32
    session: int = 1  # Gen2 S0–S3
    mode_index: int | None = None  # C1G2RFControl ModeIndex; None: leave it to the reader
    tari_ns: int = 0
    report_every_n_tags: int = 1
    hold_reports: bool = True  # while we are away; needs a reader that can
    vendor_pen: int | None = None  # whose extensions to speak, whatever the capabilities say
    search_mode: int | None = None  # ImpinjInventorySearchMode
    report_phase: bool = False
    report_rssi_centi: bool = False  # ImpinjPeakRSSI, 1/100 dBm


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One antenna port and the power it is to transmit with; None is the reader's maximum."""

    number: int
    power_dbm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Everything that a session wants of its reader. No ports: all that the reader has."""

    profile: Profile = field(default_factory=Profile)
    ports: tuple[Port, ...] = ()
    takeover: bool = False  # True: delete every ROSpec found, not only our own
    leave_running: bool = False  # True: the inventory goes on when we leave


def reader_configs(
    profile: Profile, capabilities: Capabilities, *, extensions: bool
) -> dict[str, Parameter]:
    """What to set, by the words that describe it; to be asked for at once or one by one."""
    period_ms = round(profile.keepalive_s * 1_000)
    wanted = {
        f"a keepalive every {profile.keepalive_s:g} s": Parameter(
            "KeepaliveSpec",
            {"KeepaliveTriggerType": _PERIODIC, "PeriodicTriggerValue": period_ms},
        ),
        "event notifications": _notifications(capabilities),
    }
    if profile.hold_reports and capabilities.can_hold_reports:
        wanted["holding reports while we are away"] = Parameter(
            "EventsAndReports", {"HoldEventsAndReportsUponReconnect": 1}
        )
    if extensions:
        wanted["Impinj's link monitor"] = Parameter(
            "ImpinjLinkMonitorConfiguration",
            {"LinkMonitorMode": _ENABLED, "LinkDownThreshold": _LINK_DOWN_THRESHOLD},
        )
    return wanted


def set_reader_config(wanted: list[Parameter]) -> Message:
    """One SET_READER_CONFIG; its parameters go in the order of the standard."""
    order = ("ReaderEventNotificationSpec", "KeepaliveSpec", "EventsAndReports")
    ranked = sorted(wanted, key=lambda p: order.index(p.name) if p.name in order else len(order))
    return Message("SET_READER_CONFIG", children=ranked)


def speaks_impinj(profile: Profile, capabilities: Capabilities) -> bool:
    """Whether to ask for Impinj's extensions: the profile says so, or the reader is one."""
    return IMPINJ_PEN in (profile.vendor_pen, capabilities.maker_pen)


def _notifications(capabilities: Capabilities) -> Parameter:
    wanted = [_GPI, _ROSPEC, _EXCEPTION, _ANTENNA]
    if capabilities.can_warn_of_full_buffer:
        wanted.append(_BUFFER_FILL)
    return Parameter(
        "ReaderEventNotificationSpec",
        children=[
            Parameter("EventNotificationState", {"EventType": kind, "NotificationState": 1})
            for kind in sorted(wanted)
        ],
    )

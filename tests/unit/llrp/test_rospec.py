"""The ROSpec that is built from what is wanted and what the reader can do."""

from __future__ import annotations

import pytest

from gateway.llrp import capabilities, rospec
from gateway.llrp.capabilities import Capabilities, Power
from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.configuration import OWN_ROSPEC_IDS, Port, Profile
from gateway.llrp.rospec import Detail, RospecError
from tests.scripted_reader import capabilities as scripted_capabilities

IMPINJ = 25882
READER = Capabilities(
    maker_pen=IMPINJ,
    max_antennas=4,
    powers=tuple(Power(n + 1, 10.0 + n) for n in range(21)),
    modes=(0, 2, 1002),
    hopping=True,
    hop_tables=(3, 4),
)
ONE = (Port(number=1),)


def inside(plan: rospec.Plan, *path: str) -> list[Parameter]:
    """The parameters at the end of a path through the ADD_ROSPEC."""
    found = list(plan.message.children)
    for step in ("ROSpec", *path):
        found = [p for p in found if p.name == step]
        if step != (path or ("ROSpec",))[-1]:
            found = [child for p in found for child in p.children]
    return found


ANTENNA = ("AISpec", "InventoryParameterSpec", "AntennaConfiguration")


def test_the_bytes_are_as_worked_out_by_hand() -> None:
    plan = rospec.build(Profile(), ONE, Capabilities(), detail=Detail.BARE)
    assert encode(plan.message) == bytes.fromhex(
        "0414 0000004b 00000000"  # ADD_ROSPEC of LLRP 1.0.1, 75 bytes
        "00b1 0041 52470001 00 00"  # ROSpec: id, priority 0, disabled
        "00b2 0012  00b3 0005 01  00b6 0009 00 00000000"  # start at once, never stop
        "00b7 0018 0001 0001"  # AISpec: one antenna, 1
        "00b8 0009 00 00000000"  # never stop
        "00ba 0007 0001 01"  # InventoryParameterSpec 1: Gen2
        "00ed 000d 01 0001"  # ROReportSpec: upon each tag
        "00ee 0006 1f80"  # antenna, channel, RSSI, first and last seen, count
    )


def test_it_starts_at_once_never_stops_and_is_ours() -> None:
    plan = rospec.build(Profile(), ONE, READER)
    (spec,) = inside(plan)
    assert spec.fields["ROSpecID"] in OWN_ROSPEC_IDS
    (start,) = inside(plan, "ROBoundarySpec", "ROSpecStartTrigger")
    (stop,) = inside(plan, "ROBoundarySpec", "ROSpecStopTrigger")
    assert start.fields["ROSpecStartTriggerType"] == 1
    assert stop.fields["ROSpecStopTriggerType"] == 0
    assert inside(plan, "AISpec", "AISpecStopTrigger")[0].fields["AISpecStopTriggerType"] == 0


def test_every_port_gets_its_power_and_the_first_hop_table() -> None:
    ports = (Port(number=1, power_dbm=30.0), Port(number=2, power_dbm=15.0), Port(number=3))
    plan = rospec.build(Profile(), ports, READER)
    assert inside(plan, "AISpec")[0].fields["AntennaIDs"] == [1, 2, 3]
    assert [p.fields["AntennaID"] for p in inside(plan, *ANTENNA)] == [1, 2, 3]
    transmitters = inside(plan, *ANTENNA, "RFTransmitter")
    assert [t.fields["TransmitPower"] for t in transmitters] == [21, 6, 21]
    assert {t.fields["HopTableID"] for t in transmitters} == {3}
    assert plan.notes == ()


def test_without_hopping_no_hop_table_is_named() -> None:
    reader = Capabilities(powers=(Power(1, 30.0),), fixed_channels=4)
    (transmitter,) = inside(rospec.build(Profile(), ONE, reader), *ANTENNA, "RFTransmitter")
    assert transmitter.fields == {"HopTableID": 0, "ChannelIndex": 1, "TransmitPower": 1}


@pytest.mark.parametrize(
    ("asked_dbm", "index", "got"), [(31.5, 21, "30"), (10.4, 1, "10"), (-5.0, 1, "10")]
)
def test_the_nearest_power_is_taken_and_the_difference_told(
    asked_dbm: float, index: int, got: str
) -> None:
    plan = rospec.build(Profile(), (Port(number=2, power_dbm=asked_dbm),), READER)
    assert inside(plan, *ANTENNA, "RFTransmitter")[0].fields["TransmitPower"] == index
    (note,) = plan.notes
    assert note == f"power at antenna 2: {got} dBm is the reader's nearest to {asked_dbm:g} dBm"


def test_antennas_with_the_same_difference_are_told_together() -> None:
    ports = tuple(Port(number=n, power_dbm=33.0) for n in (1, 2, 4))
    (note,) = rospec.build(Profile(), ports, READER).notes
    assert note == "power at antenna 1, 2, 4: 30 dBm is the reader's nearest to 33 dBm"


def test_a_power_table_need_not_be_in_order() -> None:
    reader = Capabilities(powers=(Power(7, 30.0), Power(3, 10.0), Power(5, 20.0)))
    for asked_dbm, index in ((None, 7), (11.0, 3), (19.0, 5)):
        plan = rospec.build(Profile(), (Port(number=1, power_dbm=asked_dbm),), reader)
        assert inside(plan, *ANTENNA, "RFTransmitter")[0].fields["TransmitPower"] == index


def test_without_a_power_table_the_power_is_left_alone() -> None:
    plan = rospec.build(Profile(), (Port(number=1, power_dbm=20.0),), Capabilities())
    assert inside(plan, *ANTENNA, "RFTransmitter") == []
    assert "no power table" in plan.notes[0]
    assert rospec.build(Profile(), ONE, Capabilities()).notes == ()


def test_no_ports_means_all_antennas() -> None:
    plan = rospec.build(Profile(), (), READER)
    assert inside(plan, "AISpec")[0].fields["AntennaIDs"] == [0]
    assert [p.fields["AntennaID"] for p in inside(plan, *ANTENNA)] == [0]


def test_ports_beyond_the_readers_are_left_out_and_told() -> None:
    plan = rospec.build(Profile(), (Port(number=4), Port(number=5)), READER)
    assert inside(plan, "AISpec")[0].fields["AntennaIDs"] == [4]
    assert plan.absent_ports == (5,)
    assert "antenna 5 is not there" in plan.notes[0]


def test_a_reader_with_none_of_the_ports_has_no_rospec() -> None:
    with pytest.raises(RospecError, match="ports 1 to 4, none of the configured 5, 6"):
        rospec.build(Profile(), (Port(number=5), Port(number=6)), READER)


def test_the_inventory_command_is_as_the_profile_says() -> None:
    profile = Profile(mode_index=1002, tari_ns=6250, session=2, tag_population=100)
    plan = rospec.build(profile, ONE, READER)
    command = (*ANTENNA, "C1G2InventoryCommand")
    assert inside(plan, *command, "C1G2RFControl")[0].fields == {"ModeIndex": 1002, "Tari": 6250}
    assert inside(plan, *command, "C1G2SingulationControl")[0].fields == {
        "Session": 2,
        "TagPopulation": 100,
    }


def test_a_mode_that_the_reader_does_not_have_is_left_to_it() -> None:
    plan = rospec.build(Profile(mode_index=1000), ONE, READER)
    assert inside(plan, *ANTENNA, "C1G2InventoryCommand", "C1G2RFControl") == []
    assert "RF mode 1000 is left to the reader: its modes are 0, 2, 1002" in plan.notes


def test_reports_say_what_the_gateway_needs_and_come_every_n_tags() -> None:
    plan = rospec.build(Profile(report_every_n_tags=10), ONE, READER)
    (report,) = inside(plan, "ROReportSpec")
    assert report.fields == {"ROReportTrigger": 1, "N": 10}
    (selector,) = inside(plan, "ROReportSpec", "TagReportContentSelector")
    assert {name for name, value in selector.fields.items() if value} == {
        "EnableAntennaID",
        "EnableChannelIndex",
        "EnablePeakRSSI",
        "EnableFirstSeenTimestamp",
        "EnableLastSeenTimestamp",
        "EnableTagSeenCount",
    }


def test_impinj_extras_are_asked_for_only_when_they_can_be_had() -> None:
    profile = Profile(report_phase=True, report_rssi_centi=True, search_mode=1)
    plan = rospec.build(profile, ONE, READER, extensions=True)
    extras = inside(plan, "ROReportSpec", "ImpinjTagReportContentSelector")
    assert [p.name for p in extras[0].children] == [
        "ImpinjEnableRFPhaseAngle",
        "ImpinjEnablePeakRSSI",
    ]
    command = (*ANTENNA, "C1G2InventoryCommand", "ImpinjInventorySearchMode")
    assert inside(plan, *command)[0].fields == {"InventorySearchMode": 1}
    assert plan.notes == ()
    without = rospec.build(profile, ONE, READER, extensions=False)
    assert inside(without, "ROReportSpec", "ImpinjTagReportContentSelector") == []
    assert inside(without, *command) == []
    assert len(without.notes) == 2


def test_less_detail_asks_for_less() -> None:
    profile = Profile(report_phase=True, search_mode=1)
    middle = rospec.build(profile, ONE, READER, extensions=True, detail=Detail.NO_AIR_PROTOCOL)
    assert [p.name for p in inside(middle, *ANTENNA)[0].children] == ["RFTransmitter"]
    assert inside(middle, "ROReportSpec", "ImpinjTagReportContentSelector") == []
    bare = rospec.build(profile, ONE, READER, extensions=True, detail=Detail.BARE)
    assert inside(bare, *ANTENNA) == []


@pytest.mark.parametrize("detail", list(Detail))
@pytest.mark.parametrize("ports", [(), ONE, tuple(Port(number=n) for n in range(1, 5))])
def test_every_rospec_survives_the_wire(detail: Detail, ports: tuple[Port, ...]) -> None:
    profile = Profile(mode_index=2, search_mode=2, report_phase=True, report_rssi_centi=True)
    message = rospec.build(profile, ports, READER, extensions=True, detail=detail).message
    frame = encode(message)
    assert encode(decode(frame)) == frame


def test_capabilities_are_read_from_the_response() -> None:
    reply = Message("GET_READER_CAPABILITIES_RESPONSE", children=scripted_capabilities(IMPINJ, 2))
    read = capabilities.read(decode(encode(reply)))
    assert read == Capabilities(
        maker_pen=IMPINJ,
        model=7,
        firmware="1.2.3",
        max_antennas=2,
        has_utc_clock=True,
        gpi_count=4,
        gpo_count=2,
        can_hold_reports=True,
        can_warn_of_full_buffer=True,
        max_rospecs=1,
        country=840,
        powers=tuple(Power(n + 1, 10.0 + n) for n in range(21)),
        modes=(0, 2, 1002),
        hopping=True,
        hop_tables=(3,),
    )
    assert str(read) == "Impinj model 7, firmware 1.2.3"


def test_capabilities_that_are_not_told_are_not_known() -> None:
    empty = capabilities.read(Message("GET_READER_CAPABILITIES_RESPONSE"))
    assert empty == Capabilities()
    assert "does not tell" in str(empty)


def test_text_from_a_reader_is_fit_for_a_log() -> None:
    assert capabilities.plain_text("a\x1b[31m\nb\udc80c") == "a [31m b c"
    assert len(capabilities.plain_text("x" * 10_000)) == capabilities.MAX_TEXT

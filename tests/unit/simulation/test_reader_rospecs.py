"""The life cycle of ROSpecs and AccessSpecs on an emulated reader, and what it refuses."""

from __future__ import annotations

import asyncio

import pytest

from gateway.llrp.codec import Message, Parameter
from gateway.simulation.personality import GENERIC, IMPINJ, Personality
from gateway.simulation.reader import EmulatedReader
from tests.servers import eventually
from tests.unit.simulation.raw_client import RawClient, code, ro_spec
from tests.unit.simulation.serving import reads, served

DISABLED, INACTIVE, ACTIVE = 0, 1, 2


async def states(client: RawClient) -> list[int]:
    answer = await client.ask("GET_ROSPECS")
    return [spec.field("CurrentState") for spec in answer.all("ROSpec")]


def runs(reader: EmulatedReader) -> bool:
    return reader.inventorying


def events(*numbers: int) -> list[Parameter]:
    """SET_READER_CONFIG's parameters that switch on these kinds of events."""
    found = [
        Parameter("EventNotificationState", {"EventType": n, "NotificationState": 1})
        for n in numbers
    ]
    return [Parameter("ReaderEventNotificationSpec", {}, found)]


async def test_a_ro_spec_goes_through_its_whole_life() -> None:
    async with served() as (reader, client):
        assert code(await client.ask("ADD_ROSPEC", [ro_spec(7, start=0)])) == 0
        assert await states(client) == [DISABLED]
        assert code(await client.ask("ENABLE_ROSPEC", ROSpecID=7)) == 0
        assert await states(client) == [INACTIVE]
        assert not runs(reader)
        assert code(await client.ask("START_ROSPEC", ROSpecID=7)) == 0
        assert await states(client) == [ACTIVE]
        assert runs(reader)
        assert code(await client.ask("STOP_ROSPEC", ROSpecID=7)) == 0
        assert await states(client) == [INACTIVE]
        assert code(await client.ask("DISABLE_ROSPEC", ROSpecID=7)) == 0
        assert await states(client) == [DISABLED]
        assert code(await client.ask("DELETE_ROSPEC", ROSpecID=7)) == 0
        assert await states(client) == []


async def test_a_ro_spec_comes_back_as_it_was_added() -> None:
    async with served() as (_, client):
        spec = ro_spec(7, start=0, antennas=(1, 3), n=5)
        await client.ask("ADD_ROSPEC", [spec])
        (returned,) = (await client.ask("GET_ROSPECS")).all("ROSpec")
        assert returned == spec


async def test_an_immediate_start_trigger_starts_when_enabled() -> None:
    async with served() as (reader, client):
        await client.inventory()
        assert runs(reader)
        assert code(await client.ask("START_ROSPEC", ROSpecID=1)) == 0


async def test_a_duration_ends_a_ro_spec_and_says_so() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", events(2))
        await client.inventory(ro_spec(duration_ms=30))
        kinds = [(await client.event("ROSpecEvent")).field("EventType")]
        if kinds == [0]:  # the start may have come before the answer to ENABLE_ROSPEC
            kinds.append((await client.event("ROSpecEvent")).field("EventType"))
        assert kinds[-1] == 1
        assert not runs(reader)
        assert await states(client) == [INACTIVE]


async def test_a_periodic_start_trigger_starts_again_and_again() -> None:
    async with served() as (_, client):
        await client.ask("SET_READER_CONFIG", events(2))
        spec = ro_spec(start=2, duration_ms=10)
        trigger = spec.children[0].children[0]
        trigger.children.append(Parameter("PeriodicTriggerValue", {"Offset": 0, "Period": 30}))
        await client.inventory(spec)
        for kind in (0, 1, 0, 1):
            assert (await client.event("ROSpecEvent")).field("EventType") == kind


async def test_an_input_starts_and_stops_a_ro_spec() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", events(1))
        spec = ro_spec(start=3)
        start, stop = spec.children[0].children
        start.children.append(
            Parameter("GPITriggerValue", {"GPIPortNum": 2, "GPIEvent": 1, "Timeout": 0})
        )
        stop.fields["ROSpecStopTriggerType"] = 2
        stop.children.append(
            Parameter("GPITriggerValue", {"GPIPortNum": 2, "GPIEvent": 0, "Timeout": 60_000})
        )
        await client.inventory(spec)
        reader.set_gpi(1, level=True)
        assert not runs(reader)
        reader.set_gpi(2, level=True)
        assert runs(reader)
        reader.set_gpi(2, level=False)
        assert not runs(reader)
        seen = [await client.event("GPIEvent") for _ in range(3)]
        assert [(e.field("GPIPortNumber"), e.field("GPIEvent")) for e in seen] == [
            (1, 1),
            (2, 1),
            (2, 0),
        ]


async def test_one_ro_spec_is_active_at_a_time_and_the_next_one_follows() -> None:
    async with served() as (_, client):
        await client.inventory(ro_spec(1), 1)
        await client.inventory(ro_spec(2), 2)
        await client.ask("ADD_ROSPEC", [ro_spec(3, start=0)])
        await client.ask("ENABLE_ROSPEC", ROSpecID=3)
        assert await states(client) == [ACTIVE, INACTIVE, INACTIVE]
        assert code(await client.ask("START_ROSPEC", ROSpecID=3)) == 101
        await client.ask("DELETE_ROSPEC", ROSpecID=1)
        assert await states(client) == [ACTIVE, INACTIVE]


async def test_number_0_means_all_ro_specs_where_that_is_allowed() -> None:
    async with served() as (reader, client):
        for number in (1, 2):
            await client.inventory(ro_spec(number), number)
        assert code(await client.ask("DISABLE_ROSPEC", ROSpecID=0)) == 0
        assert await states(client) == [DISABLED, DISABLED]
        assert code(await client.ask("ENABLE_ROSPEC", ROSpecID=0)) == 0
        assert await states(client) == [ACTIVE, INACTIVE]
        assert code(await client.ask("START_ROSPEC", ROSpecID=0)) == 101
        assert code(await client.ask("DELETE_ROSPEC", ROSpecID=0)) == 0
        assert not runs(reader)
        assert code(await client.ask("DELETE_ROSPEC", ROSpecID=0)) == 0


@pytest.mark.parametrize("verb", ["DELETE", "ENABLE", "DISABLE", "START", "STOP"])
async def test_an_unknown_ro_spec_is_refused_with_the_field_that_names_it(verb: str) -> None:
    async with served() as (_, client):
        answer = await client.ask(f"{verb}_ROSPEC", ROSpecID=99)
        assert (answer.name, code(answer)) == (f"{verb}_ROSPEC_RESPONSE", 101)
        status = answer.first("LLRPStatus")
        assert status is not None
        assert "99" in status.field("ErrorDescription")
        (fault,) = status.all("FieldError")
        assert (fault.field("FieldNum"), fault.field("ErrorCode")) == (0, 300)


def with_transmitter(**fields: int) -> Parameter:
    values = {"HopTableID": 1, "ChannelIndex": 1, "TransmitPower": 1, **fields}
    transmitter = Parameter("RFTransmitter", values)
    configuration = Parameter("AntennaConfiguration", {"AntennaID": 1}, [transmitter])
    return ro_spec(configurations=(configuration,))


def vendor_report() -> Parameter:
    return ro_spec(more=(Parameter("ImpinjTagReportContentSelector"),))


@pytest.mark.parametrize(
    ("spec", "path", "fault"),
    [
        (ro_spec(0), [177], (0, 201)),
        (ro_spec(antennas=(1, 9)), [177, 183], (0, 301)),
        (with_transmitter(TransmitPower=99), [177, 183, 186, 222, 224], (2, 301)),
        (with_transmitter(HopTableID=2), [177, 183, 186, 222, 224], (0, 301)),
        (vendor_report(), [177, 237, 1023], None),
    ],
    ids=["number 0", "antenna", "power", "hop table", "vendor"],
)
async def test_what_the_reader_cannot_do_is_refused_with_the_path_to_it(
    spec: Parameter, path: list[int], fault: tuple[int, int] | None
) -> None:
    async with served() as (_, client):
        answer = await client.ask("ADD_ROSPEC", [spec])
        assert code(answer) == 100
        step = answer.first("LLRPStatus")
        numbers = []
        while step is not None and (inner := step.first("ParameterError")) is not None:
            numbers.append(inner.field("ParameterType"))
            step = inner
        assert numbers == path
        assert step is not None
        field = step.first("FieldError")
        found = (field.field("FieldNum"), field.field("ErrorCode")) if field is not None else None
        assert found == fault
        assert await states(client) == []


async def test_the_same_number_twice_is_refused() -> None:
    async with served() as (_, client):
        await client.ask("ADD_ROSPEC", [ro_spec(1)])
        assert code(await client.ask("ADD_ROSPEC", [ro_spec(1)])) == 100


async def test_an_impinj_reader_holds_one_ro_spec() -> None:
    async with served(personality=IMPINJ) as (_, client):
        assert code(await client.ask("ADD_ROSPEC", [ro_spec(1)])) == 0
        assert code(await client.ask("ADD_ROSPEC", [ro_spec(2)])) == 100


async def test_access_specs_have_a_life_cycle_too() -> None:
    spec = Parameter(
        "AccessSpec",
        {"AccessSpecID": 5, "AntennaID": 0, "ProtocolID": 1, "CurrentState": 0, "ROSpecID": 0},
        [Parameter("AccessSpecStopTrigger"), Parameter("AccessCommand")],
    )
    async with served() as (_, client):
        assert code(await client.ask("ADD_ACCESSSPEC", [spec])) == 0
        assert code(await client.ask("ENABLE_ACCESSSPEC", AccessSpecID=5)) == 0
        (found,) = (await client.ask("GET_ACCESSSPECS")).all("AccessSpec")
        assert found.field("CurrentState") == 1
        assert code(await client.ask("DISABLE_ACCESSSPEC", AccessSpecID=0)) == 0
        assert code(await client.ask("DELETE_ACCESSSPEC", AccessSpecID=6)) == 101
        assert code(await client.ask("DELETE_ACCESSSPEC", AccessSpecID=0)) == 0
        assert (await client.ask("GET_ACCESSSPECS")).all("AccessSpec") == []


@pytest.mark.parametrize("personality", [GENERIC, IMPINJ], ids=lambda p: p.name)
async def test_capabilities_come_whole_or_in_the_part_that_was_asked_for(
    personality: Personality,
) -> None:
    parts = [
        "GeneralDeviceCapabilities",
        "LLRPCapabilities",
        "RegulatoryCapabilities",
        "C1G2LLRPCapabilities",
    ]
    async with served(personality=personality) as (_, client):
        answer = await client.ask("GET_READER_CAPABILITIES", RequestedData=0)
        assert [c.name for c in answer.children] == ["LLRPStatus", *parts]
        for number, name in enumerate(parts, start=1):
            part = await client.ask("GET_READER_CAPABILITIES", RequestedData=number)
            assert [c.name for c in part.children] == ["LLRPStatus", name]
        general, _, regulatory, _ = answer.children[1:]
        assert general.field("DeviceManufacturerName") == personality.vendor_pen
        band = regulatory.first("UHFBandCapabilities")
        assert band is not None
        powers = [p.field("TransmitPowerValue") for p in band.all("TransmitPowerLevelTableEntry")]
        assert powers == sorted(powers)
        assert powers[0] == 1000
        assert code(await client.ask("GET_READER_CAPABILITIES", RequestedData=5)) == 101


async def test_settings_are_read_back_as_they_were_set() -> None:
    async with served() as (_, client):
        children = [
            *events(2, 8),
            Parameter("KeepaliveSpec", {"KeepaliveTriggerType": 1, "PeriodicTriggerValue": 60_000}),
            Parameter("GPOWriteData", {"GPOPortNumber": 3, "GPOData": 1}),
            Parameter("EventsAndReports", {"HoldEventsAndReportsUponReconnect": 1}),
        ]
        assert code(await client.ask("SET_READER_CONFIG", children)) == 0
        found = await client.ask("GET_READER_CONFIG", RequestedData=0)
        states = found.first("ReaderEventNotificationSpec")
        assert states is not None
        on = [s.field("EventType") for s in states.children if s.field("NotificationState")]
        assert on == [2, 8]
        keepalive, hold = found.first("KeepaliveSpec"), found.first("EventsAndReports")
        assert keepalive is not None
        assert hold is not None
        assert keepalive.field("PeriodicTriggerValue") == 60_000
        assert hold.field("HoldEventsAndReportsUponReconnect") == 1
        assert [g.field("GPOData") for g in found.all("GPOWriteData")] == [0, 0, 1, 0]
        assert len(found.all("AntennaProperties")) == 4


async def test_one_antenna_and_one_part_of_the_settings_can_be_asked_for() -> None:
    async with served() as (_, client):
        found = await client.ask("GET_READER_CONFIG", RequestedData=2, AntennaID=3)
        (properties,) = found.children[1:]
        assert (properties.field("AntennaID"), properties.field("AntennaConnected")) == (3, 1)
        assert code(await client.ask("GET_READER_CONFIG", RequestedData=2, AntennaID=9)) == 101
        identification = await client.ask("GET_READER_CONFIG", RequestedData=1)
        assert len(identification.children[1].field("ReaderID")) == 8


async def test_settings_that_cannot_be_are_refused_as_a_whole() -> None:
    async with served() as (_, client):
        children = [
            Parameter("KeepaliveSpec", {"KeepaliveTriggerType": 1, "PeriodicTriggerValue": 60_000}),
            Parameter("GPOWriteData", {"GPOPortNumber": 9, "GPOData": 1}),
        ]
        assert code(await client.ask("SET_READER_CONFIG", children)) == 101
        found = await client.ask("GET_READER_CONFIG", RequestedData=8)
        assert found.children[1].field("PeriodicTriggerValue") == 0


async def test_an_antenna_that_is_unplugged_is_told_and_reads_nothing() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", events(8))
        await client.inventory()
        reader.set_antenna(2, connected=False)
        event = await client.event("AntennaEvent")
        assert (event.field("EventType"), event.field("AntennaID")) == (0, 2)
        reader.offer(reads(0, 1, 2, antenna=[1, 2, 3]))
        seen = await client.tags(2)
        assert [_antenna(tag) for tag in seen] == [1, 3]
        reader.set_antenna(2, connected=True)
        assert (await client.event("AntennaEvent")).field("EventType") == 1


async def test_events_that_nobody_asked_for_are_not_sent() -> None:
    async with served() as (reader, client):
        await client.inventory()
        reader.set_antenna(2, connected=False)
        reader.raise_exception("overheated")
        await client.ask("GET_ROSPECS")
        names = [m.name for m in client.seen if m.name == "READER_EVENT_NOTIFICATION"]
        assert len(names) == 1  # the connection's


async def test_trouble_inside_the_reader_is_told_in_its_words() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", events(4))
        reader.raise_exception("overheated")
        assert (await client.event("ReaderExceptionEvent")).field("Message") == "overheated"


async def test_a_ro_spec_that_ends_by_itself_is_told() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(4), 4)
        await client.ask("SET_READER_CONFIG", events(2))
        reader.end_ro_spec()
        event = await client.event("ROSpecEvent")
        assert (event.field("EventType"), event.field("ROSpecID")) == (1, 4)


async def test_ai_specs_follow_each_other_in_a_circle() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", events(6))
        spec = ro_spec(antennas=(1,))
        first, second = spec.children[1], ro_spec(antennas=(2,)).children[1]
        for ai_spec in (first, second):
            ai_spec.children[0].fields.update(AISpecStopTriggerType=1, DurationTrigger=20)
        spec.children.insert(2, second)
        await client.inventory(spec)
        ended = [(await client.event("AISpecEvent")).field("SpecIndex") for _ in range(4)]
        assert ended == [1, 2, 1, 2]
        await client.ask("DELETE_ROSPEC", ROSpecID=0)
        await eventually(lambda: not runs(reader))
        await asyncio.sleep(0.03)
        client.send(Message("GET_ROSPECS", 999))
        await client.until(lambda m: m.id == 999)


def _antenna(tag: Parameter) -> int:
    found = tag.first("AntennaID")
    assert found is not None
    return int(found.field("AntennaID"))

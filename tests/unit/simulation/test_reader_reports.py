"""What an emulated reader reports: content, order, batches, buffering; nothing lost untold."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from gateway.clock import ManualClock
from gateway.llrp.codec import Message, Parameter
from gateway.model.reads import READ
from gateway.simulation.personality import IMPINJ, Personality
from gateway.simulation.reader import EmulatedReader
from tests.servers import eventually
from tests.unit.simulation.raw_client import EVERYTHING, RawClient, code, ro_spec
from tests.unit.simulation.serving import EPCS, NOW_US, reads, served
from tests.unit.simulation.test_reader_rospecs import events

HOLD = [Parameter("EventsAndReports", {"HoldEventsAndReportsUponReconnect": 1})]
IN_ORDER = [
    "ROSpecID",
    "SpecIndex",
    "InventoryParameterSpecID",
    "AntennaID",
    "PeakRSSI",
    "ChannelIndex",
    "FirstSeenTimestampUTC",
    "LastSeenTimestampUTC",
    "TagSeenCount",
    "AccessSpecID",
]


def value(tag: Parameter, name: str, field: str | None = None) -> Any:
    found = tag.first(name)
    assert found is not None, name
    return found.field(field or name)


def epc(tag: Parameter) -> bytes:
    short = tag.first("EPC_96")
    if short is not None:
        return bytes(short.field("EPC"))
    bits = value(tag, "EPCData", "EPC")
    assert bits.length == len(bits.data) * 8
    return bytes(bits.data)


async def test_a_report_says_everything_that_was_asked_for_in_the_standards_order() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(77), 77)
        reader.offer(reads(3, antenna=2))
        (tag,) = await client.tags(1)
        assert [c.name for c in tag.children] == ["EPC_96", *IN_ORDER]
        assert epc(tag) == EPCS[3]
        assert value(tag, "ROSpecID") == 77
        assert value(tag, "SpecIndex") == 1
        assert value(tag, "InventoryParameterSpecID") == 9
        assert value(tag, "AntennaID") == 2
        assert value(tag, "PeakRSSI") == -56
        assert value(tag, "ChannelIndex") == 7
        assert value(tag, "FirstSeenTimestampUTC", "Microseconds") == NOW_US
        assert value(tag, "LastSeenTimestampUTC", "Microseconds") == NOW_US
        assert value(tag, "TagSeenCount", "TagCount") == 1


@pytest.mark.parametrize("enabled", EVERYTHING)
async def test_only_what_was_asked_for_is_reported(enabled: str) -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(content={enabled: 1}))
        reader.offer(reads(0))
        (tag,) = await client.tags(1)
        (only,) = tag.children[1:]
        assert only.name in (enabled[6:], f"{enabled[6:]}UTC", f"Tag{enabled[6:]}", "TagSeenCount")


async def test_pc_and_crc_are_reported_when_asked_for() -> None:
    async with served() as (reader, client):
        spec = ro_spec(content={})
        memory = Parameter("C1G2EPCMemorySelector", {"EnableCRC": 1, "EnablePCBits": 1})
        spec.children[2].children[0].children.append(memory)
        await client.inventory(spec)
        reader.offer(reads(0))
        (tag,) = await client.tags(1)
        assert [c.name for c in tag.children] == ["EPC_96", "C1G2_PC", "C1G2_CRC"]
        assert value(tag, "C1G2_PC", "PC_Bits") == 6 << 11


async def test_one_message_per_read_with_ids_that_count_up() -> None:
    async with served() as (reader, client):
        await client.inventory()
        reader.offer(reads(*range(8)))
        messages = [await client.next("RO_ACCESS_REPORT") for _ in range(8)]
        assert [epc(m.all("TagReportData")[0]) for m in messages] == EPCS
        ids = [m.id for m in messages]
        assert ids == list(range(ids[0], ids[0] + 8))
        assert (reader.flow.sent, reader.flow.dropped) == (8, 0)


async def test_epcs_of_every_length_are_reported_in_order() -> None:
    epcs = [bytes(range(1, n + 1)) for n in (12, 8, 12, 62, 0, 2, 16, 12)]
    async with served(epcs) as (reader, client):
        await client.inventory()
        reader.offer(reads(*range(8)))
        assert [epc(tag) for tag in await client.tags(8)] == epcs


async def test_n_tags_make_a_report() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(n=3))
        reader.offer(reads(0, 1))
        reader.offer(reads(2, 3, 4, time_us=NOW_US + 100))
        message = await client.next("RO_ACCESS_REPORT")
        assert [epc(t) for t in message.all("TagReportData")] == EPCS[:3]
        await client.ask("STOP_ROSPEC", ROSpecID=1)
        last = [m for m in client.seen if m.name == "RO_ACCESS_REPORT"][-1]
        assert [epc(t) for t in last.all("TagReportData")] == EPCS[3:5]
        assert reader.flow.sent == 5


async def test_a_tag_that_is_seen_again_before_the_report_is_reported_once() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(n=2))
        again = reads(0, 0, 0)
        again["rssi_cdbm"] = [-6000, -5000, -7000]
        reader.offer(again)
        reader.offer(reads(1, time_us=NOW_US + 50))
        first, second = await client.tags(2)
        assert value(first, "TagSeenCount", "TagCount") == 3
        assert value(first, "PeakRSSI") == -50
        assert value(first, "FirstSeenTimestampUTC", "Microseconds") == NOW_US
        assert value(first, "LastSeenTimestampUTC", "Microseconds") == NOW_US + 2
        assert epc(second) == EPCS[1]


async def test_the_same_tag_at_two_antennas_is_two_reports_unless_antennas_do_not_matter() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(n=2))
        reader.offer(reads(0, 0, antenna=[1, 2]))
        assert [value(t, "AntennaID") for t in await client.tags(2)] == [1, 2]
    async with served() as (reader, client):
        await client.inventory(ro_spec(n=2, content={"EnableTagSeenCount": 1}))
        reader.offer(reads(0, 0, 1, antenna=[1, 2, 3]))
        counts = [value(t, "TagSeenCount", "TagCount") for t in await client.tags(2)]
        assert counts == [2, 1]


async def test_reports_by_time_come_by_time() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(trigger=6, n=20))
        reader.offer(reads(0, 1))
        message = await client.next("RO_ACCESS_REPORT")
        assert len(message.all("TagReportData")) == 2


async def test_without_a_trigger_reports_come_when_asked_for() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(trigger=0, n=0))
        reader.offer(reads(0, 1))
        client.send(Message("GET_REPORT", 50))
        message = await client.next("RO_ACCESS_REPORT")
        assert len(message.all("TagReportData")) == 2
        client.send(Message("GET_REPORT", 51))
        assert (await client.next("RO_ACCESS_REPORT")).all("TagReportData") == []


async def test_only_the_antennas_of_the_ro_spec_are_reported() -> None:
    async with served() as (reader, client):
        await client.inventory(ro_spec(antennas=(2, 4)))
        reader.offer(reads(0, 1, 2, 3, antenna=[1, 2, 3, 4]))
        assert [value(t, "AntennaID") for t in await client.tags(2)] == [2, 4]


async def test_nothing_is_reported_while_no_ro_spec_is_active() -> None:
    async with served() as (reader, client):
        reader.offer(reads(0))
        await client.inventory()
        await client.ask("STOP_ROSPEC", ROSpecID=1)
        reader.offer(reads(1))
        await client.ask("GET_ROSPECS")
        assert "RO_ACCESS_REPORT" not in [m.name for m in client.seen]
        assert (reader.flow.sent, reader.flow.dropped) == (0, 0)


async def test_reads_of_an_outage_are_held_until_the_client_wants_them() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", HOLD)
        await client.inventory()
        reader.drop_connection()
        await eventually(lambda: not reader.connected)
        reader.offer(reads(0, 1, 2))
        async with await RawClient.connect(reader.port) as again:
            assert code(await again.ask("GET_ROSPECS")) == 0
            reader.offer(reads(3, time_us=NOW_US + 1_000))
            await again.ask("GET_ROSPECS")
            assert "RO_ACCESS_REPORT" not in [m.name for m in again.seen]
            again.send(Message("ENABLE_EVENTS_AND_REPORTS", 60))
            tags = await again.tags(4)
            assert [epc(t) for t in tags] == EPCS[:4]
            assert value(tags[0], "LastSeenTimestampUTC", "Microseconds") == NOW_US
            reader.offer(reads(5))
            assert epc((await again.tags(1))[0]) == EPCS[5]


async def test_events_of_an_outage_are_held_too() -> None:
    clock = ManualClock(NOW_US)
    async with served(clock=clock) as (reader, client):
        await client.ask("SET_READER_CONFIG", [*events(8), *HOLD])
        reader.drop_connection()
        await eventually(lambda: not reader.connected)
        reader.set_antenna(1, connected=False)
        clock.advance_s(60)
        async with await RawClient.connect(reader.port) as again:
            again.send(Message("ENABLE_EVENTS_AND_REPORTS", 60))
            await again.event("AntennaEvent")
            data = again.seen[-1].first("ReaderEventNotificationData")
            assert data is not None
            assert value(data, "UTCTimestamp", "Microseconds") == NOW_US


async def test_without_hold_reads_of_an_outage_come_at_once() -> None:
    async with served() as (reader, client):
        await client.inventory()
        reader.drop_connection()
        await eventually(lambda: not reader.connected)
        reader.offer(reads(0, 1))
        async with await RawClient.connect(reader.port) as again:
            assert [epc(t) for t in await again.tags(2)] == EPCS[:2]


async def test_a_full_buffer_warns_then_loses_the_newest_and_counts_them() -> None:
    async with served(buffer_reads=10) as (reader, client):
        await client.ask("SET_READER_CONFIG", [*events(3), *HOLD])
        await client.inventory()
        reader.drop_connection()
        await eventually(lambda: not reader.connected)
        for tag in (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4):
            reader.offer(reads(tag))
        assert (reader.flow.sent, reader.flow.dropped, reader.flow.kept) == (0, 3, 10)
        async with await RawClient.connect(reader.port) as again:
            again.send(Message("ENABLE_EVENTS_AND_REPORTS", 60))
            warning = await again.event("ReportBufferLevelWarningEvent")
            assert warning.field("ReportBufferPercentageFull") == 80
            await again.event("ReportBufferOverflowErrorEvent")
            assert len(await again.tags(10)) == 10
        assert (reader.flow.sent, reader.flow.kept) == (10, 0)


async def test_a_client_that_does_not_read_costs_bounded_memory() -> None:
    reader = EmulatedReader("reader-1", EPCS, buffer_reads=1_000)
    await reader.listen()
    try:
        async with await RawClient.connect(reader.port) as client:
            await client.inventory()
            client._reader._transport.pause_reading()  # type: ignore[attr-defined]
            many = np.zeros(1_000, dtype=READ)
            offered = 0
            while reader.flow.dropped == 0:
                reader.offer(many)
                offered += len(many)
                assert offered < 2_000_000
                await asyncio.sleep(0)
            flow = reader.flow
            assert flow.sent + flow.dropped + flow.kept == offered
            sent_before = flow.sent
            client._reader._transport.resume_reading()  # type: ignore[attr-defined]
            await client.tags(sent_before + flow.kept)
            assert flow.kept == 0
            assert flow.sent + flow.dropped == offered
    finally:
        await reader.close()


async def test_a_reader_without_a_clock_stamps_in_uptime() -> None:
    clock = ManualClock(NOW_US)
    async with served(clock=clock, personality=Personality(has_utc_clock=False)) as served_pair:
        reader, client = served_pair
        first = await client.next()
        data = first.first("ReaderEventNotificationData")
        assert data is not None
        assert value(data, "Uptime", "Microseconds") == 0
        await client.inventory()
        reader.offer(reads(0, time_us=NOW_US + 5_000))
        (tag,) = await client.tags(1)
        assert value(tag, "LastSeenTimestampUptime", "Microseconds") == 5_000


async def test_a_clock_that_is_ahead_shows_in_stamps_and_events() -> None:
    clock = ManualClock(NOW_US)
    async with served(clock=clock, clock_offset_us=150_000) as (reader, client):
        data = (await client.next()).first("ReaderEventNotificationData")
        assert data is not None
        assert value(data, "UTCTimestamp", "Microseconds") == NOW_US + 150_000
        await client.inventory()
        reader.offer(reads(0))
        (tag,) = await client.tags(1)
        assert value(tag, "LastSeenTimestampUTC", "Microseconds") == NOW_US + 150_000


async def test_reports_are_in_the_version_that_was_agreed_on() -> None:
    async with served() as (reader, client):
        await client.inventory()
        await client.ask("SET_PROTOCOL_VERSION", ProtocolVersion=2)
        client.version = 2
        reader.offer(reads(0))
        assert (await client.next("RO_ACCESS_REPORT")).version == 2


async def test_an_impinj_reader_reports_phase_and_fine_power_when_asked_for() -> None:
    selector = Parameter(
        "ImpinjTagReportContentSelector",
        {},
        [
            Parameter("ImpinjEnableRFPhaseAngle", {"RFPhaseAngleMode": 1}),
            Parameter("ImpinjEnablePeakRSSI", {"PeakRSSIMode": 1}),
        ],
    )
    async with served(personality=IMPINJ) as (reader, client):
        await client.ask("IMPINJ_ENABLE_EXTENSIONS")
        await client.inventory(ro_spec(more=(selector,)))
        reader.offer(reads(0))
        (tag,) = await client.tags(1)
        assert value(tag, "ImpinjRFPhaseAngle", "PhaseAngle") == 2048
        assert value(tag, "ImpinjPeakRSSI", "RSSI") == -5550


async def test_message_ids_begin_again_when_32_bits_are_used_up() -> None:
    async with served() as (reader, client):
        await client.inventory()
        reader.next_ids(0xFFFF_FFF0)
        reader.offer(reads(*range(8)))
        reader.offer(reads(*range(8)))
        messages = [await client.next("RO_ACCESS_REPORT") for _ in range(16)]
        assert all(0 < m.id <= 0xFFFF_FFFF for m in messages)

"""Clients that others have written inventory against the emulated reader, as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.simulation.load import Load, static_epcs
from gateway.simulation.personality import FIRST_EDITION, GENERIC, IMPINJ, Personality
from gateway.simulation.reader import EmulatedReader
from tests.servers import wait_until
from tests.unit.simulation.background import Background

TAGS = 20
REPORTS_PER_S = 200.0


@pytest.fixture
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


class Served:
    """An emulated reader with tags that lie still, in a thread of its own."""

    def __init__(self, background: Background, personality: Personality) -> None:
        self.epcs = {e.hex().upper() for e in static_epcs(TAGS)}
        self.reader = EmulatedReader("peer", static_epcs(TAGS), personality=personality)
        background.run(self.reader.listen())
        background.start(Load([self.reader], tags=TAGS, reads_per_s=REPORTS_PER_S).run())
        self._background = background

    def close(self) -> None:
        self._background.run(self.reader.close())


class SllurpClient:
    """sllurp's own client, unmodified; collects what its callback is given."""

    def __init__(self, port: int, **config: Any) -> None:
        from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig

        settings = {
            "antennas": [1, 2, 3, 4],
            "tx_power": 0,
            "report_every_n_tags": 1,
            "start_inventory": True,
            "reset_on_connect": True,
            "keepalive_interval": 100,
            "tag_content_selector": {
                "EnableROSpecID": True,
                "EnableSpecIndex": False,
                "EnableInventoryParameterSpecID": False,
                "EnableAntennaID": True,
                "EnableChannelIndex": True,
                "EnablePeakRSSI": True,
                "EnableFirstSeenTimestamp": True,
                "EnableLastSeenTimestamp": True,
                "EnableTagSeenCount": True,
                "EnableAccessSpecID": False,
            },
            **config,
        }
        self.tags: list[dict[str, Any]] = []
        self._client = LLRPReaderClient("127.0.0.1", port, LLRPReaderConfig(settings))
        self._client.add_tag_report_callback(lambda _, tags: self.tags.extend(tags))
        self._client.connect()

    @property
    def epcs(self) -> set[str]:
        return {tag["EPC"].decode().upper() for tag in self.tags}

    def close(self) -> None:
        from sllurp.llrp import LLRPReaderClient

        self._client.hard_disconnect()
        LLRPReaderClient.disconnect_all_readers()


@pytest.mark.parametrize("personality", [GENERIC, FIRST_EDITION, IMPINJ], ids=lambda p: p.name)
def test_sllurp_inventories_against_the_emulator(
    background: Background, personality: Personality
) -> None:
    served = Served(background, personality)
    client = SllurpClient(served.reader.port)
    try:
        wait_until(lambda: client.epcs == served.epcs, deadline_s=10)
        tag = client.tags[-1]
        assert tag["AntennaID"] in (1, 2, 3, 4)
        assert -80 < tag["PeakRSSI"] < -30
        assert tag["TagSeenCount"] == 1
        assert tag["LastSeenTimestampUTC"] >= tag["FirstSeenTimestampUTC"] > 1_700_000_000_000_000
        assert served.reader.flow.dropped == 0
    finally:
        client.close()
        served.close()


def test_sllurp_is_given_batches_of_tags(background: Background) -> None:
    served = Served(background, GENERIC)
    client = SllurpClient(served.reader.port, report_every_n_tags=7)
    try:
        wait_until(lambda: client.epcs == served.epcs, deadline_s=10)
    finally:
        client.close()
        served.close()


def test_sllurp_reads_phase_and_fine_power_of_an_impinj_reader(background: Background) -> None:
    served = Served(background, IMPINJ)
    client = SllurpClient(
        served.reader.port,
        impinj_search_mode=2,
        impinj_tag_content_selector={
            "EnableRFPhaseAngle": True,
            "EnablePeakRSSI": True,
            "EnableRFDopplerFrequency": False,
        },
    )
    try:
        wait_until(lambda: client.epcs == served.epcs, deadline_s=10)
        tag = client.tags[-1]
        assert 0 <= tag["ImpinjRFPhaseAngle"] < 4096
        assert -8_000 < tag["ImpinjPeakRSSI"] < -4_000
        assert abs(tag["ImpinjPeakRSSI"] / 100 - tag["PeakRSSI"]) <= 0.5
    finally:
        client.close()
        served.close()


def test_sllurp_answers_keepalives_and_so_keeps_its_link(background: Background) -> None:
    served = Served(background, GENERIC)
    client = SllurpClient(served.reader.port, keepalive_interval=50)
    try:
        wait_until(lambda: len(client.tags) > REPORTS_PER_S, deadline_s=10)
        assert served.reader.connected
    finally:
        client.close()
        served.close()


@pytest.mark.parametrize("personality", [GENERIC, IMPINJ], ids=lambda p: p.name)
async def test_llrpkit_inventories_against_the_emulator(personality: Personality) -> None:
    epcs = set(static_epcs(TAGS))
    reader = EmulatedReader("peer", static_epcs(TAGS), personality=personality)
    await reader.listen()
    load = asyncio.create_task(Load([reader], tags=TAGS, reads_per_s=REPORTS_PER_S).run())
    try:
        seen = await _llrpkit_tags(reader.port, personality, count=len(epcs) * 2)
        assert {tag.epc for tag in seen} == epcs
        assert {tag.antenna for tag in seen} <= {1, 2, 3, 4}
        assert all(-80 < tag.rssi_dbm < -30 for tag in seen)
        if personality.is_impinj:
            assert all(0 <= tag.phase_deg < 360 for tag in seen)
    finally:
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await reader.close()


async def _llrpkit_tags(port: int, personality: Personality, count: int) -> list[Any]:
    from llrpkit.reader import Reader

    client = Reader("127.0.0.1", port, enable_impinj_extensions=personality.is_impinj)
    await client.connect()
    try:
        async with asyncio.timeout(10):
            inventory = client.inventory(include_phase=personality.is_impinj, max_tags=count)
            return [tag async for tag in inventory]
    finally:
        await client.close()

"""Random LLRP reports as hypothesis strategies: any layout, mixtures, repetitions."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from tests.llrp_reports import (
    custom,
    epc_96,
    epc_data,
    impinj_phase,
    impinj_rssi,
    report,
    tag,
    tlv,
    tv,
)

U16 = st.integers(0, 0xFFFF)
U64 = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(1_600_000_000_000_000, 2_000_000_000_000_000)
)

#: Every parameter that can be in a TagReportData, by a name for its kind.
PARAMETERS: dict[str, st.SearchStrategy[bytes]] = {
    "AntennaID": st.builds(tv, st.just(1), st.just("H"), st.integers(1, 0xFFFF)),
    "FirstSeenTimestampUTC": st.builds(tv, st.just(2), st.just("Q"), U64),
    "FirstSeenTimestampUptime": st.builds(tv, st.just(3), st.just("Q"), U64),
    "LastSeenTimestampUTC": st.builds(tv, st.just(4), st.just("Q"), U64),
    "LastSeenTimestampUptime": st.builds(tv, st.just(5), st.just("Q"), U64),
    "PeakRSSI": st.builds(tv, st.just(6), st.just("b"), st.integers(-128, 127)),
    "ChannelIndex": st.builds(tv, st.just(7), st.just("H"), U16),
    "TagSeenCount": st.builds(tv, st.just(8), st.just("H"), U16),
    "ROSpecID": st.builds(tv, st.just(9), st.just("I"), st.integers(0, 2**32 - 1)),
    "C1G2_PC": st.builds(tv, st.just(12), st.just("H"), U16),
    "C1G2_XPCW1": st.builds(tv, st.just(19), st.just("H"), U16),
    "AccessSpecID": st.builds(tv, st.just(16), st.just("I"), st.integers(0, 2**32 - 1)),
    "ImpinjRFPhaseAngle": st.builds(impinj_phase, st.integers(0, 4095)),
    "ImpinjPeakRSSI": st.builds(impinj_rssi, st.integers(-32768, 32767)),
    "Custom": st.builds(custom, st.just(161), st.just(709), st.binary(max_size=20)),
    "Unknown": st.builds(tlv, st.just(900), st.binary(max_size=20)),
    "C1G2ReadOpSpecResult": st.builds(
        lambda words: tlv(
            349, struct.pack(">BHH", 0, 1, len(words)), struct.pack(f">{len(words)}H", *words)
        ),
        st.lists(U16, max_size=4),
    ),
}
EPCS = st.one_of(
    st.builds(epc_96, st.binary(min_size=12, max_size=12)),
    st.builds(epc_data, st.binary(max_size=62)),
    st.builds(epc_data, st.sampled_from([bytes(12), b"\x01" * 12, b"\x30\x00"])),
)


@st.composite
def layouts(draw: st.DrawFn) -> list[str]:
    """The kinds of parameters behind (or before) the EPC, in an order of the reader's own."""
    return draw(st.lists(st.sampled_from(sorted(PARAMETERS)), unique=True, max_size=10))


@st.composite
def tags(draw: st.DrawFn, kinds: list[str]) -> bytes:
    """A TagReportData of one layout; EPCs may still differ in length."""
    parameters = [draw(PARAMETERS[kind]) for kind in kinds]
    before = draw(st.sampled_from([0, 0, 0, len(parameters)]))
    return tag(*parameters[:before], draw(EPCS), *parameters[before:])


@st.composite
def reports(draw: st.DrawFn) -> list[bytes]:
    """Report messages of a few layouts, some alike, some mixed, and some repeated often."""
    few = draw(st.lists(layouts(), min_size=1, max_size=3))
    one = st.sampled_from(few).flatmap(tags)
    messages = draw(st.lists(st.lists(one, max_size=5), min_size=1, max_size=8))
    version = draw(st.sampled_from([1, 2]))
    frames = [report(*found, number=n, version=version) for n, found in enumerate(messages)]
    repeats = draw(st.sampled_from([1, 1, 3, 20]))
    return frames * repeats

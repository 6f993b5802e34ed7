"""Physics of the air and of the inventory: walls, shadows, fading, sessions, hops, rounding."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gateway.simulation.fading import Fading
from gateway.simulation.inventory import Flags, Schedule, Singulation, Slice
from gateway.simulation.layout import Layout
from gateway.simulation.population import Population, populate
from gateway.simulation.radio import Links, Radio, Scene
from gateway.simulation.scenario_parts import RadioModel, Stock
from gateway.simulation.shadows import MOST_DB, shadow_db
from gateway.simulation.sight import LIGHT_M_PER_S
from tests.unit.simulation.places import warehouse
from tests.unit.simulation.traffics import SECOND_US, world

Floats = npt.NDArray[np.float64]
NO_BODIES: Floats = np.zeros((0, 5))
MHZ_915 = 915e6
#: Nothing random: no scatter, no losses, all tags alike and quite deaf ones hear.
BARE: dict[str, Any] = {
    "k_factor_db": 40.0, "people_amplitude": 0.0, "tag_loss_sd_db": 0.0,
    "tag_sensitivity_dbm": (-120.0, 0.0), "rssi_floor_dbm": -300.0,
}  # fmt: skip


def air(count: int = 200, **numbers: Any) -> tuple[Radio, Population]:
    """The first door's air, and one load with many tags."""
    model = RadioModel(**numbers)
    stock = Stock(tags_per_pallet=(count - 1, count - 1), dead_tags=0.0, products={"dry": 1.0})
    rng = np.random.default_rng(3)
    population = populate([False], stock, model, rng)
    return Radio(Layout(warehouse(doors=1, bins=0)), population, model, rng), population


def scene(population: Population, at: tuple[float, float, float], *, is_open: bool = True,
          bodies: Floats = NO_BODIES) -> Scene:  # fmt: skip
    """All tags at one point."""
    count = len(population.epcs)
    return Scene(
        xyz_m=np.tile(np.array(at), (count, 1)),
        velocity_m_per_s=np.zeros((count, 2)),
        moved=np.zeros(count, dtype=np.int64),
        open_doors=(is_open,),
        bodies=bodies,
    )


def links(radio: Radio, seen: Scene, antenna: int = 0, frequency_hz: float = MHZ_915) -> Links:
    return radio.links(antenna, seen, frequency_hz=frequency_hz, time_s=0.0)


def test_power_falls_with_distance_both_ways() -> None:
    means = []
    for y in (2.0, 4.0, 8.0):
        radio, population = air(**BARE, antenna_beamwidth_deg=360.0, front_to_back_db=0.0)
        means.append(links(radio, scene(population, (0.55, 0.9 + y, 1.4))).rssi_dbm.mean())
    # Twice the distance: 2 x 10 x 1.9 x log10(2) = 11.4 dB there and back.
    assert np.diff(means) == pytest.approx([-11.4, -11.4], abs=0.8)


def test_a_closed_door_costs_the_wall_twice() -> None:
    seen = {}
    for is_open in (True, False):
        radio, population = air(**BARE)
        seen[is_open] = links(radio, scene(population, (2.0, -1.5, 1.0), is_open=is_open))
    assert len(seen[True].tag) == len(seen[False].tag) == 200
    assert (seen[True].rssi_dbm - seen[False].rssi_dbm) == pytest.approx(2 * 9.0)


def test_opening_a_door_is_noticed_though_nothing_moved() -> None:
    radio, population = air(**BARE)
    closed = links(radio, scene(population, (2.0, -1.5, 1.0), is_open=False)).rssi_dbm
    opened = links(radio, scene(population, (2.0, -1.5, 1.0), is_open=True)).rssi_dbm
    again = links(radio, scene(population, (2.0, -1.5, 1.0), is_open=False)).rssi_dbm
    assert (opened > closed + 17).all()
    assert again == pytest.approx(closed)


def test_a_body_in_the_line_of_sight_costs_its_loss_twice_and_beside_it_nothing() -> None:
    radio, population = air(**BARE)
    at = (4.0, 0.9, 1.0)
    free = links(radio, scene(population, at)).rssi_dbm
    within = np.array([[2.0, 0.9, 0.3, 2.0, 10.0]])
    beside = np.array([[2.0, 3.0, 0.3, 2.0, 10.0]])
    low = np.array([[2.0, 0.9, 0.3, 0.5, 10.0]])
    assert free - links(radio, scene(population, at, bodies=within)).rssi_dbm == pytest.approx(20.0)
    for bodies in (beside, low):
        assert links(radio, scene(population, at, bodies=bodies)).rssi_dbm == pytest.approx(free)


def test_shadows_have_soft_edges_and_do_not_add_up_for_ever() -> None:
    antenna = np.zeros(3)
    tags = np.array([[6.0, 0.0, 0.0]])
    off = [0.0, 0.25, 0.3, 0.35, 0.4]
    losses = [float(shadow_db(np.array([[3.0, y, 0.3, 2.0, 12.0]]), antenna, tags)[0]) for y in off]
    assert losses[0] == 12.0
    assert losses == sorted(losses, reverse=True)
    assert 0 < losses[2] < 12
    assert losses[-1] == 0.0
    row = np.array([[x, 0.0, 0.3, 2.0, 12.0] for x in (1.0, 2.0, 3.0, 4.0)])
    assert shadow_db(row, antenna, tags)[0] == MOST_DB


def test_trucks_and_people_shadow_tags_only_where_the_scenario_says_so() -> None:
    def reads(shadow: list[float]) -> int:
        made = world(stock={"pallets_in_yard": 8}, radio={"shadow_db": shadow})
        return len(made.advance(30 * SECOND_US).reads)

    none, some = reads([0, 0]), reads([15, 15])
    assert some < 0.98 * none


def test_fades_are_left_within_half_a_wavelength_and_differ_between_channels() -> None:
    fading = Fading(
        k_factor_db=-20.0, reverse_correlation=0.8, people_amplitude=0.0,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    k = 2 * np.pi * MHZ_915 / LIGHT_M_PER_S
    points = np.random.default_rng(1).uniform(-5, 5, size=(2_000, 3))

    def power(shift_m: float, wavenumber: float) -> Floats:
        out, _ = fading.gains(points + np.array([shift_m, 0, 0]), wavenumber, 0.0)
        return np.asarray(np.abs(out) ** 2, dtype=np.float64)

    def alike(other: Floats) -> float:
        return float(np.corrcoef(power(0.0, k), other)[0, 1])

    assert alike(power(0.01, k)) > 0.9
    assert alike(power(0.16, k)) < 0.6
    assert alike(power(0.0, k * (1 + 0.5 / 915))) > 0.9
    assert alike(power(0.0, k * (1 + 20 / 915))) < 0.4


def test_people_change_the_fading_with_time_and_nothing_else_does() -> None:
    def gains(people: float, time_s: float) -> Any:
        fading = Fading(
            k_factor_db=5.0, reverse_correlation=0.8, people_amplitude=people,
            rng=np.random.default_rng(2),
        )  # fmt: skip
        return fading.gains(np.zeros((1, 3)), 19.0, time_s)[0][0]

    assert gains(0.0, 1.0) == gains(0.0, 50_000.7)
    assert abs(gains(0.12, 1.0) - gains(0.12, 1.4)) > 0.01


def schedule(**numbers: Any) -> list[Slice]:
    made = Schedule((0, 1, 2, 3), RadioModel(**numbers), np.random.default_rng(1))
    return [made.next() for _ in range(4_000)]


def test_a_channel_is_held_for_the_whole_hop() -> None:
    for band, hop_us, channels in (("fcc", (200_000, 400_000), 50), ("etsi", (4e6, 4e6), 4)):
        slices = schedule(band=band)
        changes = [s.start_us for a, s in itertools.pairwise(slices)
                   if a.channel != s.channel]  # fmt: skip
        lengths = np.diff(changes)
        assert hop_us[0] <= lengths.min()
        # A channel may follow itself when the order is drawn anew.
        assert lengths.max() <= 2 * hop_us[1]
        assert len({s.channel for s in slices}) == channels


def test_antennas_take_turns_for_their_dwell() -> None:
    slices = schedule(dwell_ms=(80.0, 100.0))
    starts = [s for a, s in itertools.pairwise(slices) if a.antenna != s.antenna]
    lengths = np.diff([s.start_us for s in starts])
    assert 80_000 <= lengths.min() <= lengths.max() <= 100_000
    turns = [s.antenna for s in starts]
    assert all((b - a) % 4 == 1 for a, b in itertools.pairwise(turns))


def inventory(seconds: float, tags: int, *, power: Any = None, **numbers: Any) -> list[list[float]]:
    """When each of some tags is read that stand before one antenna; `power(s)`: it has some."""
    model, rng = RadioModel(**numbers), np.random.default_rng(1)
    flags = Flags(tags, model.session, rng) if model.session else None
    reader = Singulation(flags, model, rng)
    times: list[list[float]] = [[] for _ in range(tags)]
    for start_us in range(0, round(seconds * 1e6), 50_000):
        lit = np.arange(tags) if power is None or power(start_us / 1e6) else np.arange(0)
        cut = Slice(antenna=0, start_us=start_us, end_us=start_us + 50_000, channel=1,
                    frequency_hz=MHZ_915)  # fmt: skip
        for row, time_us in zip(*(a.tolist() for a in reader.read(lit, cut)), strict=True):
            times[row].append(time_us / 1e6)
    return times


def test_in_session_0_every_tag_is_read_again_and_again() -> None:
    counts = [len(t) for t in inventory(10, 20)]
    assert min(counts) > 60
    assert sum(counts) == pytest.approx(10 * 20 / (0.015 + 20 / 220), rel=0.1)


def test_one_tag_alone_is_read_some_fifty_times_a_second() -> None:
    assert 35 < len(inventory(10, 1)[0]) / 10 < 60


def test_in_session_1_a_tag_is_silent_for_a_while_after_each_read() -> None:
    gaps = np.concatenate([np.diff(t) for t in inventory(60, 20, session=1, single_target=True)])
    assert gaps.min() >= 0.45
    assert 0.5 < np.median(gaps) < 6


@pytest.mark.parametrize("session", [2, 3])
def test_in_sessions_2_and_3_a_tag_is_silent_while_it_has_power(session: int) -> None:
    kept = inventory(60, 20, session=session, single_target=True)
    assert [len(t) for t in kept] == [1] * 20
    # Without power for half a minute every tag has forgotten.
    lost = inventory(90, 20, session=session, single_target=True, power=lambda s: not 30 < s < 60)
    assert [len(t) for t in lost] == [2] * 20
    # A second without power is too short.
    short = inventory(20, 20, session=session, single_target=True, power=lambda s: not 9 < s < 10)
    assert [len(t) for t in short] == [1] * 20


@pytest.mark.parametrize("session", [1, 2, 3])
def test_a_dual_target_reads_all_tags_in_turn(session: int) -> None:
    counts = [len(t) for t in inventory(10, 20, session=session)]
    assert min(counts) > 50
    if session > 1:
        assert max(counts) - min(counts) <= 2


def test_power_is_rounded_as_the_reader_does() -> None:
    for step_db in (0.5, 1.0):
        reads = world(radio={"rssi_step_db": step_db}).advance(3 * SECOND_US).reads
        assert (reads["rssi_cdbm"] % round(step_db * 100) == 0).all()
        assert len(np.unique(reads["rssi_cdbm"])) > 10


def test_a_higher_floor_loses_weak_answers_only() -> None:
    deaf = world(radio={"rssi_floor_dbm": -70.0}).advance(10 * SECOND_US).reads
    keen = world(radio={"rssi_floor_dbm": -90.0}).advance(10 * SECOND_US).reads
    assert deaf["rssi_cdbm"].min() >= -7_250
    assert keen["rssi_cdbm"].min() < -7_600


def test_half_a_turn_may_be_missing_from_the_phase() -> None:
    def two_sided(ambiguous: bool) -> float:
        """How much phases of a still tag on one channel agree, and how much modulo half a turn."""
        made = world(radio={"phase_pi_ambiguity": ambiguous, "band": "etsi"},
                     traffic={"first_job_s": 999, "first_put_away_s": 999})  # fmt: skip
        reads = made.advance(20 * SECOND_US).reads
        reads = reads[reads["rssi_cdbm"] > -6_500]
        once, twice = [], []
        for key in np.unique(reads[["tag", "antenna", "channel"]]):
            phase = reads["phase_rad"][reads[["tag", "antenna", "channel"]] == key].astype(float)
            if len(phase) >= 6:
                once.append(abs(np.exp(1j * phase).mean()))
                twice.append(abs(np.exp(2j * phase).mean()))
        assert np.median(twice) > 0.85
        return float(np.median(once))

    assert two_sided(False) > 0.95
    assert two_sided(True) < 0.6

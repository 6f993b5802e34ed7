"""Docks to learn from: site, radio, traffic, reports and faults, every number drawn widely.

What is learnt of them must hold at docks that nobody has seen, so no two are alike: one or two
antennas a side, doors that are watched from one side only, readers fast and slow, reports one by
one and in lumps, loads of one tag and of forty.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gateway.bench.sites import dock
from gateway.model.place import Door, Side, Site
from gateway.simulation.scenario import Scenario, named
from gateway.simulation.scenario_parts import (
    NEVER,
    Faults,
    RadioModel,
    Range,
    Reports,
    Stock,
    TrafficModel,
)

Random = np.random.Generator


def random_world(seed: int) -> tuple[Site, Scenario]:
    """A dock and what goes on there, with every number drawn."""
    rng = np.random.default_rng(seed)
    base = named("steady")
    site = _site(rng)
    return site, Scenario(
        name=f"random-{seed}",
        radio=_radio(base.radio, rng),
        stock=_stock(base.stock, rng),
        traffic=_traffic(base.traffic, rng),
        reports=_reports(base.reports, rng),
        faults=_faults(base.faults, rng),
    )


def busy_world(seed: int) -> tuple[Site, Scenario]:
    """A long dock with much about: loads staged, parked and in mouths wherever others pass.

    Like the ordinary dock or the hard one, with the numbers that matter most drawn around theirs.
    Most of what is heard at such a dock stands there, which no dock of a few doors teaches.
    """
    rng = np.random.default_rng([seed, 6])
    u = rng.uniform
    base = named("hard" if rng.random() < 0.5 else "nominal")
    radio, stock, traffic = base.radio, base.stock, base.traffic
    site = dock(
        int(rng.integers(4, 7)),
        u(3.3, 4.2),
        power_dbm=u(28.5, 31.0),
        antenna_height_m=u(1.2, 2.0),
        inside_m=u(0.7, 1.2),
        outside_m=u(-0.5, -0.1),
    )
    return site, replace(
        base,
        name=f"busy-{seed}",
        radio=replace(
            radio,
            k_factor_db=radio.k_factor_db + u(-2.0, 2.0),
            tag_sensitivity_dbm=(radio.tag_sensitivity_dbm[0] + u(-1.0, 1.0), u(0.8, 1.6)),
            wall_loss_db=u(6.0, 13.0),
            inventory_per_s=radio.inventory_per_s * u(0.7, 1.4),
        ),
        stock=replace(
            stock,
            staged_per_door=int(rng.integers(1, 5)),
            parked_beside_doors=int(rng.integers(0, 7)),
            tags_per_carton=int(rng.choice([0, 4, 8])),
        ),
        traffic=replace(
            traffic,
            door_job_every_s=(u(3.0, 6.0), u(6.0, 14.0)),
            turn_back=u(0.1, 0.3),
            come_back=u(0.0, 0.15),
            stop_in_door=u(0.05, 0.2),
            mouth_every_s=_often(rng, 10.0, 60.0),
            mouth_stay_s=(u(15.0, 60.0), u(60.0, 240.0)),
            cross_every_s=_often(rng, 8.0, 40.0),
            worker_every_s=_often(rng, 8.0, 40.0),
        ),
        faults=_faults(base.faults, rng),
    )


def _site(rng: Random) -> Site:
    u = rng.uniform
    site = dock(
        int(rng.integers(1, 6)),
        u(3.3, 4.6),
        power_dbm=u(26.0, 31.5),
        antenna_height_m=u(1.2, 2.6),
        inside_m=u(0.5, 1.6),
        outside_m=u(-0.9, -0.1),
    )
    doors, antennas = site.doors, site.antennas
    if rng.random() < 0.5:
        doors = tuple(_without_beams(door) for door in doors)
    if rng.random() < 0.25:  # one antenna a side
        antennas = tuple(a for a in antennas if a.port in (1, 4))
    half = {door.id: _one_side(rng) for door in doors}
    antennas = tuple(a for a in antennas if half[a.door or ""] in (None, a.side))
    return replace(site, doors=doors, antennas=antennas)


def _one_side(rng: Random) -> Side | None:
    """The side that a door is watched from; of most it is both."""
    return Side(rng.choice([s.value for s in Side])) if rng.random() < 0.15 else None


def _without_beams(door: Door) -> Door:
    return replace(door, inner_beam=None, outer_beam=None)


def _radio(base: RadioModel, rng: Random) -> RadioModel:
    u = rng.uniform
    return replace(
        base,
        band="fcc" if rng.random() < 0.6 else "etsi",
        antenna_gain_dbi=u(5.0, 9.0),
        antenna_beamwidth_deg=u(55.0, 75.0),
        front_to_back_db=u(12.0, 22.0),
        path_loss_exponent=u(1.6, 2.4),
        tag_loss_sd_db=u(2.0, 4.5),
        tag_sensitivity_dbm=(u(-23.5, -16.0), u(0.8, 1.6)),
        wall_loss_db=u(4.0, 15.0),
        shadow_db=(0.0, u(0.0, 12.0)) if rng.random() < 0.5 else NEVER,
        k_factor_db=u(-1.0, 14.0),
        people_amplitude=u(0.05, 0.2),
        rssi_noise_db=u(0.4, 1.2),
        rssi_step_db=float(rng.choice([0.5, 1.0])),
        dwell_ms=(u(30.0, 80.0), u(90.0, 250.0)),
        inventory_per_s=float(np.exp(u(np.log(60.0), np.log(700.0)))),
        session=int(rng.choice([0, 0, 1])),
        single_target=bool(rng.random() < 0.5),
    )


def _stock(base: Stock, rng: Random) -> Stock:
    few = rng.random() < 0.3  # goods with a tag or a few, not forty
    least, most = (1, 4) if few else (int(rng.integers(3, 25)), int(rng.integers(26, 50)))
    return replace(
        base,
        staged_per_door=int(rng.integers(1, 5)),
        parked_beside_doors=int(rng.integers(0, 4)),
        pallets_in_yard=int(rng.integers(4, 10)),
        tags_per_pallet=(least, most),
        tags_per_carton=int(rng.choice([0, 0, 4, 8])),
        dead_tags=rng.uniform(0.0, 0.03),
        hard_tags=rng.uniform(0.0, 0.15),
        products=dict(
            zip(("dry", "mixed", "liquid"), rng.dirichlet([2.0, 1.5, 1.0]).tolist(), strict=True)
        ),
    )


def _traffic(base: TrafficModel, rng: Random) -> TrafficModel:
    u = rng.uniform
    return replace(
        base,
        door_job_every_s=(u(3.0, 6.0), u(7.0, 14.0)),
        speed_m_per_s=(u(0.6, 1.2), u(1.4, 4.0)),
        plate_speed_m_per_s=(u(0.4, 0.9), u(1.0, 2.2)),
        handling_s=(u(0.6, 1.5), u(1.6, 4.0)),
        trailer_stay_s=(u(8.0, 15.0), u(20.0, 50.0)),
        turn_back=u(0.1, 0.35),
        turn_back_m=(u(0.6, 1.2), u(1.3, 2.2)),
        come_back=u(0.0, 0.2),
        stop_in_door=u(0.0, 0.2),
        stop_s=(0.0, u(1.0, 15.0)),
        two_pallets=u(0.0, 0.25),
        trucks_per_door=int(rng.integers(1, 3)),
        together=u(0.0, 0.4),
        neighbours=u(0.0, 0.5),
        mouth_every_s=_often(rng, 10.0, 60.0),
        mouth_stay_s=(u(15.0, 40.0), u(50.0, 120.0)),
        mouth_m=(u(0.5, 0.9), u(1.0, 1.6)),
        cross_every_s=_often(rng, 6.0, 40.0),
        cross_speed_m_per_s=(u(0.8, 1.5), u(2.0, 3.5)),
        worker_every_s=_often(rng, 6.0, 40.0),
    )


def _often(rng: Random, least_s: float, most_s: float) -> Range:
    """Times between events that happen at two docks of three."""
    if rng.random() < 1 / 3:
        return NEVER
    every_s = rng.uniform(least_s, most_s)
    return every_s, 2.0 * every_s


def _reports(base: Reports, rng: Random) -> Reports:
    u = rng.uniform
    lumps = rng.random() < 0.3
    return replace(
        base,
        report_every_ms=float(rng.choice([100.0, 200.0, 500.0, 1000.0])) if lumps else 0.0,
        delay_ms=(0.0, u(0.0, 150.0)),
        late=u(0.0, 0.02) if rng.random() < 0.4 else 0.0,
        clock_offset_ms=(0.0, u(0.0, 200.0)),
        clock_drift_ppm=(0.0, u(0.0, 20.0)),
    )


def _faults(base: Faults, rng: Random) -> Faults:
    u = rng.uniform
    return replace(
        base,
        missed_beams=u(0.0, 0.05),
        beams_stuck_broken=u(0.0, 0.3) if rng.random() < 0.4 else 0.0,
        beams_stuck_free=u(0.0, 0.3) if rng.random() < 0.4 else 0.0,
        sticks_after_s=(0.0, u(10.0, 120.0)),
        outage_every_s=(60.0, 200.0) if rng.random() < 0.25 else NEVER,
        outage_s=(5.0, 20.0),
        antenna_fault_every_s=(60.0, 300.0) if rng.random() < 0.2 else NEVER,
        antenna_fault_s=(20.0, 100.0),
    )

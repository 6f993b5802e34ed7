"""The numbers of a scenario, part by part. `scenarios/reference.yaml` says what each of them means.

Ranges are (least, most), drawn evenly; a time of (0, 0) between events stands for never. Shares
lie between 0 and 1. The defaults are those of an ordinary dock without any trouble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Range = tuple[float, float]
NEVER: Range = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The site that a scenario brings along: a row of doors, a rack of bins, or none."""

    layout: str = "none"  # none: the scenario runs at any site; dock; rack
    doors: int = 6
    pitch_m: float = 3.7
    inside_m: float = 0.9
    outside_m: float = -0.2
    antenna_height_m: float = 1.4
    columns: int = 12
    levels: int = 2
    antennas: int = 6
    power_dbm: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioModel:
    """How power travels and how readers ask: links, antennas, fading, inventory."""

    band: str = "fcc"  # fcc: 50 channels, hop every 0.2-0.4 s; etsi: 4 channels, hop every 4 s
    tx_power_dbm: float = 30.0  # where the site gives an antenna none
    antenna_gain_dbi: float = 6.0
    antenna_beamwidth_deg: float = 65.0
    front_to_back_db: float = 19.0
    path_loss_exponent: float = 1.9
    aisle_exponent: float = 2.3
    polarisation_loss_db: float = 3.0
    tag_gain_dbi: float = 2.0
    tag_loss_sd_db: float = 3.0  # mounting losses |N(0, sd)|
    tag_sensitivity_dbm: Range = (-19.0, 1.2)  # mean and standard deviation
    modulation_loss_db: Range = (5.0, 8.0)
    wall_loss_db: float = 9.0
    shadow_db: Range = NEVER  # by a truck or a person in the line of sight
    k_factor_db: float = 5.0  # Rician: line of sight against scatter, at doors
    aisle_k_factor_db: float = 1.5
    reverse_correlation: float = 0.8  # of the fading on the way back with that on the way out
    people_amplitude: float = 0.12  # scatter that changes with time: people and trucks moving
    rssi_noise_db: float = 0.6
    rssi_step_db: float = 0.5
    rssi_floor_dbm: float = -84.0
    phase_noise_rad: float = 0.13
    phase_pi_ambiguity: bool = False
    dwell_ms: Range = (50.0, 120.0)  # on one antenna before the reader goes to the next
    inventory_per_s: float = 220.0  # singulations a second with many tags in the field
    round_overhead_ms: float = 15.0
    session: int = 0
    single_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How many pallets and cartons there are, with what on them. Their number never changes."""

    staged_per_door: int = 3
    staged_spread: int = 0  # a door begins with up to so many fewer
    parked_beside_doors: int = 1  # pallets that stand just beside a door for ever
    pallets_in_yard: int = 4
    bins_filled: float = 0.4
    pallets_in_bins: int = 8  # at most
    cartons_per_bin: tuple[int, int] = (0, 0)  # loose cartons instead of pallets in bins
    tags_per_pallet: tuple[int, int] = (8, 30)
    tags_per_carton: int = 0  # 0: tags are on pallets one by one
    dead_tags: float = 0.01
    hard_tags: float = 0.0  # tags that lose another 6-12 dB
    products: Mapping[str, float] = field(  # share of each kind of goods
        default_factory=lambda: {"dry": 0.5, "mixed": 0.35, "liquid": 0.15}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficModel:
    """Who moves when, and how. Times in seconds."""

    door_job_every_s: Range = (6.0, 10.0)
    put_away_every_s: Range = (12.0, 20.0)
    pick_every_s: Range = NEVER  # cartons from bin to bin
    unseen_move_every_s: Range = NEVER  # something stands elsewhere, and no reader saw how
    first_job_s: float = 0.3
    first_put_away_s: float = 5.0
    speed_m_per_s: Range = (0.8, 2.0)
    plate_speed_m_per_s: Range = (0.6, 1.1)  # over the dock plate, in the door
    handling_s: Range = (1.2, 2.5)  # to lift or put down
    trailer_stay_s: Range = (15.0, 40.0)  # a pallet in the trailer, until the trailer drives off
    return_empty: float = 0.35  # after a pallet out: the truck comes back in without a load
    turn_back: float = 0.1  # share of jobs that approach a door and turn back
    turn_back_m: Range = (1.0, 1.7)  # how near the middle of the load comes
    come_back: float = 0.0  # share of loads that go back through the door within 30 s
    stop_in_door: float = 0.0  # share of passages that stop in the opening
    stop_s: Range = (0.0, 20.0)
    two_pallets: float = 0.0  # share of jobs with two pallets side by side
    trucks_per_door: int = 1
    together: float = 0.0  # with two trucks: share of jobs in which they follow each other or meet
    neighbours: float = 0.0  # share of jobs with another at the next door at the same moment
    mouth_every_s: Range = NEVER  # a load is left standing in the mouth of some door
    mouth_stay_s: Range = (60.0, 300.0)
    mouth_m: Range = (0.8, 1.3)
    cross_every_s: Range = NEVER  # a truck drives past the doors
    cross_m: Range = (1.6, 3.5)
    cross_speed_m_per_s: Range = (1.0, 3.0)
    cross_loaded: float = 0.6
    worker_every_s: Range = NEVER  # somebody walks through a door


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """How reads become reports, on which clock, and when they reach the gateway."""

    report_every_ms: float = 0.0  # 0: each read is a report
    report_every_tags: int = 0  # or earlier, when so many tags wait
    delay_ms: Range = NEVER
    late: float = 0.0  # share of reports that others overtake
    late_ms: Range = (200.0, 2000.0)
    resent_s: float = 0.0  # after a reconnection: what was sent last comes again
    clock_offset_ms: Range = NEVER
    clock_drift_ppm: Range = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What sensors, antennas and readers do wrong."""

    beam_jitter_ms: Range = (5.0, 50.0)
    missed_beams: float = 0.01
    beams_stuck_broken: float = 0.0  # share of photo-eyes
    beams_stuck_free: float = 0.0
    contacts_stuck_closed: float = 0.0
    sticks_after_s: Range = (0.0, 120.0)
    outage_every_s: Range = NEVER  # of each reader
    outage_s: Range = (15.0, 600.0)
    outages_per_reader: int = 0  # no more than this; 0: no limit
    outages_in_passages: float = 0.0  # share of passages in which the door's reader goes down
    outages_kept: float = 0.0  # share in which it reads on, and delivers afterwards
    antenna_fault_every_s: Range = NEVER  # of each antenna
    antenna_fault_s: Range = (30.0, 600.0)
    faults_told: float = 1.0  # share of outages and antenna faults that become a status
    notice_s: Range = (0.1, 3.0)

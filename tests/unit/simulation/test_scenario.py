"""Scenarios by name and from mappings; mistakes are told, not guessed around."""

from __future__ import annotations

import dataclasses
import re
from importlib import resources

import pytest

from gateway.bench.premises import site_of
from gateway.simulation.epcs import sgtin_96, sscc_96
from gateway.simulation.scenario import PARTS, Scenario, from_mapping, named, names
from gateway.simulation.scenario_check import ScenarioError
from gateway.simulation.scenario_parts import NEVER, Premises
from gateway.simulation.warehouse import World
from tests.unit.simulation.places import warehouse

#: Those that bring a site along, and how many doors and antennas it has.
WITH_SITE = {
    "nominal": (6, 24),
    "hard": (6, 24),
    "calm": (6, 24),
    "calm-hard": (6, 24),
    "shifted": (4, 16),
    "parked": (6, 24),
    "bins-nominal": (0, 6),
    "bins-hard": (0, 6),
}


def test_the_built_in_scenarios_have_their_names() -> None:
    assert {"demo", "steady", "nominal", "hard", "shifted", "reference"} <= set(names())
    assert all(named(name).name == name for name in names())


def test_the_reference_file_has_every_default_and_says_what_it_means() -> None:
    assert named("reference") == Scenario(name="reference")
    file = resources.files("gateway.simulation") / "scenarios" / "reference.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    self_explaining = {"first_job_s", "first_put_away_s", "cross_speed_m_per_s", "antenna_fault_s"}
    for part in PARTS:
        numbers = {f.name for f in dataclasses.fields(getattr(named("reference"), part))}
        start = next(n for n, line in enumerate(lines) if line.startswith(f"{part}:"))
        said: dict[str, str] = {}
        for line in lines[start + 1 :]:
            if not line.startswith("  "):
                break
            if match := re.match(r"  (\w+): [^#]*(#.*)?$", line):
                said[match[1]] = match[2] or ""
        assert set(said) == numbers, part
        assert {name for name, comment in said.items() if not comment} <= self_explaining


@pytest.mark.parametrize("name", names())
def test_every_built_in_scenario_runs_at_its_own_site_or_at_any(name: str) -> None:
    scenario = named(name)
    site = site_of(scenario.site)
    assert (site is not None) is (name in WITH_SITE)
    if site is not None:
        assert (len(site.doors), len(site.antennas)) == WITH_SITE[name]
    here = World(site or warehouse(), scenario, 1).advance(3_000_000)
    assert len(here.reads) > 300
    assert World(site or warehouse(), scenario, 1).advance(3_000_000).reads.tobytes() == (
        here.reads.tobytes()
    )


def test_a_scenario_without_a_site_brings_none() -> None:
    assert site_of(Premises()) is None


def test_demo_and_steady_are_free_of_what_the_hard_ones_have() -> None:
    for name in ("demo", "steady"):
        scenario, reference = named(name), named("reference")
        assert scenario.reports == reference.reports
        assert scenario.faults == reference.faults
        assert scenario.radio == reference.radio
        traffic = scenario.traffic
        assert {traffic.mouth_every_s, traffic.cross_every_s, traffic.worker_every_s} == {NEVER}
        assert traffic.together == traffic.come_back == traffic.stop_in_door == 0


def test_the_shifted_dock_differs_from_the_nominal_one_in_radio_site_goods_and_drivers() -> None:
    shifted, nominal = named("shifted"), named("nominal")
    for part in ("site", "radio", "stock", "traffic", "reports"):
        assert getattr(shifted, part) != getattr(nominal, part)
    assert shifted.radio.band == "etsi"


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'steady'"):
        named("stedy")


def test_a_mapping_changes_what_it_says_and_nothing_else() -> None:
    scenario = from_mapping(
        {
            "like": "demo",
            "radio": {"k_factor_db": "1.5", "band": "etsi"},
            "stock": {"dead_tags": 0},
        },
        name="mine",
    )
    assert (scenario.name, scenario.radio.k_factor_db, scenario.radio.band) == ("mine", 1.5, "etsi")
    assert scenario.stock.dead_tags == 0.0
    assert scenario.traffic == named("demo").traffic


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"radoi": {}}, "mine: unknown key 'radoi' (did you mean 'radio'?)"),
        ({"radio": {"k_faktor_db": 1}}, "did you mean 'k_factor_db'?"),
        ({"radio": {"k_factor_db": "much"}}, "mine: radio.k_factor_db: expected something like"),
        ({"radio": {"k_factor_db": "nan"}}, "mine: radio.k_factor_db: expected something like"),
        ({"radio": {"band": "japan"}}, "expected something like fcc or etsi"),
        ({"radio": {"session": 1.5}}, "mine: radio.session: expected"),
        ({"radio": {"single_target": "perhaps"}}, "mine: radio.single_target: expected"),
        ({"traffic": {"door_job_every_s": [10, 6]}}, "mine: traffic.door_job_every_s: expected"),
        ({"traffic": {"door_job_every_s": [6]}}, "mine: traffic.door_job_every_s: expected"),
        ({"stock": {"products": {"gas": 1}}}, "mine: stock.products: expected"),
        ({"stock": 3}, "mine: stock: expected keys and values"),
        ({"like": "tomorrow"}, "there is no built-in scenario 'tomorrow'"),
        ({"radio": {"dwell_ms": [0, 0]}}, "mine: radio.dwell_ms: expected 5 to 60000, found 0"),
        ({"radio": {"session": 4}}, "mine: radio.session: expected 0 to 3, found 4"),
        ({"traffic": {"speed_m_per_s": [0, 1]}}, "mine: traffic.speed_m_per_s: expected 0.1 to 20"),
        ({"traffic": {"turn_back": 1.5}}, "mine: traffic.turn_back: expected 0 to 1, found 1.5"),
        ({"traffic": {"trucks_per_door": 3}}, "mine: traffic.trucks_per_door: expected 1 to 2"),
        ({"stock": {"cartons_per_bin": [1, 20]}}, "mine: stock.cartons_per_bin: expected 0 to 12"),
        ({"stock": {"products": {"dry": 0}}}, "mine: stock.products: expected something like"),
        ({"site": {"layout": "tower"}}, "expected something like none or dock or rack"),
        ({"reports": {"delay": 3}}, "did you mean 'delay_ms'?"),
    ],
)
def test_a_mistake_is_told_where_it_is(mapping: dict[str, object], told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        from_mapping(mapping, name="mine")
    assert told in str(caught.value)


def test_epcs_are_what_the_tag_data_standard_says() -> None:
    # urn:epc:id:sgtin:0614141.812345.6789, filter 2
    assert sgtin_96(item=812_345, serial=6_789).hex() == "3054257bf7194e4000001a85"
    # urn:epc:id:sscc:0614141.0001000000, filter 6
    assert sscc_96(serial=1_000_000).hex() == "31d4257bf4000f4240000000"


@pytest.mark.parametrize("item", [-1, 1_000_000])
def test_an_item_that_does_not_fit_is_refused(item: int) -> None:
    with pytest.raises(ValueError, match="item"):
        sgtin_96(item=item, serial=1)

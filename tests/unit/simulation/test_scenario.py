"""Scenarios by name and from mappings; mistakes are told, not guessed around."""

from __future__ import annotations

import pytest

from gateway.simulation.epcs import sgtin_96, sscc_96
from gateway.simulation.scenario import BUILT_IN, ScenarioError, from_mapping, named


def test_the_built_in_scenarios_have_their_names() -> None:
    assert {name: named(name).name for name in BUILT_IN} == {"demo": "demo", "steady": "steady"}


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

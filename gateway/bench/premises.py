"""The site that a scenario brings along, built."""

from __future__ import annotations

from gateway.bench.sites import dock, rack
from gateway.model.place import Site
from gateway.simulation.scenario_parts import Premises


def site_of(premises: Premises) -> Site | None:
    """The site that is described; None for a scenario that runs at any site."""
    if premises.layout == "dock":
        return dock(
            premises.doors,
            premises.pitch_m,
            power_dbm=premises.power_dbm,
            antenna_height_m=premises.antenna_height_m,
            inside_m=premises.inside_m,
            outside_m=premises.outside_m,
        )
    if premises.layout == "rack":
        return rack(
            premises.columns, premises.levels, premises.antennas, power_dbm=premises.power_dbm
        )
    return None

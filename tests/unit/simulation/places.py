"""A small warehouse for tests: two doors, four bins, three readers; nothing says where it is."""

from __future__ import annotations

from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind


def warehouse(doors: int = 2, bins: int = 4, *, sensors: bool = True) -> Site:
    """Doors with two antennas on each side, bins with an antenna each."""
    zones = [Zone(id="yard", kind=ZoneKind.OUTSIDE)]
    zones += [Zone(id=f"staging-{n}", kind=ZoneKind.STAGING) for n in range(1, doors + 1)]
    zones += [Zone(id=f"bin-{n}") for n in range(1, bins + 1)]
    sides = (Side.INSIDE, Side.INSIDE, Side.OUTSIDE, Side.OUTSIDE)
    return Site(
        id="test",
        zones=tuple(zones),
        doors=tuple(_door(n, sensors=sensors) for n in range(1, doors + 1)),
        antennas=(
            *(
                Antenna(reader=f"dock-{n}", port=port, door=f"door-{n}", side=side)
                for n in range(1, doors + 1)
                for port, side in enumerate(sides, start=1)
            ),
            *(Antenna(reader="aisle", port=n, zones=(f"bin-{n}",)) for n in range(1, bins + 1)),
        ),
    )


def _door(number: int, *, sensors: bool) -> Door:
    name = f"door-{number}"
    return Door(
        id=name,
        inside=f"staging-{number}",
        outside="yard",
        inner_beam=f"{name}/inner" if sensors else None,
        outer_beam=f"{name}/outer" if sensors else None,
        contact=f"{name}/contact" if sensors else None,
    )

"""Movers: trucks and people — where they are, what they carry, what of them stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.model.place import Point
from gateway.simulation.layout import Place
from gateway.simulation.motion import Track
from gateway.simulation.population import LOAD_HALF_M

MIDDLE: Point = (0.0, 0.0)
#: Between two pallets that are carried side by side.
SIDE_BY_SIDE_M = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a kind of mover is made of, along its own axis from the forks backward.

    `circles` are (metres behind the forks, radius): what casts a radio shadow. A photo-eye sees it
    from `front_m` to `rear_m` behind the forks, and its load as well.
    """

    kind: str
    circles: tuple[tuple[float, float], ...]
    height_m: float
    front_m: float
    rear_m: float


#: A mast right behind the load, then the body with its counterweight.
TRUCK = Shape(
    kind="truck",
    circles=((0.95, 0.5), (1.9, 0.6)),
    height_m=2.2,
    front_m=LOAD_HALF_M,
    rear_m=3.0,
)
PERSON = Shape(kind="worker", circles=((0.0, 0.25),), height_m=1.75, front_m=-0.25, rear_m=0.25)


@dataclass(slots=True)
class Mover:
    """A truck or a person. `loads` are carried, each at its place from the forks."""

    track: Track
    shape: Shape
    shadow_db: float
    loads: dict[int, Point] = field(default_factory=dict)
    back: Point = (0.0, 1.0)  # from the forks toward its own body; trucks at doors face the yard
    carries_at_m: float = 0.0  # height
    outside: bool = False  # after the last job that was planned

    def place_of(self, load: int, at: Point) -> Place:
        """Where a load is while the forks are at `at`."""
        dx, dy = self.loads[load]
        return (at[0] + dx, at[1] + dy, self.carries_at_m)

    def body(self, time_us: int) -> list[tuple[float, float, float, float, float]]:
        """What of it stands in the way of radio: x, y, radius, height, loss in dB."""
        x, y, _, _ = self.track.at(time_us)
        (bx, by), height_m = self.back, self.shape.height_m
        return [
            (x + bx * behind, y + by * behind, radius, height_m, self.shadow_db)
            for behind, radius in self.shape.circles
        ]

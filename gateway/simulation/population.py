"""Population: the pallets and tags of a simulated warehouse, drawn once.

The number of pallets never changes while a world runs: what leaves through a door comes back as an
inbound load some time later, so that a world can run for ever in bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.simulation.epcs import sgtin_96, sscc_96
from gateway.simulation.scenario import RadioModel, Stock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Half of a load's length along and across the direction of travel, and its height, in metres.
LOAD_HALF_M = 0.6
LOAD_HALF_WIDTH_M = 0.5
LOAD_TOP_M = 1.6

#: Loss in dB that goods put between their tags and an antenna behind them: dry, mixed, liquid.
PRODUCT_LOSS_DB = {"dry": (0.0, 3.0), "mixed": (3.0, 8.0), "liquid": (8.0, 20.0)}
#: A tag with this sensitivity never answers.
DEAD_DBM = 1_000.0

_FACES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]], dtype=np.float64)
_ITEM_REFERENCES = 40  # different goods


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All pallets and tags; arrays have one row per tag, in the order of tag numbers."""

    epcs: tuple[bytes, ...]
    pallet: Ints  # which pallet a tag is on
    offset_m: Floats  # (n, 3) from the pallet's centre on the floor
    normal: Floats  # (n, 3) outward, from the goods toward the air
    axis: Floats  # (n, 3) of the tag's dipole
    loss_db: Floats
    block_db: Floats  # by the goods, when the antenna is behind them
    modulation_db: Floats
    sensitivity_dbm: Floats
    tags_of: tuple[Ints, ...]  # per pallet, the numbers of its tags; the pallet's own tag first

    @property
    def pallets(self) -> int:
        """How many pallets there are."""
        return len(self.tags_of)

    def pallet_epc(self, pallet: int) -> str:
        """A pallet's SSCC-96 in upper-case hex."""
        return self.epcs[int(self.tags_of[pallet][0])].hex().upper()

    def epcs_of(self, pallet: int) -> list[str]:
        """All EPCs on a pallet in upper-case hex, the pallet's own first."""
        return [self.epcs[int(n)].hex().upper() for n in self.tags_of[pallet]]


def populate(pallets: int, stock: Stock, radio: RadioModel, rng: np.random.Generator) -> Population:
    """Draw `pallets` pallets with 8-30 tags each, or as the stock says, and one SSCC tag each."""
    low, high = stock.tags_per_pallet
    cartons = rng.integers(low, high, size=pallets, endpoint=True)
    pallet = np.repeat(np.arange(pallets), cartons + 1)
    first = np.concatenate([[0], np.cumsum(cartons + 1)[:-1]]) if pallets else np.zeros(0, int)
    count = len(pallet)
    offset, normal = _places_on_load(count, rng)
    mean, sd = radio.tag_sensitivity_dbm
    sensitivity = rng.normal(mean, sd, count)
    sensitivity[rng.random(count) < stock.dead_tags] = DEAD_DBM
    return Population(
        epcs=_epcs(cartons, rng),
        pallet=pallet,
        offset_m=offset,
        normal=normal,
        axis=_unit_rows(rng.normal(size=(count, 3))),
        loss_db=np.abs(rng.normal(0.0, radio.tag_loss_sd_db, count))
        + rng.choice([0.0, 4.0, 8.0], p=[0.6, 0.3, 0.1], size=count),
        block_db=_product_losses(pallets, stock, rng)[pallet] if count else np.zeros(0),
        modulation_db=rng.uniform(*radio.modulation_loss_db, count),
        sensitivity_dbm=sensitivity,
        tags_of=tuple(
            np.arange(a, a + n + 1) for a, n in zip(first.tolist(), cartons.tolist(), strict=True)
        ),
    )


def _epcs(cartons: Ints, rng: np.random.Generator) -> tuple[bytes, ...]:
    """One SSCC-96 per pallet, then an SGTIN-96 per carton: one kind of goods to a pallet."""
    epcs: list[bytes] = []
    serial = 1_000
    for number, count in enumerate(cartons.tolist()):
        item = 812_000 + int(rng.integers(_ITEM_REFERENCES))
        epcs.append(sscc_96(serial=1_000_000 + number))
        epcs.extend(sgtin_96(item=item, serial=serial + n) for n in range(count))
        serial += count
    return tuple(epcs)


def _places_on_load(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Where tags sit on their load: on one of four sides or on top, looking outward."""
    normal = _FACES[rng.choice(len(_FACES), p=[0.23, 0.23, 0.23, 0.23, 0.08], size=count)]
    inside = rng.uniform(-1.0, 1.0, size=(count, 3))
    half = np.array([LOAD_HALF_WIDTH_M, LOAD_HALF_M, (LOAD_TOP_M - 0.2) / 2])
    on_face = np.where(normal != 0, normal, inside * 0.9) * half
    on_face[:, 2] += 0.2 + half[2]
    return on_face, normal


def _product_losses(pallets: int, stock: Stock, rng: np.random.Generator) -> Floats:
    kinds = list(stock.products)
    shares = np.array([stock.products[k] for k in kinds], dtype=np.float64)
    drawn = rng.choice(len(kinds), p=shares / shares.sum(), size=pallets)
    limits = np.array([PRODUCT_LOSS_DB[k] for k in kinds])[drawn]
    return rng.uniform(limits[:, 0], limits[:, 1]) if pallets else np.zeros(0)


def _unit_rows(rows: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths

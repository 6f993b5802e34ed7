"""Population: the loads and tags of a simulated warehouse, drawn once.

A load is a pallet, or a carton that stands by itself. The number of loads never changes while a
world runs: what leaves through a door comes back as an inbound load some time later, so that a
world can run for ever in bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.simulation.epcs import sgtin_96, sscc_96
from gateway.simulation.scenario_parts import RadioModel, Stock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Half of a load's length along and across the direction of travel, and its height, in metres.
LOAD_HALF_M = 0.6
LOAD_HALF_WIDTH_M = 0.5
LOAD_TOP_M = 1.6
CARTON_HALF_M = 0.17
#: How far apart the tags of a carton on a pallet are from its middle.
CARTON_SPREAD_M = 0.15

#: Loss in dB that goods put between their tags and an antenna behind them: dry, mixed, liquid.
PRODUCT_LOSS_DB = {"dry": (0.0, 3.0), "mixed": (3.0, 8.0), "liquid": (8.0, 20.0)}
#: What a tag that is hard to read loses besides.
HARD_LOSS_DB = (6.0, 12.0)
#: A tag with this sensitivity never answers.
DEAD_DBM = 1_000.0
#: A loose carton of a stock without cartons on its pallets holds so many tags.
TAGS_PER_LOOSE_CARTON = 8
NO_CARTON = -1

_FACES = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]], dtype=np.float64)
_FACE_SHARES = (0.23, 0.23, 0.23, 0.23, 0.08)
#: Cartons stand in bins with their labels toward the aisle, mostly.
_LOOSE_FACE_SHARES = (0.1, 0.1, 0.05, 0.7, 0.05)
_ITEM_REFERENCES = 40  # different goods


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All loads and tags; arrays have one row per tag, in the order of tag numbers."""

    epcs: tuple[bytes, ...]
    load: Ints  # which load a tag is on
    carton: Ints  # which carton it is in; -1: in none
    offset_m: Floats  # (n, 3) from the middle of the load's foot
    normal: Floats  # (n, 3) outward, from the goods toward the air
    axis: Floats  # (n, 3) of the tag's dipole
    loss_db: Floats
    block_db: Floats  # by the goods, when the antenna is behind them
    modulation_db: Floats
    sensitivity_dbm: Floats
    tags_of: tuple[Ints, ...]  # per load, the numbers of its tags; a pallet's own tag first
    is_carton: tuple[bool, ...]  # per load
    hexes: tuple[str, ...]  # EPCs in upper-case hex

    @property
    def loads(self) -> int:
        """How many loads there are."""
        return len(self.tags_of)

    def name(self, load: int) -> str:
        """A pallet's SSCC-96 in upper-case hex, or a loose carton's name."""
        first = int(self.tags_of[load][0])
        return self.carton_name(first) or "" if self.is_carton[load] else self.hexes[first]

    def carton_name(self, tag: int) -> str | None:
        """The name of the carton that a tag is in; None: it is in none."""
        carton = int(self.carton[tag])
        return None if carton == NO_CARTON else f"carton-{carton + 1}"

    def epcs_of(self, load: int) -> list[str]:
        """All EPCs on a load in upper-case hex, a pallet's own first."""
        return [self.hexes[int(n)] for n in self.tags_of[load]]


def populate(
    is_carton: Sequence[bool], stock: Stock, radio: RadioModel, rng: np.random.Generator
) -> Population:
    """Draw loads, each with as many tags as the stock says; pallets have an SSCC tag besides."""
    items = _items(is_carton, stock, rng)
    owned = items + ~np.array(is_carton, dtype=bool)  # with the pallet's own tag
    load = np.repeat(np.arange(len(items)), owned)
    first = np.concatenate([[0], np.cumsum(owned)[:-1]]).astype(np.int64)
    carton = _cartons(is_carton, items, stock)
    count = len(load)
    offset, normal = _places(is_carton, owned, carton, rng)
    mean, sd = radio.tag_sensitivity_dbm
    sensitivity = rng.normal(mean, sd, count)
    sensitivity[rng.random(count) < stock.dead_tags] = DEAD_DBM
    hard = np.where(rng.random(count) < stock.hard_tags, rng.uniform(*HARD_LOSS_DB, count), 0.0)
    epcs = _epcs(is_carton, items, rng)
    return Population(
        epcs=epcs,
        load=load,
        carton=carton,
        offset_m=offset,
        normal=normal,
        axis=_unit_rows(rng.normal(size=(count, 3))),
        loss_db=np.abs(rng.normal(0.0, radio.tag_loss_sd_db, count))
        + rng.choice([0.0, 4.0, 8.0], p=[0.6, 0.3, 0.1], size=count)
        + hard,
        block_db=_product_losses(len(items), stock, rng)[load] if count else np.zeros(0),
        modulation_db=rng.uniform(*radio.modulation_loss_db, count),
        sensitivity_dbm=sensitivity,
        tags_of=tuple(
            np.arange(a, a + n) for a, n in zip(first.tolist(), owned.tolist(), strict=False)
        ),
        is_carton=tuple(is_carton),
        hexes=tuple(epc.hex().upper() for epc in epcs),
    )


def _items(is_carton: Sequence[bool], stock: Stock, rng: np.random.Generator) -> Ints:
    """How many item tags each load carries."""
    low, high = stock.tags_per_pallet
    drawn = rng.integers(low, high, size=len(is_carton), endpoint=True)
    loose = stock.tags_per_carton or TAGS_PER_LOOSE_CARTON
    return np.where(np.array(is_carton, dtype=bool), loose, drawn)


def _cartons(is_carton: Sequence[bool], items: Ints, stock: Stock) -> Ints:
    """The carton of each tag: all of a loose one's in one, a pallet's so many to a carton."""
    numbers: list[Ints] = [np.zeros(0, dtype=np.int64)]
    known = 0
    for loose, count in zip(is_carton, items.tolist(), strict=True):
        if loose:
            numbers.append(np.full(count, known))
            known += 1
            continue
        inside = np.full(count + 1, NO_CARTON)
        if stock.tags_per_carton:
            inside[1:] = known + np.arange(count) // stock.tags_per_carton
            known += -(-count // stock.tags_per_carton)
        numbers.append(inside)
    return np.concatenate(numbers)


def _epcs(is_carton: Sequence[bool], items: Ints, rng: np.random.Generator) -> tuple[bytes, ...]:
    """An SSCC-96 per pallet, then SGTIN-96s: one kind of goods to a load."""
    epcs: list[bytes] = []
    serial = 1_000
    for number, (loose, count) in enumerate(zip(is_carton, items.tolist(), strict=True)):
        item = 812_000 + int(rng.integers(_ITEM_REFERENCES))
        if not loose:
            epcs.append(sscc_96(serial=1_000_000 + number))
        epcs.extend(sgtin_96(item=item, serial=serial + n) for n in range(count))
        serial += count
    return tuple(epcs)


def _places(
    is_carton: Sequence[bool], owned: Ints, carton: Ints, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Where tags sit on their load: on a side or on top, looking outward; cartons together."""
    pallet_half = np.array([LOAD_HALF_WIDTH_M, LOAD_HALF_M, (LOAD_TOP_M - 0.2) / 2])
    offset, normal = _on_faces(len(carton), pallet_half, 0.2, _FACE_SHARES, rng)
    _, first, member = np.unique(carton, return_index=True, return_inverse=True)
    mates = np.where(carton == NO_CARTON, np.arange(len(carton)), first[member])
    spread = rng.uniform(-CARTON_SPREAD_M, CARTON_SPREAD_M, size=(len(carton), 3))
    on_pallet = offset[mates] + np.where((carton == NO_CARTON)[:, None], 0.0, spread)
    loose_half = np.full(3, CARTON_HALF_M)
    loose_offset, loose_normal = _on_faces(len(carton), loose_half, 0.0, _LOOSE_FACE_SHARES, rng)
    loose = np.repeat(np.array(is_carton, dtype=bool), owned)[:, None]
    return np.where(loose, loose_offset, on_pallet), np.where(loose, loose_normal, normal[mates])


def _on_faces(
    count: int,
    half_m: Floats,
    foot_m: float,
    shares: tuple[float, ...],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Points on the faces of a box that stands `foot_m` above the floor, and their normals."""
    normal = _FACES[rng.choice(len(_FACES), p=shares, size=count)]
    inside = rng.uniform(-1.0, 1.0, size=(count, 3))
    on_face = np.where(normal != 0, normal, inside * 0.9) * half_m
    on_face[:, 2] += foot_m + half_m[2]
    return on_face, normal


def _product_losses(loads: int, stock: Stock, rng: np.random.Generator) -> Floats:
    kinds = list(stock.products)
    shares = np.array([stock.products[k] for k in kinds], dtype=np.float64)
    drawn = rng.choice(len(kinds), p=shares / shares.sum(), size=loads)
    limits = np.array([PRODUCT_LOSS_DB[k] for k in kinds])[drawn]
    return rng.uniform(limits[:, 0], limits[:, 1]) if loads else np.zeros(0)


def _unit_rows(rows: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths

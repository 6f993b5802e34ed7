"""Ripeness: when is it sure enough that a tag passed a door?

A load that turns back, or stays in the mouth, looks like one that passes until it has gone on. So a
case must be sure, and have been at rest, or sure of the same way, for a while. What is only fairly
sure must wait longer, and what both sides still hear alike must be surer for longer.
"""

from __future__ import annotations

import numpy as np

from gateway.location.company import Company
from gateway.location.passage_features import Bools, Features, Floats
from gateway.location.passage_model import OUT

#: A passage is announced when it is this likely, and confirmed.
PROVISIONAL = 0.85
CONFIRMED = 0.90
#: Late it may be less likely, but not as much if one side only has heard it, or if it has stood
#: there for long: is well known, of 1.
CONFIRMED_LATE, CONFIRMED_ONE_SIDED, CONFIRMED_KNOWN, WELL_KNOWN = 0.70, 0.75, 0.85, 0.6
CONFIRMED_CLEAR, CONFIRMED_ALONE, CLEAR_ORDER = 0.75, 0.65, 0.95
CONFIRMED_HALF = 0.55
#: What one side only has heard, and is believed to be beyond the door already, must be surer: it
#: may have been there all along.
CONFIRMED_AGAINST = 0.95
#: A tag with less company than this travels alone.
LONE = 1.5
#: From this long after its last peak a case may be confirmed; later less certainty will do.
SETTLE_S = 2.0
LATE_S = 4.5
#: What goes on being read near the door peaks again and again: it has settled, too, when it has
#: been sure of one way for so long.
SURE_S = 2.0
#: A tag that both sides still read is beyond the door when it is so much stronger there, in 10 dB,
#: or has been as good as certain for so long.
CLEARLY_BEYOND = 0.4
CERTAIN, CERTAIN_S = 0.97, 2.5
#: Where the beams say that its load went through and on, what is certain need not have been sure
#: for longer than this.
THROUGH_S = 1.0


def is_ripe(
    features: Features,
    chances: Floats,
    company: Company,
    sure_s: Floats,
    through: Bools,
    along: Bools,
) -> Bools:
    """Cases to be confirmed; `sure_s` is for how long each has been as likely as `CONFIRMED`.

    `through`: the beams saw its load leave the side that it came from. `along`: most of those that
    it came with have surely passed.
    """
    chance, since_s = chances[:, :2].max(axis=1), features.since_peak_s
    late = since_s >= LATE_S
    through = through & (sure_s >= THROUGH_S) & (chance >= CERTAIN)
    settled = (since_s >= SETTLE_S) | (sure_s >= SURE_S) | through
    # Nobody can speak for a tag that travels alone: a clear order of the sides must do.
    clear = features.passage_column("crossed") >= CLEAR_ORDER
    clear &= company.votes.sum(axis=1) + company.elsewhere < LONE
    soon = settled & (chance >= np.where(clear, CONFIRMED_CLEAR, CONFIRMED)) & ~features.half
    known = features.passage_column("usual") >= WELL_KNOWN
    one_sided = features.passage_column("both") == 0.0
    enough = np.where(one_sided, CONFIRMED_ONE_SIDED, CONFIRMED_LATE)
    enough = np.where(known, CONFIRMED_KNOWN, enough)
    enough = np.where(clear, CONFIRMED_ALONE, enough)
    enough = np.where(features.half, CONFIRMED_HALF, enough)
    way = np.where(chances[:, OUT] > chances[:, 1 - OUT], 1.0, -1.0)
    undecided = _is_undecided(features, way)
    undecided &= ~((sure_s >= CERTAIN_S) & (chance >= CERTAIN)) & ~through & ~along
    against = (way * features.order_column("origin") < 0.0) & (chance < CONFIRMED_AGAINST)
    against &= one_sided
    return np.asarray((soon | (late & (chance >= enough))) & ~undecided & ~against)


def _is_undecided(features: Features, way: Floats) -> Bools:
    """What is still read on both sides alike: it may be about to turn back, or to stay there."""
    lingers = features.passage_column("lingers") > 0.0
    return np.asarray(lingers & (way * features.order_column("rests") < CLEARLY_BEYOND))

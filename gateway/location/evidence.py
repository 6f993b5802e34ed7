"""Evidence: what the antennas say about each tag, fading with time.

Every epoch in which an antenna reads a tag is one *look* at it, however often it was read: reads of
one epoch share antenna, channel and fading, and are not independent. A slot per (tag, antenna)
keeps the looks, fading with the time constant of what the antenna watches; the power of the last
dozen or so; and since when they come without a pause. What is computed depends on the state before
and on order-free sums over each epoch alone, so the order of reads changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import Coverage
from gateway.location.epochs import EPOCH_US
from gateway.location.intake import Taken
from gateway.location.profiles import Profiles
from gateway.location.sightings import Sightings
from gateway.location.states import NO_ANTENNA, SLOTS, TagStates
from gateway.location.times import NEVER_US, Times
from gateway.model.calibration import NO_CALIBRATION, Calibration
from gateway.model.movement import Presence
from gateway.model.place import ZoneKind
from gateway.model.reads import NO_RSSI_CDBM

#: Seconds in which evidence fades to 1/e. At doors things move, in storage they stand.
FADE_S = {
    ZoneKind.STORAGE: 15.0,
    ZoneKind.QUARANTINE: 15.0,
    ZoneKind.STAGING: 6.0,
    ZoneKind.TRANSIT: 4.0,
    ZoneKind.OUTSIDE: 4.0,
}
DOOR_FADE_S = 4.0
#: A pause longer than this ends a run of reads at an antenna.
RUN_GAP_US = 10_000_000
#: The remembered power is a mean over about this many looks; over more where it has to tell zones
#: apart, because fading differs from channel to channel.
POWER_LOOKS = 16
POWER_LOOKS_PROFILE = 64
#: Looks within these make an antenna's word count in full.
FULL_LOOKS = 4.0
#: How many looks an antenna can have at a tag is what it had lately at the tag it reads most.
MOST_LOOKS_FADE_US = 60_000_000
#: Before this has gone by nobody knows how often an antenna reads a tag.
RATE_S = 2.0
#: What one expected look that did not come says, and all of them at most, in log-odds.
MISSED_LOOK = 0.25
MOST_MISSED = 4.0
#: A first look may be a stray one; after some it is hardly possible.
STRAY = 0.1
LEAST_STRAY = 0.005
#: Tags in a zone that has a profile are looked at again every so many epochs.
REVIEW_EPOCHS = 40

Numbers = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Antennas = npt.NDArray[np.int16]


@dataclass(slots=True)
class Looks:
    """What antennas say of some tags at one moment. Arrays of (tags, slots)."""

    antenna: Antennas  # NO_ANTENNA: an empty slot
    dbm: Floats
    weight: Floats  # looks, faded
    heard: Floats  # 0…1: how much the antenna's word counts now
    share: Floats  # 0…1: how many of the looks came that might; 1 at the antenna with most
    missed: Floats  # log-odds against the tag still being where the antenna used to read it
    first_us: npt.NDArray[np.int64]  # of the last run of reads
    last_us: npt.NDArray[np.int64]

    def certainty(self, row: int) -> float:
        """That what was read of a tag is not all stray reads from somewhere else."""
        looks = float(self.weight[row].sum())
        return 1.0 - max(LEAST_STRAY, STRAY * math.exp(-0.5 * max(0.0, looks - 1.0)))

    def strongest(self) -> tuple[Antennas, npt.NDArray[np.int64]]:
        """The antenna that hears each tag best, NO_ANTENNA where none does, and since when."""
        dbm = np.where(self.heard > 0.0, self.dbm, -np.inf)
        best = (np.arange(len(dbm)), dbm.argmax(axis=1))
        antennas = np.where(np.isfinite(dbm[best]), self.antenna[best], np.int16(NO_ANTENNA))
        return antennas, self.first_us[best]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs of tag and antenna that rows of sightings are about, in their order."""

    tags: Numbers
    antennas: Antennas
    firsts: Numbers  # the first row of each
    of_row: Numbers  # the pair of each row


class Evidence:
    """Keeps the slots of `TagStates`."""

    def __init__(
        self,
        coverage: Coverage,
        states: TagStates,
        profiles: Profiles,
        calibration: Calibration = NO_CALIBRATION,
    ) -> None:
        self._coverage, self._states, self._profiles = coverage, states, profiles
        fade_s = np.full(len(coverage.covers), DOOR_FADE_S)
        for number, antenna in enumerate(coverage.site.antennas):
            if antenna.door is None:
                kinds = (coverage.site.zones[z].kind for z in coverage.zones[number] if z >= 0)
                fade_s[number] = max((FADE_S[kind] for kind in kinds), default=DOOR_FADE_S)
        self._covers = coverage.covers.reshape(-1)
        self._zones = coverage.covers.shape[1]
        self._fade_us = fade_s * 1e6
        self._fade_rate = (-1.0 / self._fade_us).astype(np.float32)
        looks = np.where(profiles.antennas, POWER_LOOKS_PROFILE, POWER_LOOKS)
        offset_db = calibration.antenna_offset_db
        offsets = (offset_db.get(key, 0.0) for key in coverage.site.antenna_numbers)
        self._offset_db = np.array([*offsets, 0.0])
        self._least_gain = (1.0 / looks).astype(np.float32)
        self._most_looks = np.ones(len(fade_s), dtype=np.float32)
        self._most_us = 0
        # How often a door's antenna reads a tag says most of how long it took to pass.
        apart = [antenna.door is None for antenna in coverage.site.antennas]
        self._shares: Bools = profiles.antennas & np.array([*apart, False])

    def add(self, taken: Taken) -> list[Numbers]:
        """Enter the reads of some epochs; late ones first, where they belong.

        Gives for each epoch the tags, in order, of which its reads ask whether they are where they
        are believed to be: read elsewhere, nowhere yet, or due for another look among the zones of
        one antenna.
        """
        if not len(taken.late):
            return self._add_fresh(taken.fresh, taken.ends_us)
        late = self._add_late(taken.late, int(taken.ends_us[-1]))
        *asked, last = self._add_fresh(taken.fresh, taken.ends_us)
        return [*asked, np.union1d(last, late)]

    def _add_fresh(self, rows: Sightings, ends_us: Times) -> list[Numbers]:
        tags, antennas = rows["tag"].astype(np.intp), rows["antenna"].astype(np.int16)
        if not len(rows):
            return [tags] * len(ends_us)
        starts = np.ones(len(rows), dtype=bool)
        starts[1:] = (tags[1:] != tags[:-1]) | (antennas[1:] != antennas[:-1])
        firsts = np.flatnonzero(starts)
        pairs = _Pairs(tags[firsts], antennas[firsts], firsts, np.cumsum(starts) - 1)
        spots, placed = self._spots(pairs.tags, pairs.antennas)
        if placed is not None and not placed.all():
            return self._add_fresh(rows[placed[pairs.of_row]], ends_us)
        self._look(rows, pairs, spots, ends_us[rows["epoch"]])
        np.maximum.at(
            self._states.last_us, pairs.tags, np.maximum.reduceat(rows["last_us"], firsts)
        )
        return self._asked(rows, pairs, ends_us)

    def _look(self, rows: Sightings, pairs: _Pairs, spots: Numbers, end_us: Times) -> None:
        """One more look for each row, at the spot of its pair."""
        states, firsts = self._states, pairs.firsts
        last_us = states.slot_us.reshape(-1)
        before_us = np.empty(len(rows), dtype=np.int64)
        before_us[1:] = rows["last_us"][:-1]
        before_us[firsts] = last_us[spots]
        age_us = end_us - before_us
        self._weigh(rows, pairs, spots, age_us)
        if self._shares.any():
            self._note_most(pairs.antennas, spots, int(end_us.max()))
        pauses = np.flatnonzero(age_us[firsts] > RUN_GAP_US)
        if len(pauses):
            states.slot_first_us.reshape(-1)[spots[pauses]] = rows["first_us"][firsts[pauses]]
            self._begin_run(spots[pauses])
        last_us[spots] = np.maximum(last_us[spots], np.maximum.reduceat(rows["last_us"], firsts))
        counts = np.add.reduceat(rows["count"], firsts)
        states.slot_reads.reshape(-1)[spots] += counts.astype(np.uint32)
        self._peak(spots[pairs.of_row], rows["peak_cdbm"], rows["peak_us"])

    def _note_most(self, antennas: Antennas, spots: Numbers, end_us: int) -> None:
        """Of all tags, how many looks each antenna has at the one that it reads most."""
        faded = np.exp(np.float32((self._most_us - end_us) / MOST_LOOKS_FADE_US))
        self._most_looks = np.maximum(self._most_looks * faded, np.float32(1.0))
        self._most_us = end_us
        np.maximum.at(self._most_looks, antennas, self._states.slot_weight.reshape(-1)[spots])

    def _weigh(self, rows: Sightings, pairs: _Pairs, spots: Numbers, age_us: Times) -> None:
        """Weight and power of each spot, look by look: each builds on the one before."""
        weights, powers = self._states.slot_weight.reshape(-1), self._states.slot_dbm.reshape(-1)
        weight, dbm = weights[spots], powers[spots]
        least_gain = self._least_gain[pairs.antennas]
        kept = np.exp(age_us.astype(np.float32) * self._fade_rate[pairs.antennas][pairs.of_row])
        seen_dbm = rows["peak_cdbm"] * np.float32(0.01)
        rank = np.arange(len(rows)) - pairs.firsts[pairs.of_row]
        for number in range(int(rank.max()) + 1):
            look = np.flatnonzero(rank == number)
            pair = pairs.of_row[look]
            weight[pair] = weight[pair] * kept[look] + np.float32(1.0)
            gain = np.maximum(np.float32(1.0) / weight[pair], least_gain[pair])
            dbm[pair] += gain * (seen_dbm[look] - dbm[pair])
        weights[spots], powers[spots] = weight, dbm

    def _peak(self, spots: Numbers, cdbm: npt.NDArray[np.int16], time_us: Times) -> None:
        """The strongest read of each run and when it was; of equals the last."""
        states = self._states
        peaks, after_ms = states.slot_peak_cdbm.reshape(-1), states.slot_peak_ms.reshape(-1)
        np.maximum.at(peaks, spots, cdbm)
        top = np.flatnonzero(cdbm == peaks[spots])
        first_us = states.slot_first_us.reshape(-1)[spots[top]]
        # Later reads of the same power, and stronger ones, are later: the latest of them counts.
        ms = np.maximum(time_us[top] - first_us, 0) // 1_000
        np.maximum.at(after_ms, spots[top], ms.astype(np.uint32))

    def _begin_run(self, spots: Numbers) -> None:
        self._states.slot_reads.reshape(-1)[spots] = 0
        self._states.slot_peak_cdbm.reshape(-1)[spots] = NO_RSSI_CDBM
        self._states.slot_peak_ms.reshape(-1)[spots] = 0

    def _asked(self, rows: Sightings, pairs: _Pairs, ends_us: Times) -> list[Numbers]:
        states, tags = self._states, pairs.tags
        zones = states.zone[tags]
        present = states.presence[tags] == Presence.PRESENT
        # In one row: indexing that way takes half the time.
        home = present & self._covers[pairs.antennas.astype(np.intp) * self._zones + zones]
        strange = np.flatnonzero(~home[pairs.of_row])
        of_tag = tags[pairs.of_row]
        np.maximum.at(states.fed_us, of_tag[strange], ends_us[rows["epoch"][strange]])
        new = strange[~present[pairs.of_row[strange]]]
        if len(new):
            begun = new[states.first_us[of_tag[new]] == 0]
            states.first_us[of_tag[begun]] = NEVER_US
            np.minimum.at(states.first_us, of_tag[begun], rows["first_us"][begun])
        asks = ~home[pairs.of_row]
        if self._profiles.any:
            turn = (ends_us // EPOCH_US % REVIEW_EPOCHS)[rows["epoch"]]
            due = (states.turn[tags] % REVIEW_EPOCHS)[pairs.of_row] == turn
            asks |= due & self._profiles.has[zones][pairs.of_row]
        which = np.flatnonzero(asks)
        epochs, asked = rows["epoch"][which], of_tag[which]
        return [np.unique(asked[epochs == number]) for number in range(len(ends_us))]

    def _spots(self, tags: Numbers, antennas: Antennas) -> tuple[Numbers, Bools | None]:
        """Where the slot of each (tag, antenna) is, all slots counted through; opened if new.

        Also which of them have one: a tag may be seen by more antennas at once than it has slots.
        """
        states = self._states
        slots = states.slot_antenna.reshape(-1)
        spots = tags * SLOTS + states.recent_slot[tags]
        elsewhere = np.flatnonzero(slots[spots] != antennas)
        if not len(elsewhere):
            return spots, None
        mine, those = tags[elsewhere], antennas[elsewhere]
        hits = states.slot_antenna[mine] == those[:, None]
        new = ~hits.any(axis=1)
        if new.any():
            in_use = np.delete(spots, elsewhere), (mine * SLOTS + hits.argmax(axis=1))[~new]
            self._open(mine[new], those[new], np.concatenate(in_use))
            hits = states.slot_antenna[mine] == those[:, None]
        found = hits.argmax(axis=1)
        spots[elsewhere] = mine * SLOTS + found
        states.recent_slot[mine] = found
        return spots, slots[spots] == antennas if new.any() else None

    def _open(self, tags: Numbers, antennas: Antennas, in_use: Numbers) -> None:
        """Slots for new (tag, antenna) pairs, in place of those that were silent longest.

        Spots that are `in_use` have just been read: they go last.
        """
        states = self._states
        pairs = np.unique(tags.astype(np.int64) << 16 | antennas)
        tags, antennas = (pairs >> 16).astype(np.intp), (pairs & 0xFFFF).astype(np.int16)
        starts = np.concatenate(([True], tags[1:] != tags[:-1]))
        rows = np.arange(len(tags))
        firsts = np.maximum.accumulate(np.where(starts, rows, 0))
        ranks = rows - firsts
        silent_us = states.slot_us[tags]
        owners = np.minimum(np.searchsorted(tags, in_use // SLOTS), len(tags) - 1)
        theirs = tags[owners] == in_use // SLOTS
        silent_us[owners[theirs], in_use[theirs] % SLOTS] = NEVER_US
        silent_us = silent_us[firsts]
        fits = ranks < SLOTS
        tags, antennas, ranks, silent_us = tags[fits], antennas[fits], ranks[fits], silent_us[fits]
        oldest = np.argsort(silent_us, axis=1, kind="stable")
        slots = oldest[np.arange(len(tags)), ranks]
        # What is forgotten of a tag's own zone is kept as its last read there.
        zones = states.zone[tags]
        home = (zones >= 0) & self._coverage.covers[states.slot_antenna[tags, slots], zones]
        np.maximum.at(states.home_us, tags[home], states.slot_us[tags[home], slots[home]])
        states.slot_antenna[tags, slots] = antennas
        for column in (states.slot_weight, states.slot_us, states.slot_first_us):
            column[tags, slots] = 0

    def _add_late(self, rows: Sightings, end_us: int) -> Numbers:
        """Reads of earlier epochs: they tell what was, and nothing about what is newer."""
        states = self._states
        tags = rows["tag"].astype(np.intp)
        present = states.presence[tags] == Presence.PRESENT
        # What was read before a tag was last given up does not bring it back.
        news = present | (rows["last_us"] > states.since_us[tags])
        # A tag without a free slot is not made to forget what is newer.
        news &= (states.slot_antenna[tags] == NO_ANTENNA).any(axis=1) | (
            states.slot_antenna[tags] == rows["antenna"][:, None]
        ).any(axis=1)
        rows, tags, present = rows[news], tags[news], present[news]
        if not len(rows):
            return np.zeros(0, dtype=np.intp)
        antennas = rows["antenna"].astype(np.int16)
        spots, placed = self._spots(tags, antennas)
        if placed is not None:
            rows, tags, present, spots = rows[placed], tags[placed], present[placed], spots[placed]
            antennas = antennas[placed]
        self._enter_late(rows, spots, antennas)
        np.maximum.at(states.last_us, tags, rows["last_us"])
        new = tags[~present]
        never = states.first_us[new] == 0
        states.first_us[new[never]] = NEVER_US
        np.minimum.at(states.first_us, new, rows["first_us"][~present])
        strange = tags[~(present & self._coverage.covers[antennas, states.zone[tags]])]
        states.fed_us[strange] = end_us
        return np.unique(strange)

    def _enter_late(self, rows: Sightings, spots: Numbers, antennas: Antennas) -> None:
        """Each spot once. A look inside a run that is known says nothing new."""
        states = self._states
        known_us, first_us = states.slot_us.reshape(-1), states.slot_first_us.reshape(-1)
        after_us = rows["last_us"] - known_us[spots]
        run = (after_us < 0) & (rows["last_us"] >= first_us[spots] - RUN_GAP_US)
        first_us[spots[run]] = np.minimum(first_us[spots[run]], rows["first_us"][run])
        newer = after_us > 0
        rows, spots, antennas, after_us = (
            rows[newer],
            spots[newer],
            antennas[newer],
            after_us[newer],
        )
        weights, dbm = states.slot_weight.reshape(-1), states.slot_dbm.reshape(-1)
        looks = weights[spots] * np.exp(-after_us / self._fade_us[antennas]) + 1.0
        weights[spots] = looks
        gain = np.maximum(1.0 / looks, self._least_gain[antennas])
        dbm[spots] += gain * (rows["mean_cdbm"] / 100.0 - dbm[spots])
        pause = rows["first_us"] - known_us[spots] > RUN_GAP_US
        first_us[spots[pause]] = rows["first_us"][pause]
        self._begin_run(spots[pause])
        known_us[spots] = rows["last_us"]
        states.slot_reads.reshape(-1)[spots] += rows["count"].astype(np.uint32)
        self._peak(spots, rows["peak_cdbm"], rows["last_us"])

    def looks(self, tags: Numbers, as_of_us: npt.NDArray[np.int64]) -> Looks:
        """What the antennas say of `tags`, each at its time.

        A slot counts less once looks fail to come that its own rate says should have come, while
        its antenna works; of an antenna that does not, silence says nothing.
        """
        states, coverage = self._states, self._coverage
        antennas, last_us = states.slot_antenna[tags], states.slot_us[tags]
        first_us, weights = states.slot_first_us[tags], states.slot_weight[tags].astype(np.float64)
        as_of_us = as_of_us[:, None]
        fade_s = self._fade_us[antennas] / 1e6
        run_s = np.minimum((last_us - first_us) / 1e6, fade_s)
        silent_us = np.maximum(as_of_us - np.maximum(last_us, coverage.up_since_us[antennas]), 0)
        silent_s = np.where(coverage.up[antennas], silent_us / 1e6, 0.0)
        missed = np.maximum(silent_s * weights / (run_s + RATE_S) - 1.0, 0.0) * MISSED_LOOK
        faded = weights * np.exp(-np.maximum(as_of_us - last_us, 0) / 1e6 / fade_s)
        heard = np.minimum(faded / FULL_LOOKS, 1.0) * np.exp(-missed)
        empty = antennas == NO_ANTENNA
        return Looks(
            antenna=antennas,
            dbm=states.slot_dbm[tags] - self._offset_db[antennas],
            weight=np.where(empty, 0.0, faded),
            heard=np.where(empty, 0.0, heard),
            share=self._share(antennas, np.where(coverage.up[antennas], faded, weights)),
            missed=np.minimum(missed, MOST_MISSED),
            first_us=first_us,
            last_us=last_us,
        )

    def _share(self, antennas: Antennas, looks: Floats) -> Floats:
        """Of the looks that each antenna might have had of tags how many came.

        Tags take the air from each other: only how the antennas differ says something.
        """
        shares = self._shares[antennas]
        if not shares.any():
            return np.ones(looks.shape)
        share = np.where(shares, looks / self._most_looks[antennas], 0.0)
        share /= np.maximum(share.max(axis=1, keepdims=True), 1e-6)
        return np.where(shares, share, 1.0)

"""The textbook rack: a second opinion about bins."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gateway.bench.plain_rack import TAGS_PER_CARTON, PlainRack
from gateway.bench.sites import columns_of

SECONDS = 25.0


def test_the_nearest_antenna_hears_most_tags_best_and_hardly_any_tag_is_never_heard() -> None:
    rack = PlainRack(1)
    columns = columns_of(rack.site)
    batches = list(rack.run(SECONDS))
    facts = [fact for _, noted in batches for fact in noted if "epc" in fact]
    lifted = {fact["carton"] for _, noted in batches for fact in noted if "lifted" in fact}
    reads = np.concatenate([inputs.reads[0] for inputs, _ in batches])
    near = []
    for fact in facts:
        mine = reads[reads["tag"] == rack.tags.find(bytes.fromhex(fact["epc"]))]
        if len(mine) and fact["carton"] not in lifted:
            mean = [mine["rssi_cdbm"][mine["antenna"] == a].sum() for a in range(6)]
            count = [np.count_nonzero(mine["antenna"] == a) for a in range(6)]
            power = [m / c if c else -np.inf for m, c in zip(mean, count, strict=True)]
            near.append(abs(2 * int(np.argmax(power)) + 0.5 - columns[fact["zone"]]) <= 1.5)
    assert np.mean(near) > 0.8
    assert len(near) > 0.85 * len(facts)


def test_cartons_are_moved_as_a_whole_and_nobody_reads_them_on_the_way() -> None:
    rack = PlainRack(2)
    gone: set[int] = set()
    told: Counter[str] = Counter()
    members: dict[str, set[int]] = {}
    for inputs, facts in rack.run(60.0):
        for fact in facts:
            numbers = {rack.tags.add(bytes.fromhex(epc)) for epc in fact.get("tags", ())}
            members.setdefault(fact["carton"], numbers)
            told[fact["carton"]] += "tags" in fact
            gone = set(members[fact["carton"]]) if "lifted" in fact else gone - numbers
        assert gone.isdisjoint(inputs.reads[0]["tag"].tolist())
    assert {len(tags) for tags in members.values()} == {TAGS_PER_CARTON}
    assert sum(times - 1 for times in told.values()) >= 1


def test_the_same_seed_gives_the_same_reads() -> None:
    one, other = (
        [inputs.reads[0].tobytes() for inputs, _ in PlainRack(3).run(5.0)] for _ in range(2)
    )
    assert one == other

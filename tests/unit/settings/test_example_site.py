"""The repository's root is an example site, and its gateway.yaml the reference of all settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.model.device import ReaderProfile
from gateway.settings.configuration import Configuration, load
from gateway.settings.messages import models_in
from gateway.settings.packaged import example_site, site_files
from gateway.settings.schema import Settings
from tests.unit.settings.sites import EXAMPLE, MINIMAL, load_files

#: A setting that is commented out at its default: `#key:` or `#  key:`, as opposed to `# prose`;
#: `#- name:` begins a sink with all its defaults.
COMMENTED = re.compile(r"^(\s*)#(\s*)((?:- )?[a-z_]+:.*)$")


@pytest.fixture(scope="module")
def example() -> Configuration:
    return load(EXAMPLE, {})


def test_the_example_is_a_dock_with_two_doors_and_four_bins(example: Configuration) -> None:
    site = example.site
    assert site.id == "dc-north"
    assert [z.id for z in site.zones] == [
        *("yard", "staging-1", "staging-2", "aisle-a"),
        *("bin-a-01", "bin-a-02", "bin-a-03", "bin-a-04", "quarantine-1"),
    ]
    assert [(d.id, d.inside, d.outside) for d in site.doors] == [
        ("door-1", "staging-1", "yard"),
        ("door-2", "staging-2", "yard"),
    ]
    assert site.readers == ("aisle-a", "dock-1", "dock-2")
    assert len(site.antennas) == 12
    assert example.notes == ()


def test_the_antennas_of_a_door_hang_beside_it(example: Configuration) -> None:
    doors = {d.id: d for d in example.site.doors}
    for antenna in example.site.antennas:
        if antenna.door is None:
            continue
        middle, position = doors[antenna.door].position_m, antenna.position_m
        assert middle
        assert position
        assert abs(abs(position[0] - middle[0]) - 1.45) < 1e-9
        assert position[1] == (0.9 if antenna.side == "inside" else -0.2)


def test_each_bin_has_an_antenna_in_its_middle(example: Configuration) -> None:
    zones = {z.id: z for z in example.site.zones}
    bins = [a for a in example.site.antennas if a.reader == "aisle-a"]
    assert len(bins) == 4
    for antenna in bins:
        (zone,) = antenna.zones
        xs = [x for x, _ in zones[zone].area]
        assert antenna.position_m
        assert antenna.position_m == pytest.approx((sum(xs) / 4, 12.0, 2.6))


def uncommented(text: str) -> str:
    """The reference with every default written out, explained values without one left out."""
    lines = []
    for line in text.splitlines():
        found = COMMENTED.match(line)
        shown = found and not re.search(r"#.*(no default|default rfid|such as)", found[3])
        lines.append("".join(found.groups()) if found and shown else line)
    return "\n".join(lines) + "\n"


def test_the_reference_shows_every_default_as_it_is(tmp_path: Path) -> None:
    reference = (EXAMPLE / "config" / "gateway.yaml").read_text()
    shown = load_files(tmp_path / "a", {"config/gateway.yaml": uncommented(reference)}).settings
    plain = load_files(tmp_path / "b", {"config/gateway.yaml": reference}).settings
    assert shown.model_copy(update={"sinks": plain.sinks}) == plain
    defaults = load_files(tmp_path / "c", {"config/gateway.yaml": MINIMAL + "mqtt: {}\n"}).settings
    set_in_example = {"site", "sinks"}
    for name in Settings.model_fields.keys() - set_in_example:
        assert getattr(shown, name) == getattr(defaults, name), name


def test_the_reference_shows_every_default_of_each_sink(tmp_path: Path) -> None:
    reference = (EXAMPLE / "config" / "gateway.yaml").read_text()
    files = {"config/gateway.yaml": uncommented(reference)}
    sinks = {sink.kind: sink for sink in load_files(tmp_path, files).settings.sinks}
    for kind in ("webhook", "epcis"):
        shown = sinks[kind]
        required = shown.model_dump(include={"name", "kind", "url"})
        assert shown == type(shown).model_validate(required)


def test_the_reference_names_every_setting() -> None:
    reference = (EXAMPLE / "config" / "gateway.yaml").read_text()
    missing = [name for name in setting_names(Settings) if f"{name}:" not in reference]
    assert missing == []


def setting_names(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(name)
        if name not in ("password", "token"):
            for inner in models_in(field.annotation):
                names |= setting_names(inner)
    return names


def test_the_generic_profile_is_what_the_model_has_without_a_profile(tmp_path: Path) -> None:
    reader = load_files(tmp_path, {"readers/a.yaml": "address: h\n"}).readers[0]
    assert reader.profile == ReaderProfile()


def test_the_example_is_found_and_holds_only_what_a_site_needs() -> None:
    assert example_site() == EXAMPLE
    files = [str(f) for f in site_files(EXAMPLE)]
    for expected in ("config/gateway.yaml", "readers/profiles/generic.yaml", "rules/README.md"):
        assert expected in files
    assert all(f.endswith((".yaml", ".md")) for f in files)


def test_the_folders_of_the_site_hold_no_python() -> None:
    for folder in ("config", "readers", "rules"):
        assert not list((EXAMPLE / folder).rglob("*.py"))
        assert "no Python" in " ".join((EXAMPLE / folder / "README.md").read_text().split())

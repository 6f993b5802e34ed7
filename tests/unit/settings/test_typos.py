"""Every mistake has its sentence, at its line and column, with what was probably meant.

`typos/*.txt` hold files with mistakes, divided by `====`; lines that begin with `>>` are what is to
be told of the file above them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.sites import MINIMAL, READER, SITE, problems


def typos(name: str) -> list[tuple[str, list[str]]]:
    """Each file with its mistakes, and the sentences that belong to it."""
    blocks = (Path(__file__).parent / "typos" / f"{name}.txt").read_text().split("====\n")
    found = []
    for block in blocks:
        lines = block.splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith(">> "))
        told = [line[3:].rstrip("\n") for line in lines if line.startswith(">> ")]
        found.append((text, told))
    return found


def in_file(name: str, sentences: list[str]) -> list[str]:
    return [f"{name}:{sentence}" for sentence in sentences]


@pytest.mark.parametrize(("text", "told"), typos("gateway"))
def test_a_mistake_in_gateway_yaml_is_told_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = problems(Path(), {"config/gateway.yaml": text})
    assert found == in_file("config/gateway.yaml", told)


@pytest.mark.parametrize(("text", "told"), typos("site"))
def test_a_mistake_in_site_yaml_is_told_where_it_is(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    found = problems(tmp_path, {"config/site.yaml": text})
    assert found == in_file("config/site.yaml", told)


@pytest.mark.parametrize(("text", "told"), typos("reader"))
def test_a_mistake_in_a_device_file_is_told_where_it_is(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    files = {
        "config/gateway.yaml": MINIMAL + "mqtt: {}\n",
        "config/site.yaml": SITE,
        "readers/r.yaml": text,
    }
    assert problems(tmp_path, files) == in_file("readers/r.yaml", told)


def test_mistakes_in_all_files_are_told_together_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = problems(
        Path(),
        {
            "config/gateway.yaml": MINIMAL + "mqtt: {hots: b}\n",
            "config/conf.d/10-x.yaml": "log: {levle: info}\n",
            "config/site.yaml": SITE.replace("inside: staging-1", "inside: staging-l"),
            "readers/dock-1.yaml": READER + "clok: auto\n",
            "readers/profiles/mine.yaml": "sesion: 2\n",
            "rules/a.yaml": "a: 1\na: 2\n",
        },
        {"RFID_GATEWAY_MQTT__PROT": "1883"},
    )
    assert found == [
        "RFID_GATEWAY_MQTT__PROT: unknown key 'prot' in mqtt; did you mean 'port'?",
        "config/conf.d/10-x.yaml:1:7: unknown key 'levle' in log; did you mean 'level'?",
        "config/gateway.yaml:2:8: unknown key 'hots' in mqtt; did you mean 'host'?",
        "config/site.yaml:6:26: there is no zone 'staging-l'; did you mean 'staging-1'?",
        "readers/dock-1.yaml:6:1: unknown key 'clok'; did you mean 'clock'?",
        "readers/profiles/mine.yaml:1:1: unknown key 'sesion'; did you mean 'session'?",
        "rules/a.yaml:2:1: the key 'a' is here twice (first on line 1)",
    ]


def test_a_mistake_is_not_told_again_by_what_refers_to_it(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {
            "config/gateway.yaml": MINIMAL + "mqtt: {}\n",
            "config/site.yaml": SITE.replace("kind: staging", "kin: [staging")
            .replace("[staging}", "[staging]}")
            .replace("outside: yard}", "outside: yard, sensors: {contact: s}}"),
            "readers/sensors.yaml": "sensors: [{id: s, kind: contact, topik: t}]\n",
            "readers/dock-1.yaml": READER,
        },
    )
    assert found == [
        "config/site.yaml:3:21: unknown key 'kin' in zones[1]; did you mean 'kind'?",
        "readers/sensors.yaml:1:34: unknown key 'topik' in sensors[0]; did you mean 'topic'?",
    ]


def test_references_into_a_file_that_cannot_be_read_are_not_told(tmp_path: Path) -> None:
    found = problems(tmp_path, {"config/site.yaml": "zones: [\n", "readers/dock-1.yaml": READER})
    assert [p.partition(": ")[0] for p in found] == ["config/site.yaml:2:1"]


def test_a_door_names_sensors_of_the_right_kind_that_exist(tmp_path: Path) -> None:
    sensors = "sensors: [{id: s/1, kind: contact, topic: t}, {id: s/2, kind: beam, topic: u}]\n"
    door = "{id: door-2, inside: staging-1, outside: yard, sensors: "
    found = problems(
        tmp_path,
        {
            "config/gateway.yaml": MINIMAL + "mqtt: {}\n",
            "config/site.yaml": SITE
            + f"  - {door}{{inner_beam: s/1, outer_beam: s/3, contact: s/2}}}}\n",
            "readers/sensors.yaml": sensors,
        },
    )
    assert found == [
        "config/site.yaml:7:74: inner_beam needs a sensor of kind beam, but 's/1' is a contact",
        "config/site.yaml:7:91: there is no sensor 's/3'; did you mean 's/2'?",
        "config/site.yaml:7:105: contact needs a sensor of kind contact, but 's/2' is a beam",
    ]


def test_two_readers_have_two_ids_and_two_addresses(tmp_path: Path) -> None:
    files = {"readers/a.yaml": "id: r\naddress: h\n", "readers/b.yaml": "id: r\naddress: h:5084\n"}
    assert problems(tmp_path, files) == [
        "readers/b.yaml:1:5: the device 'r' is already in readers/a.yaml:1:5",
    ]
    files = {"readers/a.yaml": "address: h\n", "readers/b.yaml": "address: h:5084\n"}
    sentence = "the reader 'a' has the same address h:5084: a reader serves one client"
    assert problems(tmp_path, files) == [f"readers/b.yaml:1:10: {sentence}"]


def test_a_file_that_would_never_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path, {"readers/dock-1.yml": READER}) == [
        "readers/dock-1.yml: is not read: name it dock-1.yaml"
    ]

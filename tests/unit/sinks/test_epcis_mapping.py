"""Movements, passages and readings as EPCIS events: valid, and those of the mapping's examples."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Rejected
from gateway.model.device import SensorKind
from gateway.model.movement import Direction, Kind, Movement, Status
from gateway.model.passage import Passage
from gateway.model.place import Door, Site, Zone, ZoneKind
from gateway.sinks.epcis import mapping_of
from gateway.sinks.epcis_capture import document_of
from gateway.sinks.epcis_mapping import EpcisMapping, event_id
from gateway.sinks.epcis_offsets import Offsets
from gateway.sinks.epcis_sensors import Window, sensor_event
from tests.epcis_schema import assert_valid, read
from tests.outcomes import movement, passage

SSCC = "3174257BF4499602D2000000"
SGTIN = "3074257BF7194E4000001A85"
PRIVATE = "E28011606000020000000000"
SGLN = "urn:epc:id:sgln:0614141.12345"

SITE = Site(
    id="dc-north",
    timezone="Europe/Berlin",
    zones=(
        Zone(id="staging-1", kind=ZoneKind.STAGING, sgln=f"{SGLN}.STAGE-IN"),
        Zone(id="bin-a", sgln=f"{SGLN}.A-01-02"),
        Zone(id="bin-b", sgln=f"{SGLN}.B-07-01"),
        Zone(id="aisle", kind=ZoneKind.TRANSIT),
        Zone(id="hold", kind=ZoneKind.QUARANTINE),
        Zone(id="yard", kind=ZoneKind.OUTSIDE),
    ),
    doors=(
        Door(id="door-1", inside="staging-1", outside="yard", sgln=f"{SGLN}.5678"),
        Door(id="door-2", inside="staging-1", outside="yard"),
    ),
)
PLAIN = mapping_of({}, SITE)
ALL = mapping_of({"movements": ["arrived", "moved", "missing", "departed"]}, SITE)

MOVES: dict[str, dict[str, object]] = {
    "arrival through a door": {
        "kind": Kind.ARRIVED, "from_zone": None, "to_zone": "staging-1",
        "door": "door-1", "direction": Direction.IN,
    },
    "return through a door": {
        "from_zone": "yard", "to_zone": "staging-1", "door": "door-2", "direction": Direction.IN,
    },
    "departure": {
        "from_zone": "staging-1", "to_zone": "yard", "door": "door-1", "direction": Direction.OUT,
    },
    "move": {"from_zone": "bin-a", "to_zone": "bin-b"},
    "to staging": {"from_zone": "bin-a", "to_zone": "staging-1"},
    "first seen in staging": {"kind": Kind.ARRIVED, "from_zone": None, "to_zone": "staging-1"},
    "first seen in a bin": {"kind": Kind.ARRIVED, "from_zone": None, "to_zone": "bin-a"},
    "to a transit zone": {"from_zone": "bin-a", "to_zone": "aisle"},
    "to quarantine": {"from_zone": "bin-a", "to_zone": "hold"},
    "seen outside": {"from_zone": "staging-1", "to_zone": "yard"},
    "to a zone that the site had": {"from_zone": "bin-a", "to_zone": "gone 1/2"},
    "missing": {"kind": Kind.MISSING, "from_zone": "bin-a", "to_zone": None},
    "departed": {"kind": Kind.DEPARTED, "from_zone": "yard", "to_zone": None},
}  # fmt: skip


def body(one: Movement | Passage) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(one.to_json())
    return found


def move(name: str, tag: str = SSCC, **changes: object) -> dict[str, Any]:
    return body(movement(1, 1, epc=tag, **(MOVES[name] | changes)))


def event_of(mapping: EpcisMapping, told: dict[str, Any]) -> dict[str, Any]:
    event = mapping.movement(told)
    assert event is not None
    assert_valid(orjson.loads(document_of([event], "2026-11-21T12:00:03.000Z")))
    return event


def only(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: event.get(key) for key in keys}


@pytest.mark.parametrize("options", [{}, {"identifiers": "urn"}], ids=["digital link", "urn"])
@pytest.mark.parametrize("tag", [SSCC, SGTIN, PRIVATE, "", "F73795211411234538566CB0AFC4"])
@pytest.mark.parametrize("name", MOVES)
def test_every_movement_is_a_valid_event(name: str, tag: str, options: dict[str, str]) -> None:
    mapping = mapping_of(options | {"movements": list(Kind)}, SITE)
    event = event_of(mapping, move(name, tag))
    assert event["type"] == "ObjectEvent"
    assert event["eventTimeZoneOffset"] == "+01:00"
    assert len(event["epcList"]) == 1


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ("inbound arrival at dock door", "arrival through a door"),
        ("outbound departure through dock door", "departure"),
        ("moved bin A -> B", "move"),
    ],
)
def test_events_are_those_of_the_mapping_examples(example: str, name: str) -> None:
    (found,) = [d for d in read("mapping_examples.json") if d["note"] == example]
    (expected,) = found["document"]["epcisBody"]["eventList"]
    event = event_of(PLAIN, move(name))
    for key in ("eventTime", "eventID"):
        expected.pop(key, None)
        event.pop(key)
    expected.pop("bizTransactionList", None)
    assert event == expected


@pytest.mark.parametrize(
    ("name", "step", "disposition"),
    [
        ("first seen in staging", "arriving", "in_progress"),
        ("first seen in a bin", "storing", "in_progress"),
        ("to staging", "staging_outbound", "in_progress"),
        ("to a transit zone", "transporting", "in_progress"),
        ("to quarantine", "holding", "in_progress"),
        ("seen outside", "departing", "in_transit"),
        ("to a zone that the site had", None, "in_progress"),
        ("departed", "departing", "in_transit"),
    ],
)
def test_the_kind_of_zone_says_what_step_it_is(
    name: str, step: str | None, disposition: str
) -> None:
    event = event_of(ALL, move(name))
    assert only(event, "bizStep", "disposition") == {"bizStep": step, "disposition": disposition}


def test_missing_is_where_it_was_and_departed_is_nowhere() -> None:
    missing = event_of(ALL, move("missing"))
    assert only(missing, "bizStep", "disposition", "readPoint", "bizLocation") == {
        "bizStep": "cycle_counting",
        "disposition": "unknown",
        "readPoint": None,
        "bizLocation": {"id": "https://id.gs1.org/414/0614141123452/254/A-01-02"},
    }
    assert "bizLocation" not in event_of(ALL, move("departed"))


def test_of_what_nobody_saw_there_is_no_event_unless_it_is_asked_for() -> None:
    assert PLAIN.movement(move("missing")) is None
    assert PLAIN.movement(move("departed")) is None
    assert mapping_of({"movements": ["missing"]}, SITE).movement(move("move")) is None


def test_what_the_schema_does_not_allow_is_noticed() -> None:
    event = event_of(PLAIN, move("move"))
    for wrong in (
        {"epcList": ["not a URI"]}, {"eventTime": "yesterday"}, {"bizStep": "lost"}, {"x": 1},
        {"readPoint": {"id": "urn:x y"}}, {"eventTimeZoneOffset": "+1"},
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            assert_valid(orjson.loads(document_of([event | wrong], "2026-11-21T12:00:03.000Z")))


def test_identities_are_written_as_urns_when_that_is_asked_for() -> None:
    event = event_of(mapping_of({"identifiers": "urn"}, SITE), move("move", SGTIN))
    assert event["epcList"] == ["urn:epc:id:sgtin:0614141.812345.6789"]
    assert event["bizLocation"] == {"id": f"{SGLN}.B-07-01"}


def test_digital_links_may_be_of_the_companys_own_resolver() -> None:
    event = event_of(mapping_of({"resolver": "https://id.example.com/"}, SITE), move("move", SGTIN))
    assert event["epcList"] == ["https://id.example.com/01/80614141123458/21/6789"]
    assert event["readPoint"]["id"].startswith("https://id.example.com/414/0614141123452/254/")


def test_what_has_no_identity_of_gs1_has_one_that_can_be_set() -> None:
    event = event_of(PLAIN, move("to a zone that the site had", PRIVATE))
    assert event["epcList"] == [f"urn:epc:raw:96.x{PRIVATE}"]
    assert event["bizLocation"] == {"id": "urn:rfid-gateway:dc-north:gone%201%2F2"}
    own = {"tags": "https://dc.example/tags/{epc}", "locations": "https://dc.example/{place}"}
    event = event_of(mapping_of(own, SITE), move("to a transit zone", PRIVATE))
    assert event["epcList"] == [f"https://dc.example/tags/{PRIVATE}"]
    assert event["bizLocation"] == {"id": "https://dc.example/aisle"}


def test_steps_can_be_set_for_each_door_direction_and_zone() -> None:
    customer = "https://id.gs1.org/414/4012345000115"
    steps = [
        {"door": "door-1", "direction": "out", "biz_step": "shipping", "destination": customer},
        {"door": "door-2", "biz_step": "receiving", "location": "https://dc.example/gate-2"},
        {"zone": "bin-b", "biz_step": "stocking", "disposition": "sellable_accessible"},
    ]
    mapping = mapping_of({"steps": steps}, SITE)
    shipped = event_of(mapping, move("departure"))
    assert only(shipped, "bizStep", "disposition", "destinationList", "bizLocation") == {
        "bizStep": "shipping",
        "disposition": "in_transit",
        "destinationList": [{"type": "location", "destination": customer}],
        "bizLocation": None,
    }
    assert event_of(mapping, move("arrival through a door"))["bizStep"] == "arriving"
    returned = event_of(mapping, move("return through a door"))
    assert returned["bizStep"] == "receiving"
    assert returned["readPoint"] == {"id": "https://dc.example/gate-2"}
    stocked = event_of(mapping, move("move"))
    assert (stocked["bizStep"], stocked["disposition"]) == ("stocking", "sellable_accessible")
    assert stocked["sourceList"]


@pytest.mark.parametrize("name", MOVES)
def test_a_retraction_repeats_the_event_and_declares_it_wrong(name: str) -> None:
    told = event_of(ALL, move(name))
    withdrawn = event_of(ALL, move(name, status=Status.RETRACTED, record_time_us=10**15))
    assert withdrawn.pop("errorDeclaration") == {
        "declarationTime": "2001-09-09T01:46:40.000Z",
        "reason": "did_not_occur",
    }
    assert withdrawn == told


def test_the_event_id_is_that_of_the_movement() -> None:
    one = movement()
    assert event_of(PLAIN, move("move"))["eventID"] == f"urn:uuid:{one.id}"
    assert event_id("passage-1") == event_id("passage-1") != event_id("passage-2")
    assert event_id("passage-1").startswith("urn:uuid:")


@pytest.mark.parametrize(
    ("timezone", "time", "offset"),
    [
        ("UTC", "2026-07-01T12:00:00Z", "+00:00"),
        ("Europe/Berlin", "2026-07-01T12:00:00.123Z", "+02:00"),
        ("Europe/Berlin", "2026-11-21T12:00:00Z", "+01:00"),
        ("America/St_Johns", "2026-01-01T00:00:00Z", "-03:30"),
        ("Asia/Kathmandu", "2026-01-01T00:00:00Z", "+05:45"),
        ("Pacific/Kiritimati", "2026-01-01T00:00:00Z", "+14:00"),
    ],
)
def test_the_offset_is_that_of_the_site_at_the_time(timezone: str, time: str, offset: str) -> None:
    assert Offsets(timezone).at(time) == offset


def load(*tags: str, **changes: Any) -> dict[str, Any]:
    return body(passage(1, epcs=tags, **changes))


def passage_event(mapping: EpcisMapping, told: dict[str, Any]) -> dict[str, Any]:
    event = mapping.passage(told)
    assert event is not None
    assert_valid(orjson.loads(document_of([event], "2026-11-21T12:00:03.000Z")))
    return event


@pytest.mark.parametrize("direction", [None, Direction.IN, Direction.OUT])
@pytest.mark.parametrize("door", ["door-1", "door-2", "gone"])
@pytest.mark.parametrize("aggregate", [False, True])
def test_every_passage_is_a_valid_event(
    direction: Direction | None, door: str, aggregate: bool
) -> None:
    mapping = mapping_of({"aggregate": aggregate}, SITE)
    told = load(SSCC, SGTIN, PRIVATE, SGTIN, direction=direction, door=door)
    event = passage_event(mapping, told)
    assert event["type"] == ("AggregationEvent" if aggregate else "ObjectEvent")


def test_a_passage_is_all_its_tags_at_the_door() -> None:
    event = passage_event(PLAIN, load(SSCC, SGTIN, SGTIN, direction=Direction.OUT))
    assert event["bizStep"] == "departing"
    assert event["readPoint"] == {"id": "https://id.gs1.org/414/0614141123452/254/5678"}
    assert "bizLocation" not in event
    assert event["epcList"] == [
        "https://id.gs1.org/00/106141412345678908",
        "https://id.gs1.org/01/80614141123458/21/6789",
    ]


def test_a_pallet_with_its_cases_is_the_aggregation_of_the_mapping_examples() -> None:
    notes = {d["note"]: d for d in read("mapping_examples.json")}
    (expected,) = notes["pallet aggregation seen at portal"]["document"]["epcisBody"]["eventList"]
    told = load(SGTIN, SSCC, direction=Direction.IN)
    event = passage_event(mapping_of({"aggregate": True}, SITE), told)
    for key in ("eventTime", "eventID"):
        expected.pop(key, None)
        event.pop(key)
    assert event == expected


def test_without_exactly_one_pallet_nothing_is_aggregated() -> None:
    mapping = mapping_of({"aggregate": True}, SITE)
    other = "3174257BF4499602D3000000"
    for tags in ((SGTIN,), (SSCC,), (SSCC, other, SGTIN)):
        event = passage_event(mapping, load(*tags, direction=Direction.OUT))
        assert event["type"] == "ObjectEvent"
        assert len(event["epcList"]) == len(tags)


def test_an_empty_passage_is_no_event() -> None:
    assert PLAIN.passage(load()) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epc": "XYZ"}, "not hex"),
        ({"epc": None}, "no epc"),
        ({"event_time": "yesterday"}, "no ISO time"),
        ({"event_time": "2026-11-21T12:00:00"}, "no ISO time"),
        ({"id": 7}, "no id"),
        ({"kind": ["moved"]}, "no kind"),
        ({"to": {"zone": 1}}, "no identifier"),
    ],
)
def test_a_broken_movement_is_rejected_with_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        PLAIN.movement(move("move") | change)


@pytest.mark.parametrize("epcs", [None, "30", [1], {"a": 1}])
def test_a_broken_passage_is_rejected_with_words(epcs: Any) -> None:
    with pytest.raises(Rejected, match="list of EPCs"):
        PLAIN.passage(load(SGTIN) | {"epcs": epcs})


names = st.text(max_size=20) | st.none()


@given(
    st.sampled_from(list(Kind)), names, names, names,
    st.sampled_from(["in", "out", None]), st.binary(max_size=62), st.booleans(),
)  # fmt: skip
def test_no_name_and_no_tag_makes_an_event_invalid(
    kind: Kind, from_zone: str | None, to_zone: str | None, door: str | None,
    direction: str | None, tag: bytes, urn: bool,
) -> None:  # fmt: skip
    options = {"movements": list(Kind), "identifiers": "urn" if urn else "digital-link"}
    told = move("move", tag.hex().upper()) | {
        "kind": kind, "from": from_zone, "to": to_zone, "door": door, "direction": direction,
    }  # fmt: skip
    event_of(mapping_of(options, SITE), told)


NOON_US = 1_795_262_400_000_000


def window(kind: SensorKind, mean: float, **changes: Any) -> Window:
    values: dict[str, Any] = {"start_us": NOON_US, "end_us": NOON_US, "least": mean, "most": mean}
    return Window(sensor=f"door-1/{kind}", kind=kind, mean=mean, **(values | changes))


def sensor_document(*windows: Window, **where: Any) -> dict[str, Any]:
    event = sensor_event(PLAIN, windows, **where)
    assert event is not None
    assert_valid(orjson.loads(document_of([event], "2026-11-21T12:00:03.000Z")))
    return event


def test_a_reading_beside_a_pallet_has_measurements_with_units() -> None:
    event = sensor_document(
        window(SensorKind.TEMPERATURE, 4.6), window(SensorKind.HUMIDITY, 61.0),
        zone="staging-1", epcs=[SSCC],
    )  # fmt: skip
    assert event["bizStep"] == "sensor_reporting"
    assert event["epcList"] == ["https://id.gs1.org/00/106141412345678908"]
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {
                "time": "2026-11-21T12:00:00.000Z",
                "deviceID": f"urn:rfid-gateway:sensor:door-1%2F{kind}",
            },
            "sensorReport": [report],
        }
        for kind, report in (
            ("temperature", {"type": "Temperature", "value": 4.6, "uom": "CEL"}),
            ("humidity", {"type": "RelativeHumidity", "value": 61.0, "uom": "P1"}),
        )
    ]


def test_a_window_has_its_extremes_and_its_alarm() -> None:
    one = window(
        SensorKind.TEMPERATURE, 5.2, start_us=NOON_US - 3_600_000_000, least=3.9, most=9.1,
        unit="F", alarm=True,
    )  # fmt: skip
    (element,) = sensor_document(one, zone="bin-a")["sensorElementList"]
    assert element["sensorMetadata"]["startTime"] == "2026-11-21T11:00:00.000Z"
    assert element["sensorReport"] == [
        {"type": "Temperature", "minValue": 3.9, "maxValue": 9.1, "meanValue": 5.2, "uom": "FAH"},
        {"type": "Temperature", "exception": "ALARM_CONDITION"},
    ]


@pytest.mark.parametrize("kind", list(SensorKind))
def test_every_kind_of_sensor_is_valid_or_no_event(kind: SensorKind) -> None:
    event = sensor_event(PLAIN, [window(kind, 1.0)])
    if event is None:
        assert kind in ("beam", "contact", "motion", "barcode")
    else:
        assert_valid(orjson.loads(document_of([event], "2026-11-21T12:00:03.000Z")))


def test_the_same_readings_have_the_same_event_id() -> None:
    one, other = window(SensorKind.COUNT, 1.0), window(SensorKind.COUNT, 1.0, end_us=NOON_US + 1)
    first, again = sensor_document(one)["eventID"], sensor_document(one)["eventID"]
    assert first == again != sensor_document(other)["eventID"]

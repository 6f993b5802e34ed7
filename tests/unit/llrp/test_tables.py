"""The tables agree with the definition files of the LLRP Toolkit, row by row."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.llrp import registry
from gateway.llrp.enumerations import ENUMERATIONS
from gateway.llrp.fields import RESERVED, Layout
from gateway.llrp.messages import MESSAGES
from gateway.llrp.tables import Row
from gateway.llrp.vendors import impinj

DEFINITIONS = Path(__file__).parents[3] / "../shared/data/llrp/definitions"
FILES = {1: "llrp-1x0-def.xml", 2: "llrp-1x1-def.xml"}
CARDINALITY = {"1": "", "0-1": "?", "0-N": "*", "1-N": "+"}

#: Where the standard, Wireshark's dissector and other implementations agree against the 1.1 file.
#: Each entry: what the file says, and what the table says instead.
DISAGREEMENTS = {
    "LoopSpec": ("189 LoopCount:u16", "355 LoopCount:u32"),
    # The file counts the words of the mask twice. Kept raw, either form survives.
    "C1G2BlockPermalock": ("BlockMask:u16v", "BlockMask:bytesToEnd"),
    "C1G2EPCMemorySelector": ("r6", "EnableXPCBits:u1 r5"),
}
#: Rows of the standard that the files leave out.
NOT_IN_THE_FILES = {
    "CLIENT_REQUEST_OP",
    "CLIENT_REQUEST_OP_RESPONSE",
    "ClientRequestOpSpec",
    "ClientRequestResponse",
    "ClientRequestOpSpecResult",
    "MaximumReceiveSensitivity",
    "RFSurveyFrequencyCapabilities",
}
#: 1.1 took these out of the reserved bits of 1.0.1.
FLAGS_OF_1_1 = (
    "CanSupportBlockPermalock:u1 CanSupportTagRecommissioning:u1 CanSupportUMIMethod2:u1 "
    "CanSupportXPC:u1 r2"
)


def definitions(version: int, kind: str) -> Iterator[ET.Element]:
    file = DEFINITIONS / FILES[version]
    if not file.exists():
        pytest.skip(f"the definition file {FILES[version]} is not there")
    for element in ET.parse(file).getroot():
        if local(element) == kind:
            yield element


def local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def words_of(element: ET.Element) -> str:
    """A definition as a row of our tables is written: number, fields, children."""
    words = [element.attrib["typeNum"]]
    for part in element:
        if local(part) == "reserved":
            words.append(f"r{part.attrib['bitCount']}")
        elif local(part) == "field":
            enumeration = part.get("enumeration")
            suffix = f"={enumeration}" if enumeration else ""
            words.append(f"{part.attrib['name']}:{part.attrib['type']}{suffix}")
        elif local(part) in ("parameter", "choice"):
            words.append(part.attrib["type"] + CARDINALITY[part.attrib["repeat"]])
    return " ".join(words)


def words_of_row(row: Row, version: int) -> str:
    words = [str(row.number)]
    for field in row.layout.fields:
        suffix = f"={field.enumeration}" if field.enumeration else ""
        words.append(field.kind if field.name == RESERVED else f"{field.name}:{field.kind}{suffix}")
    for child in row.children:
        known = registry.PARAMETERS_BY_NAME.get(child.name)
        if child.name in NOT_IN_THE_FILES or (known and known.since > version):
            continue
        mark = {(1, 1): "", (0, 1): "?", (0, None): "*", (1, None): "+"}
        words.append(child.name + mark[child.at_least, child.at_most])
    return " ".join(words)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("messageDefinition", registry.MESSAGES_BY_NAME),
        ("parameterDefinition", registry.PARAMETERS_BY_NAME),
    ],
)
def test_every_definition_is_a_row_of_the_tables(
    version: int, kind: str, rows: dict[str, Row]
) -> None:
    seen = 0
    for element in definitions(version, kind):
        name = element.attrib["name"]
        row = rows[name]
        expected = words_of(element)
        if name in DISAGREEMENTS:
            theirs, ours = DISAGREEMENTS[name]
            assert theirs in expected, f"{name}: the file has been corrected"
            expected = expected.replace(theirs, ours)
        if name == "C1G2LLRPCapabilities" and version == 1:
            expected = expected.replace("r6", FLAGS_OF_1_1)
        assert words_of_row(row, version) == expected, name
        assert row.since <= version, name
        assert row.is_tv == (kind == "parameterDefinition" and row.number < 128), name
        seen += 1
    assert (
        seen
        == {
            ("messageDefinition", 1): 40,
            ("messageDefinition", 2): 44,
            ("parameterDefinition", 1): 108,
            ("parameterDefinition", 2): 118,
        }[kind, version]
    )


def test_every_row_of_the_standard_is_a_definition() -> None:
    names = {e.attrib["name"] for e in definitions(2, "messageDefinition")}
    names |= {e.attrib["name"] for e in definitions(2, "parameterDefinition")}
    ours = {row.name for row in (*MESSAGES, *registry.PARAMETERS)}
    assert ours - names == NOT_IN_THE_FILES


def test_a_row_is_of_1_1_when_the_file_of_1_0_1_has_it_not() -> None:
    old = {e.attrib["name"] for e in definitions(1, "messageDefinition")}
    old |= {e.attrib["name"] for e in definitions(1, "parameterDefinition")}
    for row in (*MESSAGES, *registry.PARAMETERS):
        if row.name not in NOT_IN_THE_FILES:
            assert (row.since == 1) == (row.name in old), row.name


@pytest.mark.parametrize("version", [1, 2])
def test_every_enumeration_has_the_names_of_its_values(version: int) -> None:
    for element in definitions(version, "enumerationDefinition"):
        names = {
            int(entry.attrib["value"]): entry.attrib["name"]
            for entry in element
            if local(entry) == "entry"
        }
        ours = ENUMERATIONS[element.attrib["name"]]
        if version == 1:  # 1.1 gave one trigger a longer name, and added values
            ours = {value: ours[value] for value in names}
            names = {v: n.removesuffix("_Or_End_Of_RFSurveySpec") for v, n in names.items()}
            ours = {v: n.removesuffix("_Or_End_Of_RFSurveySpec") for v, n in ours.items()}
        assert ours == names, element.attrib["name"]


@pytest.mark.parametrize("version", [1, 2])
def test_every_choice_lists_its_parameters_in_order(version: int) -> None:
    for element in definitions(version, "choiceDefinition"):
        theirs = [part.attrib["type"] for part in element if local(part) == "parameter"]
        ours = [n for n in registry.CHOICES[element.attrib["name"]] if n in theirs]
        assert ours == theirs, element.attrib["name"]


def test_names_numbers_and_subtypes_are_given_once() -> None:
    rows = [*registry.PARAMETERS, *impinj.PARAMETERS]
    assert len({row.name for row in rows}) == len(rows)
    assert len({(row.number, row.prefix) for row in rows}) == len(rows)
    messages = [*MESSAGES, *impinj.MESSAGES]
    assert len({row.name for row in messages}) == len(messages)
    assert len({(row.number, row.prefix) for row in messages}) == len(messages)


def test_everything_that_a_row_names_exists() -> None:
    rows = [*registry.MESSAGES_BY_NAME.values(), *registry.PARAMETERS_BY_NAME.values()]
    for row in rows:
        for child in row.children:
            names = registry.CHOICES.get(child.name, (child.name,))
            assert all(name in registry.PARAMETERS_BY_NAME for name in names), (row.name, names)
        for field in row.layout.fields:
            if field.enumeration:
                assert field.enumeration in registry.ENUMERATIONS, (row.name, field.name)


def test_a_field_has_one_name_in_its_row() -> None:
    for row in (*registry.MESSAGES_BY_NAME.values(), *registry.PARAMETERS_BY_NAME.values()):
        names = [field.name for field in row.layout.fields]
        assert len(set(names)) == len(names), row.name


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("ImpinjInventorySearchMode", 23),
        ("ImpinjLinkMonitorConfiguration", 38),
        ("ImpinjTagReportContentSelector", 50),
        ("ImpinjEnableSerializedTID", 51),
        ("ImpinjEnableRFPhaseAngle", 52),
        ("ImpinjEnablePeakRSSI", 53),
        ("ImpinjSerializedTID", 55),
        ("ImpinjRFPhaseAngle", 56),
        ("ImpinjPeakRSSI", 57),
        ("ImpinjEnableRFDopplerFrequency", 67),
        ("ImpinjRFDopplerFrequency", 68),
    ],
)
def test_impinj_parameters_have_their_subtypes(name: str, subtype: int) -> None:
    assert registry.PARAMETERS_BY_NAME[name].prefix == struct.pack(">II", 25882, subtype)


def test_a_layout_is_compiled_from_its_words() -> None:
    layout = Layout("A:u1 B:u2 r5 C:u16=Some D:utf8v")
    assert [(f.name, f.kind, f.enumeration) for f in layout.fields] == [
        ("A", "u1", None),
        ("B", "u2", None),
        (RESERVED, "r5", None),
        ("C", "u16", "Some"),
        ("D", "utf8v", None),
    ]


def test_bit_fields_fill_whole_bytes() -> None:
    with pytest.raises(AssertionError, match=re.escape("whole bytes")):
        Layout("A:u1 B:u16")

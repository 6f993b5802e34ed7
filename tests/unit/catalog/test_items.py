"""Items are found by what a tag answers to, the most exact key first, a million of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog import items as items_module
from gateway.catalog.importing import read_items
from gateway.catalog.items import Items, body_of, item_of
from gateway.catalog.keys import canonical_key, keys_of
from gateway.model.catalog import Item, KeyKind

SGTIN = "3034257BF7194E4000001A85"  # 0614141.812345.6789


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        (SGTIN.lower(), KeyKind.EPC, f"epc:{SGTIN}"),
        ("urn:epc:id:sgtin:0614141.812345.6789", KeyKind.EPC, "(01)80614141123458(21)6789"),
        ("https://id.gs1.org/01/80614141123458/21/6789", KeyKind.EPC, "(01)80614141123458(21)6789"),
        ("urn:epc:tag:sgtin-96:1.0614141.812345.6789", KeyKind.EPC, f"epc:{SGTIN}"),
        ("106141412345678908", KeyKind.SSCC, "(00)106141412345678908"),
        ("80614141123458", KeyKind.GTIN, "gtin:80614141123458"),
        ("614141999996", KeyKind.GTIN, "gtin:00614141999996"),
        ("urn:epc:idpat:sgtin:0614141.812345.*", KeyKind.GTIN, "gtin:80614141123458"),
        ("urn:epc:idpat:grai:0614141.12345.*", KeyKind.CLASS, "grai:0614141.12345"),
    ],
)
def test_a_key_has_one_spelling(text: str, kind: KeyKind, key: str) -> None:
    assert canonical_key(text) == (kind, key)


@pytest.mark.parametrize("text", ["", "x" * 600, "80614141123459x", "urn:epc:id:sgtin:1", "/01/"])
def test_what_is_no_key_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_key(text)


def test_every_key_that_a_tag_answers_to_can_be_written_by_a_person() -> None:
    assert keys_of(bytes.fromhex(SGTIN)) == (
        f"epc:{SGTIN}",
        "(01)80614141123458(21)6789",
        "sgtin:0614141.812345",
        "gtin:80614141123458",
    )
    assert keys_of(b"\x00\x01") == ("epc:0001",)


def test_the_most_exact_item_counts() -> None:
    items = Items()
    assert items.item(SGTIN) is None
    for key, sku in (("gtin:80614141123458", "any"), (f"epc:{SGTIN}", "this one")):
        items.put([(key, body_of(Item(kind=KeyKind.EPC, key=key, sku=sku)))])
        found = items.item(SGTIN)
        assert found is not None
        assert found.sku == sku
    items.put([(f"epc:{SGTIN}", None)])
    found = items.item(SGTIN)
    assert found is not None
    assert found.sku == "any"
    assert len(items) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 9)), max_size=60),
    st.integers(1, 10),
)
def test_puts_and_removals_leave_what_a_plain_table_would_hold(
    changes: list[tuple[str, int | None]], merge_rows: int
) -> None:
    items, table = Items(), dict[str, Item]()
    before, items_module.MERGE_ROWS = items_module.MERGE_ROWS, merge_rows
    try:
        for key, minimum in changes:
            if minimum is None:
                items.put([(key, None)])
                table.pop(key, None)
            else:
                item = table[key] = Item(kind=KeyKind.CLASS, key=key, minimum=minimum)
                items.put([(key, body_of(item))])
            assert len(items) == len(table)
    finally:
        items_module.MERGE_ROWS = before
    assert {item.key: item for item in items} == table
    assert all(items.get(key) == table.get(key) for key in "abcdefgh")


def test_what_a_store_holds_is_there_after_the_start_and_can_be_changed() -> None:
    items = Items()
    rows = {f"gtin:{n}": body_of(Item(kind=KeyKind.GTIN, key="", minimum=n)) for n in range(1_000)}
    items.load(rows.items())
    assert len(items) == 1_000
    items.put([("gtin:7", None), ("gtin:8", rows["gtin:9"])])
    assert items.get("gtin:7") is None
    assert [(items.get(f"gtin:{n}") or item_of("", b"")).minimum for n in (6, 8)] == [6, 9]
    assert len(items) == 999 == len(list(items))


def test_an_item_comes_back_as_it_was_stored() -> None:
    item = Item(
        kind=KeyKind.GTIN, key="gtin:80614141123458", sku="4711", name="Öl\n'\"", category=None,
        home_zones=("a", "b"), allowed_zones=(), minimum=0,
    )  # fmt: skip
    assert item_of(item.key, body_of(item)) == item


def test_csv_and_json_give_the_same_items() -> None:
    zones = {"bin-a-01", "bin-a-02"}
    csv = (
        b"\xef\xbb\xbfKey;SKU;Name;Home zones;minimum\r\n"
        b'80614141123458;0004711;"Oil; olive";bin-a-01 bin-a-02;12\r\n'
    )
    json = (
        b'[{"gtin": "80614141123458", "sku": "0004711", "name": "Oil; olive", '
        b'"home": ["bin-a-01", "bin-a-02"], "minimum": 12}]'
    )
    for content in (csv, json, json[1:-1]):
        imported = read_items(content, zones)
        assert imported.problems == []
        assert [(i.key, i.sku, i.name, i.home_zones, i.minimum) for i in imported.items] == [
            ("gtin:80614141123458", "0004711", "Oil; olive", ("bin-a-01", "bin-a-02"), 12)
        ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"key,sku,hom_zones\n", "items:1: 'hom_zones' is no column of items"),
        (b"sku\n1\n", "items:1: the column 'key' is missing"),
        (b"key,home_zones\n80614141123458,bin-a-1\n", "items:2: home_zones: the site has no zone"),
        (b"key,minimum\n80614141123458,-1\n", "items:2: minimum is '-1'"),
        (
            b"key\n80614141123457\n",
            "items:2: '80614141123457': the check digit of this GTIN or SSCC must be 8",
        ),
        (b"key,sku\n80614141123458,a,b\n", "items:2: it has more values than columns"),
        (b"[{", "items:1:3: this is not JSON"),
        (b"[1]", "items:1: an item is an object"),
        (b"\xff\xfe", "items: octet 0 is not UTF-8"),
        (b'[{"key": "80614141123458", "sku": ["x"]}]', "items:1: sku must be a text"),
    ],
)
def test_a_wrong_row_is_told_and_left_out(content: bytes, problem: str) -> None:
    imported = read_items(content, {"bin-a-01"})
    assert imported.wrong == 1
    assert imported.problems[0].startswith(problem)
    assert imported.items == []


def test_ten_thousand_wrong_rows_are_counted_but_not_all_told() -> None:
    imported = read_items(b"key\n" + b"nonsense\n" * 10_000, set())
    assert imported.wrong == 10_000
    assert len(imported.problems) == 100

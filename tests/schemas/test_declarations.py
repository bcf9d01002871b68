"""Every table declaration follows the rules, and an invalid declaration raises an error that names the fault."""

import re
from datetime import datetime

import polars as pl
import pyarrow as pa
import pytest

from schemas.catalogue import TABLES
from schemas.kinds import ARXIV_ID, COUNT, DATE, FLAG, TEXT, TIMESTAMP
from schemas.table import Below, Between, Column, Matches, OneOf, Table

COLUMNS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in TABLES.values()
    for column in table.columns
]
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
each_column = pytest.mark.parametrize(("table", "column"), COLUMNS)


def is_sentence(text: str) -> bool:
    return bool(re.fullmatch(r"([A-Z`]|arXiv ).{9,}\.", text))


@each_table
def test_a_table_has_a_doc_and_a_grain(table):
    assert is_sentence(table.doc)
    assert table.grain.startswith("one ")
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", table.version)


@each_column
def test_the_doc_of_a_column_is_a_sentence(table, column):
    assert is_sentence(column.doc)
    assert column.null is None or len(column.null) > 5, "why it may be null"


@each_column
def test_names_and_types_agree(table, column):
    # `datestamp` is the OAI-PMH term for the day of the last modification.
    assert column.name.endswith(("_on", "datestamp")) == (column.type == DATE)
    assert column.name.endswith("_at") == (column.type == TIMESTAMP)
    is_flag = column.name.startswith("is_") or column.name == "success"  # the term of Great Expectations
    assert is_flag == (column.type == FLAG)
    if column.name.endswith("_count"):
        assert column.type == COUNT
        assert column.unit
        assert Between(0, 2**31 - 1) in column.checks
    assert column.type != pa.timestamp("us")


@each_column
def test_only_counts_have_a_unit(table, column):
    assert column.unit is None or column.name.endswith("_count")


@each_column
def test_paper_ids_are_text_with_a_check(table, column):
    if column.name == "paper_id":
        assert (column.type, column.checks) == (TEXT, (ARXIV_ID,))


@each_table
def test_keys_are_never_null_and_the_sort_order_contains_the_key(table):
    assert all(table[name].null is None for name in table.key)
    assert set(table.key) <= set(table.sort)
    assert len(set(table.sort)) == len(table.sort)


@each_table
def test_the_date_of_the_partition_is_never_null(table):
    assert table[table.dated_by].type == DATE
    assert table[table.dated_by].null is None


@each_table
def test_schema_metadata_describes_the_table(table):
    schema = table.arrow()
    metadata = {key.decode(): text.decode() for key, text in schema.metadata.items()}
    assert metadata == {
        "paperlake.table": table.name,
        "paperlake.schema_version": table.version,
        "paperlake.doc": table.doc,
        "paperlake.grain": table.grain,
        "paperlake.key": ",".join(table.key),
    }
    assert schema.names == [column.name for column in table.columns]


@each_column
def test_field_metadata_contains_doc_unit_and_null(table, column):
    field = table.arrow().field(column.name)
    metadata = {key.decode(): text.decode() for key, text in field.metadata.items()}
    assert metadata == {k: v for k, v in {"doc": column.doc, "unit": column.unit, "null": column.null}.items() if v}
    assert (field.type, field.nullable) == (column.type, column.null is not None)


@each_table
def test_polars_supports_every_declared_type(table):
    assert pl.Schema(table.arrow()).names() == table.arrow().names


@each_column
def test_every_check_is_satisfiable_and_can_fail(table, column):
    for check in column.checks:
        match check:
            case Matches(pattern):
                assert not re.fullmatch(pattern, "")
            case Between(low, high) if isinstance(low, str):
                assert datetime.fromisoformat(low) < datetime.fromisoformat(high)
            case Between(low, high):
                assert low < high
            case Below(_, broken, refuses):
                assert broken
                assert refuses == "capture"
            case OneOf(values):
                assert len(set(values)) == len(values) > 0


def test_the_catalogue_is_keyed_by_table_name():
    assert all(name == table.name for name, table in TABLES.items())
    evidence = {name for name, table in TABLES.items() if table.is_evidence}
    assert evidence == {
        *("hub_replies", "arxiv_replies", "arxiv_lines", "saved_pages", "decisions", "harvests"),
        *("validations", "issues"),
    }


@pytest.mark.parametrize(
    ("paper_id", "is_valid"),
    [
        ("2511.00001", True),
        ("2511.0001", True),
        ("hep-th/9901001", True),
        ("math.GT/0309136", True),
        ("cs/0001001", True),
        ("2500.00001", False),
        ("2513.00001", False),
        ("2511.001", False),
        ("2511.000001", False),
        ("2511.00001v1", False),
        ("HEP-TH/9901001", False),
        ("hep-th/9913001", False),
        ("", False),
    ],
)
def test_valid_and_invalid_arxiv_ids(paper_id, is_valid):
    assert bool(re.fullmatch(ARXIV_ID.pattern, paper_id)) == is_valid
    assert pl.Series([paper_id]).str.contains(rf"\A(?:{ARXIV_ID.pattern})\z").to_list() == [is_valid]


VALID = Column("day_on", DATE, "The day."), Column("note", TEXT, "A note.", null="none was made")


def declare(*columns, **changes):
    about = {"name": "notes", "doc": "Notes.", "grain": "one note", "dated_by": "day_on", "key": ("day_on",)}
    return Table(**{**about, "sort": ("day_on",), "columns": columns or VALID, **changes})


def test_a_valid_declaration_is_accepted():
    assert declare()["note"].null == "none was made"


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ((), {"name": "Notes"}, "name 'Notes' is not snake_case"),
        ((), {"name": "my notes"}, "name 'my notes' is not snake_case"),
        ((*VALID, Column("Size", TEXT, "A size.")), {}, "name 'Size' is not snake_case"),
        ((*VALID, Column("a__b", TEXT, "A name.")), {}, "name 'a__b' is not snake_case"),
        ((*VALID, VALID[1]), {}, "column 'note' is declared twice"),
        ((*VALID, Column("month", TEXT, "A month.")), {}, "column 'month' is named like a path key"),
        ((), {"key": ("day_on", "who")}, "'who' is not a column"),
        ((), {"sort": ("day_on", "who")}, "'who' is not a column"),
        ((), {"dated_by": "made_on"}, "'made_on' is not a column"),
        ((*VALID, Column("size", TEXT, "A size")), {}, "the doc of 'size' is not a sentence"),
        ((), {"key": ("day_on", "note"), "sort": ("day_on", "note")}, "key column 'note' may be null"),
        ((), {"sort": ("note",)}, "the sort order does not hold the key"),
    ],
)
def test_an_invalid_declaration_raises_an_error_with_its_fault(columns, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        declare(*columns, **changes)


def test_one_error_lists_all_faults():
    with pytest.raises(ValueError, match=r"table Notes: .*snake_case.*; .*not a column"):
        declare(name="Notes", dated_by="made_on")

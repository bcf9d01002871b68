"""Every table is declared well, and a declaration that is not is refused with what is wrong with it."""

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
def test_a_table_says_what_it_is_and_what_a_row_is(table):
    assert is_sentence(table.doc)
    assert table.grain.startswith("one ")
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", table.version)


@each_column
def test_a_column_says_what_it_means_in_a_sentence(table, column):
    assert is_sentence(column.doc)
    assert column.null is None or len(column.null) > 5, "why it may be null"


@each_column
def test_names_and_types_agree(table, column):
    # Datestamps are OAI-PMH's own word for the day of the last modification.
    assert column.name.endswith(("_on", "datestamp")) == (column.type == DATE)
    assert column.name.endswith("_at") == (column.type == TIMESTAMP)
    is_flag = column.name.startswith("is_") or column.name == "success"  # which is Great Expectations' own word
    assert is_flag == (column.type == FLAG)
    if column.name.endswith("_count"):
        assert column.type == COUNT
        assert column.unit
        assert Between(0, 2**31 - 1) in column.checks
    assert column.type != pa.timestamp("us")


@each_column
def test_a_unit_stands_only_where_something_is_counted(table, column):
    assert column.unit is None or column.name.endswith("_count")


@each_column
def test_an_id_of_a_paper_is_text_and_checked(table, column):
    if column.name == "paper_id":
        assert (column.type, column.checks) == (TEXT, (ARXIV_ID,))


@each_table
def test_a_key_is_never_null_and_an_order_leaves_nothing_open(table):
    assert all(table[name].null is None for name in table.key)
    assert set(table.key) <= set(table.sort)
    assert len(set(table.sort)) == len(table.sort)


@each_table
def test_a_table_is_dated_by_a_date_that_is_never_null(table):
    assert table[table.dated_by].type == DATE
    assert table[table.dated_by].null is None


@each_table
def test_a_file_explains_itself(table):
    schema = table.arrow()
    said = {key.decode(): text.decode() for key, text in schema.metadata.items()}
    assert said == {
        "paperlake.table": table.name,
        "paperlake.schema_version": table.version,
        "paperlake.doc": table.doc,
        "paperlake.grain": table.grain,
        "paperlake.key": ",".join(table.key),
    }
    assert schema.names == [column.name for column in table.columns]


@each_column
def test_a_field_carries_its_meaning_its_unit_and_why_it_may_be_null(table, column):
    field = table.arrow().field(column.name)
    said = {key.decode(): text.decode() for key, text in field.metadata.items()}
    assert said == {k: v for k, v in {"doc": column.doc, "unit": column.unit, "null": column.null}.items() if v}
    assert (field.type, field.nullable) == (column.type, column.null is not None)


@each_table
def test_polars_holds_every_declared_type(table):
    assert pl.Schema(table.arrow()).names() == table.arrow().names


@each_column
def test_a_check_can_be_broken_and_can_be_met(table, column):
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


def test_the_catalogue_knows_tables_by_their_names():
    assert all(name == table.name for name, table in TABLES.items())
    kept = {name for name, table in TABLES.items() if table.is_evidence}
    assert kept == {
        *("hub_replies", "arxiv_replies", "arxiv_lines", "saved_pages", "decisions", "harvests"),
        *("validations", "issues"),
    }


@pytest.mark.parametrize(
    ("paper_id", "is_one"),
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
def test_what_an_arxiv_id_is(paper_id, is_one):
    assert bool(re.fullmatch(ARXIV_ID.pattern, paper_id)) == is_one
    assert pl.Series([paper_id]).str.contains(rf"\A(?:{ARXIV_ID.pattern})\z").to_list() == [is_one]


GOOD = Column("day_on", DATE, "The day."), Column("note", TEXT, "A note.", null="none was made")


def declare(*columns, **changes):
    about = {"name": "notes", "doc": "Notes.", "grain": "one note", "dated_by": "day_on", "key": ("day_on",)}
    return Table(**{**about, "sort": ("day_on",), "columns": columns or GOOD, **changes})


def test_a_good_declaration_is_taken():
    assert declare()["note"].null == "none was made"


@pytest.mark.parametrize(
    ("columns", "changes", "wrong"),
    [
        ((), {"name": "Notes"}, "name 'Notes' is not snake_case"),
        ((), {"name": "my notes"}, "name 'my notes' is not snake_case"),
        ((*GOOD, Column("Size", TEXT, "A size.")), {}, "name 'Size' is not snake_case"),
        ((*GOOD, Column("a__b", TEXT, "A name.")), {}, "name 'a__b' is not snake_case"),
        ((*GOOD, GOOD[1]), {}, "column 'note' is declared twice"),
        ((*GOOD, Column("month", TEXT, "A month.")), {}, "column 'month' is named like a path key"),
        ((), {"key": ("day_on", "who")}, "'who' is not a column"),
        ((), {"sort": ("day_on", "who")}, "'who' is not a column"),
        ((), {"dated_by": "made_on"}, "'made_on' is not a column"),
        ((*GOOD, Column("size", TEXT, "A size")), {}, "the doc of 'size' is not a sentence"),
        ((), {"key": ("day_on", "note"), "sort": ("day_on", "note")}, "key column 'note' may be null"),
        ((), {"sort": ("note",)}, "the sort order does not hold the key"),
    ],
)
def test_a_faulty_declaration_is_refused_with_what_is_wrong(columns, changes, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        declare(*columns, **changes)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ValueError, match=r"table Notes: .*snake_case.*; .*not a column"):
        declare(name="Notes", dated_by="made_on")

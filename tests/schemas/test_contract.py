"""What readers may rely on is written down, valid by the standard, never stale, and changes by rules."""

import copy
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from open_data_contract_standard.model import OpenDataContractStandard

from cli.main import main
from schemas.catalogue import CONTRACT_VERSION, TABLES
from schemas.contract import changes, contract, is_raised_enough
from schemas.dictionary import dictionary
from schemas.views import VIEWS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_contract_in_the_docs_is_that_of_the_declarations():
    written = yaml.safe_load((DOCS / "contract.odcs.yaml").read_text())
    assert written == contract(), "stale: run `make docs`"


def test_the_dictionary_in_the_docs_is_that_of_the_declarations():
    assert (DOCS / "data_dictionary.md").read_text() == dictionary(), "stale: run `make docs`"


def test_the_contract_is_valid_by_the_published_schema_of_the_standard():
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(contract())


def test_the_standards_own_model_reads_the_contract():
    read = OpenDataContractStandard.model_validate(contract())
    assert [one.name for one in read.schema_] == [*TABLES, *VIEWS]


def test_the_changelog_begins_with_the_version_of_the_contract():
    headings = [line for line in (DOCS / "data_changelog.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0] == f"## {CONTRACT_VERSION}"


def test_every_table_and_column_stands_in_the_dictionary():
    text = dictionary()
    for told in [*TABLES.values(), *VIEWS.values()]:
        assert f"### {told.name}\n" in text
        assert all(f"| `{column.name}` |" in text for column in told.columns)


def listings(told):
    return next(one for one in told["schema"] if one["name"] == "listings")


def title(told):
    return next(one for one in listings(told)["properties"] if one["name"] == "title")


def column(told, table, name):
    held = next(one for one in told["schema"] if one["name"] == table)
    return next(one for one in held["properties"] if one["name"] == name)


def votes(told):
    return column(told, "listings", "upvote_count")


def reason(told):
    return column(told, "rejects", "reason")


EDITS = {
    "a table is gone": (lambda told: told["schema"].pop(), "major"),
    "a column is gone": (lambda told: listings(told)["properties"].pop(), "major"),
    "a type differs": (lambda told: title(told).update(physicalType="int32"), "major"),
    "a row is another thing": (
        lambda told: listings(told).update(dataGranularityDescription="Air."),
        "major",
    ),
    "votes come by the thousand": (lambda told: votes(told)["customProperties"][0].update(value="k"), "major"),
    "a reason is new": (lambda told: reason(told)["enum"].append({"value": "ugly"}), "minor"),
    "a reason is gone": (lambda told: reason(told)["enum"].pop(), "major"),
    "a column is worded better": (lambda told: title(told).update(description="The title."), "patch"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_change_has_its_level(edit):
    after = copy.deepcopy(contract())
    change, level = EDITS[edit]
    change(after)
    assert [one.level for one in changes(contract(), after)] == [level]


def test_a_column_that_may_be_null_now_breaks_queries_and_a_new_one_does_not():
    before = copy.deepcopy(contract())
    title(before)["required"] = True
    assert [one.level for one in changes(before, contract())] == ["major"]
    del listings(before)["properties"][-1]
    assert [one.level for one in changes(before, contract())] == ["major", "minor"]


@pytest.mark.parametrize(
    ("level", "raised", "is_enough"),
    [
        ("major", "2.0.0", True),
        ("major", "1.3.0", False),
        ("minor", "1.3.0", True),
        ("minor", "1.2.4", False),
        ("patch", "1.2.4", True),
        ("patch", "1.2.3", False),
    ],
)
def test_the_version_rises_as_far_as_the_change_goes(level, raised, is_enough):
    class Found:
        pass

    found = Found()
    found.level = level
    assert is_raised_enough("1.2.3", raised, [found]) is is_enough


def test_a_contract_that_breaks_the_last_one_without_a_new_version_is_not_written(tmp_path):
    before = copy.deepcopy(contract())
    listings(before)["properties"].append({"name": "gone", "required": True, "description": "Was."})
    old = tmp_path / "old.yaml"
    old.write_text(yaml.safe_dump(before))
    done = CliRunner().invoke(main, ["contract", "--since", str(old), "-o", str(old)])
    assert done.exit_code == 1
    assert "major: listings.gone is gone" in done.output
    assert yaml.safe_load(old.read_text()) == before


def test_describing_a_table_shows_examples_where_there_are_some(lake_in_force):
    told = CliRunner().invoke(main, ["describe", "listings"])
    assert told.exit_code == 0
    assert "e.g." not in told.output

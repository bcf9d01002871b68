"""The published contract and dictionary are valid, match the declarations, and change by the version rules."""

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


def test_the_contract_in_the_docs_matches_the_declarations():
    written = yaml.safe_load((DOCS / "contract.odcs.yaml").read_text())
    assert written == contract(), "stale: run `make docs`"


def test_the_dictionary_in_the_docs_matches_the_declarations():
    assert (DOCS / "data_dictionary.md").read_text() == dictionary(), "stale: run `make docs`"


def test_the_contract_is_valid_against_the_schema_of_the_standard():
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(contract())


def test_the_model_of_the_standard_loads_the_contract():
    read = OpenDataContractStandard.model_validate(contract())
    assert [item.name for item in read.schema_] == [*TABLES, *VIEWS]


def test_the_changelog_begins_with_the_contract_version():
    headings = [line for line in (DOCS / "data_changelog.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0] == f"## {CONTRACT_VERSION}"


def test_the_dictionary_contains_every_table_and_column():
    text = dictionary()
    for document in [*TABLES.values(), *VIEWS.values()]:
        assert f"### {document.name}\n" in text
        assert all(f"| `{column.name}` |" in text for column in document.columns)


def listings(document):
    return next(item for item in document["schema"] if item["name"] == "listings")


def title(document):
    return next(item for item in listings(document)["properties"] if item["name"] == "title")


def column(document, table, name):
    table_document = next(item for item in document["schema"] if item["name"] == table)
    return next(item for item in table_document["properties"] if item["name"] == name)


def votes(document):
    return column(document, "listings", "upvote_count")


def reason(document):
    return column(document, "rejects", "reason")


EDITS = {
    "a table is gone": (lambda document: document["schema"].pop(), "major"),
    "a column is gone": (lambda document: listings(document)["properties"].pop(), "major"),
    "a type differs": (lambda document: title(document).update(physicalType="int32"), "major"),
    "a row is another thing": (
        lambda document: listings(document).update(dataGranularityDescription="Air."),
        "major",
    ),
    "votes come by the thousand": (lambda document: votes(document)["customProperties"][0].update(value="k"), "major"),
    "a reason is new": (lambda document: reason(document)["enum"].append({"value": "ugly"}), "minor"),
    "a reason is gone": (lambda document: reason(document)["enum"].pop(), "major"),
    "a column is worded better": (lambda document: title(document).update(description="The title."), "patch"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_kind_of_change_has_its_level(edit):
    after = copy.deepcopy(contract())
    change, level = EDITS[edit]
    change(after)
    assert [item.level for item in changes(contract(), after)] == [level]


def test_a_newly_nullable_column_is_major_and_a_new_column_is_minor():
    before = copy.deepcopy(contract())
    title(before)["required"] = True
    assert [item.level for item in changes(before, contract())] == ["major"]
    del listings(before)["properties"][-1]
    assert [item.level for item in changes(before, contract())] == ["major", "minor"]


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
def test_the_version_must_rise_with_the_level_of_the_change(level, raised, is_enough):
    class Difference:
        pass

    differences = Difference()
    differences.level = level
    assert is_raised_enough("1.2.3", raised, [differences]) is is_enough


def test_a_breaking_contract_without_a_new_version_is_not_written(tmp_path):
    before = copy.deepcopy(contract())
    listings(before)["properties"].append({"name": "gone", "required": True, "description": "Was."})
    old = tmp_path / "old.yaml"
    old.write_text(yaml.safe_dump(before))
    result = CliRunner().invoke(main, ["contract", "--since", str(old), "-o", str(old)])
    assert result.exit_code == 1
    assert "major: listings.gone is gone" in result.output
    assert yaml.safe_load(old.read_text()) == before


def test_describing_an_empty_table_shows_no_examples(lake_in_force):
    document = CliRunner().invoke(main, ["describe", "listings"])
    assert document.exit_code == 0
    assert "e.g." not in document.output

"""The generated papers of the sandbox arXiv, with the irregularities of real ones, and changes to a collection."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import FIRST, LAST, generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.sets import ALIASES, CATEGORIES, NEW_SETS, current_categories
from sandbox.clock import Clock

MANY = generate_papers(6000, seed=1)
FEW = MANY[:40]
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_the_same_seed_makes_the_same_papers():
    assert generate_papers(200, seed=8) == generate_papers(200, seed=8) != generate_papers(200, seed=9)


def test_count_and_unique_ids():
    assert len({paper.id for paper in MANY}) == len(MANY) == 6000
    assert generate_papers(0) == []


def test_ids_have_three_styles_and_are_sorted():
    styles = {re.sub(r"\d", "9", paper.id.rpartition("/")[2]) for paper in MANY}
    assert styles == {"9999999", "9999.9999", "9999.99999"}
    assert [paper.id for paper in MANY] == sorted(paper.id for paper in MANY)
    assert {"hep-th", "math", "cs", "chao-dyn"} <= {paper.id.partition("/")[0] for paper in MANY if "/" in paper.id}


def test_ids_contain_the_month_of_submission():
    for paper in MANY:
        stamp = paper.id.rpartition("/")[2][:4]
        assert f"{paper.versions[0].submitted_at:%y%m}" == stamp


def test_submissions_spread_over_months_and_datestamps_cluster():
    days = [paper.datestamp for paper in MANY]
    assert len({paper.versions[0].submitted_at.strftime("%y%m") for paper in MANY}) > 300
    assert max(days.count(day) for day in set(days)) > 200
    assert (min(days), max(days) <= LAST) == (date(2007, 5, 23), True)


def test_versions_are_in_order_and_precede_the_last_change():
    for paper in MANY:
        times = [version.submitted_at for version in paper.versions]
        assert times == sorted(times)
        assert paper.modified_at >= times[-1]


IRREGULARITIES = {
    "a title on two lines": lambda paper: "\n  " in paper.title,
    "an abstract that opens with two blanks": lambda paper: paper.abstract.startswith("  "),
    "an abstract on one line": lambda paper: "\n" not in paper.abstract,
    "two paragraphs": lambda paper: "\n  " in paper.abstract,
    "no licence": lambda paper: paper.license is None,
    "several DOIs": lambda paper: re.search(r"[,; ] ?10\.", paper.doi or ""),
    "a comma after the DOI": lambda paper: (paper.doi or "").endswith(","),
    "a SICI": lambda paper: "<" in (paper.doi or ""),
    "TeX left in a name": lambda paper: any("\\" in author.keyname for author in paper.authors),
    "TeX in the line of authors": lambda paper: "\\" in (paper.authors_line or ""),
    "an `and` in the line of authors": lambda paper: " and " in (paper.authors_line or ""),
    "letters that are not ASCII": lambda paper: any(not author.keyname.isascii() for author in paper.authors),
    "a suffix": lambda paper: any(author.suffix for author in paper.authors),
    "a suffix with a comma before it": lambda paper: any(author.keyname.endswith(",") for author in paper.authors),
    "a name without forenames": lambda paper: any(author.forenames is None for author in paper.authors),
    "affiliations": lambda paper: any(len(author.affiliations) > 1 for author in paper.authors),
    "many authors": lambda paper: len(paper.authors) > 50,
    "text escaped twice": lambda paper: "&lt;" in paper.title + paper.abstract,
    "a DEL": lambda paper: "\x7f" in paper.abstract,
    "a withdrawal": lambda paper: "withdrawn" in (paper.comments or "").lower(),
    "an empty last version": lambda paper: paper.versions[-1].source_type == "I",
    "MSC": lambda paper: paper.msc_class,
    "ACM without MSC": lambda paper: paper.acm_class and not paper.msc_class,
    "a report number": lambda paper: paper.report_no,
    "a journal": lambda paper: paper.journal_ref,
    "a proxy": lambda paper: paper.proxy,
    "both names of a category": lambda paper: any(ALIASES.get(each) in paper.categories for each in paper.categories),
    "one of two names of a category": lambda paper: any(
        ALIASES.get(each, each) not in paper.categories for each in paper.categories
    ),
    "an archive that has ended": lambda paper: "chao-dyn" in paper.categories,
    "several versions": lambda paper: len(paper.versions) > 3,
}


@pytest.mark.parametrize("irregularity", IRREGULARITIES)
def test_each_irregularity_occurs_in_a_minority(irregularity):
    fraction = sum(bool(IRREGULARITIES[irregularity](paper)) for paper in MANY) / len(MANY)
    assert 0 < fraction < 0.8


@pytest.mark.parametrize("generation", ["new", "old"])
def test_served_texts_equal_the_papers(generation):
    repository = Repository(Collection(MANY), generation, 6000)
    document = repository.answer([("verb", "ListRecords"), ("metadataPrefix", "arXiv")], AT, "http://127.0.0.1/oai")
    served = {}
    for metadata in ET.fromstring(document).iter("{http://arxiv.org/OAI/arXiv/}arXiv"):
        texts = {child.tag.rpartition("}")[2]: child.text for child in metadata}
        names = [author.text for author in metadata.iter("{http://arxiv.org/OAI/arXiv/}keyname")]
        served[texts["id"]] = (names, texts["title"], texts["abstract"], texts.get("doi"), texts.get("comments"))
    assert served == {
        p.id: ([each.keyname for each in p.authors], p.title, p.abstract, p.doi, p.comments) for p in MANY
    }


@pytest.mark.parametrize(
    ("first", "last"),
    [(LAST, LAST), (FIRST, date(2006, 1, 1)), (FIRST, date(2007, 7, 21)), (date(2020, 1, 1), date(2020, 2, 29))],
)
def test_impossible_date_ranges_are_refused(first, last):
    with pytest.raises(ValueError, match="no papers can be generated"):
        generate_papers(1, first=first, last=last)


@given(st.integers(0, 40), st.dates(date(1991, 1, 1), date(2030, 1, 1)), st.integers(60, 9000))
@settings(deadline=None)
def test_modifications_are_after_the_last_version_and_within_the_range(count, first, days):
    last = max(first, date(2007, 5, 23)) + timedelta(days=days)
    papers = generate_papers(count, first=first, last=last)
    assert len({paper.id for paper in papers}) == count
    for paper in papers:
        assert first.replace(day=1) <= paper.versions[0].submitted_at.date()
        assert paper.versions[-1].submitted_at <= paper.modified_at < datetime.combine(last, time(23, 59), UTC)


def test_records_are_ordered_by_last_change():
    records = Collection(MANY).records()
    assert [(p.modified_at, p.id) for p in records] == sorted((p.modified_at, p.id) for p in MANY)


@given(st.lists(st.tuples(st.sampled_from(FEW), st.integers(0, 3), st.sampled_from("mdr")), max_size=30))
def test_any_changes_keep_the_order_consistent(changes):
    collection, removed = Collection(FEW), set()
    for paper, days, kind in changes:
        if paper.id in removed:
            continue
        if kind == "r":
            collection.remove(paper.id)
            removed.add(paper.id)
        else:
            change = collection.modify if kind == "m" else collection.delete
            assert change(paper.id, on=LAST + timedelta(days=days)).datestamp == LAST + timedelta(days=days)
    records = collection.records()
    assert {paper.id for paper in records} == {paper.id for paper in FEW} - removed
    assert [(p.modified_at, p.id) for p in records] == sorted((p.modified_at, p.id) for p in records)
    assert records == collection.modified(date(2000, 1, 1), date(2030, 1, 1))
    by_id = collection.modified_by_id(date(2000, 1, 1), date(2030, 1, 1))
    assert [paper.id for paper in by_id] == sorted(paper.id for paper in records)


def test_modification_on_a_date_places_a_paper_last_on_that_date():
    collection = Collection(FEW)
    day = date(2026, 10, 31)
    for paper in (FEW[5], FEW[2], FEW[9], FEW[2]):
        collection.modify(paper.id, on=day)
    assert [p.id for p in collection.modified(day, day)] == [FEW[5].id, FEW[9].id, FEW[2].id]


def test_modification_at_a_timestamp_places_a_paper_by_time():
    collection = Collection(FEW)
    for hour, paper in ((15, FEW[0]), (3, FEW[1]), (9, FEW[2])):
        collection.modify(paper.id, on=datetime(2026, 10, 31, hour, tzinfo=UTC))
    assert [p.id for p in collection.records()[-3:]] == [FEW[1].id, FEW[2].id, FEW[0].id]


def test_modification_without_a_date_uses_the_clock():
    collection = Collection(FEW, clock=Clock(AT))
    assert collection.modify(FEW[0].id).modified_at == AT


def test_a_timestamp_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="needs a time zone"):
        Collection(FEW).modify(FEW[0].id, on=datetime(2026, 10, 31))  # noqa: DTZ001 - the invalid value


def test_modify_changes_only_the_given_fields():
    collection = Collection(FEW)
    changed = collection.modify(FEW[0].id, on=AT, title="Anew")
    assert changed == collection.find(FEW[0].id) == replace(FEW[0], title="Anew", modified_at=AT)


def test_adding_a_paper_twice_is_refused():
    collection = Collection(FEW[1:])
    collection.add(FEW[0])
    assert set(collection.records()) == set(FEW)
    with pytest.raises(ValueError, match="already; use modify"):
        collection.add(FEW[0])


def test_changes_of_unknown_papers_raise_key_error():
    collection = Collection(FEW[1:])
    for change in (collection.modify, collection.delete, collection.remove):
        with pytest.raises(KeyError):
            change(FEW[0].id)


def test_every_category_has_a_set():
    assert all(category.set_spec in NEW_SETS for category in CATEGORIES.values())
    assert all(name in CATEGORIES for name in ALIASES)
    assert [each.id for each in current_categories(("chao-dyn", "math.NA", "cs.NA"))] == ["nlin.CD", "math.NA", "cs.NA"]


def test_an_empty_page_size_is_refused():
    with pytest.raises(ValueError, match="at least one record"):
        Repository(Collection(), "new", 0)

"""The papers of the sandbox arXiv: invented ones that are as odd as real ones, and what may be done to them."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_generated import FIRST, LAST, generated
from sandbox.arxiv_sets import ALIASES, CATEGORIES, NEW_SETS, current
from sandbox.clock import Clock

MANY = generated(6000, seed=1)
FEW = MANY[:40]
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_the_same_seed_makes_the_same_papers():
    assert generated(200, seed=8) == generated(200, seed=8) != generated(200, seed=9)


def test_there_are_as_many_as_were_asked_for_and_no_id_twice():
    assert len({paper.id for paper in MANY}) == len(MANY) == 6000
    assert generated(0) == []


def test_ids_come_in_all_three_styles_and_in_their_order():
    styles = {re.sub(r"\d", "9", paper.id.rpartition("/")[2]) for paper in MANY}
    assert styles == {"9999999", "9999.9999", "9999.99999"}
    assert [paper.id for paper in MANY] == sorted(paper.id for paper in MANY)
    assert {"hep-th", "math", "cs", "chao-dyn"} <= {paper.id.partition("/")[0] for paper in MANY if "/" in paper.id}


def test_ids_tell_the_month_in_which_the_paper_was_submitted():
    for paper in MANY:
        stamp = paper.id.rpartition("/")[2][:4]
        assert f"{paper.versions[0].submitted_at:%y%m}" == stamp


def test_papers_are_spread_over_many_months_and_gather_on_a_few_dates():
    days = [paper.datestamp for paper in MANY]
    assert len({paper.versions[0].submitted_at.strftime("%y%m") for paper in MANY}) > 300
    assert max(days.count(day) for day in set(days)) > 200
    assert (min(days), max(days) <= LAST) == (date(2007, 5, 23), True)


def test_versions_follow_one_another_and_the_last_change_follows_them():
    for paper in MANY:
        instants = [version.submitted_at for version in paper.versions]
        assert instants == sorted(instants)
        assert paper.modified_at >= instants[-1]


ODD = {
    "a title on two lines": lambda paper: "\n  " in paper.title,
    "an abstract that opens with two blanks": lambda paper: paper.abstract.startswith("  "),
    "an abstract on one line": lambda paper: "\n" not in paper.abstract,
    "two paragraphs": lambda paper: "\n  " in paper.abstract,
    "no licence": lambda paper: paper.license is None,
    "several DOIs": lambda paper: re.search(r"[,; ] ?10\.", paper.doi or ""),
    "a comma behind the DOI": lambda paper: (paper.doi or "").endswith(","),
    "a SICI": lambda paper: "<" in (paper.doi or ""),
    "TeX left in a name": lambda paper: any("\\" in author.keyname for author in paper.authors),
    "TeX in the line of authors": lambda paper: "\\" in (paper.authors_line or ""),
    "an `and` in the line of authors": lambda paper: " and " in (paper.authors_line or ""),
    "letters that are not ASCII": lambda paper: any(not author.keyname.isascii() for author in paper.authors),
    "a suffix": lambda paper: any(author.suffix for author in paper.authors),
    "a suffix whose comma was left behind": lambda paper: any(author.keyname.endswith(",") for author in paper.authors),
    "a name without forenames": lambda paper: any(author.forenames is None for author in paper.authors),
    "affiliations": lambda paper: any(len(author.affiliations) > 1 for author in paper.authors),
    "many authors": lambda paper: len(paper.authors) > 50,
    "an escape too many": lambda paper: "&lt;" in paper.title + paper.abstract,
    "a DEL": lambda paper: "\x7f" in paper.abstract,
    "a withdrawal": lambda paper: "withdrawn" in (paper.comments or "").lower(),
    "nothing left of the last version": lambda paper: paper.versions[-1].source_type == "I",
    "MSC": lambda paper: paper.msc_class,
    "ACM without MSC": lambda paper: paper.acm_class and not paper.msc_class,
    "a report number": lambda paper: paper.report_no,
    "a journal": lambda paper: paper.journal_ref,
    "a proxy": lambda paper: paper.proxy,
    "both names of a category": lambda paper: any(ALIASES.get(each) in paper.categories for each in paper.categories),
    "one name of two": lambda paper: any(ALIASES.get(each, each) not in paper.categories for each in paper.categories),
    "an archive that has ended": lambda paper: "chao-dyn" in paper.categories,
    "several versions": lambda paper: len(paper.versions) > 3,
}


@pytest.mark.parametrize("oddity", ODD)
def test_some_of_a_few_thousand_have_each_oddity_and_most_have_not(oddity):
    share = sum(bool(ODD[oddity](paper)) for paper in MANY) / len(MANY)
    assert 0 < share < 0.8


@pytest.mark.parametrize("generation", ["new", "old"])
def test_texts_come_out_as_they_are_known(generation):
    repository = Repository(Collection(MANY), generation, 6000)
    document = repository.answer([("verb", "ListRecords"), ("metadataPrefix", "arXiv")], AT, "http://127.0.0.1/oai")
    told = {}
    for metadata in ET.fromstring(document).iter("{http://arxiv.org/OAI/arXiv/}arXiv"):
        texts = {child.tag.rpartition("}")[2]: child.text for child in metadata}
        names = [author.text for author in metadata.iter("{http://arxiv.org/OAI/arXiv/}keyname")]
        told[texts["id"]] = (names, texts["title"], texts["abstract"], texts.get("doi"), texts.get("comments"))
    assert told == {p.id: ([each.keyname for each in p.authors], p.title, p.abstract, p.doi, p.comments) for p in MANY}


@pytest.mark.parametrize(
    ("first", "last"),
    [(LAST, LAST), (FIRST, date(2006, 1, 1)), (FIRST, date(2007, 7, 21)), (date(2020, 1, 1), date(2020, 2, 29))],
)
def test_dates_in_which_nothing_can_happen_are_refused(first, last):
    with pytest.raises(ValueError, match="no papers can be invented"):
        generated(1, first=first, last=last)


@given(st.integers(0, 40), st.dates(date(1991, 1, 1), date(2030, 1, 1)), st.integers(60, 9000))
@settings(deadline=None)
def test_between_any_two_dates_papers_are_modified_after_their_last_version_and_in_time(count, first, days):
    last = max(first, date(2007, 5, 23)) + timedelta(days=days)
    papers = generated(count, first=first, last=last)
    assert len({paper.id for paper in papers}) == count
    for paper in papers:
        assert first.replace(day=1) <= paper.versions[0].submitted_at.date()
        assert paper.versions[-1].submitted_at <= paper.modified_at < datetime.combine(last, time(23, 59), UTC)


def test_records_are_in_the_order_of_their_last_change():
    records = Collection(MANY).records()
    assert [(p.modified_at, p.id) for p in records] == sorted((p.modified_at, p.id) for p in MANY)


@given(st.lists(st.tuples(st.sampled_from(FEW), st.integers(0, 3), st.sampled_from("mdr")), max_size=30))
def test_whatever_is_done_to_papers_their_order_stays_whole(doings):
    collection, gone = Collection(FEW), set()
    for paper, days, what in doings:
        if paper.id in gone:
            continue
        if what == "r":
            collection.remove(paper.id)
            gone.add(paper.id)
        else:
            change = collection.modify if what == "m" else collection.delete
            assert change(paper.id, on=LAST + timedelta(days=days)).datestamp == LAST + timedelta(days=days)
    records = collection.records()
    assert {paper.id for paper in records} == {paper.id for paper in FEW} - gone
    assert [(p.modified_at, p.id) for p in records] == sorted((p.modified_at, p.id) for p in records)
    assert records == collection.modified(date(2000, 1, 1), date(2030, 1, 1))
    by_id = collection.modified_by_id(date(2000, 1, 1), date(2030, 1, 1))
    assert [paper.id for paper in by_id] == sorted(paper.id for paper in records)


def test_a_paper_modified_on_a_date_goes_behind_all_that_were_on_that_date():
    collection = Collection(FEW)
    day = date(2026, 10, 31)
    for paper in (FEW[5], FEW[2], FEW[9], FEW[2]):
        collection.modify(paper.id, on=day)
    assert [p.id for p in collection.modified(day, day)] == [FEW[5].id, FEW[9].id, FEW[2].id]


def test_a_paper_modified_at_an_instant_goes_where_that_belongs():
    collection = Collection(FEW)
    for hour, paper in ((15, FEW[0]), (3, FEW[1]), (9, FEW[2])):
        collection.modify(paper.id, on=datetime(2026, 10, 31, hour, tzinfo=UTC))
    assert [p.id for p in collection.records()[-3:]] == [FEW[1].id, FEW[2].id, FEW[0].id]


def test_a_paper_modified_without_a_date_is_modified_now():
    collection = Collection(FEW, clock=Clock(AT))
    assert collection.modify(FEW[0].id).modified_at == AT


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="needs a time zone"):
        Collection(FEW).modify(FEW[0].id, on=datetime(2026, 10, 31))  # noqa: DTZ001 - what is refused


def test_a_change_changes_what_it_names_and_nothing_else():
    collection = Collection(FEW)
    changed = collection.modify(FEW[0].id, on=AT, title="Anew")
    assert changed == collection.find(FEW[0].id) == replace(FEW[0], title="Anew", modified_at=AT)


def test_a_paper_may_be_added_once():
    collection = Collection(FEW[1:])
    collection.add(FEW[0])
    assert set(collection.records()) == set(FEW)
    with pytest.raises(ValueError, match="already; use modify"):
        collection.add(FEW[0])


def test_what_is_not_there_cannot_be_changed():
    collection = Collection(FEW[1:])
    for change in (collection.modify, collection.delete, collection.remove):
        with pytest.raises(KeyError):
            change(FEW[0].id)


def test_every_category_belongs_to_a_set_of_a_group():
    assert all(category.set_spec in NEW_SETS for category in CATEGORIES.values())
    assert all(name in CATEGORIES for name in ALIASES)
    assert [each.id for each in current(("chao-dyn", "math.NA", "cs.NA"))] == ["nlin.CD", "math.NA", "cs.NA"]


def test_a_page_must_hold_something():
    with pytest.raises(ValueError, match="at least one record"):
        Repository(Collection(), "new", 0)

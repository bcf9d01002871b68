"""Search in a small lake: what is found, in which order, and what is said of it."""

from datetime import UTC, date, datetime

import pytest
import tantivy

import paperlake
from paperlake.build.publish import publish_months
from paperlake.retrieval.query import NothingAsked, SearchQuery, build_query
from paperlake.retrieval.search import PaperNotFound, related, search
from paperlake.retrieval.spelling import edit_distance
from paperlake.retrieval.word_index import update_index
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entry

FIRST, SECOND = date(2025, 11, 5), date(2025, 11, 6)


def paper(paper_id, title, abstract, authors=("Ada Birch",), *, votes=1, org=None, keywords=()):  # noqa: PLR0913
    more = {"organization": {"name": org[0], "fullname": org[1]}} if org else {}
    names = [{"name": name} for name in authors]
    fields = {"paper__title": title, "paper__summary": abstract, "paper__authors": names, "paper__upvotes": votes}
    return entry(paper_id, **fields, **({"paper__ai_keywords": list(keywords)} if keywords else {}), **more)


def publish(lake, *lists):
    for day, entries in lists:
        at = datetime(day.year, day.month, day.day + 1, 3, tzinfo=UTC)
        for row in capture(entries, day, at):
            keep(lake, HUB_REPLIES, row)
    list(publish_months(lake, ["2025-11"]))


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("search") / "lake")
    publish(
        lake,
        (
            FIRST,
            [
                paper("2511.00001", "Gradients", "A speedup of training by sparse gradients.", votes=5),
                paper("2511.00002", "Pruning", "It gives a training speedup of two.", ["Yann LeCun", "Łukasz Kaiser"]),
                paper("2511.00003", "Speedup", "Of inference, not of training.", votes=9),
            ],
        ),
        (
            SECOND,
            [
                paper("2511.00004", "Robots", "They walk.", org=("nvidia", "NVIDIA"), votes=7),
                paper(
                    "2511.00005", "Behaviour of agents", "An optimisation.", keywords=["large language models (LLMs)"]
                ),
                paper("2511.00010", "Arms", "They grasp what robots see.", ["Jürgen Groß"], org=("nvidia", "NVIDIA")),
            ],
        ),
    )
    update_index(lake)
    return lake


def ids(lake, text="", **filters):
    return [hit.paper_id[-2:] for hit in search(lake, SearchQuery(text, **filters)).hits]


def test_papers_with_the_words_together_come_first(lake):
    assert ids(lake, "training speedup")[0] == "02"
    assert set(ids(lake, "training speedup")) == {"01", "02", "03"}


def test_a_title_with_the_word_comes_before_a_text_with_it(lake):
    assert ids(lake, "robots") == ["04", "10"]


def test_text_in_quotes_must_be_there_as_it_is(lake):
    assert ids(lake, '"training speedup"') == ["02"]
    assert ids(lake, '"speedup training"') == []


def test_word_forms_and_british_spellings_are_one_word(lake):
    assert ids(lake, "behavior optimization") == ["05"]
    assert ids(lake, "robot") == ["04", "10"]


@pytest.mark.parametrize("text", ["trainnig speedup", "trainin speedup", "traning speedup"])
def test_a_word_that_no_paper_has_is_taken_for_the_nearest_one(lake, text):
    results = search(lake, SearchQuery(text))
    assert results.hits[0].paper_id == "2511.00002"
    assert results.corrected == {text.split()[0]: "training"}


def test_a_word_without_a_near_one_finds_nothing(lake):
    results = search(lake, SearchQuery("zzzzqqqq"))
    assert (results.hits, results.total, results.corrected) == ((), 0, {})


@pytest.mark.parametrize("text", ["2511.00002", "arXiv:2511.00002v3", "https://arxiv.org/abs/2511.00002"])
def test_an_identifier_in_any_form_finds_its_paper(lake, text):
    assert ids(lake, text) == ["02"]


@pytest.mark.parametrize("name", ["Yann LeCun", "Y. LeCun", "LeCun, Yann", "lecun", "Łukasz Kaiser", "Lukasz Kaiser"])
def test_an_author_is_found_by_the_common_forms_of_the_name(lake, name):
    assert ids(lake, author=name) == ["02"]


@pytest.mark.parametrize("name", ["Yann Kaiser", "LeCun Yann", "X. LeCun"])
def test_parts_of_names_of_different_authors_are_no_name(lake, name):
    assert ids(lake, author=name) == []


@pytest.mark.parametrize("text", ["Yann LeCun", "Jürgen Groß", "Jurgen Gross"])
def test_names_are_found_without_a_filter_too(lake, text):
    assert len(ids(lake, text)) == 1


@pytest.mark.parametrize("name", ["nvidia", "NVIDIA"])
def test_papers_of_an_organization_with_the_most_votes_first(lake, name):
    assert ids(lake, organization=name, sort="votes") == ["04", "10"]


def test_dates_are_inclusive(lake):
    assert set(ids(lake, since=SECOND)) == {"04", "05", "10"}
    assert set(ids(lake, until=FIRST)) == {"01", "02", "03"}
    assert ids(lake, since=FIRST, until=FIRST, min_votes=9) == ["03"]


def test_a_topic_is_found_in_singular_and_plural(lake):
    assert ids(lake, topic="large language model") == ["05"]


def test_an_order_other_than_relevance_needs_all_words(lake):
    assert ids(lake, "training speedup", sort="votes") == ["03", "01", "02"]
    assert ids(lake, "training robots", sort="votes") == []


def test_a_hit_shows_why_it_was_found(lake):
    (hit,) = search(lake, SearchQuery('"training speedup"')).hits
    assert hit.snippet == "It gives a training speedup of two."
    assert (hit.listed_on, hit.votes, hit.authors) == (FIRST, 1, ("Yann LeCun", "Łukasz Kaiser"))


def test_nothing_asked_is_an_error(lake):
    with pytest.raises(NothingAsked):
        search(lake, SearchQuery("  "))


def test_quotes_and_operators_of_a_query_language_are_plain_text(lake):
    for text in (
        '"',
        '""',
        "title:speedup",
        "speedup AND (",
        "*",
        "speedup^99",
        "\x00",
        "a" * 500,
        "-- ; drop",
        "[0 TO 9]",
    ):
        search(lake, SearchQuery(text))
    assert "03" in ids(lake, "title:speedup")


def test_related_papers_are_others_with_the_same_words(lake):
    assert [hit.paper_id for hit in related(lake, "2511.00004").hits] == ["2511.00010"]
    assert related(lake, "2511.00004").total == 1
    assert related(lake, "2511.00004", filters=SearchQuery(until=FIRST)).total == 0
    with pytest.raises(PaperNotFound, match=r"2511\.99999"):
        related(lake, "2511.99999")


def test_the_package_has_the_search(lake):
    results = paperlake.search("robots", lake=lake.root, limit=1)
    assert [hit.title for hit in results.hits] == ["Robots"]
    assert results.total == 2


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "ab", 1), ("ab", "ba", 1), ("ca", "abc", 3)],
)
def test_edit_distance_counts_swapped_letters_once(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


@pytest.mark.parametrize(("category", "found"), [("cond-mat", 2), ("cond-mat.str-el", 1), ("hep-th", 1), ("hep", 0)])
def test_an_archive_has_the_papers_of_its_categories(category, found):
    schema = tantivy.SchemaBuilder().add_text_field("categories", tokenizer_name="raw").build()
    index = tantivy.Index(schema)
    with index.writer(num_threads=1) as writer:
        for name in ("cond-mat.str-el", "cond-mat.soft", "hep-th"):
            writer.add_document(tantivy.Document.from_dict({"categories": name}, schema))
        writer.commit()
    index.reload()
    query = build_query(SearchQuery(category=category), index).query
    assert index.searcher().search(query).count == found

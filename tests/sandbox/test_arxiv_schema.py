"""A RELAX NG schema accepts the sandbox arXiv's answers and the recordings, and rejects invalid documents."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from lxml import etree

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import PREFIXES, Repository

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
URL = "http://127.0.0.1/oai"
GENERATIONS = pytest.mark.parametrize("generation", ["new", "old"])
PAPERS = generate_papers(1500, seed=4)


@pytest.fixture(scope="module")
def schema():
    return etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "oai_pmh.rng"))


def problems(schema, document):
    """The validation errors of a document."""
    schema.validate(etree.fromstring(document))
    return [f"{each.line}: {each.message}" for each in schema.error_log]


def answer_of(generation, query, papers=PAPERS, page_size=1500, deleted=()):
    collection = Collection(papers)
    for paper_id in deleted:
        collection.delete(paper_id, on=AT)
    return Repository(collection, generation, page_size).answer(parse_qsl(query), AT, URL)


@GENERATIONS
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
def test_lists_of_generated_papers_are_valid(schema, generation, prefix, verb):
    document = answer_of(generation, f"verb={verb}&metadataPrefix={prefix}")
    assert problems(schema, document) == []
    assert document.count(b"<datestamp>") == 1500


@GENERATIONS
@pytest.mark.parametrize("size", [1, 700, 1499])
def test_lists_with_tokens_are_valid(schema, generation, size):
    document = answer_of(generation, "verb=ListRecords&metadataPrefix=arXiv", page_size=size)
    assert problems(schema, document) == []
    assert b"</resumptionToken>" in document


@GENERATIONS
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
def test_lists_with_deleted_papers_are_valid(schema, generation, verb):
    document = answer_of(generation, f"verb={verb}&metadataPrefix=arXiv", deleted=[PAPERS[0].id, PAPERS[9].id])
    assert problems(schema, document) == []
    assert document.count(b' status="deleted"') == 2


@GENERATIONS
@pytest.mark.parametrize(
    "query",
    [
        "verb=Identify",
        "verb=ListSets",
        "verb=ListMetadataFormats",
        f"verb=GetRecord&metadataPrefix=arXivRaw&identifier={PAPERS[5].identifier}",
        "verb=Nonsense",
        "verb=ListRecords",
        "verb=ListRecords&metadataPrefix=marc",
        "verb=ListRecords&metadataPrefix=arXiv&from=2026-01-01&until=2025-01-01",
        "verb=ListRecords&metadataPrefix=arXiv&from=2026-11-02",
        "verb=GetRecord&metadataPrefix=arXiv&identifier=oai:arXiv.org:9912.99999",
        "verb=ListIdentifiers&resumptionToken=x",
    ],
)
def test_other_answers_are_valid(schema, generation, query):
    assert problems(schema, answer_of(generation, query)) == []


def test_recordings_are_valid(schema, recordings):
    folder = recordings / "arxiv"
    files = [file for name in ("oai_server_2026", "oai_http_2018", "oai_misc") for file in folder.glob(f"{name}/*.xml")]
    problems_by_file = {file.name: messages for file in files if (messages := problems(schema, file.read_bytes()))}
    assert (len(files), problems_by_file) == (55, {})


@pytest.mark.parametrize("page", range(1, 51, 7))
def test_the_recorded_pages_are_valid(schema, recordings, page):
    file = recordings / "arxiv" / "oai_cs_2016" / f"page_{page:03d}.xml.gz"
    assert problems(schema, gzip.decompress(file.read_bytes())) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"T09:00:00Z</responseDate>", b"T09:00:00</responseDate>"),
        (b'verb="ListRecords"', b'verb="ListRecord"'),
        (b"<datestamp>2", b"<datestamp>02"),
        (b"<header>", b'<header status="gone">'),
        (b"<header>", b'<header status="deleted">'),
        (b"<created>", b"<created>on "),
        (b"<id>", b"<id> v1"),
        (b"</metadata>", b"</metadata><metadata/>"),
        (b"<keyname>", b"<forenames>A</forenames><keyname>"),
        (b"</abstract>", b"</abstract><abstract>again</abstract>"),
        (b"</categories>", b"</categories><rating>5</rating>"),
        (b"expirationDate", b"expires"),
        (b"</ListRecords>", b"<error code='badVerb'/></ListRecords>"),
        (b"<setSpec>", b"<setSpec>:"),
        (b"oai:arXiv.org:", b"oai:arxiv.org:"),
    ],
)
def test_the_schema_rejects_invalid_documents(schema, right, wrong):
    document = answer_of("new", "verb=ListRecords&metadataPrefix=arXiv", page_size=40)
    assert right in document
    assert problems(schema, document) == []
    assert problems(schema, document.replace(right, wrong, 1)) != []


def test_the_schema_requires_records_in_a_list(schema):
    document = answer_of("old", "verb=ListRecords&metadataPrefix=arXiv")
    start, end = document.index(b"<ListRecords>") + 13, document.index(b"</ListRecords>")
    assert problems(schema, document[:start] + document[end:]) != []

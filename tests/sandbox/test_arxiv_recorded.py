"""The sandbox arXiv against recordings: answers equal byte for byte, and recorded pages are served unchanged."""

import gzip
import re
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import httpx
import pytest

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.papers import Author, Paper, Version
from sandbox.arxiv.recorded import RecordedRepository
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from tests.oai_client import OAI, Harvester

PREFIXES = ("arXiv", "oai_dc", "arXivRaw", "arXivOld")
UIJLEN_AND_WESTERBAAN = [("Uijlen", "Sander"), ("Westerbaan", "Bas")]
AT = datetime(2026, 11, 23, 14, 37, 41, tzinfo=UTC)
URL = "http://127.0.0.1:18080/oai"
OLD_URL = "http://export.arxiv.org/oai2"


@pytest.fixture(scope="module")
def new_replies(recordings) -> Path:
    """The folder of recorded replies of arXiv's new server."""
    return recordings / "arxiv" / "oai_server_2026"


def records(folder, pattern):
    """The records on recorded pages, as (header, metadata), in order."""
    for file in sorted(folder.glob(pattern)):
        for record in ET.parse(file).getroot().iter(f"{OAI}record"):
            yield record.find(f"{OAI}header"), record.find(f"{OAI}metadata")[0]


def texts(metadata):
    """The texts of a record by element name."""
    return {child.tag.rpartition("}")[2]: child.text for child in metadata}


def recorded_papers(folder, prefix):
    """Reconstruct the papers of the recorded lists for one format.

    `arXiv` gives names, `arXivRaw` versions, and `arXivOld` the ACM class. Other texts come from the records of the
    format: `arXivRaw` and `arXivOld` keep the TeX that `arXiv` and `oai_dc` convert to letters.
    """
    raw = {texts(metadata)["id"]: metadata for _, metadata in records(folder, "ListRecords_arXivRaw_0*.xml")}
    old = {texts(metadata)["id"]: texts(metadata) for _, metadata in records(folder, "ListRecords_arXivOld_0*.xml")}
    for place, (header, metadata) in enumerate(records(folder, "ListRecords_arXiv_0*.xml")):
        paper_id = texts(metadata)["id"]
        values = texts(raw[paper_id] if prefix in {"arXivRaw", "arXivOld"} else metadata)
        names = [texts(author) for author in metadata.iter() if author.tag.endswith("}author")]
        day = datetime.combine(datetime.fromisoformat(header.findtext(f"{OAI}datestamp")), time(), UTC)
        yield Paper(
            id=paper_id,
            submitter=texts(raw[paper_id])["submitter"],
            title=values["title"],
            authors=tuple(Author(each["keyname"], each.get("forenames"), each.get("suffix")) for each in names),
            authors_line=texts(raw[paper_id])["authors"],
            categories=tuple(values["categories"].split()),
            abstract=values["abstract"],
            versions=tuple(version(texts(each)) for each in raw[paper_id] if each.tag.endswith("}version")),
            # The recordings have the order of modifications, not their times.
            modified_at=day + timedelta(seconds=place),
            comments=values.get("comments"),
            proxy=values.get("proxy"),
            report_no=values.get("report-no"),
            msc_class=values.get("msc-class"),
            acm_class=old[paper_id].get("acm-class"),
            journal_ref=values.get("journal-ref"),
            doi=values.get("doi"),
            license=values.get("license"),
        )


def version(values):
    """A version from `arXivRaw`."""
    size_kb = int(values["size"].removesuffix("kb"))
    return Version(parsedate_to_datetime(values["date"]), size_kb, values.get("source_type"))


@pytest.fixture(scope="module")
def repository_by(new_replies):
    """A new server for each format, with the papers and the page sizes of the recorded lists."""
    papers_by_prefix = {prefix: list(recorded_papers(new_replies, prefix)) for prefix in PREFIXES}
    return {prefix: Repository(Collection(papers), "new", 150, 300) for prefix, papers in papers_by_prefix.items()}


def with_one_time(document):
    """Replace the response times, which differ by a few seconds."""
    return re.sub(rb"2026-11-23T14:37:\d\d", b"2026-11-23T14:37:41", document)


def token_of(file):
    return ET.parse(file).findtext(f".//{OAI}resumptionToken")


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_new_server_lists_equal_the_recordings(new_replies, repository_by, prefix, page):
    arguments = [("verb", "ListRecords"), ("metadataPrefix", prefix)]
    if page > 1:
        arguments[1] = ("resumptionToken", token_of(new_replies / f"ListRecords_{prefix}_0{page - 1}.xml"))
    recorded = with_one_time((new_replies / f"ListRecords_{prefix}_0{page}.xml").read_bytes())
    answer = repository_by[prefix].answer(arguments, AT, URL)
    if (prefix, page) == ("arXiv", 1):
        # Five of 503 papers have an `updated` later than their datestamp. The rule for it is unknown.
        lines = zip(recorded.splitlines(), answer.splitlines(), strict=True)
        differing = [(theirs.strip(), ours) for theirs, ours in lines if theirs != ours]
        assert len(differing) == 5
        assert all(theirs.startswith(b"<updated>") for theirs, _ in differing)
    else:
        assert answer == recorded


@pytest.mark.parametrize(
    ("file", "query"),
    [
        ("ListIdentifiers_arXiv_01", "verb=ListIdentifiers&metadataPrefix=arXiv"),
        ("ListSets", "verb=ListSets"),
        ("ListMetadataFormats", "verb=ListMetadataFormats"),
        ("GetRecord_0806.4129_arXiv", "verb=GetRecord&identifier=oai:arXiv.org:0806.4129&metadataPrefix=arXiv"),
        (
            "GetRecord_hep-th_0703166_oai_dc",
            "verb=GetRecord&identifier=oai:arXiv.org:hep-th/0703166&metadataPrefix=oai_dc",
        ),
        ("error_badArgument_duplicate", "verb=ListRecords&metadataPrefix=arXiv&metadataPrefix=arXiv"),
        (
            "error_badArgument_from_after_until",
            "verb=ListRecords&metadataPrefix=arXiv&from=2020-01-02&until=2020-01-01",
        ),
        ("error_badArgument_from_too_early", "verb=ListRecords&metadataPrefix=arXiv&from=1990-01-01"),
        ("error_badArgument_granularity", "verb=ListRecords&metadataPrefix=arXiv&from=2020-01-01T00:00:00Z"),
        ("error_badArgument_missing_prefix", "verb=ListRecords"),
        ("error_badArgument_set", "verb=ListRecords&metadataPrefix=arXiv&set=cs:cs:ZZ"),
        ("error_badArgument_token_exclusive", "verb=ListRecords&metadataPrefix=arXiv&resumptionToken=x"),
        ("error_badArgument_until_too_late", "verb=ListRecords&metadataPrefix=arXiv&until=2026-11-25"),
        ("error_badResumptionToken", "verb=ListRecords&resumptionToken=garbage"),
        ("error_badVerb", "verb=Nonsense"),
        ("error_cannotDisseminateFormat", "verb=ListRecords&metadataPrefix=marc"),
        ("error_idDoesNotExist", "verb=GetRecord&identifier=oai:arXiv.org:9912.99999&metadataPrefix=arXiv"),
        ("error_noRecordsMatch", "verb=ListRecords&metadataPrefix=arXiv&from=2024-02-01&until=2024-02-02"),
    ],
)
def test_other_answers_of_the_new_server_equal_the_recordings(new_replies, repository_by, file, query):
    recorded = with_one_time((new_replies / f"{file}.xml").read_bytes())
    assert repository_by["arXiv"].answer(parse_qsl(query), AT, URL) == recorded


def test_identify_equals_the_recording_except_for_the_address(new_replies):
    recorded = (new_replies / "Identify.xml").read_bytes()
    answer = Repository(Collection(), "new").answer([("verb", "Identify")], AT, URL)
    assert answer == recorded.replace(b"<baseURL>https://oaipmh.arxiv.org/oai<", f"<baseURL>{URL}<".encode())


@pytest.mark.parametrize(
    ("file", "query", "at"),
    [
        ("listsets---should-list-arxiv-sets", "verb=ListSets", datetime(2018, 6, 21, 14, 31, 6, tzinfo=UTC)),
        (
            "listmetadataformats---should-list-metadata-formats-for-arxiv",
            "verb=ListMetadataFormats",
            datetime(2018, 6, 21, 14, 30, 49, tzinfo=UTC),
        ),
    ],
)
def test_old_server_sets_and_formats_equal_the_recordings(recordings, file, query, at):
    recorded = (recordings / "arxiv" / "oai_http_2018" / f"{file}.xml").read_bytes()
    assert Repository(Collection(), "old").answer(parse_qsl(query), at, OLD_URL) == recorded


def test_an_old_server_record_equals_the_recording(recordings):
    file = recordings / "arxiv" / "oai_http_2018" / "getrecord---should-get-a-record.xml"
    values = texts(ET.parse(file).getroot().find(f".//{OAI}metadata")[0])
    paper = Paper(
        id="1412.8544",
        submitter="EPTCS",
        title=values["title"],
        authors=tuple(Author(key, fore, None, ("Radboud Universiteit",)) for key, fore in UIJLEN_AND_WESTERBAAN),
        categories=("cs.DM",),
        abstract=values["abstract"],
        versions=(Version(datetime(2014, 12, 29, 12, tzinfo=UTC), 20),),
        modified_at=datetime(2015, 1, 3, tzinfo=UTC),
        comments=values["comments"],
        proxy=values["proxy"],
        journal_ref=values["journal-ref"],
        doi=values["doi"],
        license=values["license"],
    )
    query = "verb=GetRecord&identifier=oai:arXiv.org:1412.8544&metadataPrefix=arXiv"
    at = datetime(2018, 6, 21, 14, 30, 12, tzinfo=UTC)
    assert Repository(Collection([paper]), "old").answer(parse_qsl(query), at, OLD_URL) == file.read_bytes()


@contextmanager
def served_recording(folder, **options):
    with (
        ArxivServer(RecordedRepository(folder, **options), clock=Clock(AT)) as server,
        httpx.Client(trust_env=False, timeout=30) as client,
    ):
        yield server, Harvester(client, server.oai_url)


@pytest.mark.long
def test_recorded_pages_are_served_in_order_byte_for_byte(recordings):
    folder = recordings / "arxiv" / "oai_cs_2016"
    with served_recording(folder, is_closed=True) as (server, harvester):
        pages = [page.response.content for page in harvester.pages(set_="cs")]
    recorded = [gzip.decompress(file.read_bytes()) for file in sorted(folder.glob("page_*.xml.gz"))]
    assert pages[:-1] == recorded[:-1]
    assert pages[-1] == recorded[-1].replace(b">1122234|50001<", b"><")
    assert [each.arguments.get("resumptionToken") for each in server.requests[1:3]] == ["1122234|1001", "1122234|2001"]


@pytest.fixture
def two_pages(tmp_path):
    """A list of two pages in the form of a recording."""
    repository = Repository(Collection(generate_papers(3, seed=9)), "old", 2)
    first = repository.answer([("verb", "ListRecords"), ("metadataPrefix", "arXiv")], AT, OLD_URL)
    for place, page in enumerate((first, first.replace(b"1122234|3", b"1122234|5")), start=1):
        (tmp_path / f"page_{place:03d}.xml.gz").write_bytes(gzip.compress(page))
    return tmp_path


def test_the_token_of_the_last_recorded_page_is_invalid(two_pages):
    with served_recording(two_pages) as (_, harvester):
        pages = list(harvester.pages())
        assert [page.token if page.error is None else page.error for page in pages] == [
            "1122234|3",
            "1122234|5",
            "badResumptionToken",
        ]


def test_is_closed_ends_with_an_empty_token(two_pages):
    with served_recording(two_pages, is_closed=True) as (_, harvester):
        assert [page.token for page in harvester.pages()] == ["1122234|3", ""]


def test_other_verbs_are_answered_by_the_old_server(two_pages):
    with served_recording(two_pages) as (_, harvester):
        assert "arXivRaw" in harvester.ask("ListMetadataFormats").texts("metadataPrefix")
        assert harvester.ask("Identify").texts("granularity") == ["YYYY-MM-DD"]
        assert harvester.ask("ListIdentifiers", metadataPrefix="arXiv").error == "noRecordsMatch"


def test_a_folder_without_pages_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no recorded pages"):
        RecordedRepository(tmp_path)

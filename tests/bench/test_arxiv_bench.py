"""The arXiv benchmarks process all pages and lines, and their figures are medians."""

import json

import pytest

from bench.arxiv import generated_snapshot, oai_pages, snapshot
from bench.arxiv.turns import Figures, Turn
from tests.arxiv_answers import record, xml_page

PAGES = [xml_page(record("2511.00001"), record("2511.00002"), token="a|1"), xml_page(record("2511.00003"), token="")]


@pytest.mark.parametrize("contender", oai_pages.CONTENDERS)
def test_each_contender_reads_all_pages(contender):
    if contender == "sickle":
        pytest.importorskip("sickle", reason="sickle is not installed")
    assert oai_pages.CONTENDERS[contender](PAGES)() == 2


@pytest.mark.parametrize("contender", snapshot.CONTENDERS)
def test_each_contender_reads_all_lines_into_one_file(contender, tmp_path):
    generated_snapshot.write(tmp_path / "lines", 30)
    assert snapshot.CONTENDERS[contender](tmp_path / "lines", tmp_path)() == 30
    assert (tmp_path / f"{contender}.parquet").is_file()


def test_lines_depend_only_on_the_seed():
    assert list(generated_snapshot.lines(5)) == list(generated_snapshot.lines(5))
    assert list(generated_snapshot.lines(5)) != list(generated_snapshot.lines(5, seed=1))


def test_generated_papers_have_the_fields_of_real_ones():
    papers = [json.loads(line) for line in generated_snapshot.lines(500)]
    assert len({paper["id"] for paper in papers}) == 500
    assert any(paper["doi"] is None for paper in papers)
    assert any(paper["doi"] for paper in papers)
    assert any(len(paper["versions"]) > 1 for paper in papers)
    assert any(len(person) > 3 for paper in papers for person in paper["authors_parsed"])


def test_figures_are_medians_of_turns():
    turns = [Turn("ours", 10, work_s, work_s / 2, peak) for work_s, peak in ((1.0, 5), (2.0, 9), (10.0, 7))]
    figures = Figures("pages", "ten pages", [Turn("floor", 10, 1.0, 1.0, 1), *turns])
    assert (figures.rate("ours"), figures.core_rate("ours"), figures.peak_bytes("ours")) == (5.0, 10.0, 9)
    assert figures.contenders == ["floor", "ours"]
    assert "0.50" in figures.text()


def test_missing_recordings_are_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no recorded pages"):
        oai_pages.measured(tmp_path)

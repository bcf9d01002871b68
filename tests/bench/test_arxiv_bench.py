"""What the bench of arXiv's pages and lines measures is work that is really done, and its figures are medians."""

import json

import pytest

from bench import arxiv_bulk, arxiv_invented, arxiv_pages
from bench.turns import Figures, Turn
from tests.arxiv_answers import page, record

PAGES = [page(record("2511.00001"), record("2511.00002"), token="a|1"), page(record("2511.00003"), token="")]


@pytest.mark.parametrize("contender", arxiv_pages.CONTENDERS)
def test_each_contender_reads_all_pages(contender):
    if contender == "sickle":
        pytest.importorskip("sickle", reason="sickle is not installed")
    assert arxiv_pages.CONTENDERS[contender](PAGES)() == 2


@pytest.mark.parametrize("contender", arxiv_bulk.CONTENDERS)
def test_each_contender_reads_all_lines_into_one_file(contender, tmp_path):
    arxiv_invented.write(tmp_path / "lines", 30)
    assert arxiv_bulk.CONTENDERS[contender](tmp_path / "lines", tmp_path)() == 30
    assert (tmp_path / f"{contender}.parquet").is_file()


def test_the_same_seed_invents_the_same_lines_and_another_others():
    assert list(arxiv_invented.lines(5)) == list(arxiv_invented.lines(5))
    assert list(arxiv_invented.lines(5)) != list(arxiv_invented.lines(5, seed=1))


def test_invented_papers_differ_and_have_what_real_ones_have():
    held = [json.loads(line) for line in arxiv_invented.lines(500)]
    assert len({one["id"] for one in held}) == 500
    assert any(one["doi"] is None for one in held)
    assert any(one["doi"] for one in held)
    assert any(len(one["versions"]) > 1 for one in held)
    assert any(len(person) > 3 for one in held for person in one["authors_parsed"])


def test_figures_are_medians_of_turns():
    turns = [Turn("ours", 10, work_s, work_s / 2, peak) for work_s, peak in ((1.0, 5), (2.0, 9), (10.0, 7))]
    figures = Figures("pages", "ten pages", [Turn("floor", 10, 1.0, 1.0, 1), *turns])
    assert (figures.rate("ours"), figures.core_rate("ours"), figures.peak_bytes("ours")) == (5.0, 10.0, 9)
    assert figures.contenders == ["floor", "ours"]
    assert "0.50" in figures.text()


def test_a_bench_without_recordings_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no recorded pages"):
        arxiv_pages.measured(tmp_path)

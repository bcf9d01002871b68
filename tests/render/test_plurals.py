"""Nouns on pages are singular after 1."""

from dataclasses import replace
from datetime import date

from paperlake.outputs.site import SiteReport
from paperlake.render.charts import plot_observations
from paperlake.render.editions import rules_sentence
from paperlake.render.paper import papers
from paperlake.render.web.lists import ListStatus
from paperlake.render.web.overview import calendar_page, organizations_page
from tests.digest_rows import DAILY, authors, listing, listings


def test_a_plot_tooltip_says_one_vote_and_several_votes():
    plot = plot_observations([(0.0, 1), (24.0, 1200)], "Votes over time", "vote")
    assert "<title>1 vote after 0.0 hours</title>" in plot
    assert "<title>1,200 votes after 24.0 hours</title>" in plot
    assert 'class="unit">votes</text>' in plot


def test_a_calendar_cell_says_one_paper_and_several_papers():
    days = [ListStatus(date(2025, 11, 6), "complete", 1), ListStatus(date(2025, 11, 7), "complete", 12)]
    page = calendar_page(days).text
    assert '2025-11-06: complete, 1 paper"' in page
    assert '2025-11-07: complete, 12 papers"' in page


def test_a_byline_without_names_says_one_author_and_several_authors():
    def byline(count):
        (paper,) = papers(listings(listing(author_count=count)), authors())
        return paper.byline

    assert byline(1) == "1 author"
    assert byline(1200) == "1,200 authors"


def test_a_site_report_says_one_page_and_several_pages():
    assert str(SiteReport(1, 1, 0)) == "1 page rendered, 1 changed"
    assert str(SiteReport(1200, 2, 3)) == "1,200 pages rendered, 2 changed, 3 removed"


def test_a_page_of_one_organization_counts_it_without_a_plural():
    listed = listings(listing(organization="nvidia", organization_name="NVIDIA"))
    assert "Organisations that papers are filed under, by papers listed: 1 of 1." in organizations_page(listed).text


def test_the_rules_of_an_edition_say_one_paper_and_one_vote():
    edition = replace(DAILY, papers=1, min_votes=1)
    assert rules_sentence(edition).startswith("The paper ")
    assert "at least 1 vote." in rules_sentence(edition)

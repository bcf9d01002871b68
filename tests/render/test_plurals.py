"""Nouns on pages are singular after 1."""

from datetime import date

from paperlake.render.charts import plot_observations
from paperlake.render.web.lists import ListStatus
from paperlake.render.web.overview import calendar_page


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

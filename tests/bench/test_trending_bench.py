"""The page on the trending score tells what its bench finds, of the transform that publishes."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import trending_page, trending_plots
from bench.agreement import MEASURES
from bench.observations import observations
from bench.questions import questions, ranking, tried
from schemas.trends import HALF_LIFE_H

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def outcome(recordings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.questions.HALF_LIVES_H", (6, HALF_LIFE_H, 336))
        yield tried(recordings)


def test_the_half_life_published_is_the_one_chosen(outcome):
    assert outcome.chosen_h == HALF_LIFE_H


def test_tuning_and_held_out_dates_do_not_meet(outcome):
    for question, tuned, held_out in zip(outcome.questions, outcome.tuned, outcome.held_out, strict=True):
        dates = question.truth["ranked_on"]
        assert tuned.dates == dates.filter(dates < question.cut).n_unique()
        assert held_out.dates == dates.filter(dates >= question.cut).n_unique()
        assert tuned.dates + held_out.dates == dates.n_unique()


def test_the_page_in_the_docs_tells_the_results(outcome):
    page = (DOCS / "trending.md").read_text()
    held_out = trending_page.markdown(outcome).partition("### Held-out dates")[2]
    assert held_out in page


def test_no_later_vote_enters_a_ranking(recordings):
    listings, signals = observations(recordings)
    ranked = ranking(listings, signals)
    day = questions(ranked, signals)[0].truth["ranked_on"][0]
    then = ranked.filter(ranked["ranked_on"] == day)
    known = signals.filter(signals["captured_at"] <= then["observed_at"].max())
    assert then.height
    assert known.height < signals.height
    again = ranking(listings, known)
    assert again.filter(again["ranked_on"] == day).equals(then)


@pytest.mark.parametrize("name", ["half-life", "held-out"])
def test_a_plot_is_well_formed_and_has_a_ground_of_its_own(name):
    root = ET.parse(DOCS / f"trending-{name}.svg").getroot()
    tags = [re.sub(r"{.*}", "", child.tag) for child in root]
    assert tags[:2] == ["title", "rect"]
    assert {"text", "line", "circle"} <= set(tags)


def test_plots_place_values_within_their_frame():
    gains = {"day": dict.fromkeys(MEASURES, (0.1, -0.05, 0.2)), "week": dict.fromkeys(MEASURES, (-0.3, -0.4, -0.2))}
    curves = {"day": {6.0: 0.9, 48.0: 0.95}, "week": {6.0: 0.5, 48.0: 0.6}}
    plots = trending_plots.gains(gains), trending_plots.half_lives(curves, {"day": 0.9, "week": 0.4}, 48)
    for plot in plots:
        at = [float(x) for x in re.findall(r'cx="(.*?)"', plot)]
        assert at
        assert all(60 <= x <= 700 for x in at)

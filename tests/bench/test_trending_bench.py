"""The page on the trending score equals the evaluation of the production transform."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.trending import page as render
from bench.trending import plots
from bench.trending.agreement import MEASURES
from bench.trending.observations import observations
from bench.trending.questions import evaluate, questions, ranking
from schemas.trends import HALF_LIFE_H

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def evaluation(recordings):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.trending.questions.HALF_LIVES_H", (6, HALF_LIFE_H, 336))
        yield evaluate(recordings)


def test_the_published_half_life_is_the_chosen_one(evaluation):
    assert evaluation.chosen_h == HALF_LIFE_H


def test_tuning_and_held_out_dates_are_disjoint(evaluation):
    for question, tuned, held_out in zip(evaluation.questions, evaluation.tuned, evaluation.held_out, strict=True):
        dates = question.truth["ranked_on"]
        assert tuned.dates == dates.filter(dates < question.cut).n_unique()
        assert held_out.dates == dates.filter(dates >= question.cut).n_unique()
        assert tuned.dates + held_out.dates == dates.n_unique()


def test_the_published_page_has_these_results(evaluation):
    page = (DOCS / "trending.md").read_text()
    held_out = render.markdown(evaluation).partition("### Held-out dates")[2]
    assert held_out in page


def test_rankings_use_no_later_votes(recordings):
    listings, signals = observations(recordings)
    ranked = ranking(listings, signals)
    day = questions(ranked, signals)[0].truth["ranked_on"][0]
    published = ranked.filter(ranked["ranked_on"] == day)
    earlier_signals = signals.filter(signals["captured_at"] <= published["observed_at"].max())
    assert published.height
    assert earlier_signals.height < signals.height
    again = ranking(listings, earlier_signals)
    assert again.filter(again["ranked_on"] == day).equals(published)


@pytest.mark.parametrize("name", ["half-life", "held-out"])
def test_a_plot_is_well_formed_and_has_a_background(name):
    root = ET.parse(DOCS / f"trending-{name}.svg").getroot()
    tags = [re.sub(r"{.*}", "", child.tag) for child in root]
    assert tags[:2] == ["title", "rect"]
    assert {"text", "line", "circle"} <= set(tags)


def test_plots_stay_within_their_frame():
    gains = {"day": dict.fromkeys(MEASURES, (0.1, -0.05, 0.2)), "week": dict.fromkeys(MEASURES, (-0.3, -0.4, -0.2))}
    curves = {"day": {6.0: 0.9, 48.0: 0.95}, "week": {6.0: 0.5, 48.0: 0.6}}
    for plot in (plots.gains(gains), plots.half_lives(curves, {"day": 0.9, "week": 0.4}, 48)):
        at = [float(x) for x in re.findall(r'cx="(.*?)"', plot)]
        assert at
        assert all(60 <= x <= 700 for x in at)

"""What was found about the score of `trends`, as `docs/trending.md` and its plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from bench import trending_plots
from bench.agreement import MEASURES, interval
from bench.questions import AS_GOOD, LEAST_PAPERS, Half, Question, Tried
from schemas.trends import GRACE_H, HALF_LIFE_H

_DASH = "\u2013"
_INTRODUCTION = f"""\
# Trending

Written by `make trending`; the transform measured is the one that publishes (`transforms/trends.py`).

## The score

    score = upvote_count \u00d7 freshness
    freshness = mean over its votes of 0.5 ^ (age of the vote in hours / {HALF_LIFE_H})

A vote is new with weight 1 and loses half of it every {HALF_LIFE_H} hours; the score is what the votes of a paper
weigh at the end of date D, {GRACE_H} hours after its list closed at 21:30 in New York. So the score never exceeds
the votes, falls while nothing happens, and rises with every vote. Both parts stand in each row of `trends`, so
anyone can multiply them.

- When a vote was given is not told: it came between two captures, and counts from the middle between them. The
  first capture's votes came since the list opened.
- A vote taken back was never given: votes that a later capture no longer has are left out from the start.
- Votes that a paper had on an earlier list of the last 30 dates keep their age when it moves.
- Nothing captured after the end of D counts, so a ranking does not change when its date is captured again later.
  Lists do count as they are known now: a paper that moved away is ranked under the date to which it moved.
- A date on which nothing was captured has no ranking, and a lake filled later has none of the dates before it was
  filled.
- Equal scores: more votes first, then the smaller id.
- `votes_gained`, `comment_count`, `stars_gained` and `age_hours` stand beside the score, to explain a rank; they
  do not make it.
"""
_ASKED = {
    "day": (
        "**Day.** Of the papers listed on D, ranked at the end of D: which have the most votes about a week after D\n"
        "opened (the count nearest to 168 hours, between 140 and 240)?"
    ),
    "week": (
        "**Week.** Of the papers listed in the 7 dates up to D, ranked at the end of D and captured in the 24 hours\n"
        "before: which gain the most votes after it (up to the last count between 18 and 240 hours later)?"
    ),
}


def markdown(outcome: Tried) -> str:
    """The page."""
    parts = [_INTRODUCTION, _data(outcome), _tuning(outcome), _results(outcome), _verdict(outcome), _limits(outcome)]
    return "\n".join(parts)


def write(outcome: Tried, page: Path) -> None:
    """Write the page to `page`, and its plots beside it."""
    page.write_text(markdown(outcome), encoding="utf-8")
    curves = {question.name: curve for question, curve in zip(outcome.questions, outcome.half_lives, strict=True)}
    votes = {
        question.name: fmean(half.measured["votes"]["Spearman"])
        for question, half in zip(outcome.questions, outcome.tuned, strict=True)
    }
    gains = {
        question.name: {name: _gain(half, "votes", name) for name in MEASURES}
        for question, half in zip(outcome.questions, outcome.held_out, strict=True)
    }
    plots = {
        "half-life": trending_plots.half_lives(curves, votes, HALF_LIFE_H),
        "held-out": trending_plots.gains(gains),
    }
    for name, plot in plots.items():
        page.with_name(f"{page.stem}-{name}.svg").write_text(plot, encoding="utf-8")


def _data(outcome: Tried) -> str:
    counts = [
        [
            question.name,
            f"{tuned.dates} dates, {tuned.papers} papers",
            f"{question.cut}",
            f"{held.dates} dates, {held.papers} papers",
        ]
        for question, tuned, held in zip(outcome.questions, outcome.tuned, outcome.held_out, strict=True)
    ]
    asked = "\n\n".join(_ASKED[question.name] for question in outcome.questions)
    table = _table(["question", "tuned on", "held out from", "held out"], counts)
    return f"""\
## What was asked of it

Recorded answers of the Hub and 23,467 vote counts from public archives, 2024-03-13 to 2026-05-29, give two
questions.

{asked}

Only dates with {LEAST_PAPERS} or more papers count, and for the week only those with papers of several lists. The
earlier half of the dates was for tuning; the later had no say in it.

{table}
"""


def _tuning(outcome: Tried) -> str:
    hours = list(outcome.half_lives[0])
    names = [question.name for question in outcome.questions]
    rows = [[name, *(f"{curve[h]:.3f}" for h in hours)] for name, curve in zip(names, outcome.half_lives, strict=True)]
    comments = [["day", *(f"{value:.3f}" for value in outcome.comments.values())]]
    papers = outcome.tuned[0].papers + outcome.held_out[0].papers
    return f"""\
## How it was tuned

Mean of Spearman's correlation over the tuning dates, by the half-life in hours:

{_table(["question", *(f"{h:g}" for h in hours)], rows)}

![Mean Spearman by half-life](trending-half-life.svg)

Chosen by the mean of both: {outcome.chosen_h:g} h, the longest half-life that comes within {AS_GOOD} of the best.
The curves are flat from 18 to 48 hours, and the longest is nearest to plain votes. One half-life serves all
spans: it is how long a vote tells of what comes.

Comments, added with a weight (known of {outcome.commented} of the {papers} papers of the question of the day):

{_table(["question", *(f"{weight:g} a comment" for weight in outcome.comments)], comments)}

They do not help, so they are no part of the score. Stars cannot be judged: it is known of {outcome.starred} of
these papers how many they gained in the first day.
"""


def _results(outcome: Tried) -> str:
    parts = ["## Results\n", "Means over dates, in brackets the middle 95 % of 2,000 resamples of the dates.\n"]
    for title, halves in (("Tuning dates", outcome.tuned), ("Held-out dates", outcome.held_out)):
        rows = [
            [question.name, rival, *(_told(half.measured[rival][name]) for name in MEASURES)]
            for question, half in zip(outcome.questions, halves, strict=True)
            for rival in half.measured
        ]
        parts += [f"### {title}\n", _table(["question", "ranked by", *MEASURES], rows), ""]
    parts += ["![What the score gains over votes alone](trending-held-out.svg)", ""]
    return "\n".join(parts)


def _verdict(outcome: Tried) -> str:
    lines = [_verdict_of(question, half) for question, half in zip(outcome.questions, outcome.held_out, strict=True)]
    return "\n".join(["## What that says", "", *lines, ""])


def _verdict_of(question: Question, half: Half) -> str:
    """Whether the score beats its rivals by Spearman on the dates held out, in a sentence each."""
    said = []
    for rival in ("votes", "votes per hour"):
        mean, low, high = _gain(half, rival, "Spearman")
        is_sure = low > 0 or high < 0
        word = "better" if mean > 0 else "worse"
        than = f"{abs(mean):.3f} {word} than {rival} ({low:+.3f} to {high:+.3f})"
        said.append(than if is_sure else f"{than}, which may be chance")
    return f"- **{question.name}**, {half.dates} dates with {half.papers} papers: the score is {'; '.join(said)}."


def _limits(outcome: Tried) -> str:
    return f"""\
On the day itself nearly all papers are of one age and most were counted at the same two instants, so ranking them
by the score is nearly ranking them by votes: it gains nothing there, and votes alone already tell nearly all.
Decay is for papers of different ages, in the spans week and month.

## What the data cannot tell

- The week rests on {outcome.tuned[1].dates} and {outcome.held_out[1].dates} dates, most of them with a few lists.
  Its figures are rough.
- The month was not asked: too few papers were counted again after weeks. It uses the half-life of the others.
- Archives counted some papers again a week later and not others, most often those listed on Mondays, or high in a
  list of the week. How the score ranks the rest is not known.
- Most papers were counted twice on their first day (about 07:50 and 00:02 UTC) and not at 03:15 UTC, as `daily`
  captures them.
- Whoever ranks by votes shows what many see, and what many see is voted for. Later votes are no measure of worth.
- The rule by which the half-life was chosen was worded after the curves of the tuning dates were seen, and the
  figures of the held-out dates were looked at while this bench was being written. They had no say in the choice,
  but they are not untouched.
"""


def _gain(half: Half, rival: str, measure: str) -> tuple[float, float, float]:
    """The mean by which the score is better than a rival, date by date, and between what it lies."""
    pairs = zip(half.measured["score"][measure], half.measured[rival][measure], strict=True)
    gains = [ours - theirs for ours, theirs in pairs]
    return (fmean(gains), *interval(gains))


def _told(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{fmean(values):.3f} ({low:.3f}{_DASH}{high:.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Render the evaluation of the score of `trends` as `docs/trending.md` and its plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from bench.trending import plots
from bench.trending.agreement import MEASURES, interval
from bench.trending.questions import AS_GOOD, LEAST_PAPERS, Evaluation, Half, Question
from schemas.trends import GRACE_H, HALF_LIFE_H

_DASH = "\u2013"
_INTRODUCTION = f"""\
# Trending

`make trending` writes this file. It evaluates the production transform (`transforms/trends.py`).

## The score

    score = upvote_count \u00d7 freshness
    freshness = mean over its votes of 0.5 ^ (age of the vote in hours / {HALF_LIFE_H})

A new vote has weight 1, which halves every {HALF_LIFE_H} hours. The score is the total weight of a paper's votes at the
end of date D, {GRACE_H} hours after its list closes at 21:30 in New York. So the score never exceeds the votes, falls
without new votes, and rises with every vote. Each row of `trends` has both factors.

- The time of a vote is unknown: it lies between two captures, and the midpoint counts. The votes of the first capture
  lie between the opening of the list and that capture.
- A vote that is taken back never counts: votes that a later capture no longer has are omitted from the start.
- When a paper moves, votes from an earlier list of the last 30 dates keep their age.
- Captures after the end of D do not count, so a ranking does not change when its date is recaptured later. Lists count
  in their newest state: a paper that moved is ranked under its new date.
- A date without captures has no ranking. A lake that is filled later has no rankings for the dates before.
- Equal scores: more votes first, then the smaller id.
- `votes_gained`, `comment_count`, `stars_gained` and `age_hours` explain a rank; they are not part of the score.
"""
_QUESTION_TEXTS = {
    "day": (
        "**Day.** Of the papers listed on D, ranked at the end of D: which have the most votes about a week after D\n"
        "opened (the count nearest to 168 hours, between 140 and 240)?"
    ),
    "week": (
        "**Week.** Of the papers listed in the 7 dates up to D, ranked at the end of D and captured in the 24 hours\n"
        "before: which gain the most votes after it (up to the last count between 18 and 240 hours later)?"
    ),
}


def markdown(evaluation: Evaluation) -> str:
    """The page as Markdown."""
    parts = [
        _INTRODUCTION,
        _data(evaluation),
        _tuning(evaluation),
        _results(evaluation),
        _verdict(evaluation),
        _limits(evaluation),
    ]
    return "\n".join(parts)


def write(evaluation: Evaluation, page: Path) -> None:
    """Write the page, and its plots into the same folder."""
    page.write_text(markdown(evaluation), encoding="utf-8")
    curves = {question.name: curve for question, curve in zip(evaluation.questions, evaluation.half_lives, strict=True)}
    votes = {
        question.name: fmean(half.measured["votes"]["Spearman"])
        for question, half in zip(evaluation.questions, evaluation.tuned, strict=True)
    }
    gains = {
        question.name: {name: _gain(half, "votes", name) for name in MEASURES}
        for question, half in zip(evaluation.questions, evaluation.held_out, strict=True)
    }
    svgs = {
        "half-life": plots.half_lives(curves, votes, HALF_LIFE_H),
        "held-out": plots.gains(gains),
    }
    for name, plot in svgs.items():
        page.with_name(f"{page.stem}-{name}.svg").write_text(plot, encoding="utf-8")


def _data(evaluation: Evaluation) -> str:
    counts = [
        [
            question.name,
            f"{tuned.dates} dates, {tuned.papers} papers",
            f"{question.cut}",
            f"{half.dates} dates, {half.papers} papers",
        ]
        for question, tuned, half in zip(evaluation.questions, evaluation.tuned, evaluation.held_out, strict=True)
    ]
    descriptions = "\n\n".join(_QUESTION_TEXTS[question.name] for question in evaluation.questions)
    table = _table(["question", "tuned on", "held out from", "held out"], counts)
    return f"""\
## Questions

Recorded answers of the Hub and 23,467 vote counts from public archives, 2024-03-13 to 2026-05-29, answer two questions.

{descriptions}

Only dates with {LEAST_PAPERS} or more papers count, and for the week only dates with papers of several lists. The
earlier half of the dates was used for tuning, the later half was held out.

{table}
"""


def _tuning(evaluation: Evaluation) -> str:
    hours = list(evaluation.half_lives[0])
    names = [question.name for question in evaluation.questions]
    rows = [
        [name, *(f"{curve[h]:.3f}" for h in hours)] for name, curve in zip(names, evaluation.half_lives, strict=True)
    ]
    comments = [["day", *(f"{value:.3f}" for value in evaluation.comments.values())]]
    papers = evaluation.tuned[0].papers + evaluation.held_out[0].papers
    return f"""\
## Tuning

Mean of Spearman's correlation over the tuning dates, by the half-life in hours:

{_table(["question", *(f"{h:g}" for h in hours)], rows)}

![Mean Spearman by half-life](trending-half-life.svg)

Chosen by the mean of both: {evaluation.chosen_h:g} h, the longest half-life that comes within {AS_GOOD} of the best.
The curves are flat from 18 to 48 hours, and the longest half-life is closest to plain votes. All spans use the same
half-life.

Comments, added with a weight (known for {evaluation.commented} of the {papers} papers of the question of the day):

{_table(["question", *(f"{weight:g} a comment" for weight in evaluation.comments)], comments)}

They do not help, so they are not part of the score. Stars cannot be evaluated: only {evaluation.starred} of these
papers have known gains in the first day.
"""


def _results(evaluation: Evaluation) -> str:
    parts = ["## Results\n", "Means over dates, with the central 95 % of 2,000 resamples of the dates in brackets.\n"]
    for title, halves in (("Tuning dates", evaluation.tuned), ("Held-out dates", evaluation.held_out)):
        rows = [
            [question.name, rival, *(_mean_with_interval(half.measured[rival][name]) for name in MEASURES)]
            for question, half in zip(evaluation.questions, halves, strict=True)
            for rival in half.measured
        ]
        parts += [f"### {title}\n", _table(["question", "ranked by", *MEASURES], rows), ""]
    parts += ["![What the score gains over votes alone](trending-held-out.svg)", ""]
    return "\n".join(parts)


def _verdict(evaluation: Evaluation) -> str:
    lines = [
        _verdict_of(question, half) for question, half in zip(evaluation.questions, evaluation.held_out, strict=True)
    ]
    return "\n".join(["## Conclusion", "", *lines, ""])


def _verdict_of(question: Question, half: Half) -> str:
    """One line: whether the score beats its rivals by Spearman on the held-out dates."""
    comparisons = []
    for rival in ("votes", "votes per hour"):
        mean, low, high = _gain(half, rival, "Spearman")
        is_sure = low > 0 or high < 0
        word = "better" if mean > 0 else "worse"
        than = f"{abs(mean):.3f} {word} than {rival} ({low:+.3f} to {high:+.3f})"
        comparisons.append(than if is_sure else f"{than}, which may be chance")
    return (
        f"- **{question.name}**, {half.dates} dates with {half.papers} papers: the score is {'; '.join(comparisons)}."
    )


def _limits(evaluation: Evaluation) -> str:
    return f"""\
Within a day nearly all papers have the same age, and most were counted at the same two times. So the ranking by score
is nearly the ranking by votes, and gains nothing. The decay matters for papers of different ages, in the spans week and
month.

## Limits of the data

- The week has {evaluation.tuned[1].dates} and {evaluation.held_out[1].dates} dates, most of them with a few lists.
  Its figures are rough.
- The month was not evaluated: too few papers were counted again after weeks. It uses the half-life of the others.
- The archives counted only some papers again a week later, mostly papers listed on Mondays or high in a list of the
  week. How well the score ranks the others is unknown.
- Most papers were counted twice on their first day (about 07:50 and 00:02 UTC) and not at 03:15 UTC, as `daily`
  captures them.
- A ranking by votes gives visible papers more visibility and more votes. Later votes do not measure quality.
- The rule that chose the half-life was written after the curves of the tuning dates were known, and the figures of the
  held-out dates were seen during development. They did not influence the choice, but they are not blind.
"""


def _gain(half: Half, rival: str, measure: str) -> tuple[float, float, float]:
    """The mean gain of the score over a rival by date, and its interval."""
    pairs = zip(half.measured["score"][measure], half.measured[rival][measure], strict=True)
    gains = [ours - theirs for ours, theirs in pairs]
    return (fmean(gains), *interval(gains))


def _mean_with_interval(values: Sequence[float]) -> str:
    low, high = interval(values)
    return f"{fmean(values):.3f} ({low:.3f}{_DASH}{high:.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

"""Who is measured on what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import corpora
from bench.corpus import Corpus
from bench.environment import dlt_python
from bench.hub import serving
from bench.measure import ContenderAbsent, ContenderFailed, Run, run
from bench.our_lake import built, evidence
from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS

SAMPLE_MONTHS = 4
SAMPLED_FROM = 200_000
"""Entries. Above this, what would take minutes and much memory is run on some of the months."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way from answers to tables. `key` names it in arguments and figures, `said` in tables."""

    key: str
    said: str
    module: str
    options: tuple[str, ...] = ()
    asks_hub: bool = False
    is_slow: bool = False
    needs_dlt: bool = False
    needs_evidence: bool = False
    needs_lake: bool = False

    def fits(self, corpus: Corpus) -> bool:
        """Whether it is run on such a corpus: a Hub is asked for lists of usual length only."""
        return not (self.asks_hub and corpus.entry_count > SAMPLED_FROM)


_OF_LISTS = tuple(
    word for table in (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS) for word in ("--table", table.name)
)
"""The floor's two tables, and those that say what of them was captured, refused and missed; all others look further."""
CONTENDERS = (
    Contender("floor", "floor: DuckDB, Polars, two processes", "bench.floor"),
    Contender("rebuild", "Paperlake, rebuild", "bench.our_rebuild", needs_evidence=True),
    Contender(
        "unjudged", "Paperlake, rebuild without judgement", "bench.our_rebuild", ("--no-judge",), needs_evidence=True
    ),
    Contender(
        "lists",
        "Paperlake, rebuild of the tables of lists",
        "bench.our_rebuild",
        _OF_LISTS,
        needs_lake=True,
    ),
    Contender(
        "lists-unjudged",
        "Paperlake, rebuild of the tables of lists without judgement",
        "bench.our_rebuild",
        ("--no-judge", *_OF_LISTS),
        needs_lake=True,
    ),
    Contender("backfill", "Paperlake, backfill from a Hub on loopback", "bench.our_backfill", asks_hub=True),
    Contender("dlt", "dlt, from files", "bench.dlt_pipeline", is_slow=True, needs_dlt=True),
    Contender(
        "dlt-rest",
        "dlt, REST source, Hub on loopback",
        "bench.dlt_pipeline",
        asks_hub=True,
        is_slow=True,
        needs_dlt=True,
    ),
    Contender("plain", "requests and pandas, from files", "bench.plain_script", is_slow=True),
    Contender(
        "plain-rest",
        "requests and pandas, Hub on loopback",
        "bench.plain_script",
        asks_hub=True,
        is_slow=True,
    ),
)


@dataclass(slots=True)
class Outcome:
    """What a contender did on a corpus: its runs on `entries` of them, or why there are none."""

    contender: str
    corpus: str
    entries: int
    months: int
    runs: list[Run] = field(default_factory=list)
    absent: str | None = None
    has_failed: bool = False

    @property
    def work_s(self) -> float:
        """The median time of the work."""
        return median(run.work_s for run in self.runs)

    @property
    def rate(self) -> float:
        """Entries a second, at the median."""
        return self.entries / self.work_s


def compete(whole: Corpus, chosen: Sequence[Contender], repeats: int, work: Path) -> list[Outcome]:
    """Every contender on `whole`, taking turns, so that a busy minute of the machine falls on all of them."""
    fields = {c.key: _sample(whole) if c.is_slow else whole for c in chosen if c.fits(whole)}
    outcomes = {key: Outcome(key, whole.name, f.entry_count, len(f.months)) for key, f in fields.items()}
    if any(contender.needs_evidence for contender in chosen):
        evidence(whole)
    if any(contender.needs_lake for contender in chosen):
        built(whole)
    _warm(whole)
    with serving(whole) as hub:
        for turn in range(1, repeats + 1):
            for contender in (c for c in chosen if c.key in fields):
                outcome = outcomes[contender.key]
                if outcome.absent is None:
                    _one(contender, fields[contender.key], outcome, hub, work)
                tell(f"{whole.name}, turn {turn} of {repeats}: {contender.said}: {_told(outcome)}")
    return list(outcomes.values())


def _one(contender: Contender, field: Corpus, outcome: Outcome, hub: str, work: Path) -> None:
    """Run once. The Hub serves the whole corpus, of which `field` may be a part."""
    options = [*contender.options, *(["--hub", hub] if contender.asks_hub else [])]
    try:
        python = dlt_python(work) if contender.needs_dlt else sys.executable
        outcome.runs.append(run([python, "-m", contender.module], field, work, options))
    except (ContenderAbsent, ContenderFailed) as why:
        outcome.absent, outcome.has_failed = str(why), isinstance(why, ContenderFailed)


def _sample(whole: Corpus) -> Corpus:
    if whole.entry_count <= SAMPLED_FROM:
        return whole
    last = len(whole.months) - 1
    return corpora.part(whole, {whole.months[round(n * last / (SAMPLE_MONTHS - 1))] for n in range(SAMPLE_MONTHS)})


def _warm(whole: Corpus) -> None:
    """Read everything once: the disk is not what is measured."""
    for day in whole.days:
        whole.file(day).read_bytes()


def _told(outcome: Outcome) -> str:
    if outcome.absent is not None:
        return f"absent: {outcome.absent}"
    last = outcome.runs[-1]
    return f"{last.work_s:.2f} s, {outcome.entries / last.work_s:,.0f} entries/s, others {last.others_share:.0%}"


def tell(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)

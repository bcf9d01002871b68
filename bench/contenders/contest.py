"""The contenders, and the runner that measures them on a corpus."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.contenders.environment import dlt_python
from bench.contenders.lakes import built_lake, evidence_lake
from bench.contenders.measure import ContenderAbsent, ContenderFailed, Run, run
from bench.corpora import sources
from bench.corpora.corpus import Corpus
from bench.corpora.hub_server import serve_in_background
from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS

SAMPLE_MONTHS = 4
SAMPLED_FROM = 200_000
"""Slow contenders run on a sample of the months of corpora with more entries than this."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that turns answers into tables. `key` is its name in arguments and results, `label` in tables."""

    key: str
    label: str
    module: str
    options: tuple[str, ...] = ()
    asks_hub: bool = False
    is_slow: bool = False
    needs_dlt: bool = False
    needs_evidence: bool = False
    needs_lake: bool = False

    def fits(self, corpus: Corpus) -> bool:
        """Whether it runs on this corpus. Contenders that read from a Hub run only on lists of usual length."""
        return not (self.asks_hub and corpus.entry_count > SAMPLED_FROM)


_OF_LISTS = tuple(
    word for table in (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS) for word in ("--table", table.name)
)
"""The floor's two tables, and the tables of their captures, rejects and missing dates."""
CONTENDERS = (
    Contender("floor", "floor: DuckDB, Polars, two processes", "bench.contenders.floor"),
    Contender("rebuild", "Paperlake, rebuild", "bench.contenders.paperlake_rebuild", needs_evidence=True),
    Contender(
        "unvalidated",
        "Paperlake, rebuild without validation",
        "bench.contenders.paperlake_rebuild",
        ("--no-validation",),
        needs_evidence=True,
    ),
    Contender(
        "lists",
        "Paperlake, rebuild of the tables of lists",
        "bench.contenders.paperlake_rebuild",
        _OF_LISTS,
        needs_lake=True,
    ),
    Contender(
        "lists-unvalidated",
        "Paperlake, rebuild of the tables of lists without validation",
        "bench.contenders.paperlake_rebuild",
        ("--no-validation", *_OF_LISTS),
        needs_lake=True,
    ),
    Contender(
        "backfill", "Paperlake, backfill from a Hub on loopback", "bench.contenders.paperlake_backfill", asks_hub=True
    ),
    Contender("dlt", "dlt, from files", "bench.contenders.dlt_pipeline", is_slow=True, needs_dlt=True),
    Contender(
        "dlt-rest",
        "dlt, REST source, Hub on loopback",
        "bench.contenders.dlt_pipeline",
        asks_hub=True,
        is_slow=True,
        needs_dlt=True,
    ),
    Contender("plain", "requests and pandas, from files", "bench.contenders.plain_script", is_slow=True),
    Contender(
        "plain-rest",
        "requests and pandas, Hub on loopback",
        "bench.contenders.plain_script",
        asks_hub=True,
        is_slow=True,
    ),
)


@dataclass(slots=True)
class ContenderResult:
    """The runs of a contender on `entries` entries of a corpus, or the reason why it has none."""

    contender: str
    corpus: str
    entries: int
    months: int
    runs: list[Run] = field(default_factory=list)
    absent: str | None = None
    has_failed: bool = False

    @property
    def work_s(self) -> float:
        """The median time of the runs, without start-up."""
        return median(run.work_s for run in self.runs)

    @property
    def rate(self) -> float:
        """Entries per second, at the median time."""
        return self.entries / self.work_s


def compete(whole: Corpus, chosen: Sequence[Contender], repeats: int, folder: Path) -> list[ContenderResult]:
    """Run the contenders on `whole` in turns, so that other load of the machine affects all of them."""
    fields = {c.key: _sample(whole) if c.is_slow else whole for c in chosen if c.fits(whole)}
    results = {key: ContenderResult(key, whole.name, f.entry_count, len(f.months)) for key, f in fields.items()}
    if any(contender.needs_evidence for contender in chosen):
        evidence_lake(whole)
    if any(contender.needs_lake for contender in chosen):
        built_lake(whole)
    _read_once(whole)
    with serve_in_background(whole) as hub:
        for turn in range(1, repeats + 1):
            for contender in (c for c in chosen if c.key in fields):
                result = results[contender.key]
                if result.absent is None:
                    _run_once(contender, fields[contender.key], result, hub, folder)
                log_progress(f"{whole.name}, turn {turn} of {repeats}: {contender.label}: {_describe(result)}")
    return list(results.values())


def _run_once(contender: Contender, field: Corpus, result: ContenderResult, hub: str, folder: Path) -> None:
    """Run a contender once. The Hub serves the whole corpus; `field` may be a part of it."""
    options = [*contender.options, *(["--hub", hub] if contender.asks_hub else [])]
    try:
        python = dlt_python(folder) if contender.needs_dlt else sys.executable
        result.runs.append(run([python, "-m", contender.module], field, folder, options))
    except (ContenderAbsent, ContenderFailed) as why:
        result.absent, result.has_failed = str(why), isinstance(why, ContenderFailed)


def _sample(whole: Corpus) -> Corpus:
    if whole.entry_count <= SAMPLED_FROM:
        return whole
    last = len(whole.months) - 1
    return sources.corpus_of_months(
        whole, {whole.months[round(n * last / (SAMPLE_MONTHS - 1))] for n in range(SAMPLE_MONTHS)}
    )


def _read_once(whole: Corpus) -> None:
    """Read all files into the page cache, so that runs do not measure the disk."""
    for day in whole.days:
        whole.file(day).read_bytes()


def _describe(result: ContenderResult) -> str:
    if result.absent is not None:
        return f"absent: {result.absent}"
    last = result.runs[-1]
    return f"{last.work_s:.2f} s, {result.entries / last.work_s:,.0f} entries/s, others {last.others_fraction:.0%}"


def log_progress(line: str) -> None:
    """Print a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)

"""Results as tables for the terminal, and as `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.contenders.contest import CONTENDERS, ContenderResult
from bench.reports.results import Results

_TITLES = {
    "recordings": "Recorded answers",
    "dates": "1,300 generated dates",
    "million": "A million generated entries",
    "quick": "Two generated months, for a quick run",
}
_LABELS = {contender.key: contender.label for contender in CONTENDERS}
_MB = 1e6
_KB = 1e3
_BARE = {"rebuild": "unvalidated", "lists": "lists-unvalidated"}
"""Contenders with validation, and the same contender without it."""
_INTRODUCTION = """\
# Benchmarks

`make bench` writes this file. The contenders of a table ran in turns on the same answers. Each run had a new process,
an empty folder, and the answers in the page cache. Figures are medians; *slowest to fastest* is the range of the runs.

- *seconds* is the time of the work; *start-up* is the time before it: interpreter, imports, an empty pipeline.
- *validation* is the additional time of a rebuild with validation.
- *peak MB* is the largest sum of resident memory over all processes of a contender, sampled every 20 ms; memory that
  two processes share counts twice.
- *tables MB* is the size of the files, *evidence MB* the size of the answers, which only Paperlake stores.
- *others* is the load of the machine by other processes, including the Hub on loopback.
- The *tables of lists* are the floor's tables, `listings` and `authors`, and the tables of their captures, rejects and
  missing dates: `signals`, `source_days`, `captures`, `rejects`. They are built into a lake that has all other tables
  (`papers rebuild --table listings --table authors …`). A rebuild of *all* tables also counts fields (`field_days`,
  `drift`), ranks (`trends`) and merges (`papers`), which the floor does not.
- The floor is no product: it has no evidence, captures, validation, rejects, fsync or publish. It shows what the
  machine can do. `bench/contenders/floor_alternatives.md` describes how it was chosen.
- dlt and the script make other tables than Paperlake: every field unchanged, no white space collapsed, nothing sorted.
"""
_DAILY = """\
A daily run on a Friday morning, in lakes as daily runs leave them (30 papers a day). It captures 16 dates from a Hub on
loopback, builds, validates and publishes their month, and updates the site. One process makes all runs, the lakes in
turns, each run in a fresh copy of its lake. The first round is not counted.
"""
Row = Sequence[str]


def markdown(results: Results) -> str:
    """The results as Markdown."""
    parts = [_INTRODUCTION, _machine(results), "## Targets\n", _markdown_table(*_targets(results))]
    for name, description in results.corpora.items():
        parts += [
            f"## {_TITLES[name]}\n",
            f"{description}.\n",
            _markdown_table(*_contest(results, name)),
            *_notes(results, name),
        ]
    parts += [f"## {_TITLES[name]}\n\nSkipped: {reason}.\n" for name, reason in results.skipped.items()]
    if results.daily:
        parts += ["## One daily run\n", _DAILY, _markdown_table(*_daily(results)), _daily_files(results)]
    return "\n".join(parts)


def text(results: Results) -> str:
    """The results for a terminal."""
    parts = [
        _plain_table(*_contest(results, name), title=f"{_TITLES[name]}: {description}")
        for name, description in results.corpora.items()
    ]
    parts += [f"{_TITLES[name]}: skipped, {reason}" for name, reason in results.skipped.items()]
    if results.daily:
        parts.append(_plain_table(*_daily(results), title="One daily run"))
    parts.append(_plain_table(*_targets(results), title="Targets"))
    return "\n\n".join(parts)


def _contest(results: Results, corpus: str) -> tuple[Row, list[Row]]:
    head = (
        "",
        "entries",
        "entries/s",
        "slowest to fastest",
        "of the floor",
        "seconds",
        "validation",
        "start-up",
        "peak MB",
    )
    return (*head, "tables MB", "evidence MB", "others"), [
        _line(results, result) for result in results.contender_results if result.corpus == corpus
    ]


def _line(results: Results, result: ContenderResult) -> Row:
    runs, label = result.runs, _LABELS[result.contender]
    if not runs:
        return (label, "failed" if result.has_failed else "absent", *[""] * 10)
    floor = results.result(result.corpus, "floor")
    bare = results.result(result.corpus, _BARE.get(result.contender, ""))
    rates = sorted(result.entries / run.work_s for run in runs)
    evidence = median(run.evidence_bytes for run in runs)
    return (
        label,
        f"{result.entries:,}",
        f"{result.rate:,.0f}",
        f"{rates[0]:,.0f} to {rates[-1]:,.0f}",
        f"{result.rate / floor.rate:.0%}" if floor else "",
        f"{result.work_s:.1f}",
        f"{result.work_s - bare.work_s:.1f}" if bare else "",
        f"{median(run.start_up_s for run in runs):.1f}",
        f"{median(run.peak_bytes for run in runs) / _MB:,.0f}",
        f"{median(run.output_bytes for run in runs) / _MB:,.1f}",
        f"{evidence / _MB:,.1f}" if evidence else "",
        f"{median(run.others_fraction for run in runs):.0%}",
    )


def _notes(results: Results, corpus: str) -> list[str]:
    """Notes on single rows of the table."""
    ours = [result for result in results.contender_results if result.corpus == corpus]
    most = max((result.entries for result in ours), default=0)
    sampled = [result for result in ours if result.entries < most]
    notes = [
        f"- {_LABELS[result.contender]}: {'failed' if result.has_failed else 'absent'}, {result.absent}."
        for result in ours
        if result.absent
    ]
    if sampled:
        names = ", ".join(_LABELS[result.contender] for result in sampled)
        notes.append(f"- Only on a sample of {sampled[0].months} months: {names}. All months would take minutes.")
    turns = sorted({len(result.runs) for result in ours if result.runs})
    return [*notes, f"- Turns: {', '.join(map(str, turns))}.", ""]


def _daily(results: Results) -> tuple[Row, list[Row]]:
    head = (
        *("lake", "runs", "seconds", "fastest to slowest", "files of tables", "tables kB", "manifest kB"),
        *("pages", "written in total kB"),
    )
    return head, [
        (
            f"{cost.months} months" if cost.months > 1 else "1 month",
            f"{len(cost.seconds)}",
            f"{median(cost.seconds):.2f}",
            f"{min(cost.seconds):.2f} to {max(cost.seconds):.2f}",
            f"{len(cost.files)}",
            f"{cost.tables_bytes / _KB:,.1f}",
            f"{cost.manifest_bytes / _KB:,.1f}",
            f"{cost.page_count}",
            f"{cost.written_bytes / _KB:,.0f}",
        )
        for cost in results.daily_costs()
    ]


def _daily_files(results: Results) -> str:
    """The files of tables that a run changes, with their bytes in each lake."""
    costs = results.daily_costs()
    names = sorted({name for cost in costs for name in cost.files})
    head = ("file", *(f"bytes, {cost.months} months" for cost in costs))
    rows = [
        (f"`{name}`", *(f"{cost.files[name]:,.0f}" if name in cost.files else "" for cost in costs)) for name in names
    ]
    return "\n".join(["Changed files of tables:", "", _markdown_table(head, rows)])


def _targets(results: Results) -> tuple[Row, list[Row]]:
    holds = {True: "met", False: "**missed**", None: ""}
    return ("target", "measured", ""), [(t.target, t.measured, holds[t.holds]) for t in results.targets()]


def _machine(results: Results) -> str:
    machine = ", ".join(f"{name} {value}" if name == "Python" else value for name, value in results.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    return f"Measured on {machine}, with {versions}.\n"


def _markdown_table(head: Row, rows: Sequence[Row]) -> str:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows)) + "\n"


def _plain_table(head: Row, rows: Sequence[Row], title: str) -> str:
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]
    return "\n".join([title, *lines])


def write(results: Results, path: Path) -> None:
    """Write the Markdown to a file."""
    path.write_text(markdown(results), encoding="utf-8")

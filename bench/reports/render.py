"""Results as tables for the terminal, and as `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.contenders import CONTENDERS, Outcome
from bench.results import Results

_TITLES = {
    "recordings": "Recorded answers",
    "dates": "1,300 generated dates",
    "million": "A million generated entries",
    "quick": "Two generated months, to try the bench",
}
_SAID = {contender.key: contender.said for contender in CONTENDERS}
_MB = 1e6
_KB = 1e3
_BARE = {"rebuild": "unjudged", "lists": "lists-unjudged"}
"""Contenders that judge, and what does the same without."""
_INTRODUCTION = """\
# Benchmarks

`make bench` writes this file. All contenders of a table ran in one go, taking turns, on the same answers, each run in
a fresh process and an empty folder, with the answers in the page cache. Figures are medians; *slowest to fastest* are
the runs at the ends.

- *seconds* is the work alone; *start-up* is what comes before it: interpreter, imports, an empty pipeline.
- *judgement* is what the judged rebuild takes longer than the one without.
- *peak MB* is the largest sum of resident memory over all processes of a contender, sampled every 20 ms; what two of
  them share counts twice.
- *tables MB* is what is left on the disk, *evidence MB* the answers themselves, which only Paperlake keeps.
- *others* is how much of the machine was busy with anything else meanwhile, the Hub on loopback included.
- The *tables of lists* are what the floor makes, `listings` and `authors`, and what says of them what was captured,
  refused and missed: `signals`, `source_days`, `captures`, `rejects`. They are built into a lake that has all
  others (`papers rebuild --table listings --table authors …`). A rebuild of *all* tables also takes the census
  of fields (`field_days`, `drift`), ranks (`trends`) and merges (`papers`), for which the floor has nothing.
- The floor is no product: it keeps no evidence, knows no captures, judges, refuses, flushes and publishes nothing. It
  says what the machine can do. `bench/tried.md` tells how it was chosen.
- dlt and the script make other tables than Paperlake: every field as it comes, no white space folded, nothing sorted.
"""
_DAILY = """\
On a Friday morning, in lakes as daily runs leave them (30 papers a day): 16 dates are asked of a Hub on loopback,
their month is folded, built, judged and published, and the site brought up to date. One process makes all runs, the
lakes taking turns, each in a fresh copy of its lake; a round before them is not counted.
"""
Row = Sequence[str]


def markdown(results: Results) -> str:
    """The page."""
    parts = [_INTRODUCTION, _machine(results), "## Targets\n", _markdown_table(*_targets(results))]
    for name, said in results.corpora.items():
        parts += [
            f"## {_TITLES[name]}\n",
            f"{said}.\n",
            _markdown_table(*_contest(results, name)),
            *_notes(results, name),
        ]
    parts += [f"## {_TITLES[name]}\n\nSkipped: {why}.\n" for name, why in results.skipped.items()]
    if results.daily:
        parts += ["## One daily run\n", _DAILY, _markdown_table(*_daily(results)), _daily_files(results)]
    return "\n".join(parts)


def text(results: Results) -> str:
    """The same tables, for a terminal."""
    parts = [
        _plain_table(*_contest(results, name), title=f"{_TITLES[name]}: {said}")
        for name, said in results.corpora.items()
    ]
    parts += [f"{_TITLES[name]}: skipped, {why}" for name, why in results.skipped.items()]
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
        "judgement",
        "start-up",
        "peak MB",
    )
    return (*head, "tables MB", "evidence MB", "others"), [
        _line(results, outcome) for outcome in results.outcomes if outcome.corpus == corpus
    ]


def _line(results: Results, outcome: Outcome) -> Row:
    runs, said = outcome.runs, _SAID[outcome.contender]
    if not runs:
        return (said, "failed" if outcome.has_failed else "absent", *[""] * 10)
    floor = results.outcome(outcome.corpus, "floor")
    bare = results.outcome(outcome.corpus, _BARE.get(outcome.contender, ""))
    rates = sorted(outcome.entries / run.work_s for run in runs)
    evidence = median(run.evidence_bytes for run in runs)
    return (
        said,
        f"{outcome.entries:,}",
        f"{outcome.rate:,.0f}",
        f"{rates[0]:,.0f} to {rates[-1]:,.0f}",
        f"{outcome.rate / floor.rate:.0%}" if floor else "",
        f"{outcome.work_s:.1f}",
        f"{outcome.work_s - bare.work_s:.1f}" if bare else "",
        f"{median(run.start_up_s for run in runs):.1f}",
        f"{median(run.peak_bytes for run in runs) / _MB:,.0f}",
        f"{median(run.made_bytes for run in runs) / _MB:,.1f}",
        f"{evidence / _MB:,.1f}" if evidence else "",
        f"{median(run.others_share for run in runs):.0%}",
    )


def _notes(results: Results, corpus: str) -> list[str]:
    """What a reader of the table must know of single lines."""
    ours = [outcome for outcome in results.outcomes if outcome.corpus == corpus]
    most = max((outcome.entries for outcome in ours), default=0)
    sampled = [outcome for outcome in ours if outcome.entries < most]
    notes = [
        f"- {_SAID[outcome.contender]}: {'failed' if outcome.has_failed else 'absent'}, {outcome.absent}."
        for outcome in ours
        if outcome.absent
    ]
    if sampled:
        names = ", ".join(_SAID[outcome.contender] for outcome in sampled)
        notes.append(
            f"- Only {sampled[0].months} of the months were given to: {names}. All of them would take minutes."
        )
    turns = sorted({len(outcome.runs) for outcome in ours if outcome.runs})
    return [*notes, f"- Turns: {', '.join(map(str, turns))}.", ""]


def _daily(results: Results) -> tuple[Row, list[Row]]:
    head = (
        *("lake", "runs", "seconds", "fastest to slowest", "files of tables", "tables kB", "manifest kB"),
        *("pages", "written in all kB"),
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
    """Which files of tables a run touches, with their bytes in each lake."""
    costs = results.daily_costs()
    names = sorted({name for cost in costs for name in cost.files})
    head = ("file", *(f"bytes, {cost.months} months" for cost in costs))
    held = [
        (f"`{name}`", *(f"{cost.files[name]:,.0f}" if name in cost.files else "" for cost in costs)) for name in names
    ]
    return "\n".join(["The files of tables:", "", _markdown_table(head, held)])


def _targets(results: Results) -> tuple[Row, list[Row]]:
    holds = {True: "met", False: "**missed**", None: ""}
    return ("target", "measured", ""), [(t.promise, t.measured, holds[t.holds]) for t in results.targets()]


def _machine(results: Results) -> str:
    said = ", ".join(f"{name} {value}" if name == "Python" else value for name, value in results.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    return f"Measured on {said}, with {versions}.\n"


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
    """Write the page."""
    path.write_text(markdown(results), encoding="utf-8")

"""The results of a benchmark run, and whether they meet the targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from statistics import median

from bench.contenders.contest import ContenderResult
from bench.daily_cost import DailyRun

FLOOR_PART, JUDGED_PART, TIMES_DLT, BACKFILL_S, DAILY_PART = 1 / 2, 1 / 3, 5.0, 60.0, 0.2
SAME_BYTES = 1 / 1000


@dataclass(frozen=True, slots=True)
class Target:
    """A target, the measured value, and whether it is met; None if it was not measured."""

    target: str
    measured: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class DailyCost:
    """The cost of daily runs in a lake of `months` months.

    `files` are the changed files of tables with their bytes. `page_count` counts the pages of the site and of
    validation reports. The manifest is separate, because it grows with the lake.
    """

    months: int
    seconds: tuple[float, ...]
    files: Mapping[str, float]
    page_count: int
    manifest_bytes: float
    written_bytes: float

    @property
    def tables_bytes(self) -> float:
        """The bytes of all tables."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Results:
    """All measurements. `corpora` has descriptions by name, `skipped` the reasons why a corpus is missing."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    corpora: Mapping[str, str]
    skipped: Mapping[str, str]
    contender_results: Sequence[ContenderResult]
    daily: Sequence[DailyRun]

    def result(self, corpus: str, contender: str) -> ContenderResult | None:
        """The result of a contender on a corpus; None without runs."""
        key = (corpus, contender)
        return next((o for o in self.contender_results if (o.corpus, o.contender) == key and o.runs), None)

    def daily_costs(self) -> list[DailyCost]:
        """The costs by number of months."""
        return [self._daily_cost(months) for months in sorted({run.months for run in self.daily})]

    def targets(self) -> list[Target]:
        """All targets with their measurements."""
        backfill = self.result("dates", "backfill")
        return [
            self._times(
                "lists-unvalidated",
                "floor",
                FLOOR_PART,
                "rebuild of the tables of lists without validation, at half the floor's speed or more",
            ),
            self._times(
                "lists",
                "floor",
                JUDGED_PART,
                "rebuild of the tables of lists with validation, at a third of the floor's speed or more",
            ),
            self._times(
                "unvalidated",
                "floor",
                FLOOR_PART,
                "rebuild of all tables without validation, at half the floor's speed",
            ),
            self._times(
                "unvalidated",
                "dlt",
                TIMES_DLT,
                "rebuild of all tables without validation, five times as fast as dlt or more",
            ),
            self._times(
                "rebuild",
                "floor",
                JUDGED_PART,
                "rebuild of all tables with validation, at a third of the floor's speed",
            ),
            Target(
                "1,300 generated dates: backfill from a Hub on loopback, validation included, in less than 60 s",
                f"{backfill.work_s:.1f} s" if backfill else "not measured",
                backfill.work_s < BACKFILL_S if backfill else None,
            ),
            *self._daily_targets(),
        ]

    def encoded(self) -> dict[str, object]:
        """All results, for `--json`."""
        targets = [asdict(target) for target in self.targets()]
        return {**asdict(self), "targets": targets, "daily_costs": [asdict(cost) for cost in self.daily_costs()]}

    def _times(self, key: str, other: str, least: float, target: str) -> Target:
        ours, theirs = self.result("million", key), self.result("million", other)
        if ours is None or theirs is None:
            return Target(f"a million entries: {target}", "not measured", None)
        times = ours.rate / theirs.rate
        return Target(f"a million entries: {target}", f"{times:.2f} times {other}", times >= least)

    def _daily_cost(self, months: int) -> DailyCost:
        runs = [run for run in self.daily if run.months == months]
        manifest = [run.files.get("manifest.json", 0) for run in runs]
        names = sorted({name for run in runs for name in run.files if name.startswith("tables/")})
        return DailyCost(
            months,
            seconds=tuple(run.seconds for run in runs),
            files={name: median(run.files.get(name, 0) for run in runs) for name in names},
            page_count=int(median(sum(name.endswith(".html") for name in run.files) for run in runs)),
            manifest_bytes=median(manifest),
            written_bytes=median(run.written_bytes for run in runs),
        )

    def _daily_targets(self) -> list[Target]:
        costs = self.daily_costs()
        if not costs:
            return [Target("a daily run costs the same in a lake of a month and of 3.5 years", "not measured", None)]
        young, old = costs[0], costs[-1]
        slower = median(old.seconds) / median(young.seconds) - 1
        more = old.tables_bytes / young.tables_bytes - 1
        is_same = set(young.files) == set(old.files) and abs(more) < SAME_BYTES
        others = {
            PurePosixPath(name).parts[1]: old.files[name] - size
            for name, size in young.files.items()
            if name in old.files
        }
        differ = [f"{name} {by:+,.0f}" for name, by in others.items() if abs(by) > SAME_BYTES * young.tables_bytes]
        most = f" ({', '.join(differ)})" if differ else ""
        return [
            Target(
                "a daily run: its time within 20 % between a month and 3.5 years",
                f"{slower:+.1%}",
                abs(slower) <= DAILY_PART,
            ),
            Target(
                "a daily run: the same files and bytes of tables in a lake of a month and of 3.5 years",
                f"{len(young.files)} and {len(old.files)} files, {more:+.2%} bytes{most}",
                is_same,
            ),
        ]

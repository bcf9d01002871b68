"""Validation between build and publish: which captures to refuse, and which months break a declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from paperlake.build.partition import StagedMonth
from paperlake.errors import PaperlakeError
from paperlake.quality.column_profile import ColumnProfile
from paperlake.quality.validator import Validator
from schemas.calendar import MONTH_FORMAT
from schemas.table import Table
from transforms.graph import DERIVED


class MonthRefused(PaperlakeError):
    """A built month breaks its own declaration: a bug of Paperlake. Nothing of it was published or lost."""


def refused_captures(validator: Validator, months: Sequence[StagedMonth]) -> dict[str, pl.DataFrame]:
    """The captures (listed_on, captured_at, message) that validation sets aside, by month."""
    captures = [month.captures for month in months if month.captures.height]
    if not captures:
        return {}
    refused = validator.refused_captures(pl.concat(captures))
    by_month = refused.with_columns(month=pl.col("listed_on").dt.strftime(MONTH_FORMAT)).partition_by(
        "month", as_dict=True, include_key=False
    )
    return {str(month): rows for (month,), rows in by_month.items()}


def broken_months(validator: Validator, profiles: Mapping[Table, ColumnProfile]) -> Mapping[str, MonthRefused]:
    """The months that break a declaration. Only new rows are validated: published rows were, when they were new."""
    failed: dict[str, list[str]] = {}
    for table in DERIVED:
        if table not in profiles:
            continue
        for finding in validator.findings(table, profiles[table]):
            if not finding.success:
                failed.setdefault(finding.month, []).append(str(finding))
    return {
        month: MonthRefused(
            f"{month} was built but not published, for it breaks its own declaration (the answers are kept, nothing "
            "is lost; please report this): " + "; ".join(findings[:5])
        )
        for month, findings in failed.items()
    }

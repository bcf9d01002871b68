"""The table `validations` (the validation log): the result of every check. Rows are appended, never rebuilt."""

from __future__ import annotations

from schemas.kinds import COUNT, COUNTS_UP, DATE, FLAG, TEXT, TIMESTAMP
from schemas.table import Column, Matches, OneOf, Table

SEVERITIES = ("refuse_row", "refuse_capture", "warn")

VALIDATIONS = Table(
    name="validations",
    doc=(
        "Every expectation that was judged, with what was found. `refuse_row` holds of what was built before it is "
        "published (a row that breaks it was refused already, so a failure is a fault of Paperlake's); "
        "`refuse_capture` sets captures aside; `warn` compares a list with those before it."
    ),
    grain="one expectation, judged of one month in one run",
    dated_by="judged_on",
    key=("judged_at", "run", "suite", "column_name", "expectation", "judged_month"),
    sort=("judged_at", "run", "suite", "column_name", "expectation", "judged_month"),
    is_evidence=True,
    columns=(
        Column("judged_on", DATE, "The day of the run, in UTC."),
        Column("judged_at", TIMESTAMP, "When the run began."),
        Column("run", TEXT, "The run: its flow or command, and Prefect's name of it where it has one."),
        Column("suite", TEXT, "The suite of expectations."),
        Column(
            "table_name", TEXT, "The table that was judged, or what was told of dates: `list_profile`, `freshness`."
        ),
        Column("judged_month", TEXT, "The month judged.", checks=(Matches(r"[0-9]{4}-[0-9]{2}"),)),
        Column("column_name", TEXT, "The column, or what was counted of the rows."),
        Column("expectation", TEXT, "The expectation, as Great Expectations calls it."),
        Column("severity", TEXT, "What breaking it does.", checks=(OneOf(SEVERITIES),)),
        Column("success", FLAG, "Whether it was met."),
        Column("unexpected_count", COUNT, "Rows that did not meet it.", unit="rows", checks=COUNTS_UP),
        Column("observed", TEXT, "Examples of what was found instead.", null="it was met"),
    ),
)

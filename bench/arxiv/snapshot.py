"""`python -m bench.arxiv_bulk`: how fast the public snapshot becomes rows, beside Polars reading and writing its lines.

The floor scans the lines with Polars and writes one Parquet file of all that they hold, as it comes, which it can do in
a stream. We file the lines by month, read every column that `arxiv_papers` has, and write one Parquet file of that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from bench.arxiv_invented import write
from bench.turns import UNITS_TOLD, Figures, take_turns, tell_turn
from transforms.arxiv.snapshot_lines import MOST_LINES, filed, read_lines

FLOOR_PART = 1 / 2
"""What was promised: so much of the floor's speed."""
LINES, TURNS = 1_000_000, 3
_IMPORTED_AT = datetime(2026, 11, 25, tzinfo=UTC)


def floor(source: Path, out: Path) -> UNITS_TOLD:
    """Polars alone, in a stream."""

    def work() -> int:
        pl.scan_ndjson(source).sink_parquet(out / "floor.parquet")
        return int(pq.read_metadata(out / "floor.parquet").num_rows)

    return work


def ours(source: Path, out: Path) -> UNITS_TOLD:
    """Batches of lines: filed, read, written."""

    def work() -> int:
        writer = None
        for batch in _batches(source):
            lines = filed(batch, _IMPORTED_AT.date()).with_columns(
                imported_at=pl.lit(_IMPORTED_AT).dt.cast_time_unit("us")
            )
            rows = read_lines(lines).rows.to_arrow()
            writer = writer or pq.ParquetWriter(out / "ours.parquet", rows.schema, compression="zstd")
            writer.write_table(rows)
        if writer:
            writer.close()
        return int(pq.read_metadata(out / "ours.parquet").num_rows)

    return work


def _batches(source: Path) -> Iterator[list[bytes]]:
    with source.open("rb") as file:
        stripped = (line.rstrip(b"\n") for line in file)
        while batch := list(islice(stripped, MOST_LINES)):
            yield batch


CONTENDERS = {"floor": floor, "ours": ours}


def measured(count: int = LINES, turns: int = TURNS) -> Figures:
    """The figures, in lines, of `count` invented ones. A million take 3 GB of disk, and minutes to be invented."""
    with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as work:
        source = Path(work) / "snapshot.jsonl"
        size_bytes = write(source, count)
        about = f"{count:,} invented lines, {size_bytes / 1e6:,.0f} MB; {turns} turns"
        options = ["--source", str(source), "--out", work]
        return Figures("lines", about, take_turns("bench.arxiv_bulk", list(CONTENDERS), options, turns))


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.arxiv_bulk")
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--run", choices=CONTENDERS, help="run one contender once, and tell its turn as JSON")
    parser.add_argument("--source", type=Path, help="the lines that it reads")
    parser.add_argument("--out", type=Path, help="the folder that it writes to")
    said = parser.parse_args()
    if said.run:
        tell_turn(said.run, CONTENDERS[said.run](said.source, said.out))
        return
    figures = measured(said.lines, said.turns)
    print(figures.text())
    print(f"of the floor's speed: {figures.rate('ours') / figures.rate('floor'):.2f} (promised {FLOOR_PART})")


if __name__ == "__main__":
    main()

"""`python -m bench.arxiv.snapshot`: the speed from lines of arXiv's snapshot to rows, compared with bare Polars.

The floor streams the lines through Polars into one Parquet file with all their fields. Paperlake assigns the lines to
months, parses every column of `arxiv_papers`, and writes one Parquet file.
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

from bench.arxiv.generated_snapshot import write
from bench.arxiv.turns import CountedWork, Figures, print_turn, take_turns
from transforms.arxiv.snapshot_lines import MAX_BATCH_LINES, file_lines, read_lines

FLOOR_PART = 1 / 2
"""The target, as a fraction of the floor's speed."""
LINES, TURNS = 1_000_000, 3
_IMPORTED_AT = datetime(2026, 11, 25, tzinfo=UTC)


def floor(source: Path, out: Path) -> CountedWork:
    """Polars alone, streaming."""

    def run() -> int:
        pl.scan_ndjson(source).sink_parquet(out / "floor.parquet")
        return int(pq.read_metadata(out / "floor.parquet").num_rows)

    return run


def ours(source: Path, out: Path) -> CountedWork:
    """Assign, parse and write batches of lines."""

    def run() -> int:
        writer = None
        for batch in _batches(source):
            lines = file_lines(batch, _IMPORTED_AT.date()).with_columns(
                imported_at=pl.lit(_IMPORTED_AT).dt.cast_time_unit("us")
            )
            rows = read_lines(lines).rows.to_arrow()
            writer = writer or pq.ParquetWriter(out / "ours.parquet", rows.schema, compression="zstd")
            writer.write_table(rows)
        if writer:
            writer.close()
        return int(pq.read_metadata(out / "ours.parquet").num_rows)

    return run


def _batches(source: Path) -> Iterator[list[bytes]]:
    with source.open("rb") as file:
        stripped = (line.rstrip(b"\n") for line in file)
        while batch := list(islice(stripped, MAX_BATCH_LINES)):
            yield batch


CONTENDERS = {"floor": floor, "ours": ours}


def measured(count: int = LINES, turns: int = TURNS) -> Figures:
    """Measure `count` generated lines. A million lines take 3 GB of disk and minutes to generate."""
    with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as folder:
        source = Path(folder) / "snapshot.jsonl"
        size_bytes = write(source, count)
        about = f"{count:,} generated lines, {size_bytes / 1e6:,.0f} MB; {turns} turns"
        options = ["--source", str(source), "--out", folder]
        return Figures("lines", about, take_turns("bench.arxiv.snapshot", list(CONTENDERS), options, turns))


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.arxiv.snapshot")
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--run", choices=CONTENDERS, help="run this contender once, and print its turn as JSON")
    parser.add_argument("--source", type=Path, help="the input file of --run")
    parser.add_argument("--out", type=Path, help="the output folder of --run")
    options = parser.parse_args()
    if options.run:
        print_turn(options.run, CONTENDERS[options.run](options.source, options.out))
        return
    figures = measured(options.lines, options.turns)
    print(figures.text())
    print(f"of the floor's speed: {figures.rate('ours') / figures.rate('floor'):.2f} (target {FLOOR_PART})")


if __name__ == "__main__":
    main()

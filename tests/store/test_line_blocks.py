"""Large text files in any compression: every line is read once, in blocks, and truncated files are detected."""

import gzip
import zipfile

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperlake.store.lake import Lake
from paperlake.store.line_blocks import LinesUnreadable, line_blocks
from paperlake.store.publish import open_writer
from paperlake.store.spill import open_spill

LINES = [b'{"id":"0704.0001"}', b"  ", b"", "é🎉".encode(), b"{" + b"x" * 100 + b"}"]
TEXT = b"\n".join(LINES)
NON_EMPTY_LINES = [line for line in LINES if line.strip()]


def write_file(folder, compression, text=TEXT):
    path = folder / f"snapshot.{compression}"
    if compression == "gz":
        path.write_bytes(gzip.compress(text))
    elif compression == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("snapshot.json", text)
    else:
        path.write_bytes(text)
    return path


def read(path, size):
    ticks = []
    blocks = list(line_blocks(path, ticks.append, size))
    return [line for block in blocks for line in block], ticks


@pytest.mark.parametrize("compression", ["json", "gz", "zip"])
@pytest.mark.parametrize("size", [1, 7, 64, 10**6])
def test_every_line_is_read_once_and_in_order_for_any_block_size(tmp_path, compression, size):
    path = write_file(tmp_path, compression)
    lines, ticks = read(path, size)
    assert lines == NON_EMPTY_LINES
    assert 0 <= sum(ticks) <= path.stat().st_size


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.integers(1, 40))
def test_blocks_contain_the_lines_of_any_file(tmp_path_factory, lines, size):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(b"\n".join(lines))
    # Such a file is read as compressed.
    if not path.read_bytes().startswith((b"\x1f\x8b", b"PK\x03\x04")):
        assert read(path, size)[0] == [line for line in lines if line.strip()]


@pytest.mark.parametrize("compression", ["gz", "zip"])
def test_a_truncated_file_is_rejected(tmp_path, compression):
    path = write_file(tmp_path, compression, b"\n".join(b"%d" % n for n in range(10_000)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LinesUnreadable, match=r"cut off or damaged .*; get it again"):
        read(path, 1000)


def test_a_flipped_bit_in_a_compressed_file_is_detected(tmp_path):
    path = write_file(tmp_path, "gz", b"\n".join(b"%d" % n for n in range(10_000)))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(LinesUnreadable):
        read(path, 1000)


def test_an_archive_of_several_files_is_rejected(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", b"{}")
        archive.writestr("b.json", b"{}")
    with pytest.raises(LinesUnreadable, match="holds 2 files"):
        read(path, 100)


# Spilled rows


def test_spilled_rows_are_read_back_by_month(tmp_path):
    rows = pl.DataFrame({"n": range(10), "month": ["2025-10", "2025-11"] * 5})
    with open_spill(Lake(tmp_path / "lake")) as spill:
        spill.add(rows.head(6), pl.col("month"))
        spill.add(rows.tail(4), pl.col("month"))
        assert spill.months() == ["2025-10", "2025-11"]
        assert sorted(spill.read_month("2025-11")["n"]) == [1, 3, 5, 7, 9]
        folder = spill.folder
    assert not folder.exists()


def test_a_concurrent_writer_does_not_delete_spilled_rows(tmp_path):
    lake = Lake(tmp_path / "lake")
    with open_spill(lake) as spill:
        spill.add(pl.DataFrame({"n": [1], "month": ["2025-10"]}), pl.col("month"))
        with open_writer(lake):
            pass
        assert spill.read_month("2025-10").height == 1

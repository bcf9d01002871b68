"""Large files of lines, whatever they are packed in: every line once, in blocks; what is cut is not taken for whole."""

import gzip
import zipfile

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperlake.store.lake import Lake
from paperlake.store.line_blocks import LinesUnreadable, line_blocks
from paperlake.store.publish import open_writer
from paperlake.store.spill import spill

LINES = [b'{"id":"0704.0001"}', b"  ", b"", "é🎉".encode(), b"{" + b"x" * 100 + b"}"]
TEXT = b"\n".join(LINES)
WANTED = [line for line in LINES if line.strip()]


def packed(folder, how, text=TEXT):
    path = folder / f"snapshot.{how}"
    if how == "gz":
        path.write_bytes(gzip.compress(text))
    elif how == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("snapshot.json", text)
    else:
        path.write_bytes(text)
    return path


def read(path, size):
    heard = []
    blocks = list(line_blocks(path, heard.append, size))
    return [line for block in blocks for line in block], heard


@pytest.mark.parametrize("how", ["json", "gz", "zip"])
@pytest.mark.parametrize("size", [1, 7, 64, 10**6])
def test_every_line_comes_once_and_in_order_in_blocks_of_any_size(tmp_path, how, size):
    path = packed(tmp_path, how)
    lines, heard = read(path, size)
    assert lines == WANTED
    assert 0 <= sum(heard) <= path.stat().st_size


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.integers(1, 40))
def test_blocks_hold_just_the_lines_of_any_file(tmp_path_factory, lines, size):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(b"\n".join(lines))
    # What begins like a packed file is one.
    if not path.read_bytes().startswith((b"\x1f\x8b", b"PK\x03\x04")):
        assert read(path, size)[0] == [line for line in lines if line.strip()]


@pytest.mark.parametrize("how", ["gz", "zip"])
def test_a_file_that_is_cut_off_is_not_taken_for_whole(tmp_path, how):
    path = packed(tmp_path, how, b"\n".join(b"%d" % n for n in range(10_000)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LinesUnreadable, match=r"cut off or damaged .*; get it again"):
        read(path, 1000)


def test_a_flipped_bit_in_a_packed_file_is_found(tmp_path):
    path = packed(tmp_path, "gz", b"\n".join(b"%d" % n for n in range(10_000)))
    spoiled = bytearray(path.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    path.write_bytes(spoiled)
    with pytest.raises(LinesUnreadable):
        read(path, 1000)


def test_an_archive_of_several_files_is_refused(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", b"{}")
        archive.writestr("b.json", b"{}")
    with pytest.raises(LinesUnreadable, match="holds 2 files"):
        read(path, 100)


# Rows put aside


def test_rows_put_aside_come_back_by_month(tmp_path):
    rows = pl.DataFrame({"n": range(10), "month": ["2025-10", "2025-11"] * 5})
    with spill(Lake(tmp_path / "lake")) as aside:
        aside.put(rows.head(6), pl.col("month"))
        aside.put(rows.tail(4), pl.col("month"))
        assert aside.months() == ["2025-10", "2025-11"]
        assert sorted(aside.take("2025-11")["n"]) == [1, 3, 5, 7, 9]
        folder = aside.folder
    assert not folder.exists()


def test_a_writer_that_comes_meanwhile_leaves_what_is_put_aside(tmp_path):
    lake = Lake(tmp_path / "lake")
    with spill(lake) as aside:
        aside.put(pl.DataFrame({"n": [1], "month": ["2025-10"]}), pl.col("month"))
        with open_writer(lake):
            pass
        assert aside.take("2025-10").height == 1

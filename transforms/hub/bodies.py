"""Bodies of answers as text: what can be read without guessing is read, and the form of any other body is named."""

from __future__ import annotations

import zlib

import polars as pl

from transforms.hub.database import engine

# Python writes lone surrogates into JSON as escapes that strict parsers refuse; one in a title must not make a whole
# date unreadable. The pattern keeps pairs and escaped backslashes (group 1) and removes lone halves.
_LONE_SURROGATE = r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
_BYTE_ORDER_MARK = "\ufeff"
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MAX_BYTES = 256 * 2**20
REPLACEMENT = "\ufffd"
"""Stands for bytes that are not UTF-8."""


def read_bodies(bodies: pl.Series) -> pl.DataFrame:
    """The `text` of each body, whether bytes in it were replaced (`is_damaged`), and what it is if not a list (`form`).

    A byte order mark is removed, gzip is inflated, UTF-16 with a byte order mark is decoded. In a list in UTF-8, bytes
    that are not UTF-8 become REPLACEMENT. `text` is null for a body that cannot be read.
    """
    text = decode(bodies)
    damaged = pl.repeat(value=False, n=bodies.len(), dtype=pl.Boolean, eager=True)
    if text.null_count():
        # Only bodies that are not UTF-8 come here, hardly any. No expression inflates gzip or decodes UTF-16.
        rows = text.is_null().arg_true()
        recovered = [_recover(body) for body in bodies.gather(rows)]
        text = text.scatter(rows, [text for text, _ in recovered])
        damaged = damaged.scatter(rows, [is_damaged for _, is_damaged in recovered])
    # Most months have neither, and a replacement copies every body, so search all bodies first.
    if text.str.starts_with(_BYTE_ORDER_MARK).any():
        text = text.str.strip_prefix(_BYTE_ORDER_MARK)
    frame = pl.DataFrame({"body": bodies, "text": without_lone_surrogates(text), "is_damaged": damaged})
    return frame.select("text", "is_damaged", form=_form())


def _recover(body: bytes | None) -> tuple[str | None, bool]:
    """The text of a body that is not UTF-8, and whether bytes of it were replaced."""
    if body is not None and body.startswith(_GZIP):
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            body = inflater.decompress(body, _MAX_BYTES)
        except zlib.error:
            return None, False
        if not inflater.eof:
            return None, False
    if body is None:
        return None, False
    if body.startswith(_UTF_16):
        try:
            return body.decode("utf-16"), False
        except UnicodeDecodeError:
            return None, False
    text = body.decode("utf-8", errors="replace")
    is_list = text.lstrip(" \t\r\n" + _BYTE_ORDER_MARK).startswith("[")
    return (text, True) if is_list else (None, False)


def _form() -> pl.Expr:
    start = pl.col("text").str.head(200).str.strip_chars_start()
    body = pl.col("body")
    is_utf_16 = (
        body.bin.starts_with(_UTF_16[0]) | body.bin.starts_with(_UTF_16[1]) | start.str.contains("\0", literal=True)
    )
    return (
        pl.when(start == "")
        .then(pl.lit("is empty"))
        .when(body.bin.starts_with(_GZIP) & start.is_null())
        .then(pl.lit("is gzip that cannot be inflated"))
        .when(is_utf_16 & (start.is_null() | ~start.str.starts_with("[") | start.str.contains("\0", literal=True)))
        .then(pl.lit("is UTF-16 that cannot be decoded"))
        .when(start.is_null())
        .then(pl.lit("is not UTF-8"))
        .when(start.str.starts_with("<"))
        .then(pl.lit("is an HTML or XML page"))
        .when(start.str.starts_with("{"))
        .then(pl.lit("is a JSON object, not an array"))
        .when(start.str.starts_with("["))
        .then(pl.lit("is not a valid JSON array"))
        .otherwise(pl.lit("is not a JSON array"))
    )


def without_lone_surrogates(json_texts: pl.Series) -> pl.Series:
    """JSON texts without escapes of lone surrogates, which would make the whole text unreadable."""
    if json_texts.str.contains(r"\\u[dD][89a-fA-F]").any():
        return json_texts.str.replace_all(_LONE_SURROGATE, "$1")
    return json_texts


def decode(bodies: pl.Series) -> pl.Series:
    """Bytes as text, null where they are not UTF-8. Polars fails for all of them if one is invalid, DuckDB does not."""
    try:
        return bodies.cast(pl.String)
    except pl.exceptions.PolarsError:
        with engine().cursor() as database:
            database.register("bodies", bodies.to_frame("body").with_row_index("row").to_arrow())
            texts: pl.DataFrame = database.sql("select try(decode(body)) as text from bodies order by row").pl()
        return texts["text"]

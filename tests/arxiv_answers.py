"""Builders for small invented answers of arXiv's OAI-PMH server, and for the rows parsed from them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from hypothesis import Phase, settings

from schemas.arxiv_replies import ARXIV_REPLIES
from transforms.arxiv.oai_replies import ParsedOaiReplies, parse_replies

Row = dict[str, Any]
AT = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)
PROPERTY_SETTINGS = settings(deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
ABSENT = object()
"""As the value of an element: leave the element out."""
OPENING = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
AUTHORS = "<author><keyname>Birch</keyname><forenames>Ada</forenames></author>"
ELEMENTS = {
    "id": "2511.00010",
    "created": "2025-11-04",
    "authors": AUTHORS,
    "title": "On Trees",
    "categories": "cs.LG stat.ML",
    "abstract": "  Trees were climbed.\n",
}


def author(keyname: object = ABSENT, forenames: object = ABSENT, suffix: object = ABSENT, *affiliations: str) -> str:
    """An author as XML; texts are escaped."""
    parts = {"keyname": keyname, "forenames": forenames, "suffix": suffix}
    elements = [(name, part) for name, part in parts.items() if part is not ABSENT]
    elements += [("affiliation", place) for place in affiliations]
    return f"<author>{''.join(f'<{name}>{escape(str(part))}</{name}>' for name, part in elements)}</author>"


def metadata(**changes: Any) -> str:
    """The metadata of a readable record as XML; `journal_ref="…"` puts a text into an element, and GONE takes it away.

    `authors` are XML, other texts are escaped, unless they are bytes: those are XML, too.
    """
    elements = ELEMENTS | {name.replace("_", "-"): value for name, value in changes.items()}
    xml = []
    for name, value in elements.items():
        if value is not ABSENT:
            is_xml = name == "authors" or isinstance(value, bytes)
            text = value.decode() if isinstance(value, bytes) else value if is_xml else escape(value)
            xml.append(f"<{name}>{text}</{name}>")
    return f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/">{"".join(xml)}</arXiv>'


def record(
    paper_id: str = "2511.00010", /, datestamp: str = "2025-11-05", *, deleted: bool = False, **changes: Any
) -> str:
    """A readable record as XML, or a deletion."""
    content = "" if deleted else f"<metadata>{metadata(**{'id': paper_id, **changes})}</metadata>"
    return f"<record>{header(paper_id, datestamp, 'deleted' if deleted else None)}{content}</record>"


def header(paper_id: str = "2511.00010", datestamp: str = "2025-11-05", status: str | None = None) -> str:
    """A header as XML."""
    attribute = f' status="{status}"' if status else ""
    content = f"<identifier>oai:arXiv.org:{escape(paper_id)}</identifier><datestamp>{datestamp}</datestamp>"
    return f"<header{attribute}>{content}<setSpec>cs</setSpec></header>"


def xml_page(*records: str, token: str | None = None, verb: str = "ListRecords", attributes: str = "") -> bytes:
    """An answer with these records or headers; without a resumption token if `token` is None."""
    last = "" if token is None else f"<resumptionToken{attributes}>{token}</resumptionToken>"
    return xml_answer(f"<{verb}>{''.join(records)}{last}</{verb}>")


def xml_answer(inside: str) -> bytes:
    """An answer with this content, as arXiv's server sends it."""
    envelope = "<responseDate>2026-11-25T03:15:00Z</responseDate><request>http://127.0.0.1/oai</request>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{OPENING}{envelope}{inside}</OAI-PMH>'.encode()


def replies(*bodies: bytes, at: datetime = AT, status_code: int | None = 200) -> pl.DataFrame:
    """Answers as rows of `arxiv_replies`, three seconds apart."""
    rows = [_reply(body, at + timedelta(seconds=3 * number), status_code) for number, body in enumerate(bodies)]
    return pl.DataFrame(rows, schema=pl.Schema(ARXIV_REPLIES.arrow()))


def _reply(body: bytes, at: datetime, status_code: int | None) -> Row:
    return {
        "captured_on": at.date(),
        "captured_at": at,
        "harvest_started_at": AT,
        "verb": "ListRecords",
        "url": None,
        "status_code": status_code,
        "headers": None,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
    }


def read_records(*records: str) -> ParsedOaiReplies:
    """Parse one page with these records."""
    return parse_replies(replies(xml_page(*records)))


def record_row(**changes: Any) -> Row:
    """The row of a record with these elements."""
    return read_records(record(**changes)).records.row(0, named=True)


def read_column(name: str, element: str, texts: Sequence[object]) -> list[Any]:
    """The values of column `name` for records whose `element` is each of `texts`."""
    records = [record(f"2511.{number:05}", **{element: text}) for number, text in enumerate(texts)]
    return read_records(*records).records.sort("position")[name].to_list()


def reject_rows(*records: str) -> list[tuple[Any, ...]]:
    """The rejects of a page with these records: position, field, reason, is_row_kept."""
    return read_records(*records).rejects.select("position", "field", "reason", "is_row_kept").rows()


def day(text: str) -> date:
    return date.fromisoformat(text)

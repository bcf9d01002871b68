"""Small invented answers of arXiv's OAI-PMH server, and what is read of them: the words in which the tests speak."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from hypothesis import Phase, settings

from schemas.arxiv_replies import ARXIV_REPLIES
from transforms.arxiv.oai_replies import Reading, read

Row = dict[str, Any]
AT = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)
THOROUGH = settings(deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
GONE = object()
"""As the value of an element: it is absent."""
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


def author(keyname: object = GONE, forenames: object = GONE, suffix: object = GONE, *affiliations: str) -> str:
    """An author as XML; texts are escaped."""
    parts = {"keyname": keyname, "forenames": forenames, "suffix": suffix}
    told = [(name, part) for name, part in parts.items() if part is not GONE]
    told += [("affiliation", place) for place in affiliations]
    return f"<author>{''.join(f'<{name}>{escape(str(part))}</{name}>' for name, part in told)}</author>"


def metadata(**changes: Any) -> str:
    """The metadata of a readable record as XML; `journal_ref="…"` puts a text into an element, and GONE takes it away.

    `authors` are XML, other texts are escaped, unless they are bytes: those are XML, too.
    """
    held = ELEMENTS | {name.replace("_", "-"): value for name, value in changes.items()}
    told = []
    for name, value in held.items():
        if value is not GONE:
            is_xml = name == "authors" or isinstance(value, bytes)
            text = value.decode() if isinstance(value, bytes) else value if is_xml else escape(value)
            told.append(f"<{name}>{text}</{name}>")
    return f'<arXiv xmlns="http://arxiv.org/OAI/arXiv/">{"".join(told)}</arXiv>'


def record(
    paper_id: str = "2511.00010", /, datestamp: str = "2025-11-05", *, deleted: bool = False, **changes: Any
) -> str:
    """A readable record as XML, or a deletion."""
    told = "" if deleted else f"<metadata>{metadata(**{'id': paper_id, **changes})}</metadata>"
    return f"<record>{header(paper_id, datestamp, 'deleted' if deleted else None)}{told}</record>"


def header(paper_id: str = "2511.00010", datestamp: str = "2025-11-05", status: str | None = None) -> str:
    """A header as XML."""
    attribute = f' status="{status}"' if status else ""
    told = f"<identifier>oai:arXiv.org:{escape(paper_id)}</identifier><datestamp>{datestamp}</datestamp>"
    return f"<header{attribute}>{told}<setSpec>cs</setSpec></header>"


def page(*records: str, token: str | None = None, verb: str = "ListRecords", attributes: str = "") -> bytes:
    """An answer with these records, or headers; `token` None leaves the resumption token out."""
    last = "" if token is None else f"<resumptionToken{attributes}>{token}</resumptionToken>"
    return answer(f"<{verb}>{''.join(records)}{last}</{verb}>")


def answer(inside: str) -> bytes:
    """An answer that holds this, as its server sends it."""
    date_told = "<responseDate>2026-11-25T03:15:00Z</responseDate><request>http://127.0.0.1/oai</request>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{OPENING}{date_told}{inside}</OAI-PMH>'.encode()


def replies(*bodies: bytes, at: datetime = AT, status_code: int | None = 200) -> pl.DataFrame:
    """Answers as rows of `arxiv_replies`, three seconds after each other."""
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


def reading(*records: str) -> Reading:
    """What is read of one page with these records."""
    return read(replies(page(*records)))


def told(**changes: Any) -> Row:
    """The row of a record with these elements."""
    return reading(record(**changes)).records.row(0, named=True)


def column(name: str, element: str, texts: Sequence[object]) -> list[Any]:
    """What column `name` has for records whose `element` is each of `texts`."""
    records = [record(f"2511.{number:05}", **{element: text}) for number, text in enumerate(texts)]
    return reading(*records).records.sort("position")[name].to_list()


def faults(*records: str) -> list[tuple[Any, ...]]:
    """The rejects of a page with these records, in short: position, field, reason, whether the row is kept."""
    return reading(*records).rejects.select("position", "field", "reason", "is_row_kept").rows()


def day(text: str) -> date:
    return date.fromisoformat(text)

"""The XML of the new server, oaipmh.arxiv.org (since March 2025), with its white space and the bugs of its code.

Replies made by arXiv's own code show them: `created` is the date of the newest version and `updated` that of the last
change; there are no affiliations; `<acm-class>` contains the MSC class, or `None` if there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sandbox.arxiv.papers import Author, Paper
from sandbox.arxiv.sets import ARCHIVES, CATEGORIES, GROUPS, current_categories, new_sets, new_sets_in_lists

PATH = "/oai"
HEADERS: Mapping[str, str] = {"Content-Type": "application/xml"}
EARLIEST = date(2005, 9, 16)
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_OAI = "http://www.openarchives.org/OAI/2.0/"
_SECURE_OAI = "https://www.openarchives.org/OAI/2.0/"
_DC = (
    f'<oai_dc:dc xmlns:oai_dc="{_OAI}oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/" {_XSI}'
    f' xsi:schemaLocation="{_OAI}oai_dc/ {_SECURE_OAI}oai_dc.xsd">'
)
_FORMATS = {
    "oai_dc": (f"{_SECURE_OAI}oai_dc.xsd", f"{_OAI}oai_dc/"),
    "arXiv": ("https://oaipmh.arxiv.org/OAI/arXiv.xsd", "http://arxiv.org/OAI/arXiv/"),
    "arXivOld": ("https://oaipmh.arxiv.org/OAI/arXivOld.xsd", "http://arxiv.org/OAI/arXivOld/"),
    "arXivRaw": ("https://oaipmh.arxiv.org/OAI/arXivRaw.xsd", "http://arxiv.org/OAI/arXivRaw/"),
}
_DESCRIPTION = """            <description>
        <eprints xmlns="http://www.openarchives.org/OAI/1.1/eprints" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.openarchives.org/OAI/1.1/eprints http://www.openarchives.org/OAI/1.1/eprints.xsd">
            <content>
                <text>Author self-archived e-prints</text>
            </content>
            <metadataPolicy>
                <text>Metadata harvesting permitted through OAI interface</text>
                <URL>https://info.arxiv.org/help/oa/metadataPolicy.html</URL>
            </metadataPolicy>
            <dataPolicy>
                <text>Full-content harvesting not permitted (except by special arrangement)</text>
                <URL>https://info.arxiv.org/help/oa/dataPolicy.html</URL>
            </dataPolicy>
            <submissionPolicy>
                <text>Author self-submission preferred, submissions screened for appropriateness.</text>
                <URL>https://info.arxiv.org/help/submit/index.html</URL>
            </submissionPolicy>
        </eprints>
    </description>

"""


def escaped(text: str) -> str:
    """Escape `text` for XML, including quotes. Non-ASCII letters stay as they are."""
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return marked.replace("'", "&#39;").replace('"', "&#34;")


def document(at: datetime, url: str, echoed: Mapping[str, str], inner: str) -> str:
    """A complete answer with its request element."""
    quote, room = ("'", 16) if "resumptionToken" in echoed else ('"', 12 if echoed.get("verb") == "ListSets" else 16)
    attributes = "".join(f" {name}={quote}{escaped(value)}{quote}" for name, value in echoed.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{_OAI}" \n         {_XSI}\n'
        f'         xsi:schemaLocation="{_OAI} {_OAI}OAI-PMH.xsd">\n'
        f"    <responseDate>{at:%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"{' ' * room}<request{attributes}>{escaped(url)}</request>\n\n\n{inner}</OAI-PMH>"
    )


def error(code: str, message: str) -> str:
    """An error element."""
    return f"    <error code='{code}'>{escaped(message)}</error>\n"


def identify(url: str) -> str:
    """The Identify element. Unlike the real server, it gives the sandbox's own address."""
    elements = {
        "repositoryName": "arXiv",
        "baseURL": escaped(url),
        "protocolVersion": "2.0",
        "adminEmail": "help@arxiv.org",
        "earliestDatestamp": f"{EARLIEST}",
        "deletedRecord": "persistent",
        "granularity": "YYYY-MM-DD",
    }
    inner = "".join(f"        <{name}>{text}</{name}>\n" for name, text in elements.items())
    return f"    <Identify>\n{inner}{_DESCRIPTION}    </Identify>\n"


def metadata_formats() -> str:
    """The metadata formats, which are the same for all papers."""
    inner = "".join(
        f"                <metadataFormat>\n    <metadataPrefix>{prefix}</metadataPrefix>\n"
        f"    <schema>{schema}</schema>\n    <metadataNamespace>{namespace}</metadataNamespace>\n</metadataFormat>\n\n"
        for prefix, (schema, namespace) in _FORMATS.items()
    )
    return f"    <ListMetadataFormats>\n{inner}    </ListMetadataFormats>\n"


def sets() -> str:
    """The sets, categories in id order. An archive that is also a category occurs twice."""
    categories = ((CATEGORIES[each].set_spec, CATEGORIES[each].name) for each in sorted(CATEGORIES))
    inner = "".join(
        f"                <set>\n        <setSpec>{spec}</setSpec>\n        <setName>{escaped(name)}</setName>\n"
        "    </set>\n\n"
        for spec, name in (*GROUPS.items(), *ARCHIVES.items(), *categories)
    )
    return f"    <ListSets>\n{inner}    </ListSets>\n"


def listed(verb: str, items: str, token: str) -> str:
    """A list or a single record, followed by the token."""
    # The first line of a single record is indented less than that of a record in a list.
    inner = items.removeprefix("    ") if verb == "GetRecord" else items
    return f"    <{verb}>\n{inner}{token}    </{verb}>\n"


def resumption(token: str, *, cursor: int, total: int, expires_at: datetime) -> str:
    """The resumption token, empty on the last of several pages. The new server gives no counts."""
    del cursor, total
    room = " " * 20
    if not token:
        return f"{room}<resumptionToken/>\n\n"
    ends = f"{expires_at:%Y-%m-%dT%H:%M:%SZ}"
    return f"{room}<resumptionToken expirationDate='{ends}'>{escaped(token)}</resumptionToken>\n\n"


def header(paper: Paper) -> str:
    """A header as in `ListIdentifiers`. Its sets differ from those of the record."""
    return _header(paper, new_sets_in_lists(paper.categories))


def _header(paper: Paper, set_specs: list[str]) -> str:
    status = ' status="deleted"' if paper.is_deleted else ""
    specs = "".join(f"            <setSpec>{spec}</setSpec>\n" for spec in set_specs)
    return (
        f"                <header{status}>\n        <identifier>{paper.identifier}</identifier>\n"
        f"        <datestamp>{paper.datestamp}</datestamp>\n{specs}    </header>\n\n"
    )


def record(paper: Paper, prefix: str) -> str:
    """A record. A deleted paper has only its header."""
    opening, closing = f"{' ' * 20}<record>\n", "        </record>\n\n"
    opening += _header(paper, new_sets(paper.categories))
    if paper.is_deleted:
        return f"{opening}{closing}"
    inner = _dublin_core(paper) if prefix == "oai_dc" else _arxiv(paper, prefix)
    return f"{opening}            <metadata>\n{' ' * 24}{inner}\n            </metadata>\n{closing}"


def _element(name: str, text: str | None, room: int = 12) -> str:
    return f"{' ' * room}<{name}>{escaped(text)}</{name}>\n" if text else ""


def _arxiv(paper: Paper, prefix: str) -> str:
    namespace, schema = f"http://arxiv.org/OAI/{prefix}/", f"https://oaipmh.arxiv.org/OAI/{prefix}.xsd"
    opening = f'<{prefix} xmlns="{namespace}" {_XSI} xsi:schemaLocation="{namespace} {schema}">\n'
    categories = " ".join(paper.categories)
    title = _element("title", paper.title, 8)
    if prefix == "arXiv":
        names = "".join(_author(each) for each in paper.authors)
        parts = _element("created", f"{paper.versions[-1].submitted_at:%Y-%m-%d}", 8)
        parts += _element("updated", f"{paper.datestamp}") + f"        <authors>\n{names}        </authors>\n{title}"
        parts += _element("categories", categories)
    else:
        line = _element("authors", paper.authors_text, 8)
        parts = _versions(paper) if prefix == "arXivRaw" else ""
        parts += f"{title}{line}" + _element("categories", categories, 8)
    # A bug of two of the three formats: they give the MSC class as ACM class, formatted by Python.
    acm = paper.acm_class if prefix == "arXivOld" or not paper.acm_class else f"{paper.msc_class}"
    classes = [("msc-class", paper.msc_class), ("acm-class", acm)]
    last = [("license", paper.license), ("abstract", paper.abstract)]
    rest = [
        ("comments", paper.comments),
        ("proxy", paper.proxy),
        ("report-no", paper.report_no),
        *(reversed(classes) if prefix == "arXivRaw" else classes),
        ("journal-ref", paper.journal_ref),
        ("doi", paper.doi),
        *(reversed(last) if prefix == "arXivOld" else last),
    ]
    parts += "".join(_element(name, text) for name, text in rest)
    return f"{opening}{_element('id', paper.id, 8)}{parts}    </{prefix}>\n"


def _versions(paper: Paper) -> str:
    versions = "".join(
        f'            <version version="v{place}">\n'
        f"{_element('date', f'{version.submitted_at:%a, %d %b %Y %H:%M:%S GMT}', 16)}"
        f"{_element('size', f'{version.size_kb}kb', 16)}"
        f"{_element('source_type', version.source_type, 20)}            </version>\n"
        for place, version in enumerate(paper.versions, start=1)
    )
    return _element("submitter", paper.submitter, 8) + versions


def _author(author: Author) -> str:
    inner = _element("keyname", author.keyname, 20)
    inner += _element("forenames", author.forenames, 24) + _element("suffix", author.suffix, 24)
    return f"                <author>\n{inner}                </author>\n"


def _dublin_core(paper: Paper) -> str:
    creators = (
        author.keyname
        + (f" {author.suffix}" if author.suffix else "")
        + (f", {author.forenames}" if author.forenames else "")
        for author in paper.authors
    )
    first, newest = paper.versions[0].submitted_at, paper.versions[-1].submitted_at
    elements = [
        ("title", paper.title, 8),
        *(("creator", each, 12) for each in creators),
        *(("subject", each, 12) for each in dict.fromkeys(each.name for each in current_categories(paper.categories))),
        ("subject", paper.msc_class, 12),
        ("subject", paper.acm_class, 12),
        ("description", f"{paper.abstract} ", 12),
        ("description", paper.comments, 12),
        ("date", f"{first:%Y-%m-%d}", 8),
        ("date", f"{newest:%Y-%m-%d}" if newest != first else None, 12),
        ("type", "text", 8),
        ("identifier", f"https://arxiv.org/abs/{paper.id}", 8),
        ("identifier", f"http://arxiv.org/abs/{paper.id}", 8),
        ("identifier", paper.journal_ref, 12),
        ("identifier", f"doi:{paper.doi}" if paper.doi else None, 12),
    ]
    inner = "".join(_element(f"dc:{name}", text, room) for name, text, room in elements)
    return f"{_DC}\n{inner}    </oai_dc:dc>\n"

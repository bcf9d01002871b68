"""The XML of the old server, export.arxiv.org/oai2 (until March 2025): compact, in ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sandbox.arxiv.papers import Author, Paper
from sandbox.arxiv.sets import ARCHIVES, OLD_SETS, Category, current_categories, old_sets

PATH = "/oai2"
HEADERS: Mapping[str, str] = {"Server": "Apache", "Content-Type": "text/xml", "Connection": "close"}
EARLIEST = date(2007, 5, 23)
_ATTRIBUTES = ("verb", "resumptionToken", "until", "from", "identifier", "metadataPrefix", "set")
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_OAI = "http://www.openarchives.org/OAI/2.0/"
_DC = (
    f'<oai_dc:dc xmlns:oai_dc="{_OAI}oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/" {_XSI}'
    f' xsi:schemaLocation="{_OAI}oai_dc/ {_OAI}oai_dc.xsd">'
)
_FORMATS = {
    "oai_dc": (f"{_OAI}oai_dc.xsd", f"{_OAI}oai_dc/"),
    "arXiv": ("http://arxiv.org/OAI/arXiv.xsd", "http://arxiv.org/OAI/arXiv/"),
    "arXivOld": ("http://arxiv.org/OAI/arXivOld.xsd", "http://arxiv.org/OAI/arXivOld/"),
    "arXivRaw": ("http://arxiv.org/OAI/arXivRaw.xsd", "http://arxiv.org/OAI/arXivRaw/"),
}
_DESCRIPTION = """<description>
<eprints xmlns="http://www.openarchives.org/OAI/1.1/eprints" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.openarchives.org/OAI/1.1/eprints http://www.openarchives.org/OAI/1.1/eprints.xsd">
 <content>
  <text>Author self-archived e-prints</text>
 </content>
 <metadataPolicy>
  <text>Metadata harvesting permitted through OAI interface</text>
  <URL>http://arxiv.org/help/oa/metadataPolicy</URL>
 </metadataPolicy>
 <dataPolicy>
  <text>Full-content harvesting not permitted (except by special arrangement)</text>
  <URL>http://arxiv.org/help/oa/dataPolicy</URL>
 </dataPolicy>
 <submissionPolicy>
  <text>Author self-submission preferred, submissions screened for appropriateness.</text>
  <URL>http://arxiv.org/help/submit</URL>
 </submissionPolicy>
</eprints>
</description>
"""


def escaped(text: str) -> str:
    """Escape `text` for XML. Non-ASCII characters become references."""
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return marked if marked.isascii() else "".join(each if each.isascii() else f"&#x{ord(each):x};" for each in marked)


def document(at: datetime, url: str, echoed: Mapping[str, str], inner: str) -> str:
    """A complete answer with its request element."""
    attributes = "".join(f' {name}="{escaped(echoed[name])}"' for name in _ATTRIBUTES if name in echoed)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OAI-PMH xmlns="{_OAI}" {_XSI} xsi:schemaLocation="{_OAI} {_OAI}OAI-PMH.xsd">\n'
        f"<responseDate>{at:%Y-%m-%dT%H:%M:%SZ}</responseDate>\n"
        f"<request{attributes}>{escaped(url)}</request>\n"
        f"{inner}</OAI-PMH>\n"
    )


def error(code: str, message: str) -> str:
    """An error element."""
    return f'<error code="{code}">{escaped(message)}</error>\n'


def identify(url: str) -> str:
    """The Identify element."""
    return (
        f"<Identify>\n<repositoryName>arXiv</repositoryName>\n<baseURL>{escaped(url)}</baseURL>\n"
        "<protocolVersion>2.0</protocolVersion>\n<adminEmail>help@arxiv.org</adminEmail>\n"
        f"<earliestDatestamp>{EARLIEST}</earliestDatestamp>\n<deletedRecord>persistent</deletedRecord>\n"
        f"<granularity>YYYY-MM-DD</granularity>\n{_DESCRIPTION}</Identify>\n"
    )


def metadata_formats() -> str:
    """The metadata formats, which are the same for all papers."""
    inner = "".join(
        f"<metadataFormat>\n <metadataPrefix>{prefix}</metadataPrefix>\n <schema>{schema}</schema>\n"
        f" <metadataNamespace>{namespace}</metadataNamespace>\n</metadataFormat>\n"
        for prefix, (schema, namespace) in _FORMATS.items()
    )
    return f"<ListMetadataFormats>\n{inner}</ListMetadataFormats>\n"


def sets() -> str:
    """The sets, in alphabetical order."""
    inner = "".join(
        f"<set>\n <setSpec>{spec}</setSpec>\n <setName>{escaped(name)}</setName>\n</set>\n"
        for spec, name in sorted(OLD_SETS.items())
    )
    return f"<ListSets>\n{inner}</ListSets>\n"


def listed(verb: str, items: str, token: str) -> str:
    """A list or a single record, followed by the token."""
    return f"<{verb}>\n{items}{token}</{verb}>\n"


def resumption(token: str, *, cursor: int, total: int, expires_at: datetime) -> str:
    """The resumption token, empty on the last of several pages. The old server gives no expiration date."""
    del expires_at
    return f'<resumptionToken cursor="{cursor}" completeListSize="{total}">{token}</resumptionToken>\n'


def header(paper: Paper) -> str:
    """The header of a record."""
    status = ' status="deleted"' if paper.is_deleted else ""
    specs = "".join(f" <setSpec>{spec}</setSpec>\n" for spec in old_sets(paper.categories))
    return (
        f"<header{status}>\n <identifier>{paper.identifier}</identifier>\n"
        f" <datestamp>{paper.datestamp}</datestamp>\n{specs}</header>\n"
    )


def record(paper: Paper, prefix: str) -> str:
    """A record. A deleted paper has only its header."""
    if paper.is_deleted:
        return f"<record>\n{header(paper)}</record>\n"
    inner = _dublin_core(paper) if prefix == "oai_dc" else _arxiv(paper, prefix)
    return f"<record>\n{header(paper)}<metadata>\n {inner}\n</metadata>\n</record>\n"


def _element(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}>{escaped(text)}</{name}>"


def _arxiv(paper: Paper, prefix: str) -> str:
    namespace = f"http://arxiv.org/OAI/{prefix}/"
    opening = f'<{prefix} xmlns="{namespace}" {_XSI} xsi:schemaLocation="{namespace} {namespace[:-1]}.xsd">'
    parts = _opening(paper) if prefix == "arXiv" else _raw_opening(paper) if prefix == "arXivRaw" else ""
    names = "".join(_author(each) for each in paper.authors)
    line = _element("authors", paper.authors_text)
    title = _element("title", paper.title)
    parts += f"<authors>{names}</authors>{title}" if prefix == "arXiv" else f"{title}{line}"
    rest = {
        "categories": " ".join(paper.categories),
        "comments": paper.comments,
        "proxy": paper.proxy,
        "report-no": paper.report_no,
        "msc-class": paper.msc_class,
        "acm-class": paper.acm_class,
        "journal-ref": paper.journal_ref,
        "doi": paper.doi,
        "license": paper.license,
        "abstract": paper.abstract,
    }
    parts += "".join(_element(name, text) for name, text in rest.items())
    return f"{opening}\n {_element('id', paper.id)}{parts}</{prefix}>"


def _opening(paper: Paper) -> str:
    first, newest = paper.versions[0], paper.versions[-1]
    updated = f"{newest.submitted_at:%Y-%m-%d}" if newest is not first else None
    return _element("created", f"{first.submitted_at:%Y-%m-%d}") + _element("updated", updated)


def _raw_opening(paper: Paper) -> str:
    versions = "".join(
        f'<version version="v{place}"><date>{at:%a}, {at.day} {at:%b %Y %H:%M:%S} GMT</date>'
        f"<size>{version.size_kb}kb</size>{_element('source_type', version.source_type)}</version>"
        for place, version in enumerate(paper.versions, start=1)
        for at in (version.submitted_at,)
    )
    return _element("submitter", paper.submitter) + versions


def _author(author: Author) -> str:
    elements = (("keyname", author.keyname), ("forenames", author.forenames), ("suffix", author.suffix))
    parts = "".join(_element(name, text) for name, text in elements)
    places = "".join(_element("affiliation", place) for place in author.affiliations)
    return f"<author>{parts}{places}</author>"


def _dublin_core(paper: Paper) -> str:
    creators = [f"{_family(each)}, {each.forenames}" if each.forenames else each.keyname for each in paper.authors]
    subjects = list(dict.fromkeys(_subject(each) for each in current_categories(paper.categories)))
    subjects += [each for each in (paper.msc_class, paper.acm_class) if each]
    dates = dict.fromkeys(f"{each.submitted_at:%Y-%m-%d}" for each in (paper.versions[0], paper.versions[-1]))
    elements = [
        ("title", paper.title),
        *(("creator", each) for each in creators),
        *(("subject", each) for each in subjects),
        ("description", paper.abstract),
        ("description", f"Comment: {paper.comments}" if paper.comments else None),
        *(("date", each) for each in dates),
        ("type", "text"),
        ("identifier", f"http://arxiv.org/abs/{paper.id}"),
        ("identifier", paper.journal_ref),
        ("identifier", f"doi:{paper.doi}" if paper.doi else None),
    ]
    inner = "".join(f" {_element(f'dc:{name}', text)}\n" for name, text in elements if text is not None)
    return f"{_DC}\n{inner} </oai_dc:dc>"


def _family(author: Author) -> str:
    return f"{author.keyname} {author.suffix}" if author.suffix else author.keyname


def _subject(category: Category) -> str:
    archive = ARCHIVES[f"{category.group}:{category.archive}"]
    return category.name if category.archive == category.id else f"{archive} - {category.name}"

"""What the sandbox arXiv says by OAI-PMH 2.0: verbs, arguments, pages and refusals, without any network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Protocol

from sandbox import arxiv_new, arxiv_old
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_paging import BadTokenError, NewPages, OldPages, Pages, Window
from sandbox.arxiv_papers import Paper
from sandbox.arxiv_sets import NEW_SETS, OLD_SETS

Generation = Literal["new", "old"]
PREFIXES = ("oai_dc", "arXiv", "arXivOld", "arXivRaw")
_MOST_LEVELS = 3
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ID = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?", re.ASCII)
_ID_PREFIX = "oai:arXiv.org:"
_SAID = {
    "badArgument": "The request includes illegal arguments, is missing required arguments, includes a repeated "
    "argument, or values for arguments have an illegal syntax.",
    "badResumptionToken": "The value of the resumptionToken argument is invalid or expired.",
    "badVerb": "Value of the verb argument is not a legal OAI-PMH verb, the verb argument is missing, or the verb "
    "argument is repeated.",
    "cannotDisseminateFormat": "The metadata format identified by the value given for the metadataPrefix argument is "
    "not supported by the item or by the repository.",
    "idDoesNotExist": "The value of the identifier argument is unknown or illegal in this repository.",
    "noRecordsMatch": "The combination of the values of the from, until, set and metadataPrefix arguments results in "
    "an empty list.",
}


class Dialect(Protocol):
    """How a generation writes what it says; its modules are `arxiv_new` and `arxiv_old`."""

    PATH: str
    HEADERS: Mapping[str, str]
    EARLIEST: date

    def document(self, at: datetime, url: str, asked: Mapping[str, str], inner: str) -> str: ...  # noqa: D102
    def error(self, code: str, said: str) -> str: ...  # noqa: D102
    def identify(self, url: str) -> str: ...  # noqa: D102
    def metadata_formats(self) -> str: ...  # noqa: D102
    def sets(self) -> str: ...  # noqa: D102
    def listed(self, verb: str, items: str, token: str) -> str: ...  # noqa: D102
    def resumption(self, token: str, *, cursor: int, total: int, expires_at: datetime) -> str: ...  # noqa: D102
    def header(self, paper: Paper) -> str: ...  # noqa: D102
    def record(self, paper: Paper, prefix: str) -> str: ...  # noqa: D102


class RefusedError(Exception):
    """A question that is answered with an `<error>`, under status 200; `asked` is what the answer repeats of it."""

    def __init__(self, code: str, reason: str = "", asked: Mapping[str, str] | None = None) -> None:
        """Refuse with a `code` of OAI-PMH, saying why."""
        super().__init__(f"{_SAID[code]} Reason: {reason}" if reason else _SAID[code])
        self.code = code
        self.asked = asked or {}


class Repository:
    """The arXiv of one generation over a collection; lists are given out in pages of `page_size` records.

    `headers_page_size` is for `ListIdentifiers`, whose pages are larger at the real one (5000 against 2000). `limits`
    holds both by their verbs, and may be changed between two pages.
    """

    def __init__(
        self,
        collection: Collection,
        generation: Generation,
        page_size: int = 1000,
        headers_page_size: int | None = None,
    ) -> None:
        """Answer about `collection`."""
        self.collection = collection
        self.dialect: Dialect = arxiv_new if generation == "new" else arxiv_old
        self._sets = NEW_SETS if generation == "new" else OLD_SETS
        self._pages: Pages = NewPages(collection) if generation == "new" else OldPages(collection)
        self.limits = {"ListRecords": page_size, "ListIdentifiers": headers_page_size or page_size}
        if min(self.limits.values()) < 1:
            raise ValueError(f"a page must hold at least one record, not {min(self.limits.values())}")

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The XML that answers `arguments` at the instant `at`; `url` is the address that was asked."""
        try:
            asked, inner = self._said(arguments, at, url)
        except RefusedError as refused:
            asked, inner = dict(refused.asked), self.dialect.error(refused.code, str(refused))
        return self.dialect.document(at, url, asked, inner).encode()

    def _said(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> tuple[Mapping[str, str], str]:
        if any(times > 1 for times in Counter(name for name, _ in arguments).values()):
            raise RefusedError("badArgument", "Duplicate parameters not allowed")
        given = dict(arguments)
        match verb := given.get("verb", ""):
            case "ListRecords" | "ListIdentifiers":
                return self._list(verb, given, at)
            case "GetRecord":
                return self._record(given)
            case "ListMetadataFormats":
                return self._formats(given)
            case "Identify" | "ListSets":
                if set(given) != {"verb"}:
                    raise RefusedError("badArgument", f"No other parameters allowed for {verb}")
                return {"verb": verb}, self.dialect.identify(url) if verb == "Identify" else self.dialect.sets()
        raise RefusedError("badVerb", "Invalid verb provided")

    def _record(self, given: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        if set(given) != {"verb", "identifier", "metadataPrefix"}:
            expected = "Expected: identifier, metadataPrefix, verb"
            raise RefusedError("badArgument", f"Parameters provided did not match expected. {expected}")
        asked = {"verb": "GetRecord"}
        paper_id = _paper_id(given["identifier"], asked)
        asked["identifier"] = given["identifier"]
        prefix = asked["metadataPrefix"] = _prefix(given, asked)
        paper = self.collection.find(paper_id)
        if paper is None:
            raise RefusedError("idDoesNotExist", "Nothing found for this ID", asked)
        return asked, self.dialect.listed("GetRecord", self.dialect.record(paper, prefix), "")

    def _formats(self, given: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        if not {"verb"} <= set(given) <= {"verb", "identifier"}:
            raise RefusedError("badArgument", "Only allowed parameters are verb, identifier")
        if "identifier" in given:
            # As the real one: the id must look like one, but nobody looks whether there is such a paper.
            _paper_id(given["identifier"], {"verb": "ListMetadataFormats"})
        asked = {name: given[name] for name in ("verb", "identifier") if name in given}
        return asked, self.dialect.metadata_formats()

    def _list(self, verb: str, given: Mapping[str, str], at: datetime) -> tuple[Mapping[str, str], str]:
        skip, token, question = 0, given.get("resumptionToken"), given
        asked = {"verb": verb}
        if token is not None:
            if set(given) != {"verb", "resumptionToken"}:
                raise RefusedError("badArgument", "No other paramters allowed with resumptionToken")
            try:
                question, skip = self._pages.resumed(token, at)
            except BadTokenError as bad:
                raise RefusedError("badResumptionToken", str(bad)) from bad
            asked["resumptionToken"] = token
            if question.get("verb") != verb:
                raise RefusedError("badResumptionToken", "token from different verb", asked)
        window = self._window(question, asked, at)
        page = self._pages.page(asked, window, skip, self.limits[verb], at)
        repeated = page.asked if token is None else {"verb": verb, "resumptionToken": token}
        if not page.papers:
            # Also in the middle of a harvest, when what was left has moved away meanwhile.
            raise RefusedError("noRecordsMatch", asked=repeated)
        if verb == "ListRecords":
            items = "".join(self.dialect.record(paper, asked["metadataPrefix"]) for paper in page.papers)
        else:
            items = "".join(self.dialect.header(paper) for paper in page.papers)
        more = ""
        if page.token is not None:
            counts = {"cursor": page.cursor, "total": page.total}
            more = self.dialect.resumption(page.token, **counts, expires_at=page.expires_at)
        return repeated, self.dialect.listed(verb, items, more)

    def _window(self, question: Mapping[str, str], asked: dict[str, str], at: datetime) -> Window:
        """What is asked for; puts into `asked` what was understood, in the order of the real server."""
        if "metadataPrefix" not in question:
            raise RefusedError("badArgument", "metadataPrefix required.")
        allowed = ("verb", "metadataPrefix", "from", "until", "set")
        if set(question) - set(allowed):
            raise RefusedError("badArgument", f"Unallowed parameter. Allowed parameters: {', '.join(allowed)}")
        asked["metadataPrefix"] = _prefix(question, {"verb": question["verb"]})
        first = _date(question, "from", asked) or self.dialect.EARLIEST
        last = _date(question, "until", asked) or at.date()
        set_spec = question.get("set") or None
        if set_spec is not None:
            if set_spec.count(":") >= _MOST_LEVELS:
                raise RefusedError("badArgument", "Set has too many levels")
            if set_spec not in self._sets:
                raise RefusedError("badArgument", "Set does not exist")
            asked["set"] = set_spec
        if first > last:
            raise RefusedError("badArgument", "until date must be greater than or equal to from date")
        if first < self.dialect.EARLIEST:
            raise RefusedError("badArgument", "start date too early")
        if last > at.date():
            raise RefusedError("badArgument", "until date too late")
        return Window(first, last, set_spec)


def _prefix(given: Mapping[str, str], asked: Mapping[str, str]) -> str:
    if given["metadataPrefix"] not in PREFIXES:
        raise RefusedError("cannotDisseminateFormat", "Did not recognize requested format", dict(asked))
    return given["metadataPrefix"]


def _date(question: Mapping[str, str], name: str, asked: dict[str, str]) -> date | None:
    text = question.get(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise RefusedError("badArgument", f"{name} date format must be YYYY-MM-DD")
    asked[name] = text
    return day


def _paper_id(identifier: str, asked: Mapping[str, str]) -> str:
    paper_id = identifier.removeprefix(_ID_PREFIX)
    if paper_id == identifier or not _ID.fullmatch(paper_id):
        raise RefusedError("idDoesNotExist", "Invalid identifier", asked)
    return paper_id

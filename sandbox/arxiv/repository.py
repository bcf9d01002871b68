"""The sandbox arXiv's OAI-PMH 2.0 answers: verbs, arguments, pages and errors. It has no network code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Protocol

from sandbox.arxiv import new_dialect, old_dialect
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.paging import BadTokenError, NewPaginator, OldPaginator, Paginator, Window
from sandbox.arxiv.papers import Paper
from sandbox.arxiv.sets import NEW_SETS, OLD_SETS

Generation = Literal["new", "old"]
PREFIXES = ("oai_dc", "arXiv", "arXivOld", "arXivRaw")
_MOST_LEVELS = 3
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ID = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?", re.ASCII)
_ID_PREFIX = "oai:arXiv.org:"
_ERROR_TEXTS = {
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
    """The XML of one server generation. The modules `new_dialect` and `old_dialect` implement it."""

    PATH: str
    HEADERS: Mapping[str, str]
    EARLIEST: date

    def document(self, at: datetime, url: str, echoed: Mapping[str, str], inner: str) -> str: ...  # noqa: D102
    def error(self, code: str, message: str) -> str: ...  # noqa: D102
    def identify(self, url: str) -> str: ...  # noqa: D102
    def metadata_formats(self) -> str: ...  # noqa: D102
    def sets(self) -> str: ...  # noqa: D102
    def listed(self, verb: str, items: str, token: str) -> str: ...  # noqa: D102
    def resumption(self, token: str, *, cursor: int, total: int, expires_at: datetime) -> str: ...  # noqa: D102
    def header(self, paper: Paper) -> str: ...  # noqa: D102
    def record(self, paper: Paper, prefix: str) -> str: ...  # noqa: D102


class RefusedError(Exception):
    """A request that gets an `<error>` under status 200. `echoed` are the arguments that the answer repeats."""

    def __init__(self, code: str, reason: str = "", echoed: Mapping[str, str] | None = None) -> None:
        """Refuse with an OAI-PMH error `code` and a reason."""
        super().__init__(f"{_ERROR_TEXTS[code]} Reason: {reason}" if reason else _ERROR_TEXTS[code])
        self.code = code
        self.echoed = echoed or {}


class Repository:
    """An OAI repository of one server generation, with pages of `page_size` records.

    `headers_page_size` applies to `ListIdentifiers`, whose pages are larger on the real server (5000 against 2000).
    `limits` has both by verb, and may change between two pages.
    """

    def __init__(
        self,
        collection: Collection,
        generation: Generation,
        page_size: int = 1000,
        headers_page_size: int | None = None,
    ) -> None:
        """Serve `collection`. ValueError for an empty page size."""
        self.collection = collection
        self.dialect: Dialect = new_dialect if generation == "new" else old_dialect
        self._sets = NEW_SETS if generation == "new" else OLD_SETS
        self._paginator: Paginator = NewPaginator(collection) if generation == "new" else OldPaginator(collection)
        self.limits = {"ListRecords": page_size, "ListIdentifiers": headers_page_size or page_size}
        if min(self.limits.values()) < 1:
            raise ValueError(f"a page must hold at least one record, not {min(self.limits.values())}")

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The XML that answers `arguments` at the time `at`. `url` is the base URL of the repository."""
        try:
            echoed, inner = self._respond(arguments, at, url)
        except RefusedError as refused:
            echoed, inner = dict(refused.echoed), self.dialect.error(refused.code, str(refused))
        return self.dialect.document(at, url, echoed, inner).encode()

    def _respond(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> tuple[Mapping[str, str], str]:
        if any(times > 1 for times in Counter(name for name, _ in arguments).values()):
            raise RefusedError("badArgument", "Duplicate parameters not allowed")
        query = dict(arguments)
        match verb := query.get("verb", ""):
            case "ListRecords" | "ListIdentifiers":
                return self._list(verb, query, at)
            case "GetRecord":
                return self._record(query)
            case "ListMetadataFormats":
                return self._formats(query)
            case "Identify" | "ListSets":
                if set(query) != {"verb"}:
                    raise RefusedError("badArgument", f"No other parameters allowed for {verb}")
                return {"verb": verb}, self.dialect.identify(url) if verb == "Identify" else self.dialect.sets()
        raise RefusedError("badVerb", "Invalid verb provided")

    def _record(self, query: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        if set(query) != {"verb", "identifier", "metadataPrefix"}:
            expected = "Expected: identifier, metadataPrefix, verb"
            raise RefusedError("badArgument", f"Parameters provided did not match expected. {expected}")
        echoed = {"verb": "GetRecord"}
        paper_id = _paper_id(query["identifier"], echoed)
        echoed["identifier"] = query["identifier"]
        prefix = echoed["metadataPrefix"] = _prefix(query, echoed)
        paper = self.collection.find(paper_id)
        if paper is None:
            raise RefusedError("idDoesNotExist", "Nothing found for this ID", echoed)
        return echoed, self.dialect.listed("GetRecord", self.dialect.record(paper, prefix), "")

    def _formats(self, query: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        if not {"verb"} <= set(query) <= {"verb", "identifier"}:
            raise RefusedError("badArgument", "Only allowed parameters are verb, identifier")
        if "identifier" in query:
            # Like the real server: it checks the form of the id, not whether the paper exists.
            _paper_id(query["identifier"], {"verb": "ListMetadataFormats"})
        echoed = {name: query[name] for name in ("verb", "identifier") if name in query}
        return echoed, self.dialect.metadata_formats()

    def _list(self, verb: str, arguments: Mapping[str, str], at: datetime) -> tuple[Mapping[str, str], str]:
        skip, token, query = 0, arguments.get("resumptionToken"), arguments
        echoed = {"verb": verb}
        if token is not None:
            if set(arguments) != {"verb", "resumptionToken"}:
                raise RefusedError("badArgument", "No other paramters allowed with resumptionToken")
            try:
                query, skip = self._paginator.resume(token, at)
            except BadTokenError as bad:
                raise RefusedError("badResumptionToken", str(bad)) from bad
            echoed["resumptionToken"] = token
            if query.get("verb") != verb:
                raise RefusedError("badResumptionToken", "token from different verb", echoed)
        window = self._window(query, echoed, at)
        page = self._paginator.page_at(echoed, window, skip, self.limits[verb], at)
        repeated = page.echoed if token is None else {"verb": verb, "resumptionToken": token}
        if not page.papers:
            # This also happens in the middle of a harvest, when the remaining papers have moved out of the window.
            raise RefusedError("noRecordsMatch", echoed=repeated)
        if verb == "ListRecords":
            items = "".join(self.dialect.record(paper, echoed["metadataPrefix"]) for paper in page.papers)
        else:
            items = "".join(self.dialect.header(paper) for paper in page.papers)
        more = ""
        if page.token is not None:
            counts = {"cursor": page.cursor, "total": page.total}
            more = self.dialect.resumption(page.token, **counts, expires_at=page.expires_at)
        return repeated, self.dialect.listed(verb, items, more)

    def _window(self, query: Mapping[str, str], echoed: dict[str, str], at: datetime) -> Window:
        """The requested window. Adds each valid argument to `echoed`, in the order of the real server."""
        if "metadataPrefix" not in query:
            raise RefusedError("badArgument", "metadataPrefix required.")
        allowed = ("verb", "metadataPrefix", "from", "until", "set")
        if set(query) - set(allowed):
            raise RefusedError("badArgument", f"Unallowed parameter. Allowed parameters: {', '.join(allowed)}")
        echoed["metadataPrefix"] = _prefix(query, {"verb": query["verb"]})
        first = _date(query, "from", echoed) or self.dialect.EARLIEST
        last = _date(query, "until", echoed) or at.date()
        set_spec = query.get("set") or None
        if set_spec is not None:
            if set_spec.count(":") >= _MOST_LEVELS:
                raise RefusedError("badArgument", "Set has too many levels")
            if set_spec not in self._sets:
                raise RefusedError("badArgument", "Set does not exist")
            echoed["set"] = set_spec
        if first > last:
            raise RefusedError("badArgument", "until date must be greater than or equal to from date")
        if first < self.dialect.EARLIEST:
            raise RefusedError("badArgument", "start date too early")
        if last > at.date():
            raise RefusedError("badArgument", "until date too late")
        return Window(first, last, set_spec)


def _prefix(query: Mapping[str, str], echoed: Mapping[str, str]) -> str:
    if query["metadataPrefix"] not in PREFIXES:
        raise RefusedError("cannotDisseminateFormat", "Did not recognize requested format", dict(echoed))
    return query["metadataPrefix"]


def _date(query: Mapping[str, str], name: str, echoed: dict[str, str]) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise RefusedError("badArgument", f"{name} date format must be YYYY-MM-DD")
    echoed[name] = text
    return day


def _paper_id(identifier: str, echoed: Mapping[str, str]) -> str:
    paper_id = identifier.removeprefix(_ID_PREFIX)
    if paper_id == identifier or not _ID.fullmatch(paper_id):
        raise RefusedError("idDoesNotExist", "Invalid identifier", echoed)
    return paper_id

"""The recorded pages of a harvest of the old server, served byte for byte as one list."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sandbox.arxiv import old_dialect
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.repository import Repository

_TOKEN = re.compile(rb"(<resumptionToken[^>]*>)([^<]*)(</resumptionToken>)")
_TAIL = 4096


class RecordedRepository:
    """The list in `folder`: the files `page_*.xml.gz` in name order, each with the token of the next one.

    ListRecords without a token gives the first page, whatever its other arguments. The last page keeps its recorded
    token, which leads to `badResumptionToken`; with `is_closed` its token is empty. The old server answers Identify,
    ListSets and ListMetadataFormats. Other requests find no records.
    """

    def __init__(self, folder: Path | str, *, is_closed: bool = False) -> None:
        """Serve the pages in `folder`. ValueError if it has none."""
        self._files = sorted(Path(folder).glob("page_*.xml.gz"))
        if not self._files:
            raise ValueError(f"no recorded pages (page_*.xml.gz) in {folder}")
        self._is_closed = is_closed
        self._repository = Repository(Collection(), "old")
        self._next_pages: dict[str, Path] | None = None
        self.dialect = old_dialect

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The requested recorded page, or the old server's answer to any other request."""
        query = dict(arguments)
        file = None
        if query.get("verb") == "ListRecords" and "resumptionToken" not in query and "metadataPrefix" in query:
            file = self._files[0]
        elif query.get("verb") == "ListRecords" and len(query) == len(arguments) == 2:  # noqa: PLR2004 - verb and token
            file = self._pages_by_token().get(query.get("resumptionToken", ""))
        if file is None:
            return self._repository.answer(arguments, at, url)
        body = gzip.decompress(file.read_bytes())
        return _TOKEN.sub(rb"\1\3", body) if self._is_closed and file == self._files[-1] else body

    def _pages_by_token(self) -> dict[str, Path]:
        """The file of the next page by token."""
        if self._next_pages is None:
            tokens = (_TOKEN.search(gzip.decompress(file.read_bytes())[-_TAIL:]) for file in self._files[:-1])
            pairs = zip(tokens, self._files[1:], strict=True)
            self._next_pages = {token[2].decode(): file for token, file in pairs if token is not None}
        return self._next_pages

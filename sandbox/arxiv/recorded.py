"""The pages of a recorded harvest of the old server, served byte for byte as one chain."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sandbox import arxiv_old
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection

_TOKEN = re.compile(rb"(<resumptionToken[^>]*>)([^<]*)(</resumptionToken>)")
_TAIL = 4096


class RecordedRepository:
    """The chain in `folder`: the files `page_*.xml.gz` in the order of their names, each with the next one's token.

    Whoever lists records without a token gets the first page, whatever else is asked for. The last page is served
    with its token too, which leads nowhere (`badResumptionToken`), unless the chain `is_closed`: then it is emptied.
    Identify, ListSets and ListMetadataFormats are answered as by the old server, and no other verb finds anything.
    """

    def __init__(self, folder: Path | str, *, is_closed: bool = False) -> None:
        """Serve what `folder` holds; ValueError if there is no page in it."""
        self._files = sorted(Path(folder).glob("page_*.xml.gz"))
        if not self._files:
            raise ValueError(f"no recorded pages (page_*.xml.gz) in {folder}")
        self._is_closed = is_closed
        self._repository = Repository(Collection(), "old")
        self._after: dict[str, Path] | None = None
        self.dialect = arxiv_old

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The recorded page that is asked for, or what the old server says to anything else."""
        given = dict(arguments)
        file = None
        if given.get("verb") == "ListRecords" and "resumptionToken" not in given and "metadataPrefix" in given:
            file = self._files[0]
        elif given.get("verb") == "ListRecords" and len(given) == len(arguments) == 2:  # noqa: PLR2004 - verb and token
            file = self._following().get(given.get("resumptionToken", ""))
        if file is None:
            return self._repository.answer(arguments, at, url)
        body = gzip.decompress(file.read_bytes())
        return _TOKEN.sub(rb"\1\3", body) if self._is_closed and file == self._files[-1] else body

    def _following(self) -> dict[str, Path]:
        """The page that each token leads to."""
        if self._after is None:
            tokens = (_TOKEN.search(gzip.decompress(file.read_bytes())[-_TAIL:]) for file in self._files[:-1])
            pairs = zip(tokens, self._files[1:], strict=True)
            self._after = {token[2].decode(): file for token, file in pairs if token is not None}
        return self._after

"""An OAI-PMH client for the tests, independent of the sandbox. It sends requests, follows tokens, parses replies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import httpx

OAI = "{http://www.openarchives.org/OAI/2.0/}"


@dataclass(frozen=True)
class Reply:
    """A response and its XML."""

    response: httpx.Response

    @property
    def root(self) -> ET.Element:
        return ET.fromstring(self.response.content)

    @property
    def error(self) -> str | None:
        element = self.root.find(f"{OAI}error")
        return None if element is None else element.get("code")

    @property
    def message(self) -> str:
        return self.root.findtext(f"{OAI}error") or ""

    @property
    def request(self) -> dict[str, str]:
        """The arguments that the answer repeats."""
        element = self.root.find(f"{OAI}request")
        assert element is not None
        return dict(element.attrib)

    @property
    def headers(self) -> list[ET.Element]:
        return list(self.root.iter(f"{OAI}header"))

    @property
    def ids(self) -> list[str]:
        return [(each.findtext(f"{OAI}identifier") or "").removeprefix("oai:arXiv.org:") for each in self.headers]

    @property
    def datestamps(self) -> list[str]:
        return [each.findtext(f"{OAI}datestamp") or "" for each in self.headers]

    @property
    def deleted_ids(self) -> list[str]:
        pairs = zip(self.ids, self.headers, strict=True)
        return [paper_id for paper_id, header in pairs if header.get("status") == "deleted"]

    @property
    def token_element(self) -> ET.Element | None:
        return self.root.find(f".//{OAI}resumptionToken")

    @property
    def token(self) -> str | None:
        """The text of the token, empty on a last page; None without a token element."""
        element = self.token_element
        return None if element is None else element.text or ""

    def texts(self, name: str) -> list[str | None]:
        """The texts of all elements of this name, in any namespace."""
        return [element.text for element in self.root.iter() if element.tag.rpartition("}")[2] == name]


class Harvester:
    """A client of one base URL."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self.client, self.url = client, url

    def ask(self, verb: str, **arguments: str) -> Reply:
        """Send a request. `from_` and `set_` stand for `from` and `set`."""
        params = {name.rstrip("_"): value for name, value in arguments.items()}
        return Reply(self.client.get(self.url, params={"verb": verb, **params}))

    def pages(self, verb: str = "ListRecords", **arguments: str) -> Iterator[Reply]:
        """Yield the pages of a list, requesting each when it is needed."""
        reply = self.ask(verb, **{"metadataPrefix": "arXiv", **arguments})
        yield reply
        while reply.token:
            reply = self.ask(verb, resumptionToken=reply.token)
            yield reply

    def ids(self, verb: str = "ListRecords", **arguments: str) -> list[str]:
        """The ids of a whole harvest, in order."""
        return [paper_id for page in self.pages(verb, **arguments) for paper_id in page.ids]

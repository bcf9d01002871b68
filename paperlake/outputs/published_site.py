"""Update the site with the editions of the lake: what `papers site`, `papers digest` and the pipelines do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paperlake.config import Settings
from paperlake.outputs.editions import EditionsFile, adopt_editions, load_file
from paperlake.outputs.site import SiteOptions, SiteReport, build_site


@dataclass(frozen=True, slots=True)
class PublishedSite:
    """What an update did, and the file of editions that it used."""

    pages: SiteReport
    editions: EditionsFile

    @property
    def warning(self) -> str | None:
        """That editions had issues and are not declared any more, and what to do about it."""
        if not self.pages.undeclared:
            return None
        return (
            f"not declared in {self.editions.path}, but issues have appeared: {', '.join(self.pages.undeclared)}. The "
            "feeds stay as they are. Declare them again, or remove their feeds with `papers site --remove-edition`"
        )

    def __str__(self) -> str:
        """A summary without the warning."""
        return f"{self.pages}; editions: {self.editions}"


def update_site(
    settings: Settings,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    force: bool = False,
    remove: tuple[str, ...] = (),
) -> PublishedSite:
    """Update the site. Raises InvalidEdition, and what `build_site` raises."""
    file = adopt_editions(settings)
    options = SiteOptions(settings.public_url, settings.contact, force, remove)
    return PublishedSite(build_site(settings.lake, load_file(file.path), options, progress), file)

"""The editions in force: of the file that is set, of the folder one is in, or those that come with Paperlake."""

from __future__ import annotations

from pathlib import Path

from paperlake.config import Settings
from paperlake.render.editions import Edition, EditionWrong, editions

_PACKAGE = Path(__file__).parents[1]


def editions_in_force(said: Settings) -> dict[str, Edition]:
    """The editions by name. Raises EditionWrong, also where the file cannot be read."""
    places = (Path("editions.toml"), _PACKAGE.parent / "editions.toml", _PACKAGE / "data" / "editions.toml")
    path = said.editions or next(place for place in places if place.is_file())
    try:
        return editions(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise EditionWrong(f"{path} cannot be read: {error}; PAPERLAKE_EDITIONS names the file of editions") from error

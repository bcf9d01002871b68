"""Load the edition declarations: from the configured file, the current folder, or the package's own."""

from __future__ import annotations

from pathlib import Path

from paperlake.config import Settings
from paperlake.render.editions import Edition, InvalidEdition, parse_editions

_PACKAGE = Path(__file__).parents[1]


def load_editions(settings: Settings) -> dict[str, Edition]:
    """The editions by name. Raises InvalidEdition, also if the file cannot be read."""
    defaults = (Path("editions.toml"), _PACKAGE.parent / "editions.toml", _PACKAGE / "data" / "editions.toml")
    path = settings.editions or next(default for default in defaults if default.is_file())
    try:
        return parse_editions(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEdition(
            f"{path} cannot be read: {error}; PAPERLAKE_EDITIONS names the file of editions"
        ) from error

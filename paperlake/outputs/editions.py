"""Load the edition declarations. A lake remembers their file, so that every run uses the same, wherever it starts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from paperlake.config import Settings
from paperlake.render.editions import Edition, InvalidEdition, parse_editions
from paperlake.store.files import replace, write_new
from paperlake.store.lake import Lake

_PACKAGE = Path(__file__).parents[1]
_OWN_FILES = (_PACKAGE.parent / "editions.toml", _PACKAGE / "data" / "editions.toml")


def load_editions(settings: Settings) -> dict[str, Edition]:
    """The editions by name. Raises InvalidEdition, also if the file cannot be read."""
    path = editions_file(settings)
    try:
        editions = parse_editions(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEdition(
            f"{path} cannot be read: {error}; PAPERLAKE_EDITIONS names the file of editions"
        ) from error
    return editions


def editions_of_site(settings: Settings) -> dict[str, Edition]:
    """`load_editions` for a run that publishes. From now on the lake remembers their file, if it is the user's own."""
    editions = load_editions(settings)
    _remember(settings.lake, editions_file(settings))
    return editions


def editions_file(settings: Settings) -> Path:
    """The file of editions in force: that of PAPERLAKE_EDITIONS, else the one last used with this lake.

    A lake that has none uses `editions.toml` in the current folder, or else the one that comes with Paperlake.
    """
    if settings.editions:
        return settings.editions
    with suppress(OSError, UnicodeDecodeError):
        return Path(_note(settings.lake).read_text(encoding="utf-8").strip())
    here = Path("editions.toml").absolute()
    return next(path for path in (here, *_OWN_FILES) if path.is_file())


def _remember(lake: Lake, path: Path) -> None:
    """Note the file of the user's own editions in the lake; only its path, because it may have addresses."""
    note, text = _note(lake), f"{path}\n"
    if path in _OWN_FILES or not lake.tables.is_dir():
        return
    with suppress(OSError):  # a lake that cannot be written can still be read
        if not note.is_file() or note.read_text(encoding="utf-8") != text:
            note.parent.mkdir(exist_ok=True)
            staged = note.with_suffix(f".{os.getpid()}")
            write_new(staged, text.encode())
            replace(staged, note)


def _note(lake: Lake) -> Path:
    return lake.digests / "_editions_file"

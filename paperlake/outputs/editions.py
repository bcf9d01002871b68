"""Find and load the edition declarations. They belong to the lake: its file `editions.toml` declares them.

A lake without the file uses `editions.toml` of the working folder, which is copied into the lake at the first use, or
else the declarations that come with Paperlake. PAPERLAKE_EDITIONS names another file. A lake is copied and published as
it is, so a file with mail addresses is never copied into it: the state folder remembers where the file is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paperlake.config import Settings
from paperlake.render.editions import Edition, InvalidEdition, parse_editions
from paperlake.store.files import replace_file

_PACKAGE = Path(__file__).parents[1]
_BUILT_IN = (_PACKAGE.parent / "editions.toml", _PACKAGE / "data" / "editions.toml")

_REMEMBERED = "editions.json"


@dataclass(frozen=True, slots=True)
class EditionsFile:
    """The file of editions that is in force, and why."""

    path: Path
    origin: Literal["setting", "lake", "remembered", "working folder", "built-in"]
    lake_file: Path
    """Where the lake's own file is, or would be."""

    def __str__(self) -> str:
        """The path, and what to know about it."""
        here = Path("editions.toml").absolute()
        if self.origin == "setting":
            return f"{self.path} (PAPERLAKE_EDITIONS){self._difference(self.lake_file)}"
        if self.origin == "built-in":
            return f"{self.path} (comes with Paperlake; {self.lake_file} would replace it)"
        if self.origin == "remembered":
            return f"{self.path} (not copied into the lake, because it has mail addresses){self._difference(here)}"
        return f"{self.path}{self._difference(here)}"

    def _difference(self, other: Path) -> str:
        """That `other`, which a user may take for the file in force, has other declarations."""
        try:
            is_same = other in _BUILT_IN or other.read_bytes() == self.path.read_bytes()
        except OSError:
            return ""
        return "" if is_same else f"; {other} is different and not used"


def editions_file(settings: Settings) -> EditionsFile:
    """The file of editions that is in force. Changes nothing."""
    own = settings.lake.editions
    if settings.editions:
        return EditionsFile(settings.editions, "setting", own)
    if own.is_file():
        return EditionsFile(own, "lake", own)
    # Also if it is gone: with other editions in its place, readers would get issues that nobody declared.
    if remembered := _remembered_paths(settings).get(str(settings.root)):
        return EditionsFile(Path(remembered), "remembered", own)
    built_in = next(path for path in _BUILT_IN if path.is_file())
    here = Path("editions.toml").absolute()
    if here.is_file() and here.read_bytes() != built_in.read_bytes():
        return EditionsFile(here, "working folder", own)
    return EditionsFile(built_in, "built-in", own)


def adopt_editions(settings: Settings) -> EditionsFile:
    """The file of editions that is in force, after copying it into a lake that has none, or remembering its path.

    Declarations that come with Paperlake are not copied. An invalid file is not copied either: raises InvalidEdition.
    """
    file = editions_file(settings)
    if file.origin in {"built-in", "remembered"} or file.lake_file.exists():
        return file
    if any(edition.recipients for edition in load_file(file.path).values()):
        paths = {**_remembered_paths(settings), str(settings.root): str(file.path)}
        if paths != _remembered_paths(settings):
            replace_file(settings.state / _REMEMBERED, json.dumps(paths, indent=1, sort_keys=True).encode() + b"\n")
        return file if file.origin == "setting" else EditionsFile(file.path, "remembered", file.lake_file)
    replace_file(file.lake_file, file.path.read_bytes())
    return file if file.origin == "setting" else EditionsFile(file.lake_file, "lake", file.lake_file)


def _remembered_paths(settings: Settings) -> dict[str, str]:
    """The file of editions of each lake of this machine whose file has mail addresses, by the lake's folder."""
    try:
        paths = json.loads((settings.state / _REMEMBERED).read_bytes())
        return {str(root): str(path) for root, path in paths.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def load_editions(settings: Settings) -> dict[str, Edition]:
    """The editions by name. Raises InvalidEdition, also if the file cannot be read."""
    return load_file(editions_file(settings).path)


def load_file(path: Path) -> dict[str, Edition]:
    """The editions that a file declares, by name. Raises InvalidEdition, also if the file cannot be read."""
    try:
        return parse_editions(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidEdition(
            f"{path} cannot be read: {error}; name the file of editions with PAPERLAKE_EDITIONS"
            ", or put it into the lake"
        ) from error

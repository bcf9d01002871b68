"""The templates, and the one environment that renders them: everything is escaped, and what is missing is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paperlake.render.paper import counted
from paperlake.text import many

FOLDER = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Autoescaping is on for every template, whatever its name: Jinja's own choice goes by endings."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(counted=counted, many=many)
    return made


def render(template: str, **given: Any) -> str:
    """A template of `FOLDER` with what is given."""
    return environment().get_template(template).render(**given)

"""The Jinja environment: every value is escaped, and a missing variable is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paperlake.render.paper import metric_labels
from paperlake.text import plural

FOLDER = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Autoescape every template. Jinja's default would decide by file suffix, and ours end in `.j2`."""
    jinja = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(metric_labels=metric_labels, plural=plural)
    return jinja


def render_template(template: str, **variables: Any) -> str:
    """Render a template of `FOLDER`."""
    return environment().get_template(template).render(**variables)

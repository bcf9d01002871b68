"""The result of one expectation, in a module that imports no validation library."""

from __future__ import annotations

from dataclasses import dataclass

from paperlake.text import plural


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one expectation in one month. `severity` is what a violation does, as in `validations`."""

    suite: str
    table: str
    month: str
    column: str
    expectation: str
    severity: str
    unexpected_count: int = 0
    examples: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        """Whether the expectation was met."""
        return self.unexpected_count == 0

    def __str__(self) -> str:
        """A one-line summary."""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        outcome = "met" if self.success else f"failed in {plural(self.unexpected_count, 'row')}{shown}"
        return f"{self.table}.{self.column}: {self.expectation} {outcome}"

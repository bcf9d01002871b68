"""What the judge finds, as everybody speaks of it; importing it costs nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one expectation in one month. `severity` is what breaking it does, as in `validations`."""

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
        """The finding in a line."""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        outcome = "met" if self.success else f"failed in {self.unexpected_count} rows{shown}"
        return f"{self.table}.{self.column}: {self.expectation} {outcome}"

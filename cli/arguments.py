"""Parameter types: dates, timestamps, months, captures, mail addresses, editions."""

from __future__ import annotations

from datetime import date, datetime

import click

from cli import show
from paperlake.mail.address import InvalidAddress, mail_address
from paperlake.timestamps import parse_capture, parse_timestamp
from schemas.calendar import first_day, month_of


class Day(click.ParamType[date]):
    """A date, as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Parse a date."""
        try:
            return value if isinstance(value, date) else datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            self.fail(f"{value!r} is not a date; write it like 2025-11-06", param, ctx)


class Timestamp(click.ParamType[datetime]):
    """A timestamp with a time zone."""

    name = "timestamp"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse a timestamp and convert it to UTC."""
        try:
            return value if isinstance(value, datetime) else parse_timestamp(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a timestamp; write it like 2025-11-06T08:00:00Z", param, ctx)


class Capture(click.ParamType[tuple[date, datetime]]):
    """The name of a capture: its date and its start time."""

    name = "capture"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, datetime]:
        """Parse a capture name into its date and its start time."""
        try:
            return parse_capture(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a capture name; write it like 2025-11-06/2025-11-07T031500Z", param, ctx)


class Month(click.ParamType[str]):
    """A month, as YYYY-MM."""

    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse a month."""
        try:
            return month_of(first_day(str(value)))
        except ValueError:
            self.fail(f"{value!r} is not a month; write it like 2025-11", param, ctx)


class Address(click.ParamType[str]):
    """A mail address, in its normalized form."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parse and normalize an address."""
        try:
            return mail_address(str(value))
        except InvalidAddress as wrong:
            self.fail(f"{show.safe_line(value)!r} is not a mail address: {wrong}", param, ctx)


class Edition(click.ParamType[str]):
    """The name of a declared edition."""

    name = "edition"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the edition exists."""
        from paperlake.config import read_settings
        from paperlake.outputs.editions import editions_file, load_file

        path = editions_file(read_settings()).path
        editions = load_file(path)
        if value not in editions:
            names = ", ".join(editions) or "none is declared"
            self.fail(f"{show.safe_line(value)!r} is not an edition; choose one of: {names} ({path})", param, ctx)
        return str(value)

"""Kinds of arguments: dates, and instants that say their zone."""

from __future__ import annotations

from datetime import date, datetime

import click

from cli import show
from paperlake.mail.address import AddressWrong, mail_address
from paperlake.timestamps import format_timestamp, parse_capture


class Day(click.ParamType[date]):
    """A date, as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or an error that shows the form."""
        try:
            return value if isinstance(value, date) else datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            self.fail(f"{value!r} is no date; write it like 2025-11-06", param, ctx)


class Instant(click.ParamType[datetime]):
    """An instant with its zone."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant in UTC, or an error that shows the form."""
        try:
            return value if isinstance(value, datetime) else format_timestamp(str(value))
        except ValueError:
            self.fail(f"{value!r} is no instant; write it like 2025-11-06T08:00:00Z", param, ctx)


class Capture(click.ParamType[tuple[date, datetime]]):
    """The name of a capture: its date and when it began."""

    name = "capture"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[date, datetime]:
        """The capture's date and beginning, or an error that shows the form."""
        try:
            return parse_capture(str(value))
        except ValueError:
            self.fail(f"{value!r} names no capture; write it like 2025-11-06/2025-11-07T031500Z", param, ctx)


class Month(click.ParamType[str]):
    """A month, as YYYY-MM."""

    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The month, or an error that shows the form."""
        try:
            return date.fromisoformat(f"{value}-01").strftime("%Y-%m")
        except ValueError:
            self.fail(f"{value!r} is no month; write it like 2025-11", param, ctx)


class Address(click.ParamType[str]):
    """A mail address, in the form in which it is kept."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, or an error that says what is wrong with it."""
        try:
            return mail_address(str(value))
        except AddressWrong as wrong:
            self.fail(f"{show.shown(value)!r} is no mail address: {wrong}", param, ctx)


class Edition(click.ParamType[str]):
    """The name of an edition in force."""

    name = "edition"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or an error that says which there are."""
        from paperlake.config import settings
        from paperlake.outputs.editions import editions_in_force

        held = editions_in_force(settings())
        if value not in held:
            self.fail(f"{show.shown(value)!r} is no edition; there are {', '.join(held) or 'none'}", param, ctx)
        return str(value)

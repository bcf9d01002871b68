"""`papers subscribe`, `papers unsubscribe` and `papers subscribers`: manage mail subscriptions."""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from cli import show
from cli.arguments import Address, Edition


@click.command()
@click.argument("address", type=Address())
@click.option("--edition", type=Edition(), required=True, help="Which edition.")
@click.option(
    "--confirmed", "is_confirmed", is_flag=True, help="You already have this person's consent: skip the question."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def subscribe(context: click.Context, address: str, edition: str, *, is_confirmed: bool, as_json: bool) -> None:
    """Send ADDRESS a letter that asks to confirm an edition. Nothing else is sent before the confirmation.

    The letter goes through PAPERLAKE_SMTP_URL, is from PAPERLAKE_CONTACT, and links to a page under
    PAPERLAKE_PUBLIC_URL (`papers mail-endpoint`). Without a mail server the command prints the link: give it only to
    that person. Running the command again sends a new link and invalidates the old one. It also resumes a suspended
    subscription.

    \b
      papers subscribe ada@example.org --edition weekly
    """
    from paperlake.clock import start_clock
    from paperlake.config import read_settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.subscribers import Subscribers
    from paperlake.outputs.subscriptions import SubscribeResult
    from paperlake.outputs.subscriptions import subscribe as ask

    settings, now = read_settings(), start_clock(None).started_at
    with ReaderDatabase(settings.state) as database:
        if is_confirmed:
            change = Subscribers(database).add_confirmed(address, edition, now)
            result = SubscribeResult("confirmed_before", f"{change} now" if change else "")
        else:
            result = ask(settings, database, address, edition, now)
    if as_json:
        click.echo(
            show.as_json(
                {
                    "address": address,
                    "edition": edition,
                    "outcome": result.outcome,
                    "said": result.message,
                    "url": result.url,
                    "until": result.until,
                }
            )
        )
    else:
        to = f"{show.safe_line(address)}, {edition}"
        match result.outcome:
            case "confirmed_before":
                click.echo(f"{to}: {result.message or 'already confirmed'}")
            case "asked":
                click.echo(f"{to}: asked to confirm, until {show.safe_line(result.until)}")
            case "to_hand_over":
                click.echo(f"{to}: PAPERLAKE_SMTP_URL is not set. Give this link only to this person:")
                click.echo(
                    f"  {result.url}\nThe button on that page subscribes. Valid until {show.safe_line(result.until)}."
                )
            case "in_doubt":
                click.echo(
                    f"{to}: it is unknown whether the letter was sent: {show.safe_line(result.message)}", err=True
                )
            case "not_asked":
                click.echo(f"Error: {to}: the letter was not sent: {show.safe_line(result.message)}", err=True)
    context.exit(1 if result.outcome in ("not_asked", "in_doubt") else 0)


_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")


@click.command(context_settings={"ignore_unknown_options": True})  # a token may begin with a hyphen
@click.argument("address_or_token", metavar="ADDRESS")
@click.option("--edition", help="Only this edition; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the ended editions as JSON.")
@click.pass_context
def unsubscribe(context: click.Context, address_or_token: str, edition: str | None, *, as_json: bool) -> None:
    """End the subscriptions of ADDRESS at once. No letter is sent.

    ADDRESS may also be the token of an unsubscribe mail, whose subject is `unsubscribe TOKEN`. An address in the
    declaration of an edition is recorded as unsubscribed, too, and gets no more letters.

    \b
      papers unsubscribe ada@example.org --edition weekly
    """
    from paperlake.clock import start_clock
    from paperlake.config import read_settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.subscribers import Subscribers

    is_token = bool(_TOKEN.fullmatch(address_or_token))
    if is_token and edition:
        raise click.UsageError("a token already identifies the edition: omit --edition")
    address = "" if is_token else Address().convert(address_or_token, None, context)
    now = start_clock(None).started_at
    with ReaderDatabase(read_settings().state) as database:
        registry = Subscribers(database)
        if is_token:
            edition_left = registry.unsubscribe(address_or_token, now)
            editions = [edition_left] if edition_left else []
        else:
            editions = registry.remove(address, edition, now)
    if as_json:
        click.echo(show.as_json(editions))
    elif editions:
        click.echo(f"{'Left' if is_token else show.safe_line(address) + ' left'}: {', '.join(editions)}")
    elif is_token:
        click.echo("Unknown token; is it complete?", err=True)
    else:
        click.echo(f"{show.safe_line(address)} has no subscription{f' to {edition}' if edition else ''}")
    context.exit(1 if is_token and not editions else 0)


_HOW_TO_RESUME = """\
To resume one, once its mailbox accepts mail again:
  papers subscribe ADDRESS --edition EDITION --confirmed    # at once
  papers subscribe ADDRESS --edition EDITION                # after the reader has confirmed again"""


@click.command()
@click.option("--edition", help="Only of this edition.")
@click.option("--doubts", "is_doubts", is_flag=True, help="List letters with an unknown delivery state instead.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def subscribers(edition: str | None, *, is_doubts: bool, as_json: bool) -> None:
    """List subscriptions with their dates, without tokens.

    pending: not confirmed yet. confirmed: subscribed. named: in the declaration of the edition. suspended: gets no
    letters, because the mail server refused at least three in a row over at least a week. unsubscribed: ended.
    With --doubts: letters whose sending process or connection ended before the server confirmed them. They are not
    sent again unless you ask for it.
    """
    from paperlake.config import read_settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.deliveries import Deliveries
    from paperlake.mail.subscribers import Subscribers
    from paperlake.text import plural

    if is_doubts and edition:
        raise click.UsageError("--doubts lists the letters of all editions: omit --edition")
    with ReaderDatabase(read_settings().state) as database:
        rows = (
            [asdict(row) for row in Deliveries(database).in_doubt()]
            if is_doubts
            else [asdict(row) for row in Subscribers(database).subscriptions(edition)]
        )
    suspended = sum(row.get("status") == "suspended" for row in rows)
    if as_json:
        click.echo(show.as_json(rows))
    elif not rows:
        click.echo("No letter is in doubt." if is_doubts else "Nobody has subscribed.")
    else:
        show.table(rows)
    if suspended:
        are = "is" if suspended == 1 else "are"
        click.secho(f"{plural(suspended, 'subscription')} {are} suspended. {_HOW_TO_RESUME}", err=True, fg="yellow")

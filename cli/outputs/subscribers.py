"""`papers subscribe`, `unsubscribe` and `subscribers`: who gets which edition by mail."""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from cli import show
from cli.arguments import Address, Edition


@click.command()
@click.argument("address", type=Address())
@click.option("--edition", type=Edition(), required=True, help="Which edition.")
@click.option("--confirmed", "is_confirmed", is_flag=True, help="You have this person's consent already: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def subscribe(context: click.Context, address: str, edition: str, *, is_confirmed: bool, as_json: bool) -> None:
    """Send ADDRESS a letter that asks whether it wants an edition; nothing else is sent before it says yes.

    The letter goes through PAPERLAKE_SMTP_URL, is from PAPERLAKE_CONTACT, and leads to a page under
    PAPERLAKE_PUBLIC_URL (`papers mail-endpoint`). Without a mail server the link is printed: hand it to the person
    yourself, and to nobody else. Typing the command again sends a new link, and voids the one before.

    \b
      papers subscribe ada@example.org --edition weekly
    """
    from paperlake.clock import started
    from paperlake.config import settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.subscribers import Subscribers
    from paperlake.outputs.subscriptions import Subscribing
    from paperlake.outputs.subscriptions import subscribe as ask

    said, now = settings(), started(None).started_at
    with ReaderDatabase(said.state) as database:
        if is_confirmed:
            is_new = Subscribers(database).admit(address, edition, now)
            done = Subscribing("confirmed_before", "confirmed now" if is_new else "")
        else:
            done = ask(said, database, address, edition, now)
    if as_json:
        click.echo(show.as_json({"address": address, "edition": edition, **asdict(done)}))
    else:
        to = f"{show.shown(address)}, {edition}"
        match done.outcome:
            case "confirmed_before":
                click.echo(f"{to}: {done.said or 'was confirmed before'}")
            case "asked":
                click.echo(f"{to}: asked to confirm, until {show.shown(done.until)}")
            case "to_hand_over":
                click.echo(f"{to}: PAPERLAKE_SMTP_URL is not set. Hand this link over, to this person alone:")
                click.echo(
                    f"  {done.url}\nWho opens it and presses the button subscribes; until {show.shown(done.until)}."
                )
            case "in_doubt":
                click.echo(f"{to}: the letter may have been sent or not: {show.shown(done.said)}", err=True)
            case "not_asked":
                click.echo(f"Error: {to}: not asked, for no letter was sent: {show.shown(done.said)}", err=True)
    context.exit(1 if done.outcome in ("not_asked", "in_doubt") else 0)


_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")


@click.command(context_settings={"ignore_unknown_options": True})  # a token may begin with a hyphen
@click.argument("who", metavar="ADDRESS")
@click.option("--edition", help="Only this edition; all of them otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print the editions that were left, as JSON.")
@click.pass_context
def unsubscribe(context: click.Context, who: str, edition: str | None, *, as_json: bool) -> None:
    """End the subscriptions of ADDRESS, at once; nothing is sent to say so.

    Also for mails that ask to leave: their subject is `unsubscribe TOKEN`, and the token can stand in place of
    the address. An address that an edition names itself is noted too, and stays out from now on.

    \b
      papers unsubscribe ada@example.org --edition weekly
    """
    from paperlake.clock import started
    from paperlake.config import settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.subscribers import Subscribers

    is_token = bool(_TOKEN.fullmatch(who))
    if is_token and edition:
        raise click.UsageError("a token says the edition itself")
    address = "" if is_token else Address().convert(who, None, context)
    now = started(None).started_at
    with ReaderDatabase(settings().state) as database:
        kept = Subscribers(database)
        if is_token:
            found = kept.leave(who, now)
            left = [found] if found else []
        else:
            left = kept.remove(address, edition, now)
    if as_json:
        click.echo(show.as_json(left))
    elif left:
        click.echo(f"{'Left' if is_token else show.shown(address) + ' left'}: {', '.join(left)}")
    elif is_token:
        click.echo("Nobody has this token; is it whole?", err=True)
    else:
        click.echo(f"{show.shown(address)} has no subscription{f' to {edition}' if edition else ''}")
    context.exit(1 if is_token and not left else 0)


@click.command()
@click.option("--edition", help="Only of this edition.")
@click.option("--doubts", "is_doubts", is_flag=True, help="Instead: the letters that may have arrived or not.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def subscribers(edition: str | None, *, is_doubts: bool, as_json: bool) -> None:
    """List who gets which edition, and since when; tokens are not shown.

    pending: asked, and did not answer yet. confirmed: wants it. named: the edition's declaration names the address.
    unsubscribed: left. With --doubts: letters whose sender, or whose connection, died after the letter was handed over.
    They are not sent again unless you say so.
    """
    from paperlake.config import settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.deliveries import Deliveries
    from paperlake.mail.subscribers import Subscribers

    if is_doubts and edition:
        raise click.UsageError("--doubts lists those of all editions")
    with ReaderDatabase(settings().state) as database:
        rows = (
            [asdict(one) for one in Deliveries(database).doubts()]
            if is_doubts
            else [asdict(one) for one in Subscribers(database).subscriptions(edition)]
        )
    if as_json:
        click.echo(show.as_json(rows))
    elif not rows:
        click.echo("No letter is in doubt." if is_doubts else "Nobody has subscribed.")
    else:
        show.table(rows)

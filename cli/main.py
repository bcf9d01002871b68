"""The command `papers` and how its errors are told."""

from __future__ import annotations

import errno

import click

from cli.accept import accept
from cli.automate import automate
from cli.backfill import backfill
from cli.backup import backup
from cli.contract import contract
from cli.daily import daily
from cli.demo import demo
from cli.digest import digest
from cli.doctor import doctor
from cli.drift import drift
from cli.gaps import gaps
from cli.harvest import harvest
from cli.import_arxiv import import_arxiv
from cli.import_page import import_page
from cli.import_replies import import_replies
from cli.mail_endpoint import mail_endpoint
from cli.query import describe, sql, tables
from cli.rebuild import rebuild
from cli.rejects import rejects
from cli.sandbox import sandbox
from cli.serve import serve
from cli.subscribers import subscribe, subscribers, unsubscribe
from cli.verify import verify
from cli.website import site
from cli.why import why
from paperlake.errors import PaperlakeError


class Papers(click.Group):
    """The group of all commands. A PaperlakeError carries a sentence for people: no traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run the command. An error of ours or of the disk becomes one line and exit code 1; --debug raises it."""
        try:
            return super().invoke(context)
        except OSError as error:
            if (
                context.params["debug"] or error.errno == errno.EPIPE
            ):  # whoever read our output has had enough: Click knows what to do
                raise
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}") from error
        except PaperlakeError as error:
            if context.params["debug"]:
                raise
            raise click.ClickException(str(error)) from error

    def list_commands(self, _context: click.Context) -> list[str]:
        """The commands in the order of the day, not of the alphabet."""
        return list(self.commands)


@click.group(cls=Papers, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paperlake", prog_name="papers")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Paperlake: a provably complete daily record of the papers that people list, vote on and discuss.

    Start with `papers demo` (offline) or `papers daily` (the newest date of the real Hub), then ask:

    \b
      papers tables
      papers sql "select title, upvote_count from listings order by upvote_count desc limit 10"

    \b
    The lake is ./lake, or PAPERLAKE_ROOT. Who asks is told by PAPERLAKE_CONTACT (a mail address or URL).
    Exit codes: 0 all is well; 1 something failed, and was said; 2 usage error.
    """


for _command in (
    *(daily, backfill, harvest, demo, serve, tables, describe, sql, why, gaps, rejects, drift, doctor, site, digest),
    *(subscribe, unsubscribe, subscribers, mail_endpoint),
    *(import_replies, import_arxiv, import_page, accept, rebuild, verify, backup, automate, contract, sandbox),
):
    main.add_command(_command)

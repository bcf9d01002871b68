"""The command group `papers`, and how it reports errors."""

from __future__ import annotations

import errno

import click

from cli.admin.accept import accept
from cli.admin.backup import backup
from cli.admin.doctor import doctor
from cli.admin.import_arxiv import import_arxiv
from cli.admin.import_page import import_page
from cli.admin.import_replies import import_replies
from cli.admin.index import index
from cli.admin.rebuild import rebuild
from cli.admin.verify import verify
from cli.outputs.digest import digest
from cli.outputs.mail_endpoint import mail_endpoint
from cli.outputs.site import site
from cli.outputs.subscribers import subscribe, subscribers, unsubscribe
from cli.query.contract import contract
from cli.query.drift import drift
from cli.query.gaps import gaps
from cli.query.mcp import mcp
from cli.query.rejects import rejects
from cli.query.search import search
from cli.query.sql import sql
from cli.query.tables import describe, tables
from cli.query.why import why
from cli.run.automate import automate
from cli.run.backfill import backfill
from cli.run.daily import daily
from cli.run.demo import demo
from cli.run.harvest import harvest
from cli.run.sandbox import sandbox
from cli.run.serve import serve
from paperlake.errors import PaperlakeError


class Papers(click.Group):
    """The group of all commands. It prints a PaperlakeError as one line, without a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run the command. A PaperlakeError or an OSError becomes one line and exit code 1; --debug raises it."""
        try:
            return super().invoke(context)
        except OSError as error:
            # Click handles EPIPE: the reader of the output has closed the pipe.
            if context.params["debug"] or error.errno == errno.EPIPE:
                raise
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}") from error
        except PaperlakeError as error:
            if context.params["debug"]:
                raise
            raise click.ClickException(str(error)) from error

    def list_commands(self, _context: click.Context) -> list[str]:
        """The commands in the order of a working day, not in alphabetical order."""
        return list(self.commands)


@click.group(cls=Papers, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="paperlake", prog_name="papers")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Paperlake: a provably complete daily record of the papers that people list, vote on and discuss.

    Start with `papers demo` (offline) or `papers daily` (the newest date of the real Hub), then query:

    \b
      papers tables
      papers search training speedup
      papers sql "select title, upvote_count from listings order by upvote_count desc limit 10"

    \b
    The lake is ./lake, or PAPERLAKE_ROOT. PAPERLAKE_CONTACT: contact sent in the User-Agent (mail address or URL).
    Exit codes: 0: success; 1: an error was reported; 2: usage error.
    """


for _command in (
    *(daily, backfill, harvest, demo, serve, search, mcp, tables, describe, sql, why, gaps, rejects, drift, doctor),
    *(site, digest, subscribe, unsubscribe, subscribers, mail_endpoint),
    *(import_replies, import_arxiv, import_page, accept, rebuild, verify, index, backup, automate, contract, sandbox),
):
    main.add_command(_command)

"""The command line: thin commands, each in a module of its own that is imported when it is used.

Exit status: 0 when done, 1 when it failed (one sentence on standard error), 2 when it was called wrongly,
130 when interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from botkit.errors import BotkitError

__all__ = ["main"]

_COMMANDS = {
    "chat": "Talk to the bot in this terminal.",
    "conversations": "List, show and export conversations.",
    "db": "Check and upgrade the database.",
    "plugins": "List the plugins, and why one failed.",
    "run": "Run adapters, such as slack and discord.",
}


class _Commands(click.Group):
    """Commands whose modules are imported when they are called, so that help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"botkit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"botkit {version('botkit')}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version.")
def _botkit() -> None:
    """The framework for Claude chatbots: one bot for Slack, Discord and the terminal.

    Try it at once, with or without a key:

        botkit chat "What can you do?"
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit with its status. What goes wrong is one sentence on standard error."""
    try:
        _botkit.main(args=arguments, prog_name="botkit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BotkitError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)

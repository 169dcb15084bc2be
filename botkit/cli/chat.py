"""`botkit chat`: talk to the bot in this terminal."""

from __future__ import annotations

import asyncio
import getpass
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import config_option, read_settings
from botkit.errors import ConversationNotFound

if TYPE_CHECKING:
    from botkit.messages import ConversationKey
    from botkit.model import Model
    from botkit.settings import Settings
    from botkit.store import Store

__all__ = ["command"]

_NEWEST = ""
_SIMULATED = "No ANTHROPIC_API_KEY is set, so a simulated Claude answers. The README says how to use a key."


@click.command("chat")
@click.argument("text", required=False)
@click.option(
    "--resume",
    is_flag=False,
    flag_value=_NEWEST,
    metavar="[ID]",
    help="Go on with a conversation: the newest one, or the one with this id (see `botkit conversations list`).",
)
@click.option("--plain", is_flag=True, help="Raw Markdown, without colours or notices.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: text, tools, stop reason, usage.")
@click.option("-v", "--verbose", is_flag=True, help="Show the log on standard error.")
@config_option
def command(
    text: str | None, resume: str | None, plain: bool, as_json: bool, verbose: bool, config: Path | None
) -> None:
    """Talk to the bot in this terminal.

    With TEXT, or with text from a pipe, it answers once and exits: status 0 with an answer, 1 without.

    \b
    botkit chat
    botkit chat "My name is Ada"
    botkit chat --resume "What is my name?"
    botkit chat --resume 12
    git diff | botkit chat --plain
    """
    text, resume = _tell_apart(text, resume)
    logging.basicConfig(level=logging.INFO if verbose else logging.CRITICAL + 1)
    settings = read_settings(config)
    options = {"text": text, "output": "json" if as_json else "plain" if plain else "screen"}
    asyncio.run(_chat(settings, options, resume))


def _tell_apart(text: str | None, resume: str | None) -> tuple[str | None, str | None]:
    """In `--resume "What is my name?"` the word after the option is the text: an id is a number."""
    if resume and text is None and not re.fullmatch(r"\d+", resume):
        return resume, _NEWEST
    return text, resume


async def _chat(settings: Settings, options: Mapping[str, Any], resume: str | None) -> None:
    from botkit.bot import Bot

    person = _user()
    async with _model(settings) as model, Bot(settings, model) as bot:
        for entry in bot.plugins.entries:
            if entry.state == "failed":
                click.echo(f"Warning: the plugin {entry.name} is not used: {entry.reason}", err=True)
        thread = "" if resume is None else (await _resumed(bot.store, resume, person)).thread
        bot.adapter("terminal", {**options, "person": person, "thread": thread})
        await bot.run(["terminal"], sweep=False)


def _user() -> str:
    """Return the name that the operating system knows the person by."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # there is none, as in some containers
        return "user"


async def _resumed(store: Store, resume: str, person: str) -> ConversationKey:
    """Find the conversation to go on with: this person's, in a terminal. Raises ConversationNotFound."""
    if resume == _NEWEST:
        newest = await store.conversations(adapter="terminal", channel=person, limit=1)
        if not newest:
            raise ConversationNotFound("there is no conversation to resume yet; begin one with `botkit chat`")
        return newest[0].key
    if not resume.isdecimal():
        raise ConversationNotFound(f"{resume!r} is no conversation's id; see `botkit conversations list`")
    key = (await store.conversation(int(resume))).key
    if (key.adapter, key.channel) != ("terminal", person):
        raise ConversationNotFound(
            f"conversation {resume} is one of {key.channel} in {key.adapter}, so it cannot go on here"
        )
    return key


@asynccontextmanager
async def _model(settings: Settings) -> AsyncIterator[Model]:
    """Claude where there are credentials, else a simulated one that says so."""
    from botkit.claude import Claude, has_credentials

    if has_credentials():
        yield Claude(settings.model)
        return
    from botkit.testing.claude import SimulatedClaude

    click.echo(_SIMULATED, err=True)
    async with SimulatedClaude(chunk_delay=0.01) as simulated:
        yield Claude(settings.model, base_url=simulated.base_url, api_key="simulated")

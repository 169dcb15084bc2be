"""`botkit run`: run adapters until told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_option, read_settings
from botkit.errors import ConfigError

if TYPE_CHECKING:
    from botkit.settings import Settings

__all__ = ["command"]


@click.command("run")
@click.argument("adapters", nargs=-1, metavar="[ADAPTER]...")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@config_option
def command(adapters: tuple[str, ...], verbose: bool, config: Path | None) -> None:
    """Run adapters: those named, else all that have a table [adapters.NAME] in the configuration.

    Logs one line `ready` when every adapter is connected. SIGTERM and Ctrl-C take nothing more in, finish what
    is being answered within [run] drain seconds, and exit with status 0. A second signal ends it at once; what
    is unanswered then is answered after the next start.

    \b
    botkit run slack
    botkit run slack discord --config production.toml
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    settings = read_settings(config)
    names = adapters or tuple(name for name in settings.adapters if name != "terminal")
    if not names:
        raise ConfigError(
            "there is no adapter to run: name one (`botkit run slack`), or give it a table [adapters.slack]"
        )
    asyncio.run(_run(settings, names))


async def _run(settings: Settings, names: tuple[str, ...]) -> None:
    from botkit.bot import Bot
    from botkit.claude import Claude, has_credentials

    if not has_credentials():
        raise ConfigError("no ANTHROPIC_API_KEY is set; get one at console.anthropic.com (`botkit chat` does without)")
    stopping = asyncio.Event()
    _stop_on_signals(stopping)
    async with Bot(settings, Claude(settings.model)) as bot:
        await bot.run(names, stopping=stopping)


def _stop_on_signals(stopping: asyncio.Event) -> None:
    """The first signal sets `stopping`; a second one has its default effect."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))

"""`botkit db`: check the database, and bring it up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_option, read_settings

if TYPE_CHECKING:
    from botkit.database.engine import Engine
    from botkit.settings import Settings

__all__ = ["command"]


@click.group("db")
def command() -> None:
    """Check and upgrade the database. Every start upgrades it, too."""


@command.command("check")
@config_option
def check(config: Path | None) -> None:
    """Say what an upgrade would do, and do nothing. Exit status 1 if this botkit cannot use the database."""
    click.echo(asyncio.run(_check(read_settings(config))))


@command.command("upgrade")
@config_option
def upgrade(config: Path | None) -> None:
    """Bring the database up to date. An SQLite file of an older version is copied first, beside itself."""
    click.echo(asyncio.run(_upgrade(read_settings(config))))


async def _check(settings: Settings) -> str:
    from botkit.database import migrate

    async with _open(settings) as engine:
        status = await migrate.check(engine)
    if not status.pending:
        return f"{engine.where} is up to date: revision {status.head}."
    if status.current is None:
        return f"{engine.where} is empty: the first start, or `botkit db upgrade`, makes its tables."
    return f"{engine.where} has revision {status.current}; an upgrade would apply {', '.join(status.pending)}."


async def _upgrade(settings: Settings) -> str:
    from botkit.database import migrate

    async with _open(settings) as engine:
        done = await migrate.upgrade(engine)
    if done.before == done.after:
        return f"{engine.where} is up to date: revision {done.after}."
    copy = f" The file as it was before is {done.backup}." if done.backup else ""
    return f"{engine.where} now has revision {done.after}.{copy}"


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Engine]:
    from botkit.database.engine import Engine

    engine = Engine(settings.database.url)
    try:
        yield engine
    finally:
        await engine.aclose()

"""What the commands share: the config option, settings, and a database opened for a command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from botkit.database import DatabaseStore
    from botkit.settings import Settings

__all__ = ["config_option", "open_store", "read_settings"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def config_option(function: _Function) -> _Function:
    """Give a command its `--config FILE`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration to use instead of ./botkit.toml.",
    )(function)


def read_settings(config: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Load the settings, and show on standard error what in them was ignored. Raises ConfigError."""
    from botkit.settings import load_settings

    settings = load_settings(config, overrides=overrides)
    for warning in settings.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return settings


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[DatabaseStore]:
    """Open the database for the length of a command. Raises StoreError."""
    from botkit.database import DatabaseStore

    store = DatabaseStore(settings.database.url)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()

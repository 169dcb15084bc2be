"""A bot on a database of its own, and the Claude that it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit import Bot, Settings, load_settings
from botkit.claude import Claude
from botkit.plugins import Plugins
from botkit.retry import RetryPolicy
from botkit.testing.claude import SimulatedClaude
from tests.fakes import HERE, Channel, Platform, Start


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as simulated:
        yield simulated


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(overrides={"database": {"url": f"sqlite+aiosqlite:///{tmp_path}/bot.db"}})


@pytest.fixture
def start(claude: SimulatedClaude, settings: Settings) -> Start:
    """Start a bot on one and the same database, with these plugins and settings."""

    @asynccontextmanager
    async def started(*plugins: object, **tables: dict[str, Any]) -> AsyncIterator[tuple[Bot, Channel]]:
        own = settings.model_copy(
            update={name: getattr(settings, name).model_copy(update=table) for name, table in tables.items()}
        )
        loaded = Plugins(timeout=5)
        for number, plugin in enumerate(plugins):
            loaded.register(plugin, f"test{number}")
        model = Claude(own.model, base_url=claude.base_url, api_key="test", retry=RetryPolicy(first=0.0))
        platform = Platform()
        bot = Bot(own, model, plugins=loaded)
        bot.add(platform)
        async with bot:
            yield bot, platform.at(HERE)

    return started

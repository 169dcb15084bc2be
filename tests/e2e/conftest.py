"""A shell without a key, and one whose Claude is the test's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.testing.claude import SimulatedClaude
from tests.e2e.shell import Shell


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as simulated:
        yield simulated


@pytest.fixture
def offline(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def shell(offline: Shell, claude: SimulatedClaude) -> Shell:
    offline.environment |= {"ANTHROPIC_API_KEY": "sk-test", "ANTHROPIC_BASE_URL": claude.base_url}
    return offline

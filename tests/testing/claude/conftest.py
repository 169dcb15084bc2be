from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import anthropic
import pytest

from botkit.testing.claude import SimulatedClaude
from tests.testing.claude.shapes import Api


@pytest.fixture
async def claude() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as opened:
        yield opened


@pytest.fixture
def api(claude: SimulatedClaude, session: aiohttp.ClientSession) -> Api:
    return Api(claude, session)


@pytest.fixture(params=["httpx2", "aiohttp"])
async def client(request: pytest.FixtureRequest, claude: SimulatedClaude) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The SDK as it comes, over each of its two transports, without its own retries."""
    transport = anthropic.DefaultAioHttpClient() if request.param == "aiohttp" else None
    async with anthropic.AsyncAnthropic(
        base_url=claude.base_url, api_key="any", max_retries=0, timeout=5, http_client=transport
    ) as opened:
        yield opened

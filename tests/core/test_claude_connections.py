"""Reaching Claude: credentials, addresses, and letting go of a connection."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from botkit.claude import Claude, has_credentials
from botkit.errors import ModelError
from botkit.model import TextDelta
from botkit.settings import ModelSettings
from botkit.testing.claude import (
    SimulatedClaude,
    Status,
)
from tests.calls import HELLO, MODEL, ask, block, opened, refused, sse, start, wired


@pytest.fixture
async def simulated() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as simulated:
        yield simulated


@pytest.fixture(autouse=True)
def no_credentials_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("API_KEY", "AUTH_TOKEN", "PROFILE", "BASE_URL", "CUSTOM_HEADERS", "IDENTITY_TOKEN"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestCancelling:
    FRAMES = sse(start(), *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "one"}))

    async def test_closing_the_stream_closes_the_connection(self) -> None:
        async with wired(self.FRAMES, hold=True) as wire, opened(wire.base_url) as claude:
            events = claude.stream(HELLO)
            assert await anext(events) == TextDelta("one")
            await events.aclose()
            async with asyncio.timeout(5):
                await wire.left.wait()

    async def test_cancelling_the_task_closes_the_connection(self) -> None:
        async with wired(self.FRAMES, hold=True) as wire, opened(wire.base_url) as claude:
            begun = asyncio.Event()
            task = asyncio.create_task(self._read(claude, begun.set))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5):
                await wire.left.wait()

    async def test_cancelling_before_the_answer_begins_closes_the_connection(self) -> None:
        async with wired(hold=True) as wire, opened(wire.base_url) as claude:
            task = asyncio.create_task(ask(claude))
            async with asyncio.timeout(5):
                await wire.came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5):
                await wire.left.wait()

    async def _read(self, claude: Claude, begun: Callable[[], None]) -> None:
        async for _ in claude.stream(HELLO):
            begun()


class TestCredentials:
    async def test_without_any_the_operator_is_told_where_to_get_a_key(self, simulated: SimulatedClaude) -> None:
        async with opened(simulated.base_url, api_key=None) as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == ("no_credentials", False)
        assert "ANTHROPIC_API_KEY" in str(error)
        assert "console.anthropic.com" in str(error)

    async def test_a_key_that_cannot_be_sent_is_not_tried_again(self, simulated: SimulatedClaude) -> None:
        async with opened(simulated.base_url, api_key="key\n") as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == ("no_credentials", False)

    def test_none_are_found_where_there_are_none(self) -> None:
        assert not has_credentials()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("ANTHROPIC_API_KEY", "key"),
            ("ANTHROPIC_AUTH_TOKEN", "token"),
            ("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: key"),
        ],
    )
    def test_they_are_found(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        assert has_credentials()

    def test_a_profile_that_cannot_be_read_is_no_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANTHROPIC_PROFILE", "nobody")
        with pytest.raises(ModelError) as caught:
            has_credentials()
        assert caught.value.kind == "no_credentials"

    async def test_a_key_is_never_shown(self, simulated: SimulatedClaude, caplog: pytest.LogCaptureFixture) -> None:
        key = "very-secret"
        caplog.set_level(logging.DEBUG, logger="botkit")
        simulated.script(Status(529, message=f"{key} is overloaded"), Status(400, message=f"{key} is wrong"))
        async with opened(simulated.base_url, api_key=key) as claude:
            error = await refused(claude)
        assert key not in f"{error} {error.sentence} {caplog.text}"
        assert error.__cause__ is None
        assert error.__suppress_context__


class TestReaching:
    @pytest.mark.parametrize("url", ["not a url", "api.anthropic.com", "ftp://127.0.0.1"])
    async def test_what_is_no_url_is_named(self, url: str) -> None:
        async with opened(url) as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == ("connection", False)
        assert "URL" in str(error)

    def test_what_cannot_even_be_read_as_a_url_is_named(self) -> None:
        with pytest.raises(ModelError) as caught:
            Claude(ModelSettings(name=MODEL), base_url="http://here:nowhere")
        assert caught.value.kind == "connection"
        assert "http://here:nowhere" in str(caught.value)

    async def test_a_server_that_is_not_there_is_given_up_and_named(self) -> None:
        port = unused_port()
        async with opened(f"http://127.0.0.1:{port}") as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == ("connection", True)
        assert f"127.0.0.1:{port}" in str(error)

    async def test_a_password_in_the_url_is_not_shown(self) -> None:
        async with opened(f"http://someone:password@127.0.0.1:{unused_port()}") as claude:
            assert "password" not in str(await refused(claude))

"""Calling Claude in tests, and servers that answer by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from botkit.claude import Claude
from botkit.errors import ModelError
from botkit.messages import Message, Restarted
from botkit.model import Completed, ModelReply, Prompt, StreamEvent, TextDelta
from botkit.retry import RetryPolicy
from botkit.settings import ModelSettings
from botkit.testing.claude import Body

AT_ONCE = RetryPolicy(first=0, longest=0)
MODEL = "claude-sonnet-5-5"
HELLO = Prompt((Message.user("Hello"),))


@asynccontextmanager
async def opened(
    base_url: str, *, api_key: str | None = "key", retry: RetryPolicy = AT_ONCE, stall: float = 30, **settings: Any
) -> AsyncIterator[Claude]:
    claude = Claude(
        ModelSettings(**{"name": MODEL, **settings}), base_url=base_url, api_key=api_key, retry=retry, stall=stall
    )
    try:
        yield claude
    finally:
        await claude.aclose()


@dataclass
class Told:
    """What came out of a stream: `text` since the last restart."""

    text: str = ""
    restarts: list[Restarted] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)

    @property
    def reply(self) -> ModelReply:
        (reply,) = self.replies
        return reply


async def ask(claude: Claude, prompt: Prompt = HELLO) -> Told:
    told = Told()
    async with asyncio.timeout(20):
        async for event in claude.stream(prompt):
            take(told, event)
    return told


def take(told: Told, event: StreamEvent) -> None:
    match event:
        case TextDelta(text):
            told.text += text
        case Restarted():
            told.text = ""
            told.restarts.append(event)
        case Completed(reply):
            told.replies.append(reply)


async def refused(claude: Claude, prompt: Prompt = HELLO) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(claude, prompt)
    return caught.value


def sse(*events: dict[str, Any]) -> str:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def start(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"model": MODEL, "usage": {"input_tokens": 1, **usage}}}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(stop_reason: str = "end_turn", **usage: int) -> list[dict[str, Any]]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": usage},
        {"type": "message_stop"},
    ]


def raw(*events: dict[str, Any]) -> Body:
    """A stream written by hand."""
    return Body(sse(*events), content_type="text/event-stream")


class Wire:
    """A server that sends the same frames to everyone, and knows who is connected."""

    def __init__(self, frames: Sequence[str], *, hold: bool = False) -> None:
        self.peers: list[tuple[str, int]] = []
        self.came = asyncio.Event()
        self.left = asyncio.Event()
        self.base_url = ""
        self._frames = frames
        self._hold = hold

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.peers.append(request.transport.get_extra_info("peername"))
        self.came.set()
        try:
            return await self._send(request)
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _send(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for frame in self._frames:
            await response.write(frame.encode())
        for _ in range(20):  # so that the end of the body is not in the same packet as the last frame
            await asyncio.sleep(0)
        if self._hold:
            await asyncio.Event().wait()
        return response


@asynccontextmanager
async def wired(*frames: str, hold: bool = False) -> AsyncIterator[Wire]:
    wire = Wire(frames, hold=hold)
    app = web.Application()
    app.router.add_post("/v1/messages", wire.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    wire.base_url = f"http://{host}:{port}"
    try:
        yield wire
    finally:
        await runner.cleanup()

"""A platform made of lists, for tests of the core."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from botkit import (
    Address,
    Bot,
    Connected,
    ConversationKey,
    IncomingMessage,
    Person,
    Progress,
    Receive,
    TurnFinished,
    hookimpl,
)
from botkit.testing.claude import RecordedRequest

ADA = Person("U1", "Ada")
BOB = Person("U2", "Bob")
_ids = itertools.count(1)


class Channel:
    """A channel that keeps the messages as people would see them, and what it was told of turns."""

    max_length = 2000
    edit_interval = 0.0

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.seen: list[Progress] = []
        self.changed = asyncio.Condition()

    async def post(self, markdown: str, /) -> str:
        message_id = f"m{len(self.messages) + 1}"
        await self.edit(message_id, markdown)
        return message_id

    async def edit(self, message_id: str, markdown: str, /) -> None:
        async with self.changed:
            self.messages[message_id] = markdown
            self.changed.notify_all()

    async def progress(self, progress: Progress, /) -> None:
        async with self.changed:
            self.seen.append(progress)
            self.changed.notify_all()

    @property
    def outcomes(self) -> list[TurnFinished]:
        return [progress for progress in self.seen if isinstance(progress, TurnFinished)]

    async def until(self, condition: Callable[[Channel], bool]) -> None:
        """Wait until `condition` holds, but not for ever."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: condition(self))

    async def turns(self, count: int) -> list[TurnFinished]:
        """Wait until so many turns are over, and return how they ended."""
        await self.until(lambda channel: len(channel.outcomes) >= count)
        return self.outcomes


class Platform:
    """An adapter without a network: the test speaks for the people."""

    name = "fake"

    def __init__(self) -> None:
        self.channels: dict[ConversationKey, Channel] = {}

    async def run(self, receive: Receive, connected: Connected, /) -> None:
        connected()
        await asyncio.Event().wait()

    def channel(self, address: Address, /) -> Channel:
        return self.at(address.conversation)

    def at(self, key: ConversationKey) -> Channel:
        return self.channels.setdefault(key, Channel())


HERE = ConversationKey("fake", "C1")


def message(text: str, *, person: Person = ADA, id: str | None = None, at: ConversationKey = HERE) -> IncomingMessage:  # noqa: A002
    """Something that a person says."""
    return IncomingMessage(id or f"e{next(_ids)}", person, text, Address(at), datetime.now(UTC))


Start = Callable[..., AbstractAsyncContextManager[tuple[Bot, Channel]]]
"""Starts a bot with these plugins and settings; see the fixture `start`."""


@asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[None]:
    """Run the bot's adapter, and with it the sweep for turns that nobody answers."""
    task = asyncio.create_task(bot.run(["fake"]))
    yield
    task.cancel()
    await asyncio.wait((task,))


def texts(request: RecordedRequest) -> list[str]:
    return [block["text"] for message in request.messages for block in message["content"] if block["type"] == "text"]


class Weather:
    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    def register_tools(self, register: Callable[[Callable[..., Any]], None]) -> None:
        async def weather(city: str) -> str:
            """Tell the weather.

            Args:
                city: The city's name.
            """
            self.calls += 1
            return f"Sunny in {city}"

        register(weather)

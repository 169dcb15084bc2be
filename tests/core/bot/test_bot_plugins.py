"""What plugins do to a turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from botkit import IncomingMessage, Turn, hookimpl
from botkit.testing.claude import SimulatedClaude, Status
from tests.fakes import ADA, BOB, Start, message, texts


async def test_a_guard_keeps_people_out_and_nothing_of_theirs_is_kept(start: Start, claude: SimulatedClaude) -> None:
    class OnlyAda:
        @hookimpl
        def accept_message(self, message: IncomingMessage) -> bool:
            return message.person == ADA

    async with start(OnlyAda()) as (bot, channel):
        refused = await bot.receive(message("Let me in", person=BOB))
        await bot.receive(message("Hello"))
        await channel.turns(1)
    assert refused.status == "refused"
    assert texts(claude.requests[0]) == ["Hello"]


async def test_a_plugin_may_answer_in_claudes_place(start: Start, claude: SimulatedClaude) -> None:
    class Ping:
        @hookimpl
        async def handle_message(self, turn: Turn) -> str | None:
            return "pong" if turn.text == "ping" else None

    async with start(Ping()) as (bot, channel):
        await bot.receive(message("ping"))
        await channel.turns(1)
    assert list(channel.messages.values()) == ["pong"]
    assert claude.requests == []


async def test_the_system_prompt_is_frozen_until_the_configuration_changes(
    start: Start, claude: SimulatedClaude
) -> None:
    class Counting:
        asked = 0

        @hookimpl
        def system_prompt(self) -> str:
            Counting.asked += 1
            return f"Number {Counting.asked}."

    async def ask(**tables: dict[str, Any]) -> str:
        async with start(Counting(), **tables) as (bot, channel):
            await bot.receive(message("hi"))
            await channel.turns(1)
        return str(claude.requests[-1].body["system"])

    assert await ask() == await ask() == "You are a helpful assistant.\n\nNumber 1."
    assert await ask(model={"system": "Be brief."}) == "Be brief.\n\nNumber 2."


async def test_a_turn_can_be_wrapped(start: Start) -> None:
    events: list[str] = []

    class Around:
        @hookimpl
        @asynccontextmanager
        async def around_turn(self) -> AsyncIterator[None]:
            events.append("before")
            yield
            events.append("after")

        @hookimpl
        async def turn_finished(self, turn: Turn) -> None:
            events.append(turn.text)

    async with start(Around()) as (bot, channel):
        await bot.receive(message("hi"))
        await channel.turns(1)
    assert events == ["before", "after", "hi"]


async def test_errors_are_told_in_the_words_of_a_plugin(start: Start, claude: SimulatedClaude) -> None:
    class Polite:
        @hookimpl
        def turn_failed(self, error: Exception) -> str:
            return "So sorry."

    claude.script(Status(403))
    async with start(Polite()) as (bot, channel):
        await bot.receive(message("hi"))
        outcomes = await channel.turns(1)
    assert list(channel.messages.values()) == [f"So sorry. ({outcomes[0].reference})"]

"""Everything around a turn that can fail, fails: each turn still ends once, and the conversation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from botkit import Address, Bot, ConversationKey, DeliveryError, StopRequested, ToolStarted, Turn, hookimpl
from botkit.database import DatabaseStore
from botkit.errors import StoreError
from botkit.testing.claude import RecordedRequest, SimulatedClaude, Wait, call, say, thinking
from tests.fakes import ADA, HERE, Channel, Platform, Start, Weather, message, running, texts


async def test_a_store_that_fails_for_a_while_costs_no_answer(
    start: Start, claude: SimulatedClaude, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, calls = DatabaseStore.claim, 0

    async def flaky(*arguments: Any) -> Turn | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise StoreError("the disk is full")
        return await claim(*arguments)

    monkeypatch.setattr(DatabaseStore, "claim", flaky)
    claude.script("Here I am")
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        await channel.turns(1)
    assert list(channel.messages.values()) == ["Here I am"]


async def test_a_turn_that_cannot_be_buried_is_not_tried_again_at_once(
    start: Start, claude: SimulatedClaude, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(DatabaseStore, "answer", refuse)
    monkeypatch.setattr(DatabaseStore, "bury", refuse)
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        await channel.turns(1)
        await bot.drain(grace=5)
    assert len(claude.requests) == 1


async def test_a_turn_that_another_process_took_over_is_left_to_it(start: Start, claude: SimulatedClaude) -> None:
    go_on, arrived = asyncio.Event(), asyncio.Event()
    claude.on(lambda _: arrived.set())
    claude.script(Wait(go_on, answer="The first"), "The second")
    async with start() as (bot, channel), start() as (rival, other):
        await bot.receive(message("Hello"))
        await asyncio.wait_for(arrived.wait(), 20)
        await rival.receive(message("Hello?"))
        assert [outcome.status for outcome in await other.turns(1)] == ["answered"]
        go_on.set()
        assert [outcome.status for outcome in await channel.turns(1)] == ["failed"]
        await rival.drain(grace=5)
    assert "The second" in "".join(other.messages.values())


async def test_a_reply_without_words_is_posted_after_a_restart_too(start: Start, claude: SimulatedClaude) -> None:
    class Deaf(Channel):
        async def post(self, markdown: str, /) -> str:
            raise DeliveryError("the channel is closed", gone=True)

    claude.script(say(thinking("hm")))
    async with start() as (bot, _):
        bot.channel(Address(HERE))  # the platform's, before it is exchanged
        platform = bot.adapter("fake")
        assert isinstance(platform, Platform)
        deaf = platform.channels[HERE] = Deaf()
        await bot.receive(message("Hello"))
        assert [outcome.status for outcome in await deaf.turns(1)] == ["failed"]
        await bot.drain(grace=0)
    async with start() as (bot, channel), running(bot):
        await channel.turns(1)
    assert "nothing to say" in channel.messages["m1"]
    assert len(claude.requests) == 1


async def test_a_stop_counts_before_claude_is_asked(start: Start, claude: SimulatedClaude) -> None:
    go_on, begun = asyncio.Event(), asyncio.Event()

    class Slow:
        @hookimpl
        async def handle_message(self) -> None:
            begun.set()
            await go_on.wait()

    async with start(Slow()) as (bot, channel):
        await bot.receive(message("Hello"))
        await asyncio.wait_for(begun.wait(), 20)
        assert (await bot.receive(StopRequested(HERE, ADA))).status == "accepted"
        go_on.set()
        outcomes = await channel.turns(1)
    assert outcomes[0].status == "stopped"
    assert claude.requests == []


async def test_a_stop_while_tools_run_keeps_the_text_once_and_the_cost(start: Start, claude: SimulatedClaude) -> None:
    class Endless:
        @hookimpl
        def register_tools(self, register: Callable[[Callable[..., Any]], None]) -> None:
            async def wait_for_ever() -> str:
                """Wait."""
                await asyncio.Event().wait()
                return "never"

            register(wait_for_ever)

    claude.script(say("Let me wait.", call("wait_for_ever")), "Fine")
    async with start(Endless()) as (bot, channel):
        await bot.receive(message("Wait"))
        await channel.until(lambda channel: any(isinstance(each, ToolStarted) for each in channel.seen))
        await bot.receive(StopRequested(HERE, ADA))
        outcomes = await channel.turns(1)
        await bot.receive(message("And now?"))
        await channel.turns(2)
    assert outcomes[0].status == "stopped"
    assert outcomes[0].usage.output_tokens > 0
    assert texts(claude.requests[1]) == ["Wait", "Let me wait.", "And now?"]


class TestForeignCancellation:
    """A CancelledError that nobody asked for is a failure of whoever raised it."""

    async def test_a_tool(self, start: Start, claude: SimulatedClaude) -> None:
        class Tool:
            @hookimpl
            def register_tools(self, register: Callable[[Callable[..., Any]], None]) -> None:
                async def broken() -> str:
                    """Break."""
                    raise asyncio.CancelledError

                register(broken)

        claude.script(call("broken"), "It failed")
        async with start(Tool()) as (bot, channel):
            await bot.receive(message("Go"))
            outcomes = await channel.turns(1)
        assert outcomes[0].status == "answered"
        assert claude.requests[1].tool_results[0]["is_error"] is True

    async def test_a_guard(self, start: Start) -> None:
        class Guard:
            @hookimpl
            async def accept_message(self) -> bool:
                raise asyncio.CancelledError

        async with start(Guard()) as (bot, _):
            assert (await bot.receive(message("Go"))).status == "refused"

    async def test_a_hook(self, start: Start, claude: SimulatedClaude) -> None:
        class Hook:
            @hookimpl
            async def handle_message(self) -> str:
                raise asyncio.CancelledError

        claude.script("Claude's")
        async with start(Hook()) as (bot, channel):
            await bot.receive(message("Go"))
            await channel.turns(1)
        assert list(channel.messages.values()) == ["Claude's"]


async def test_what_cannot_be_stored_in_a_reply_is_replaced(start: Start, claude: SimulatedClaude) -> None:
    claude.script("a\x00b", "Still here")
    async with start() as (bot, channel):
        await bot.receive(message("one"))
        await channel.turns(1)
        await bot.receive(message("two"))
        outcomes = await channel.turns(2)
    assert [outcome.status for outcome in outcomes] == ["answered", "answered"]
    assert texts(claude.requests[1])[1] == "a\ufffdb"


async def test_line_ends_around_a_tool_call_do_not_change_the_text(start: Start, claude: SimulatedClaude) -> None:
    claude.script(say("Let me look.\n\n", call("weather", city="Bonn")), "\n\nSunny.")
    async with start(Weather()) as (bot, channel):
        await bot.receive(message("Weather?"))
        await channel.turns(1)
    assert [text.split() for text in channel.messages.values()] == [["Let", "me", "look.", "Sunny."]]


async def test_a_system_prompt_over_the_budget_is_the_operators_fault(start: Start, claude: SimulatedClaude) -> None:
    async with start(model={"system": "word " * 10_000}, history={"budget": 1000}) as (bot, channel):
        await bot.receive(message("hi"))
        await channel.turns(1)
    (told,) = channel.messages.values()
    assert "in parts" not in told
    assert claude.requests == []


async def test_a_channel_that_cannot_be_built_does_not_block_its_conversation_for_ever(
    start: Start, claude: SimulatedClaude, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, failures = Bot.channel, 0

    def fragile(bot: Bot, address: Address) -> Any:
        nonlocal failures
        failures += 1
        if failures <= 2:
            raise RuntimeError("no such channel")
        return build(bot, address)

    monkeypatch.setattr("botkit.inprocess._LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(Bot, "channel", fragile)
    claude.script("At last")
    async with start(turns={"attempts": 1}) as (bot, channel):
        await bot.receive(message("poison"))
        while failures < 2:  # noqa: ASYNC110 - there is no channel to be told by
            await asyncio.sleep(0.01)
        await bot.receive(message("hi"))
        await channel.turns(1)
    assert list(channel.messages.values()) == ["At last"]


async def test_the_hook_at_the_end_gets_the_reply_and_nothing_where_there_was_none(
    start: Start, claude: SimulatedClaude
) -> None:
    seen: list[str | None] = []

    class Watching:
        @hookimpl
        def turn_finished(self, reply: Any) -> None:
            seen.append(reply and reply.text)

    @claude.on
    def answer(request: RecordedRequest) -> str | None:
        return "Hello" if request.text == "hi" else None

    async with start(Watching(), history={"budget": 1000}) as (bot, channel):
        await bot.receive(message("hi"))
        await channel.turns(1)
        await bot.receive(message("word " * 10_000))
        await channel.turns(2)
    assert seen == ["Hello", None]


async def test_conversations_do_not_mix(start: Start, claude: SimulatedClaude) -> None:
    async with start() as (bot, channel):
        platform = bot.adapter("fake")
        assert isinstance(platform, Platform)
        there = ConversationKey("fake", "C2")
        await asyncio.gather(bot.receive(message("here")), bot.receive(message("there", at=there)))
        await channel.turns(1)
        await platform.at(there).turns(1)
    assert sorted(texts(request)[0] for request in claude.requests) == ["here", "there"]
    assert {len(request.messages) for request in claude.requests} == {1}

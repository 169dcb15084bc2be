"""One answer per message, whatever happens: redelivery, breaks, restarts."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreError
from botkit.testing.claude import BreakAfter, RecordedRequest, SimulatedClaude, call, say
from tests.fakes import Start, Weather, message, running, texts


async def test_a_conversation_goes_on_after_a_restart(start: Start, claude: SimulatedClaude) -> None:
    claude.script("one", "two")
    for number, text in enumerate(("first", "second"), 1):
        async with start() as (bot, channel):
            await bot.receive(message(text))
            await channel.turns(1)
        assert len(claude.requests) == number
    assert texts(claude.requests[1]) == ["first", "one", "second"]


async def test_a_message_that_is_delivered_twice_is_answered_once(start: Start, claude: SimulatedClaude) -> None:
    async with start() as (bot, channel):
        receipts = await asyncio.gather(*(bot.receive(message("hi", id="same")) for _ in range(5)))
        await channel.turns(1)
        again = await bot.receive(message("hi", id="same"))
        await bot.drain(grace=5)
    assert sorted(receipt.status for receipt in receipts) == ["accepted"] + ["duplicate"] * 4
    assert again.status == "duplicate"
    assert len(claude.requests) == len(channel.messages) == 1


async def test_a_turn_that_died_goes_on_from_its_stored_tool_results(start: Start, claude: SimulatedClaude) -> None:
    weather = Weather()
    claude.script(say("Looking.", call("weather", city="Bonn")), BreakAfter(0, "stall"))
    async with start(weather) as (bot, channel):
        asked_twice = asyncio.Event()
        claude.on(lambda _: asked_twice.set() if len(claude.requests) == 2 else None)
        await bot.receive(message("Weather?"))
        await asyncio.wait_for(asked_twice.wait(), 20)
        await bot.drain(grace=0)
    claude.script("Sunny.")
    async with start(weather) as (bot, channel), running(bot):
        channel.messages["m1"] = "Looking."
        await channel.turns(1)
    assert weather.calls == 1
    assert channel.messages == {"m1": "Looking.\n\nSunny."}


async def test_a_stream_that_breaks_is_answered_once_and_whole(start: Start, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(2, "reset"), "All of it")
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        await channel.turns(1)
    assert list(channel.messages.values()) == ["All of it"]


async def test_a_turn_that_never_ends_is_given_up(start: Start, claude: SimulatedClaude) -> None:
    arrived = asyncio.Event()

    @claude.on
    def hang(_: RecordedRequest) -> BreakAfter:
        arrived.set()
        return BreakAfter(0, "stall")

    for _ in range(2):
        async with start(turns={"attempts": 2}) as (bot, _channel), running(bot):
            await bot.receive(message("Hello", id="once"))
            await asyncio.wait_for(arrived.wait(), 20)
            arrived.clear()
            await bot.drain(grace=0)
    async with start(turns={"attempts": 2}) as (bot, channel), running(bot):
        outcomes = await channel.turns(1)
    assert outcomes[0].status == "failed"
    assert "several times" in next(iter(channel.messages.values()))
    assert len(claude.requests) == 2


async def test_an_answer_that_is_stored_and_not_posted_is_posted_after_a_restart(
    start: Start, claude: SimulatedClaude, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude.script("The answer")
    stored = asyncio.Event()

    async def killed(*_: object, **__: object) -> None:
        stored.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr("botkit.delivery.Delivery.finish", killed)
        async with start(turns={"stream": False}) as (bot, channel):
            await bot.receive(message("Question"))
            await asyncio.wait_for(stored.wait(), 10)
            await bot.drain(grace=0)
    assert channel.messages == {}
    async with start() as (bot, channel), running(bot):
        await channel.turns(1)
    assert list(channel.messages.values()) == ["The answer"]
    assert len(claude.requests) == 1


async def test_what_is_being_answered_is_finished_before_the_bot_stops(start: Start, claude: SimulatedClaude) -> None:
    claude.script("Just in time")
    async with start() as (bot, channel):
        stopping = asyncio.Event()
        running = asyncio.create_task(bot.run(["fake"], stopping=stopping))
        await bot.receive(message("Quick"))
        stopping.set()
        await asyncio.wait_for(running, 20)
        with pytest.raises(StoreError):
            await bot.receive(message("Too late"))
    assert list(channel.messages.values()) == ["Just in time"]

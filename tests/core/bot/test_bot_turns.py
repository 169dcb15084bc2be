"""The core from end to end: a message comes in, Claude is asked over the wire, a reply is on the platform."""

from __future__ import annotations

import asyncio

import pytest

from botkit import StopRequested, ToolFinished, Turn, hookimpl, load_settings
from botkit.errors import ConfigError
from botkit.testing.claude import BreakAfter, SimulatedClaude, Status, call, say
from tests.fakes import ADA, BOB, HERE, Start, Weather, message, texts


async def test_the_next_question_knows_the_last(start: Start, claude: SimulatedClaude) -> None:
    claude.script("Hello Ada", "You are Ada")
    async with start() as (bot, channel):
        await bot.receive(message("My name is Ada"))
        await channel.turns(1)
        await bot.receive(message("What is my name?"))
        await channel.turns(2)
    assert list(channel.messages.values()) == ["Hello Ada", "You are Ada"]
    assert texts(claude.requests[1]) == ["My name is Ada", "Hello Ada", "What is my name?"]


async def test_claude_calls_tools_and_their_results_are_remembered(start: Start, claude: SimulatedClaude) -> None:
    weather = Weather()
    claude.script(say("Let me look.", call("weather", city="Bonn"), call("weather", city="Ulm")), "Sunny.", "Bye")
    async with start(weather) as (bot, channel):
        await bot.receive(message("Weather?"))
        await channel.turns(1)
        await bot.receive(message("Thanks"))
        await channel.turns(2)
    assert list(channel.messages.values()) == ["Let me look.\n\nSunny.", "Bye"]
    results = [block["content"] for block in claude.requests[1].tool_results]
    assert results == ["Sunny in Bonn", "Sunny in Ulm"]
    assert claude.requests[2].messages[: len(claude.requests[1].messages)] == claude.requests[1].messages
    assert [progress.failed for progress in channel.seen if isinstance(progress, ToolFinished)] == [False, False]


async def test_messages_that_arrive_during_an_answer_are_answered_together_after_it(
    start: Start, claude: SimulatedClaude
) -> None:
    weather, go_on = Weather(), asyncio.Event()

    class Slow:
        @hookimpl
        async def handle_message(self, turn: Turn) -> None:
            if turn.text == "one":
                await go_on.wait()

    claude.script("first", "second", "third")
    async with start(weather, Slow()) as (bot, channel):
        await bot.receive(message("one"))
        await channel.until(lambda channel: bool(channel.seen))
        for text, person in (("two", ADA), ("three", ADA), ("four", BOB)):
            await bot.receive(message(text, person=person))
        go_on.set()
        await channel.turns(3)
    assert list(channel.messages.values()) == ["first", "second", "third"]
    assert texts(claude.requests[2]) == ["one", "first", "two", "three", "second", "four"]


async def test_stop_keeps_what_was_said(start: Start, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(3, "stall", say("one two three four five")), "Fine")
    async with start() as (bot, channel):
        await bot.receive(message("Count"))
        await channel.until(lambda channel: "one" in "".join(channel.messages.values()))
        receipt = await bot.receive(StopRequested(HERE, ADA))
        outcomes = await channel.turns(1)
        assert receipt.status == "accepted"
        assert outcomes[0].status == "stopped"
        assert channel.messages["m1"].endswith("*(stopped)*")
        await bot.receive(message("Go on"))
        await channel.turns(2)
        assert (await bot.receive(StopRequested(HERE, ADA))).status == "ignored"
    said = texts(claude.requests[1])
    assert said[0] == "Count"
    assert said[1].startswith("one")
    assert "stopped" not in said[1]


async def test_a_message_can_interrupt_the_answer_before_it(start: Start, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(3, "stall", say("one two three four")), "Second")
    async with start(turns={"overlap": "interrupt"}) as (bot, channel):
        await bot.receive(message("Count"))
        await channel.until(lambda channel: "one" in "".join(channel.messages.values()))
        await bot.receive(message("No, wait"))
        outcomes = await channel.turns(2)
    assert [outcome.status for outcome in outcomes] == ["stopped", "answered"]
    assert list(channel.messages.values())[1] == "Second"


async def test_a_failure_is_a_sentence_with_a_reference_and_the_conversation_goes_on(
    start: Start, claude: SimulatedClaude
) -> None:
    claude.script(Status(401), "Better")
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        outcomes = await channel.turns(1)
        await bot.receive(message("Again"))
        await channel.turns(2)
    first, second = channel.messages.values()
    assert outcomes[0].status == "failed"
    assert outcomes[0].reference in first
    assert "Traceback" not in first
    assert second == "Better"
    assert texts(claude.requests[1]) == ["Hello", "Again"]


async def test_a_bug_in_the_core_is_no_silence(
    start: Start, claude: SimulatedClaude, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botkit.transcript.fit", lambda *_, **__: 1 / 0)
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        outcomes = await channel.turns(1)
    assert list(channel.messages.values()) == [f"Something went wrong on my side. ({outcomes[0].reference})"]


async def test_a_message_that_is_too_long_says_so_and_the_next_one_is_answered(
    start: Start, claude: SimulatedClaude
) -> None:
    async with start() as (bot, channel):
        await bot.receive(message("word " * 200_000))
        await channel.turns(1)
        claude.script("Short")
        await bot.receive(message("hi"))
        outcomes = await channel.turns(2)
    first, second = channel.messages.values()
    assert first.startswith("That is too long for me")
    assert second == "Short"
    assert outcomes[1].left_out == 1


@pytest.mark.parametrize("text", ["", "   \n", "\t"])
async def test_an_empty_message_is_answered_by_a_sentence(start: Start, text: str) -> None:
    async with start() as (bot, _):
        receipt = await bot.receive(message(text))
    assert receipt.status == "ignored"
    assert receipt.reason


async def test_control_characters_and_lone_surrogates_are_kept_visibly(start: Start, claude: SimulatedClaude) -> None:
    async with start() as (bot, channel):
        await bot.receive(message("a\x00b\x1b[31mc\ud800d\te\x9bf\rg\r\n"))
        await channel.turns(1)
    assert texts(claude.requests[0]) == ["a␀b␛[31mc\ufffdd\te\ufffdf␍g\r\n"]


async def test_an_unknown_adapter_is_a_sentence(start: Start) -> None:
    async with start() as (bot, _):
        with pytest.raises(Exception, match="no adapter 'pigeon'"):
            await bot.run(["pigeon"])


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        load_settings(overrides={"model": {"max_tokens": "many"}})

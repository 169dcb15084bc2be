"""The core from end to end: a message comes in, Claude is asked over the wire, a reply is on the platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit import Bot, IncomingMessage, Settings, StopRequested, ToolFinished, Turn, hookimpl, load_settings
from botkit.claude import Claude
from botkit.errors import ConfigError, StoreError
from botkit.plugins import Plugins
from botkit.retry import RetryPolicy
from botkit.testing.claude import BreakAfter, RecordedRequest, SimulatedClaude, Status, call, say
from tests.fakes import ADA, BOB, HERE, Channel, Platform, message

Start = Callable[..., AbstractAsyncContextManager[tuple[Bot, Channel]]]


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


async def test_the_next_question_knows_the_last(start: Start, claude: SimulatedClaude) -> None:
    claude.script("Hello Ada", "You are Ada")
    async with start() as (bot, channel):
        await bot.receive(message("My name is Ada"))
        await channel.turns(1)
        await bot.receive(message("What is my name?"))
        await channel.turns(2)
    assert list(channel.messages.values()) == ["Hello Ada", "You are Ada"]
    assert texts(claude.requests[1]) == ["My name is Ada", "Hello Ada", "What is my name?"]


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


async def test_a_stream_that_breaks_is_answered_once_and_whole(start: Start, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(2, "reset"), "All of it")
    async with start() as (bot, channel):
        await bot.receive(message("Hello"))
        await channel.turns(1)
    assert list(channel.messages.values()) == ["All of it"]


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


async def test_an_unknown_adapter_is_a_sentence(start: Start) -> None:
    async with start() as (bot, _):
        with pytest.raises(Exception, match="no adapter 'pigeon'"):
            await bot.run(["pigeon"])


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        load_settings(overrides={"model": {"max_tokens": "many"}})


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

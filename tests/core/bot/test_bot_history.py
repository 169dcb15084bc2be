"""What Claude is sent as a conversation grows: the simulated Claude refuses what the real one does."""

from __future__ import annotations

from botkit.testing.claude import RecordedRequest, SimulatedClaude, Status, call, say, thinking
from tests.fakes import Start, Weather, message


def kinds(request: RecordedRequest) -> set[str]:
    return {block["type"] for message in request.messages for block in message["content"]}


async def test_thinking_is_sent_back_as_long_as_nothing_before_it_changes(
    start: Start, claude: SimulatedClaude
) -> None:
    weather = Weather()
    claude.script(say(thinking("Bonn?"), call("weather", city="Bonn")), say(thinking("Sunny"), "Sunny."), "Bye")
    async with start(weather) as (bot, channel):
        for number, text in enumerate(("Weather?", "Thanks"), 1):
            await bot.receive(message(text))
            await channel.turns(number)
    assert [outcome.status for outcome in channel.outcomes] == ["answered", "answered"]
    assert "thinking" in kinds(claude.requests[2])
    for before, after in zip(claude.requests, claude.requests[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages


async def test_after_a_change_of_the_system_prompt_thinking_is_left_out(start: Start, claude: SimulatedClaude) -> None:
    claude.script(say(thinking("hm"), "one"), "two")
    async with start() as (bot, channel):
        await bot.receive(message("first"))
        await channel.turns(1)
    async with start(model={"system": "Be brief."}) as (bot, channel):
        await bot.receive(message("second"))
        outcomes = await channel.turns(1)
    assert outcomes[0].status == "answered"
    assert kinds(claude.requests[1]) == {"text"}
    assert len(claude.requests) == 2


async def test_over_the_budget_the_history_is_cut_and_the_person_is_told(start: Start, claude: SimulatedClaude) -> None:
    claude.on(lambda request: say(thinking("hm"), f"Answer {len(claude.requests)}. " + "word " * 100))
    async with start(history={"budget": 2000}) as (bot, channel):
        for number in range(1, 16):
            await bot.receive(message(f"Question {number}. " + "word " * 100))
            await channel.turns(number)
    outcomes = channel.outcomes
    assert {outcome.status for outcome in outcomes} == {"answered"}
    assert len(claude.requests) == 15
    cuts = [outcome.left_out for outcome in outcomes if outcome.left_out]
    assert 1 <= len(cuts) < 7
    assert min(cuts) >= 4
    assert max(outcome.usage.prompt_tokens for outcome in outcomes[3:]) <= 2000 * 1.05


async def test_a_refusal_of_thinking_is_mended_once(start: Start, claude: SimulatedClaude) -> None:
    refused = Status(400, message="messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound")
    claude.script(say(thinking("hm"), "one"), refused, "two", refused, refused)
    async with start() as (bot, channel):
        for number in range(1, 4):
            await bot.receive(message(f"question {number}"))
            await channel.turns(number)
    assert [outcome.status for outcome in channel.outcomes] == ["answered", "answered", "failed"]
    assert "thinking" in kinds(claude.requests[1])
    assert "thinking" not in kinds(claude.requests[2])


async def test_a_guess_at_the_size_that_was_too_low_is_answered_by_cutting_deeper(
    start: Start, claude: SimulatedClaude
) -> None:
    claude.script(*("word " * 300 for _ in range(4)), Status(400, message="prompt is too long: 9 > 8"), "It fits now")
    async with start(history={"budget": 2500}) as (bot, channel):
        for number in range(1, 6):
            await bot.receive(message(f"question {number}"))
            outcomes = await channel.turns(number)
    assert outcomes[-1].status == "answered"
    assert outcomes[-1].left_out > 0
    assert len(claude.requests[5].messages) < len(claude.requests[4].messages)


async def test_an_answer_cut_short_by_its_limit_says_so(start: Start, claude: SimulatedClaude) -> None:
    claude.script(say("A very long", stop_reason="max_tokens"), say("", stop_reason="refusal"), say(thinking("hm")))
    async with start() as (bot, channel):
        for number in range(1, 4):
            await bot.receive(message("Go on"))
            await channel.turns(number)
    long, refused, silent = channel.messages.values()
    assert long.startswith("A very long\n\n*(")
    assert "declined" in refused
    assert "nothing to say" in silent

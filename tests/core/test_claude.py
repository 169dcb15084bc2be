"""Claude's answers and the requests for them, through the real SDK and the simulated API."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator

import pytest

from botkit.messages import Message, Usage
from botkit.model import Prompt
from botkit.testing.claude import (
    SimulatedClaude,
    Status,
    call,
    redacted_thinking,
    say,
    thinking,
)
from tests.calls import HELLO, MODEL, ask, block, end, opened, raw, sse, start, wired

TOOL = {"name": "weather", "description": "Weather.", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def simulated() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as simulated:
        yield simulated


class TestAnswers:
    async def test_a_text(self, simulated: SimulatedClaude) -> None:
        simulated.script("Hello, Ada. How are you today?")
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.text == told.reply.content[0]["text"] == "Hello, Ada. How are you today?"
        assert (told.reply.stop_reason, told.reply.model, told.reply.attempts) == ("end_turn", MODEL, 1)
        assert (told.reply.request_id or "").startswith("req_")
        assert told.reply.usage.input_tokens > 0
        assert told.reply.usage.output_tokens > 1
        assert told.restarts == []

    @pytest.mark.parametrize(
        "text",
        [
            "Grüße 👩‍👩‍👧 مرحبا 日本語",
            "one\u2028two\u2029three\x85four",
            "a\r\nb\tc\n\n```py\nx = '\\'\n```",
            "e\u0301 \u200d",
        ],
    )
    async def test_every_character_arrives(self, simulated: SimulatedClaude, text: str) -> None:
        simulated.script(say(chunks=list(text)))
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.text == text
        assert told.reply.content == ({"type": "text", "text": text},)

    async def test_tool_calls_with_their_input(self, simulated: SimulatedClaude) -> None:
        arguments = {"city": "Köln", "days": [1, 2.5, None], "deep": {"a": {"b": "c" * 200}}, "empty": ""}
        simulated.script(say("Let me look.", call("weather", arguments), call("weather")))
        async with opened(simulated.base_url) as claude:
            told = await ask(claude, Prompt(HELLO.messages, tools=(TOOL,)))
        assert told.reply.stop_reason == "tool_use"
        assert [item["type"] for item in told.reply.content] == ["text", "tool_use", "tool_use"]
        assert [item.get("input") for item in told.reply.content[1:]] == [arguments, {}]
        assert told.text == "Let me look."

    async def test_thinking_comes_back_to_the_api_byte_by_byte(self, simulated: SimulatedClaude) -> None:
        simulated.script(say(thinking("Hm… \n\u2028 ünsure 🤔"), redacted_thinking(), "Yes."), "Fine.")
        async with opened(simulated.base_url, thinking={"type": "adaptive"}) as claude:
            first = await ask(claude)
            messages = (*HELLO.messages, Message("assistant", first.reply.content), Message.user("Really?"))
            second = await ask(claude, Prompt(messages))
        assert [item["type"] for item in first.reply.content] == ["thinking", "redacted_thinking", "text"]
        assert first.reply.content[0]["thinking"] == "Hm… \n\u2028 ünsure 🤔"
        assert simulated.requests[1].messages[1]["content"] == list(first.reply.content)
        assert first.text == "Yes."
        assert second.text == "Fine."

    async def test_what_is_unknown_survives_and_nulls_do_not(self, simulated: SimulatedClaude) -> None:
        future = {"type": "hologram", "data": {"depth": None}, "tint": "blue"}
        simulated.script(
            raw(
                start(),
                *block(
                    0, {"type": "text", "text": "", "citations": None, "aura": 1}, {"type": "text_delta", "text": "A"}
                ),
                {"type": "weather_report"},
                *block(1, future, {"type": "hologram_delta", "data": "x"}),
                *end("a_reason_of_tomorrow"),
            )
        )
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.reply.content == ({"type": "text", "text": "A", "aura": 1}, future)
        assert told.reply.stop_reason == "a_reason_of_tomorrow"

    async def test_citations_and_server_tools(self, simulated: SimulatedClaude) -> None:
        search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}}
        found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"page_age": None}]}
        cited = {"type": "text", "text": "It rains.", "citations": [{"type": "web_search_result_location", "url": "u"}]}
        simulated.script(
            raw(
                start(),
                *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Let me see."}),
                *block(
                    1,
                    {**search, "input": {}},
                    {"type": "input_json_delta", "partial_json": ""},
                    {"type": "input_json_delta", "partial_json": '{"query": '},
                    {"type": "input_json_delta", "partial_json": '"rain"}'},
                ),
                *block(2, found),
                *block(
                    3,
                    {"type": "text", "text": "", "citations": []},
                    {"type": "text_delta", "text": "It rains."},
                    {"type": "citations_delta", "citation": cited["citations"][0]},
                ),
                *block(4, {"type": "text", "text": ""}, {"type": "text_delta", "text": " Take a coat."}),
                *end(),
            )
        )
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.reply.content[1:4] == (search, found, cited)
        assert told.text == "Let me see.\n\nIt rains. Take a coat."

    async def test_a_tool_call_that_was_cut_off_is_left_out(self, simulated: SimulatedClaude) -> None:
        cut = block(
            1,
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"city": "Bo'},
        )
        text = block(0, {"type": "text", "text": "Let me"})
        simulated.script(raw(start(), *text, *cut, *end("max_tokens")))
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.reply.content == ({"type": "text", "text": "Let me"},)
        assert told.reply.stop_reason == "max_tokens"

    async def test_a_tool_call_that_is_no_json_is_asked_for_again(self, simulated: SimulatedClaude) -> None:
        broken = block(
            0,
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"city": Bonn}'},
        )
        simulated.script(raw(start(), *broken, *end("tool_use")), call("weather", city="Bonn"))
        async with opened(simulated.base_url) as claude:
            told = await ask(claude, Prompt(HELLO.messages, tools=(TOOL,)))
        assert told.reply.content[0]["input"] == {"city": "Bonn"}
        assert told.reply.attempts == 2

    async def test_usage_is_the_last_word_of_the_stream(self, simulated: SimulatedClaude) -> None:
        opening = start(input_tokens=7, output_tokens=1, cache_read_input_tokens=5, cache_creation_input_tokens=3)
        simulated.script(raw(opening, *block(0, {"type": "text", "text": "A"}), *end(output_tokens=42, input_tokens=9)))
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert told.reply.usage == Usage(9, 42, cache_read_tokens=5, cache_write_tokens=3)

    async def test_the_second_turn_reads_the_first_from_the_cache(self, simulated: SimulatedClaude) -> None:
        async with opened(simulated.base_url) as claude:
            first = await ask(claude, Prompt(HELLO.messages, system="Be kind. " * 1000))
            messages = (*HELLO.messages, Message.assistant("Hi"), Message.user("Again"))
            second = await ask(claude, Prompt(messages, system="Be kind. " * 1000))
        assert first.reply.usage.cache_write_tokens > 1024
        assert second.reply.usage.cache_read_tokens == first.reply.usage.cache_write_tokens

    async def test_the_connection_is_used_again(self) -> None:
        text = block(0, {"type": "text", "text": "A"})
        async with wired(sse(start(), *text, *end())) as wire, opened(wire.base_url) as claude:
            for _ in range(3):
                await ask(claude)
            assert len(wire.peers) == 3
            assert len(set(wire.peers)) == 1

    async def test_a_server_that_keeps_the_line_open_does_not_hold_up_the_answer(self) -> None:
        text = block(0, {"type": "text", "text": "A"})
        async with wired(sse(start(), *text, *end()), hold=True) as wire, opened(wire.base_url) as claude:
            assert (await ask(claude)).text == "A"


class TestRequest:
    async def test_it_says_what_the_prompt_and_the_settings_say(self, simulated: SimulatedClaude) -> None:
        simulated.script("Hi")
        async with opened(
            simulated.base_url,
            max_tokens=99,
            stop_sequences=("END",),
            effort="low",
            thinking={"type": "adaptive"},
            service_tier="standard_only",
            cache="1h",
            extra_body={"metadata": {"user_id": "u"}},
        ) as claude:
            await ask(claude, Prompt(HELLO.messages, "Be kind.", (TOOL,)))
        assert simulated.requests[0].body == {
            "model": MODEL,
            "max_tokens": 99,
            "system": "Be kind.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
            "tools": [TOOL],
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "stop_sequences": ["END"],
            "output_config": {"effort": "low"},
            "thinking": {"type": "adaptive"},
            "service_tier": "standard_only",
            "metadata": {"user_id": "u"},
            "stream": True,
        }

    async def test_what_is_not_set_is_not_sent(self, simulated: SimulatedClaude) -> None:
        simulated.script("Hi")
        async with opened(simulated.base_url, cache="off") as claude:
            await ask(claude)
        assert set(simulated.requests[0].body) == {"model", "max_tokens", "messages", "stream"}

    async def test_the_prompt_is_left_as_it_is(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(529), "Hi")
        prompt = Prompt(HELLO.messages, "Be kind.", (TOOL,))
        before = copy.deepcopy(prompt)
        async with opened(simulated.base_url) as claude:
            await ask(claude, prompt)
        assert prompt == before

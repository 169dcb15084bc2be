"""The unscripted answer: honest, and useful without a key."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.testing.claude import SimulatedClaude
from tests.testing.claude.shapes import Api, assistant, result, tool, use, user

WEATHER = tool(
    "get_weather",
    properties={
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1},
        "rain": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"$ref": "#/$defs/Place"},
        "since": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "limit": {"type": ["number", "null"]},
        "lang": {"type": "string", "default": "en"},
        "optional": {"type": "string"},
    },
    required=["city", "unit", "days", "rain", "tags", "place", "since", "limit", "lang"],
    **{"$defs": {"Place": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}}},
)


async def text(api: Api, *messages: dict[str, object], **more: Any) -> str:
    message = await api.message(messages=list(messages), **more)
    assert message["stop_reason"] == "end_turn"
    return str(message["content"][0]["text"])


async def test_it_says_that_it_is_simulated_and_quotes_the_person(api: Api) -> None:
    answer = await text(api, user("Hello there"))
    assert "simulated Claude" in answer
    assert '"Hello there"' in answer


async def test_it_shows_what_it_remembers(api: Api) -> None:
    answer = await text(api, user("My name is Ada"), assistant("Hello."), user("What is my name?"))
    assert '"What is my name?"' in answer
    assert '"My name is Ada"' in answer
    assert "2 earlier messages" in answer


async def test_it_says_nothing_of_the_system_prompt(api: Api) -> None:
    assert "secret" not in await text(api, user("Hi"), system="A secret.")


async def test_quotes_are_short_and_on_one_line(api: Api) -> None:
    answer = await text(api, user("a\x1b[31mb\n\nc\u202e\t d " + "long " * 100))
    assert '"a [31mb c d long' in answer
    assert "…" in answer
    assert answer.isprintable()
    assert len(answer) < 250


async def test_an_image_without_text_is_named(api: Api) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert "image" in await text(api, user([image]))


async def test_a_tool_that_is_named_is_called_with_the_given_arguments(api: Api) -> None:
    message = await api.message(
        messages=[user('Call get_weather with {"city": "Bonn"} please {')], tools=[tool("weather"), WEATHER]
    )
    used = message["content"][-1]
    assert (message["stop_reason"], used["type"], used["name"]) == ("tool_use", "tool_use", "get_weather")
    assert used["input"] == {"city": "Bonn"}


async def test_arguments_are_made_up_from_the_schema(api: Api) -> None:
    message = await api.message(messages=[user("get_weather!")], tools=[WEATHER])
    assert message["content"][-1]["input"] == {
        "city": "",
        "unit": "celsius",
        "days": 1,
        "rain": False,
        "tags": [],
        "place": {"lat": 0},
        "since": None,
        "limit": 0,
        "lang": "en",
    }


async def test_a_schema_that_needs_itself_ends(api: Api) -> None:
    endless = tool("endless", properties={"next": {"$ref": "#"}}, required=["next"])
    message = await api.message(messages=[user("endless")], tools=[endless])
    assert message["content"][-1]["name"] == "endless"


@pytest.mark.parametrize("words", ["the weather today", "get_weather_now", "Get_Weather", "my-get_weather"])
async def test_only_the_exact_name_calls_a_tool(api: Api, words: str) -> None:
    await text(api, user(words), tools=[WEATHER])


async def test_tool_choice_is_respected(api: Api) -> None:
    tools = [tool("a"), tool("b")]
    await text(api, user("a"), tools=tools, tool_choice={"type": "none"})
    for choice, name in (({"type": "tool", "name": "b"}, "b"), ({"type": "any"}, "a")):
        message = await api.message(messages=[user("Hi")], tools=tools, tool_choice=choice)
        assert message["content"][-1]["name"] == name


async def test_a_tools_answer_is_reported_and_not_called_again(api: Api) -> None:
    results = [result("toolu_1", "18 degrees"), result("toolu_2", "no network", is_error=True)]
    called = assistant([use("toolu_1", "get_weather"), use("toolu_2", "clock")])
    answer = await text(api, user("get_weather"), called, user(results), tools=[WEATHER])
    assert 'The tool `get_weather` answered: "18 degrees".' in answer
    assert 'The tool `clock` failed with: "no network".' in answer


async def test_it_streams_too(api: Api, claude: SimulatedClaude) -> None:
    async with api.session.post(
        f"{claude.base_url}/v1/messages",
        headers={"x-api-key": "k", "anthropic-version": "1"},
        json={"model": "claude-opus-5", "max_tokens": 100, "messages": [user("Hi")], "stream": True},
    ) as response:
        assert response.content_type == "text/event-stream"
        assert "simulated" in await response.text()

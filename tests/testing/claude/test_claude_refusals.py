"""What Claude refuses is refused, in Claude's words; the right shape beside it passes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.testing.claude.shapes import CALLED, EXTRA, HI, UNANSWERED, Api, assistant, result, tool, use, user

UNEXPECTED = "unexpected `tool_use_id` found in `tool_result` blocks"
NON_EMPTY = "all messages must have non-empty content except for the optional final assistant message"
ONLY_IN = "blocks can only be in"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A"}}
EPHEMERAL = {"type": "ephemeral"}


def text(value: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": value, **more}


def loop(*results: dict[str, object]) -> list[dict[str, object]]:
    return [HI, assistant([use("toolu_1"), use("toolu_2")]), user(list(results))]


REFUSED_MESSAGES: list[tuple[str, list[Any], str]] = [
    ("none at all", [], "messages: at least one message is required"),
    ("an unknown role", [{"role": "tool", "content": "x"}], 'messages: Unexpected role "tool"'),
    ("assistant first", [assistant("Hi")], 'messages: first message must use the "user" role'),
    ("an unknown field", [HI | {"name": "Ada"}], f"messages.0.name: {EXTRA}"),
    ("content missing", [{"role": "user"}], "messages.0.content: "),
    ("an empty string", [HI, assistant("Yes?"), user("")], f"messages.2: {NON_EMPTY}"),
    ("an empty list", [user([]), assistant("Yes?"), HI], f"messages.0: {NON_EMPTY}"),
    ("an empty text block", [user([text("")])], "messages: text content blocks must be non-empty"),
    ("a blank string", [user(" \n")], "messages: text content blocks must contain non-whitespace text"),
    ("a blank text block", [user([text("  ")])], "messages: text content blocks must contain non-whitespace text"),
    ("a block without a type", [user([{"text": "Hi"}])], "messages.0.content.0.type: Field required"),
    ("a prefilled answer", [HI, assistant("Well,")], "This model does not support assistant message prefill"),
    ("a tool call left open", [HI, CALLED], f"messages.1: {UNANSWERED}: toolu_1"),
    (
        "a tool call without an id",
        [HI, assistant([use("") | {"id": None}])],
        "messages.1.content.0.tool_use.id: Field required",
    ),
    (
        "a tool call with a bad id",
        [HI, assistant([use("a b")])],
        "messages.1.content.0.tool_use.id: String should match",
    ),
    (
        "a tool call without input",
        [HI, assistant([use("a") | {"input": "{}"}])],
        "messages.1.content.0.tool_use.input: Input",
    ),
    (
        "a result without an id",
        [user([{"type": "tool_result"}])],
        "messages.0.content.0.tool_result.tool_use_id: Field required",
    ),
    (
        "a cached thought",
        [HI, assistant([{"type": "thinking", "thinking": "x", "cache_control": EPHEMERAL}])],
        f"messages.1.content.0.thinking.cache_control: {EXTRA}",
    ),
    ("a tool call passed over", [HI, CALLED, HI], f"messages.1: {UNANSWERED}: toolu_1"),
    ("one of two calls open", loop(result("toolu_1")), f"messages.1: {UNANSWERED}: toolu_2"),
    ("text before a result", [HI, CALLED, user([text("So:"), result("toolu_1")])], f"messages.1: {UNANSWERED}"),
    ("a result of nothing", [user([result("toolu_9")])], f"messages.0.content.0: {UNEXPECTED}: toolu_9"),
    (
        "a result too late",
        [HI, CALLED, user([result("toolu_1")]), assistant("Ok"), user([text("x"), result("toolu_1")])],
        f"messages.4.content.1: {UNEXPECTED}: toolu_1",
    ),
    (
        "two results of one call",
        loop(result("toolu_1"), result("toolu_2"), result("toolu_1")),
        "messages.2.content.2: each tool_use must have a single result",
    ),
    (
        "one id for two calls",
        [HI, CALLED, user([result("toolu_1")]), CALLED, user([result("toolu_1")])],
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    (
        "a blank text in a result",
        [HI, CALLED, user([result("toolu_1", [text("")])])],
        "messages: text content blocks must be non-empty",
    ),
    ("a tool call by the user", [user([use("toolu_1")])], f"`tool_use` {ONLY_IN} `assistant`"),
    ("thinking by the user", [user([{"type": "thinking", "thinking": "x"}])], f"`thinking` {ONLY_IN} `assistant`"),
    ("a document by Claude", [HI, assistant([DOCUMENT]), HI], f"`document` {ONLY_IN} `user`"),
    ("an image by Claude", [HI, assistant([IMAGE]), HI], f"`image` {ONLY_IN} `user`"),
    ("a result by Claude", [HI, assistant([result("toolu_1")]), HI], f"`tool_result` {ONLY_IN} `user`"),
    ("citations by the user", [user([text("x", citations=[{}])])], f"messages.0.content.0.text.citations: {EXTRA}"),
    ("too many images", [user([IMAGE] * 601)], "messages: too many images: 601 > 600"),
    (
        "system at the start",
        [{"role": "system", "content": "x"}, HI],
        "messages.0: use the top-level 'system' parameter",
    ),
    (
        "system after Claude",
        [HI, assistant("Yes?"), {"role": "system", "content": "x"}],
        "messages.2: role 'system' must follow a 'user' message",
    ),
    (
        "system before the user",
        [HI, {"role": "system", "content": "x"}, HI],
        "messages.1: role 'system' must precede an 'assistant' message or end the array",
    ),
]


@pytest.mark.parametrize(
    ("messages", "words"), [case[1:] for case in REFUSED_MESSAGES], ids=[c[0] for c in REFUSED_MESSAGES]
)
async def test_messages_that_claude_refuses(api: Api, messages: list[Any], words: str) -> None:
    assert words in await api.refusal(messages=messages)


ACCEPTED_MESSAGES: dict[str, list[Any]] = {
    "neighbours of one role": [HI, user("Hello?"), assistant("Yes?"), assistant("I am here."), HI],
    "parallel calls and text after": loop(result("toolu_2"), result("toolu_1", is_error=True), text("So?")),
    "results in two messages": [*loop(result("toolu_1")), user([result("toolu_2")])],
    "a result without content": [HI, CALLED, user([{"type": "tool_result", "tool_use_id": "toolu_1"}])],
    "a result with an image": [HI, CALLED, user([result("toolu_1", [IMAGE])])],
    "an image and a document": [user([IMAGE, DOCUMENT, text("What is this?")])],
    "system after the user": [HI, {"role": "system", "content": "Be brief."}],
    "system in the middle": [HI, {"role": "system", "content": "Be brief."}, assistant("Ok."), HI],
    "600 images": [user([IMAGE] * 600)],
    "a paused server tool": [
        HI,
        assistant([{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}]),
    ],
}


@pytest.mark.parametrize("messages", ACCEPTED_MESSAGES.values(), ids=ACCEPTED_MESSAGES)
async def test_messages_that_claude_takes(api: Api, messages: list[Any]) -> None:
    await api.message(messages=messages)


REFUSED_PARAMETERS: list[tuple[str, dict[str, Any], str]] = [
    ("temperature", {"temperature": 1.0}, f"temperature: {EXTRA}"),
    ("top_p", {"top_p": 0.5}, f"top_p: {EXTRA}"),
    ("top_k", {"top_k": 5}, f"top_k: {EXTRA}"),
    ("an unknown key", {"colour": "blue"}, f"colour: {EXTRA}"),
    ("a beta key without a beta", {"context_management": {}}, f"context_management: {EXTRA}"),
    ("no model", {"model": None}, "model: Field required"),
    ("no max_tokens", {"max_tokens": None}, "max_tokens: Field required"),
    ("max_tokens as text", {"max_tokens": "1"}, "max_tokens: Input should be a valid integer"),
    ("max_tokens below zero", {"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ("max_tokens too high", {"max_tokens": 128_001}, "max_tokens: 128001 > 128000, which is the maximum"),
    ("no messages", {"messages": None}, "messages: Field required"),
    ("messages as text", {"messages": "Hi"}, "messages: Input should be a valid list"),
    ("an empty system block", {"system": [text("")]}, "system: text content blocks must be non-empty"),
    ("a system that is no text", {"system": 1}, "system: "),
    (
        "a bad tool name",
        {"tools": [tool("a b")]},
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    ("a long tool name", {"tools": [tool("x" * 129)]}, "tools.0.custom.name: String should match pattern"),
    ("no tool name", {"tools": [{"input_schema": {"type": "object"}}]}, "tools.0.custom.name: Field required"),
    ("one name twice", {"tools": [tool(), tool()]}, "tools: Tool names must be unique."),
    ("no schema", {"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
    (
        "an untyped schema",
        {"tools": [{"name": "a", "input_schema": {}}]},
        "tools.0.custom.input_schema.type: Field required",
    ),
    (
        "no object schema",
        {"tools": [tool() | {"input_schema": {"type": "string"}}]},
        "tools.0.custom.input_schema.type: Input should be 'object'",
    ),
    ("an unknown tool key", {"tools": [tool() | {"timeout": 1}]}, f"tools.0.custom.timeout: {EXTRA}"),
    (
        "a choice without tools",
        {"tool_choice": {"type": "auto"}},
        "tool_choice: may only be specified while providing tools",
    ),
    ("an unknown choice", {"tools": [tool()], "tool_choice": {"type": "all"}}, "tool_choice.type: "),
    (
        "a choice of nothing",
        {"tools": [tool()], "tool_choice": {"type": "tool", "name": "x"}},
        "Tool 'x' not found in provided tools",
    ),
    (
        "a forced tool while thinking",
        {"tools": [tool()], "tool_choice": {"type": "any"}, "thinking": {"type": "adaptive"}},
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    (
        "a budget on a new model",
        {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        '"thinking.type.enabled" is not supported',
    ),
    (
        "between_tools elsewhere",
        {"thinking": {"type": "between_tools"}},
        '"thinking.type.between_tools" is not supported',
    ),
    (
        "binding without its beta",
        {"thinking": {"type": "adaptive", "block_binding": {}}},
        f"thinking.adaptive.block_binding: {EXTRA}",
    ),
    (
        "five breakpoints",
        {"system": [text("x", cache_control=EPHEMERAL)] * 4, "cache_control": EPHEMERAL},
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (
        "an hour after five minutes",
        {"system": [text("x", cache_control=EPHEMERAL)], "cache_control": EPHEMERAL | {"ttl": "1h"}},
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
    ),
    (
        "a breakpoint of no kind",
        {"cache_control": True},
        "cache_control: Input should be a dictionary of type 'ephemeral'",
    ),
    (
        "a blank stop sequence",
        {"stop_sequences": [" "]},
        "stop_sequences: each stop sequence must contain non-whitespace",
    ),
    ("stop sequences as text", {"stop_sequences": "END"}, "stop_sequences: Input should be a valid list"),
    ("tools that are no list", {"tools": {}}, "tools: Input should be a valid list"),
    ("an unknown ttl", {"cache_control": EPHEMERAL | {"ttl": "2h"}}, "cache_control.ttl: Input should be '5m' or '1h'"),
]


@pytest.mark.parametrize(
    ("parameters", "words"), [case[1:] for case in REFUSED_PARAMETERS], ids=[c[0] for c in REFUSED_PARAMETERS]
)
async def test_parameters_that_claude_refuses(api: Api, parameters: dict[str, Any], words: str) -> None:
    assert words in await api.refusal(**parameters)


ACCEPTED_PARAMETERS: dict[str, dict[str, Any]] = {
    "nothing but what is needed": {},
    "all the plain ones": {
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "stop_sequences": ["END"],
        "output_config": {"effort": "low"},
        "inference_geo": "eu",
        "diagnostics": {"previous_message_id": None},
        "stream": False,
        "speed": "standard",
    },
    "the most tokens": {"max_tokens": 128_000},
    "system as text and as blocks": {"system": [text("Be brief."), text("Be kind.")]},
    "no system": {"system": ""},
    "a tool with every name character": {"tools": [tool("Get_weather-2" + "x" * 115)]},
    "a full tool": {"tools": [tool() | {"type": "custom", "strict": True, "cache_control": EPHEMERAL}]},
    "a server tool": {"tools": [{"type": "web_search_20260318", "name": "web_search", "max_uses": 2}]},
    "a forced tool": {"tools": [tool()], "tool_choice": {"type": "tool", "name": "weather"}},
    "adaptive thinking": {"thinking": {"type": "adaptive"}},
    "no thinking": {"thinking": {"type": "disabled"}},
    "a budget on an old model": {
        "model": "claude-opus-4-5",
        "max_tokens": 3000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    },
    "four breakpoints, longest first": {
        "system": [text("x", cache_control=EPHEMERAL | {"ttl": "1h"}), text("y", cache_control=EPHEMERAL)],
        "tools": [tool() | {"cache_control": EPHEMERAL | {"ttl": "1h"}}],
        "cache_control": EPHEMERAL,
    },
    "a beta key with a beta": {"context_management": {}, "headers": {"anthropic-beta": "some-beta"}},
    "a beta binding": {
        "thinking": {"type": "adaptive", "block_binding": {}},
        "headers": {"anthropic-beta": "x, thinking-binding-controls-2026-08-01"},
    },
}


@pytest.mark.parametrize("parameters", ACCEPTED_PARAMETERS.values(), ids=ACCEPTED_PARAMETERS)
async def test_parameters_that_claude_takes(api: Api, parameters: dict[str, Any]) -> None:
    await api.message(**parameters)


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"])
@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
async def test_newest_models_cannot_be_forced_to_a_tool(api: Api, model: str, choice: dict[str, str]) -> None:
    words = await api.refusal(model=model, tools=[tool()], tool_choice=choice)
    assert model in words
    await api.message(model=model, tools=[tool()], tool_choice={"type": "auto"})


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-fable-5-1"])
async def test_models_that_always_think_cannot_be_stopped(api: Api, model: str) -> None:
    words = await api.refusal(model=model, thinking={"type": "disabled"})
    assert words == '"thinking.type.disabled" is not supported for this model.'
    await api.message(model=model, thinking={"type": "adaptive"})


async def test_only_sonnet_thinks_between_tools(api: Api) -> None:
    await api.message(model="claude-sonnet-5-5", thinking={"type": "between_tools"})


@pytest.mark.parametrize("budget", [1023, 3000, None])
async def test_a_thinking_budget_has_bounds(api: Api, budget: int | None) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    assert "budget_tokens" in await api.refusal(model="claude-opus-4-5", max_tokens=3000, thinking=thinking)


@pytest.mark.parametrize("model", ["claude-sonnet-5", "claude-opus-4-7", "claude-haiku-4-5"])
async def test_older_models_take_no_system_entries(api: Api, model: str) -> None:
    messages = [HI, {"role": "system", "content": "Be brief."}]
    assert await api.refusal(model=model, messages=messages) == "role 'system' is not supported on this model"


async def test_old_models_go_on_from_a_started_answer(api: Api) -> None:
    model = "claude-haiku-4-5"
    await api.message(model=model, messages=[HI, assistant("Well,")])
    words = await api.refusal(model=model, messages=[HI, assistant("Well, ")])
    assert words == "messages: final assistant content cannot end with trailing whitespace"


async def test_small_windows_take_fewer_images(api: Api) -> None:
    assert "101 > 100" in await api.refusal(model="claude-haiku-4-5", messages=[user([IMAGE] * 101)])

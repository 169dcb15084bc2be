"""Thinking is bound to the conversation before it."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from botkit.testing.claude import SimulatedClaude, call, redacted_thinking, say, thinking
from tests.testing.claude.shapes import Api, assistant, result, tool, user

MODEL = "claude-sonnet-5-5"
BOUND = "The block is bound to a different conversation"
MODIFIED = "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"
BETA = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
DROP = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}


@pytest.fixture
async def history(api: Api) -> list[dict[str, Any]]:
    """Three finished exchanges, each with thinking, and a fourth question."""
    messages: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        messages.append(user(f"Question {number}"))
        messages.append(assistant(await think(api, messages, f"Thought {number}.")))
    return [*messages, user("Question 4")]


async def think(api: Api, messages: list[dict[str, Any]], thought: str, **more: Any) -> list[Any]:
    api.claude.script(say(thinking(thought), f"About {thought}"))
    return list((await api.message(model=MODEL, messages=messages, **more))["content"])


def without_thinking(message: dict[str, Any]) -> dict[str, Any]:
    blocks = [block for block in message["content"] if block["type"] != "thinking"]
    return message | {"content": blocks}


async def test_an_unchanged_history_passes(api: Api, history: list[dict[str, Any]]) -> None:
    await api.message(model=MODEL, messages=history)


async def test_spelling_does_not_matter(api: Api) -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    api.claude.script(call("weather"), say(thinking("Sunny."), "It is sunny."))
    called = (await api.message(model=MODEL, tools=[tool()]))["content"][0]
    loop = [user("Hi"), assistant([called]), user([result(called["id"], "sunny")])]
    content = (await api.message(model=MODEL, messages=loop, tools=[tool()]))["content"]
    respelled = result(called["id"], [{"type": "text", "text": "sunny", "citations": None}], **cached)
    loop = [user("Hi"), assistant([called | cached]), user([respelled]), assistant(content), user("Thanks")]
    await api.message(model=MODEL, messages=loop, tools=[tool() | cached])


async def test_plain_strings_and_neighbours_are_the_same_conversation(api: Api, history: list[dict[str, Any]]) -> None:
    history[0] = user([{"type": "text", "text": "Question 1", "cache_control": {"type": "ephemeral"}}])
    history[3:4] = [assistant([block]) for block in history[3]["content"]]
    await api.message(model=MODEL, messages=history, cache_control={"type": "ephemeral"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system": "Be brief."}, "The `system` prompt differs"),
        ({"tools": [tool()]}, "The `tools` differ"),
    ],
)
async def test_a_changed_setting_is_refused(
    api: Api, history: list[dict[str, Any]], change: dict[str, Any], words: str
) -> None:
    message = await api.refusal(model=MODEL, messages=history, **change)
    assert message.startswith("messages.1.content.0: Invalid `signature` in `thinking` block. ")
    assert BOUND in message
    assert words in message


async def test_a_changed_message_is_refused_from_there_on(api: Api, history: list[dict[str, Any]]) -> None:
    history[2] = user("Question 2, edited")
    message = await api.refusal(model=MODEL, messages=history)
    assert message.startswith("messages.3.content.0: ")
    assert "The `messages` before the block differ" in message


async def test_trimming_the_oldest_messages_is_refused(api: Api, history: list[dict[str, Any]]) -> None:
    assert BOUND in await api.refusal(model=MODEL, messages=history[2:])


async def test_thinking_may_be_stripped_altogether_or_from_the_front(api: Api, history: list[dict[str, Any]]) -> None:
    stripped = [without_thinking(message) if message["role"] == "assistant" else message for message in history]
    await api.message(model=MODEL, messages=stripped)
    await api.message(model=MODEL, messages=stripped[2:])
    await api.message(model=MODEL, messages=[*stripped[:3], *history[3:]])


async def test_thinking_left_out_between_others_is_refused(api: Api, history: list[dict[str, Any]]) -> None:
    history[3] = without_thinking(history[3])
    message = await api.refusal(model=MODEL, messages=history)
    assert message.startswith("messages.5.content.0: ")
    assert "left out or moved" in message


async def test_modified_thinking_is_refused(api: Api, history: list[dict[str, Any]]) -> None:
    history[5]["content"][0]["thinking"] += "!"
    assert MODIFIED in await api.refusal(model=MODEL, messages=history)
    history[1]["content"][0]["thinking"] += "!"
    assert await api.refusal(model=MODEL, messages=history) == (
        "messages.1.content.0: Invalid `signature` in `thinking` block"
    )


@pytest.mark.parametrize("signature", ["", "AAAA", "no base64", "A" * 117, None])
async def test_a_forged_signature_is_refused(api: Api, history: list[dict[str, Any]], signature: str | None) -> None:
    history[5]["content"][0]["signature"] = signature
    message = await api.refusal(model=MODEL, messages=history)
    assert message == "messages.5.content.0: Invalid `signature` in `thinking` block"


async def test_another_servers_thinking_is_forged_unless_the_seed_is_the_same(
    session: aiohttp.ClientSession, history: list[dict[str, Any]]
) -> None:
    async with SimulatedClaude(seed=0) as restarted, SimulatedClaude(seed=1) as other:
        await Api(restarted, session).message(model=MODEL, messages=history)
        assert "Invalid `signature`" in await Api(other, session).refusal(model=MODEL, messages=history)


async def test_another_models_thinking_is_dropped_silently(api: Api, history: list[dict[str, Any]]) -> None:
    stripped = [without_thinking(message) if message["role"] == "assistant" else message for message in history]
    switched = await api.message(model="claude-opus-5-5", messages=history)
    plain = await api.message(model="claude-opus-5-5", messages=stripped)
    assert switched["usage"]["input_tokens"] == plain["usage"]["input_tokens"]


async def test_thinking_goes_on_after_a_switch_of_models_and_back(api: Api, history: list[dict[str, Any]]) -> None:
    api.claude.script(say(thinking("Mine."), "Ok."))
    content = (await api.message(model="claude-opus-5-5", messages=history))["content"]
    messages = [*history, assistant(content), user("Question 5")]
    await api.message(model="claude-opus-5-5", messages=messages)
    messages += [assistant(await think(api, messages, "Back.")), user("Question 6")]
    await api.message(model=MODEL, messages=messages)


async def test_models_without_the_check_take_a_changed_prefix(api: Api) -> None:
    api.claude.script(say(thinking("Hmm."), "Ok."))
    content = (await api.message(model="claude-opus-5"))["content"]
    messages = [user("Something else"), assistant(content), user("And?")]
    await api.message(model="claude-opus-5", messages=messages, system="Be brief.")


async def test_a_tool_loop_keeps_its_thinking(api: Api) -> None:
    api.claude.script(say(thinking("Look it up."), call("weather")), say(thinking("Sunny."), "It is sunny."))
    request: dict[str, Any] = {"model": MODEL, "tools": [tool()]}
    messages = [user("Weather?")]
    first = (await api.message(messages=messages, **request))["content"]
    messages += [assistant(first), user([result(first[1]["id"])])]
    second = (await api.message(messages=messages, **request))["content"]
    messages += [assistant(second), user("Thanks")]
    await api.message(messages=messages, **request)
    messages[2] = user([result(first[1]["id"], "rainy")])
    assert BOUND in await api.refusal(messages=messages, **request)


async def test_several_thoughts_in_one_answer_and_redacted_ones(api: Api) -> None:
    api.claude.script(say(thinking("One."), "Well,", redacted_thinking(), thinking("Three."), "yes."))
    content = (await api.message(model=MODEL))["content"]
    await api.message(model=MODEL, messages=[user("Hi"), assistant(content), user("And?")])
    moved = [content[3], *content[:3], content[4]]
    assert BOUND in await api.refusal(model=MODEL, messages=[user("Hi"), assistant(moved), user("And?")])
    content[2]["data"] = "AAAA"
    words = await api.refusal(model=MODEL, messages=[user("Hi"), assistant(content), user("And?")])
    assert words == "messages.1.content.2: Invalid `data` in `redacted_thinking` block"


async def test_blank_text_of_an_answer_may_be_left_out(api: Api) -> None:
    api.claude.script(say("", thinking("Hmm."), "Ok."))
    content = (await api.message(model=MODEL))["content"]
    await api.message(model=MODEL, messages=[user("Hi"), assistant(content[1:]), user("And?")])


async def test_mismatched_thinking_can_be_dropped_instead_and_is_reported(
    api: Api, history: list[dict[str, Any]]
) -> None:
    history[2] = user("Question 2, edited")
    message = await api.message(model=MODEL, messages=history, thinking=DROP, headers=BETA)
    assert message["input_transformations"] == [
        {"type": "thinking_dropped", "path": f"messages.{number}.content.0", "reason": "prefix_binding_mismatch"}
        for number in (3, 5)
    ]
    content = await think(api, history, "New.", thinking=DROP, headers=BETA)
    longer = [*history, assistant(content), user("Question 5")]
    message = await api.message(model=MODEL, messages=longer, thinking=DROP, headers=BETA)
    assert len(message["input_transformations"]) == 2

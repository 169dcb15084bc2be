"""The SDK, unmodified, talks to the simulated Claude."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from botkit.testing.claude import MODELS, Interject, SimulatedClaude, Wait, call, say, thinking
from tests.testing.claude.shapes import HEADERS, Api, assistant, result, tool, user

if TYPE_CHECKING:
    import anthropic

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "Hi"}],
}


async def raw_events(client: anthropic.AsyncAnthropic, **more: Any) -> list[Any]:
    return [event async for event in await client.messages.create(stream=True, **ASK, **more)]


async def test_a_scripted_message_arrives_whole(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(say(thinking("Hmm."), "Let me look.", call("weather", city="Bonn"), call("clock")))
    message = await client.messages.create(tools=[tool("weather"), tool("clock")], **ASK)  # type: ignore[list-item]  # plain dicts
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.id.startswith("msg_")
    assert message.stop_reason == "tool_use"
    assert message.content[2].to_dict()["input"] == {"city": "Bonn"}


async def test_a_stream_adds_up_to_the_same_message(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(say(thinking("Hmm, so."), "Let me look.\nÄ 漢字", call("weather", city="Bonn"), call("clock")))
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    thought, text, weather, clock = (block.to_dict() for block in message.content)
    assert (thought["thinking"], text["text"]) == ("Hmm, so.", "Let me look.\nÄ 漢字")
    assert thought["signature"]
    assert (weather["input"], clock["input"]) == ({"city": "Bonn"}, {})
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens > 10
    assert (stream.request_id or "").startswith("req_")


async def test_a_stream_has_the_events_of_the_api_in_their_order(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(say("one two", call("weather", city="Bonn")))
    events = await raw_events(client)
    assert [event.type for event in events if event.type != "content_block_delta"] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].message.content == []
    assert events[0].message.stop_reason is None
    assert events[-2].usage.output_tokens > events[0].message.usage.output_tokens


async def test_text_comes_in_several_deltas_or_in_the_scripted_ones(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script("one two three", say(chunks=["on", "e tw", "o"]))
    for expected in (["one ", "two ", "three"], ["on", "e tw", "o"]):
        events = await raw_events(client)
        assert [event.delta.text for event in events if event.type == "content_block_delta"] == expected


async def test_citations_come_as_deltas(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    citation = {
        "type": "char_location",
        "cited_text": "sky",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 3,
    }
    claude.script({"type": "text", "text": "Blue.", "citations": [citation]})
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert [found["cited_text"] for found in message.content[0].to_dict()["citations"]] == ["sky"]  # type: ignore[attr-defined]  # JSON


async def test_any_raw_block_can_be_scripted(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    search = {"type": "server_tool_use", "name": "web_search", "input": {"query": "sky"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    unknown = {"type": "block_of_tomorrow", "value": 1}
    claude.script(say(search, found, unknown, stop_reason="pause_turn"))
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == [search["type"], found["type"], unknown["type"]]
    assert message.content[0].to_dict()["input"] == {"query": "sky"}
    assert message.content[2].to_dict() == unknown
    assert message.stop_reason == "pause_turn"


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"])
async def test_a_stop_reason_can_be_scripted(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic, reason: str
) -> None:
    claude.script(say("No.", stop_reason=reason))
    assert (await client.messages.create(**ASK)).stop_reason == reason


async def test_a_refusal_says_of_which_kind_it_is(claude: SimulatedClaude, api: Api) -> None:
    claude.script(say("No.", stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber"}))
    assert (await api.message())["stop_details"]["category"] == "cyber"


async def test_an_unknown_event_passes_through(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(Interject(1, {"type": "event_of_tomorrow"}, "one two"))
    events = await raw_events(client)
    assert "event_of_tomorrow" in [event.type for event in events]
    assert events[-1].type == "message_stop"


async def test_an_answer_can_be_held_half_way(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    rest = asyncio.Event()
    claude.script(Wait(rest, 1, "one two"))
    texts = []
    async with client.messages.stream(**ASK) as stream:
        async for text in stream.text_stream:
            texts.append(text)
            if texts == ["one "]:
                assert not rest.is_set()
                rest.set()
    assert texts == ["one ", "two"]


async def test_output_is_cut_at_max_tokens(api: Api, claude: SimulatedClaude) -> None:
    claude.script("word " * 100, say("ok", call("weather", city="A very long name of a city, too long")))
    message = await api.message(max_tokens=20)
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] <= 20
    message = await api.message(max_tokens=12)
    assert (message["stop_reason"], message["content"][1]["input"]) == ("max_tokens", {})


async def test_a_cut_tool_call_streams_json_that_ends_too_early(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(call("weather", city="A very long name of a city, too long"))
    events = await raw_events(client, extra_body={"max_tokens": 9})
    pieces = [event.delta.partial_json for event in events if event.type == "content_block_delta"]
    assert "".join(pieces).startswith('{"city"')
    assert not "".join(pieces).endswith("}")


async def test_scripted_chunks_are_cut_too(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(say(chunks=["one two ", "three four five six seven eight"]))
    events = await raw_events(client, extra_body={"max_tokens": 6})
    texts = [event.delta.text for event in events if event.type == "content_block_delta"]
    assert "".join(texts).strip() == "one two three"


async def test_an_empty_tool_input_is_one_empty_delta(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(call("clock"))
    deltas = [event.delta for event in await raw_events(client) if event.type == "content_block_delta"]
    assert [delta.partial_json for delta in deltas] == [""]


async def test_nothing_is_said_when_only_the_cache_is_warmed(api: Api) -> None:
    message = await api.message(max_tokens=0)
    assert message["content"] == []


async def test_the_window_ends_an_answer_that_max_tokens_would_allow(api: Api) -> None:
    async with SimulatedClaude(max_input_tokens=60) as small:
        small.script("word " * 100)
        message = await Api(small, api.session).message(max_tokens=1000)
    assert message["stop_reason"] == "model_context_window_exceeded"
    assert message["usage"]["input_tokens"] + message["usage"]["output_tokens"] <= 60


async def test_a_stop_sequence_ends_the_text_before_it(api: Api, claude: SimulatedClaude) -> None:
    claude.script("one STOP two")
    message = await api.message(stop_sequences=["END", "STOP"])
    assert message["content"] == [{"type": "text", "text": "one "}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "STOP")


async def test_thinking_can_be_omitted_and_still_counts(api: Api, claude: SimulatedClaude) -> None:
    claude.script(say(thinking("A long thought."), "Yes."))
    message = await api.message(thinking={"type": "adaptive", "display": "omitted"})
    assert message["content"][0]["thinking"] == ""
    assert message["content"][0]["signature"]
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] > 3


async def test_every_request_is_recorded_with_its_parts(api: Api, claude: SimulatedClaude) -> None:
    claude.script(call("weather"))
    call_block = (await api.message(tools=[tool()]))["content"][0]
    messages = [user("Hi"), assistant([call_block]), user([result(call_block["id"])])]
    await api.message(messages=messages, tools=[tool()], system="Be brief.")
    first, second = claude.requests
    assert (first.path, first.text, first.stream, first.model) == ("/v1/messages", "Hi", False, "claude-opus-5")
    assert (second.system, second.tools, second.messages) == ("Be brief.", [tool()], messages)
    assert [block["content"] for block in second.tool_results] == ["sunny"]
    assert second.headers["x-api-key"] == "any"


async def test_a_responder_answers_by_content_before_the_script(api: Api, claude: SimulatedClaude) -> None:
    claude.script("scripted")
    claude.on(lambda request: "Bonn it is" if "Bonn" in request.text else None)
    answers = [(await api.message(messages=[user(text)]))["content"][0]["text"] for text in ("Bonn?", "Ulm?")]
    assert answers == ["Bonn it is", "scripted"]
    assert claude.unplayed == 0


async def test_a_refused_request_does_not_use_up_the_script(api: Api, claude: SimulatedClaude) -> None:
    claude.script("first")
    await api.refusal(messages=[])
    assert claude.unplayed == 1
    assert (await api.message())["content"][0]["text"] == "first"


async def test_models_are_listed_and_described(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    listed = [model.id async for model in client.models.list()]
    assert listed == list(MODELS)
    model = await client.models.retrieve("claude-sonnet-5-5")
    assert (model.max_input_tokens, model.max_tokens, model.lifecycle) == (1_000_000, 128_000, "active")
    assert model.display_name == "Claude Sonnet 5.5"
    assert model.capabilities is not None
    assert model.capabilities.thinking.types.between_tools.supported
    old = await client.models.retrieve("claude-sonnet-4-5-20250929")
    assert (old.lifecycle, old.display_name) == ("deprecated", "Claude Sonnet 4.5")
    assert old.retires_at is not None


async def test_tokens_are_counted_as_usage_says_later(client: anthropic.AsyncAnthropic) -> None:
    counted = await client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"], system="Be brief.")
    message = await client.messages.create(**ASK, system="Be brief.")
    assert counted.input_tokens == message.usage.input_tokens > 0


async def test_every_response_carries_its_id_and_the_rate_limits(api: Api, claude: SimulatedClaude) -> None:
    for path in ("/v1/messages", "/nowhere"):
        async with api.session.post(f"{claude.base_url}{path}", headers=HEADERS, json={}) as response:
            body = await response.json()
            assert response.headers["request-id"] == body["request_id"]
            assert response.headers["request-id"].startswith("req_")
            for kind in ("requests", "tokens", "input-tokens", "output-tokens"):
                for part in ("limit", "remaining", "reset"):
                    assert f"anthropic-ratelimit-{kind}-{part}" in response.headers


async def test_chunk_delay_spreads_the_deltas(api: Api, claude: SimulatedClaude) -> None:
    claude.chunk_delay = 0.01
    claude.script("one two three four five")
    started = asyncio.get_running_loop().time()
    async with api.session.post(
        f"{claude.base_url}/v1/messages", headers=HEADERS, json=ASK | {"stream": True}
    ) as response:
        body = await response.text()
    assert body.count("text_delta") == 5
    assert asyncio.get_running_loop().time() - started >= 0.05

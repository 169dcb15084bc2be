"""Prompt-cache accounting, as `usage` shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from botkit.testing.claude import SimulatedClaude
from tests.testing.claude.shapes import Api, assistant, tool, user

AUTOMATIC = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
LONG = "word " * 1500


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def timed(clock: Clock, session: aiohttp.ClientSession) -> AsyncIterator[Api]:
    async with SimulatedClaude(clock=clock) as claude:
        yield Api(claude, session)


async def usage(api: Api, **body: Any) -> tuple[int, int, int]:
    """Tokens read from the cache, written to it, and neither."""
    used = (await api.message(**body))["usage"]
    written = used["cache_creation_input_tokens"]
    assert written == sum(used["cache_creation"].values())
    return used["cache_read_input_tokens"], written, used["input_tokens"]


def marked(text: str, cache_control: dict[str, str] = AUTOMATIC) -> dict[str, object]:
    return {"type": "text", "text": text, "cache_control": cache_control}


async def test_nothing_is_cached_unasked(api: Api) -> None:
    for _ in range(2):
        read, written, neither = await usage(api, system=LONG)
        assert (read, written) == (0, 0)
        assert neither > 1500


async def test_automatic_caching_reads_what_the_turn_before_wrote(api: Api) -> None:
    messages: list[dict[str, Any]] = [user("Hi")]
    read, first, neither = await usage(api, system=LONG, messages=messages, cache_control=AUTOMATIC)
    assert (read, neither) == (0, 0)
    messages += [assistant("Hello."), user("And now?")]
    read, written, neither = await usage(api, system=LONG, messages=messages, cache_control=AUTOMATIC)
    assert (read, neither) == (first, 0)
    assert 0 < written < 30


async def test_what_follows_the_last_breakpoint_is_neither_read_nor_written(api: Api) -> None:
    system = [marked(LONG)]
    _, written, neither = await usage(api, system=system, messages=[user("Hi")])
    assert 0 < neither < 10
    read, rewritten, _ = await usage(api, system=system, messages=[user("Something else")])
    assert (read, rewritten) == (written, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"system": LONG + "!"},
        {"tools": [tool()]},
        {"model": "claude-sonnet-5-5"},
        {"messages": [user("Hello"), assistant("Hm."), user("And?")]},
    ],
)
async def test_a_changed_prefix_is_a_miss(api: Api, change: dict[str, Any]) -> None:
    request: dict[str, Any] = {"system": LONG, "cache_control": AUTOMATIC}
    await usage(api, **request, messages=[user("Hi"), assistant("Hm."), user("And?")])
    read, written, _ = await usage(api, **(request | change))
    assert read == 0
    assert written > 1500


async def test_short_prompts_are_not_cached(session: aiohttp.ClientSession) -> None:
    for minimum, expected in ((1024, False), (10, True)):
        async with SimulatedClaude(minimum_cacheable=minimum) as claude:
            _, written, _ = await usage(Api(claude, session), system="word " * 100, cache_control=AUTOMATIC)
            assert (written > 0) is expected


async def test_an_entry_lives_five_minutes_from_its_last_use(timed: Api, clock: Clock) -> None:
    request = {"system": LONG, "cache_control": AUTOMATIC}
    _, written, _ = await usage(timed, **request)
    for clock.now, expected in ((299, written), (598, written), (899, 0)):
        read, _, _ = await usage(timed, **request)
        assert read == expected


async def test_an_hour_can_be_asked_for(timed: Api, clock: Clock) -> None:
    request = {"system": LONG, "cache_control": HOUR}
    used = (await timed.message(**request))["usage"]["cache_creation"]
    assert used["ephemeral_5m_input_tokens"] == 0
    clock.now = 3599
    read, _, _ = await usage(timed, **request)
    assert read == used["ephemeral_1h_input_tokens"] > 1500


async def test_each_breakpoint_has_its_own_lifetime(timed: Api, clock: Clock) -> None:
    request = {"system": [marked(LONG, HOUR)], "messages": [user(LONG)], "cache_control": AUTOMATIC}
    used = (await timed.message(**request))["usage"]["cache_creation"]
    assert used["ephemeral_1h_input_tokens"] > 1500
    assert used["ephemeral_5m_input_tokens"] > 1500
    clock.now = 600
    read, rewritten, _ = await usage(timed, **request)
    assert (read, rewritten) == (used["ephemeral_1h_input_tokens"], used["ephemeral_5m_input_tokens"])


async def test_a_breakpoint_looks_back_twenty_blocks(api: Api) -> None:
    blocks = [{"type": "text", "text": text} for text in (LONG, *map(str, range(20)))]
    _, written, _ = await usage(api, messages=[user(blocks[:1])], cache_control=AUTOMATIC)
    assert (await usage(api, messages=[user(blocks[:21])], cache_control=AUTOMATIC))[0] == 0
    assert (await usage(api, messages=[user(blocks[:20])], cache_control=AUTOMATIC))[0] == written


async def test_reading_a_prefix_renews_it_where_the_breakpoint_moved_on(timed: Api, clock: Clock) -> None:
    first = [user(LONG)]
    _, written, _ = await usage(timed, messages=first, cache_control=AUTOMATIC)
    for clock.now in (299, 598):
        messages = [*first, assistant("Hm."), user(f"At {clock.now}?")]
        assert (await usage(timed, messages=messages, cache_control=AUTOMATIC))[0] == written


async def test_the_parts_add_up_to_the_whole_prompt(api: Api) -> None:
    request: dict[str, Any] = {"system": [marked(LONG)], "tools": [tool()], "messages": [user("Hi")]}
    status, counted = await api.post("/v1/messages/count_tokens", max_tokens=None, **request)
    assert status == 200
    for _ in range(2):
        assert sum(await usage(api, **request)) == counted["input_tokens"]


async def test_diagnostics_say_why_the_cache_missed(api: Api) -> None:
    async def reason(previous: str | None, **more: Any) -> Any:
        request: dict[str, Any] = {"system": LONG, "messages": [user("Hi"), assistant("Hm."), user("So?")]}
        asked = {"diagnostics": {"previous_message_id": previous}, "cache_control": AUTOMATIC}
        message = await api.message(**(request | asked | more))
        found = message["diagnostics"]
        return message["id"], found and found["cache_miss_reason"]["type"]

    first, nothing = await reason(None)
    assert nothing is None
    appended = [user("Hi"), assistant("Hm."), user("So?"), assistant("So."), user("Ok")]
    assert (await reason(first, messages=appended))[1] is None
    assert (await reason(first, messages=[user("Hey"), assistant("Hm."), user("So?")]))[1] == "messages_changed"
    assert (await reason(first, messages=[user("Hi")]))[1] == "messages_changed"
    assert (await reason(first, system="Other"))[1] == "system_changed"
    assert (await reason(first, tools=[tool()]))[1] == "tools_changed"
    assert (await reason(first, model="claude-opus-4-8"))[1] == "model_changed"
    assert (await reason("msg_unknown"))[1] == "previous_message_not_found"
    assert "diagnostics" not in await api.message()

"""What becomes of calls of Claude that fail, through the real SDK and the simulated API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from botkit.errors import ModelError
from botkit.messages import Message, Restarted
from botkit.model import Prompt, TextDelta
from botkit.retry import RetryPolicy
from botkit.testing.claude import (
    Body,
    BreakAfter,
    ScriptItem,
    SimulatedClaude,
    Status,
    Unstreamed,
    say,
    thinking,
)
from tests.calls import HELLO, MODEL, ask, opened, refused

TOOL = {"name": "weather", "description": "Weather.", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def simulated() -> AsyncIterator[SimulatedClaude]:
    async with SimulatedClaude() as simulated:
        yield simulated


class TestRetries:
    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
    async def test_a_passing_failure_is_not_noticed(self, simulated: SimulatedClaude, status: int) -> None:
        simulated.script(Status(status, headers={"retry-after": "0"}), Status(status), "Hi")
        async with opened(simulated.base_url) as claude:
            told = await ask(claude)
        assert (told.text, told.restarts, told.reply.attempts) == ("Hi", [], 3)

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, "invalid_request"),
            (401, "authentication"),
            (402, "billing"),
            (403, "permission"),
            (404, "not_found"),
            (413, "too_large"),
            (422, "invalid_request"),
        ],
    )
    async def test_a_final_failure_is_told_at_once(self, simulated: SimulatedClaude, status: int, kind: str) -> None:
        simulated.script(Status(status), "Hi")
        async with opened(simulated.base_url) as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == (kind, False)
        assert (error.request_id or "").startswith("req_")
        assert len(simulated.requests) == 1

    async def test_a_spending_limit_is_final(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(429, error_code="enforced_spend_limit_reached"))
        async with opened(simulated.base_url) as claude:
            assert (await refused(claude)).kind == "spend_limit"
        assert len(simulated.requests) == 1

    BREAKS = (
        *(BreakAfter(0, how) for how in ("error", "reset", "fin", "eof", "stall", "bad_json")),
        *(BreakAfter(0, "error", error_type=type_) for type_ in ("api_error", "rate_limit_error", "timeout_error")),
        Body("<html>Bad day</html>", content_type="text/html"),
        Body("not json"),
        Unstreamed("whole"),
    )

    @pytest.mark.parametrize("fault", BREAKS, ids=repr)
    async def test_a_stream_that_breaks_before_any_text_is_not_noticed(
        self, simulated: SimulatedClaude, fault: ScriptItem
    ) -> None:
        simulated.script(fault, "The whole answer.")
        async with opened(simulated.base_url, stall=0.2) as claude:
            told = await ask(claude)
        assert (told.text, told.restarts, told.reply.attempts) == ("The whole answer.", [], 2)

    @pytest.mark.parametrize("how", ["error", "reset", "fin", "eof", "stall", "bad_json"])
    async def test_text_that_is_void_is_taken_back(self, simulated: SimulatedClaude, how: Any) -> None:
        simulated.script(BreakAfter(3, how, "one two three four five"), "The whole answer.")
        async with opened(simulated.base_url, stall=0.2) as claude:
            told = await ask(claude)
        assert told.text == told.reply.content[0]["text"] == "The whole answer."
        assert len(told.restarts) == 1
        assert told.restarts[0].wait == 0
        assert told.reply.attempts == 2

    async def test_a_long_wait_is_told(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(429, headers={"retry-after": "30"}))
        async with opened(simulated.base_url) as claude, aclosing(claude.stream(HELLO)) as events:
            event = await anext(events)
        assert event == Restarted("I am asking Claude too much at the moment.", 30)

    async def test_a_wait_beyond_the_deadline_is_not_begun(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(429, headers={"retry-after": "3600"}))
        async with opened(simulated.base_url) as claude:
            error = await refused(claude)
        assert (error.kind, error.transient, error.retry_after) == ("rate_limit", True, 3600)
        assert len(simulated.requests) == 1

    @pytest.mark.parametrize("fault", [Status(529), Status(500), BreakAfter(2, "error", "one two three")], ids=repr)
    async def test_failures_without_end_end_at_the_deadline(
        self, simulated: SimulatedClaude, fault: ScriptItem
    ) -> None:
        simulated.on(lambda _: fault)
        async with opened(simulated.base_url, deadline=0.4, retry=RetryPolicy(first=0.05, longest=0.05)) as claude:
            begun = asyncio.get_running_loop().time()
            error = await refused(claude)
            taken = asyncio.get_running_loop().time() - begun
        assert error.transient
        assert taken < 2
        assert len(simulated.requests) > 1

    async def test_silence_ends_at_the_deadline(self, simulated: SimulatedClaude) -> None:
        simulated.script(BreakAfter(1, "stall", "one two"))
        async with opened(simulated.base_url, deadline=0.3) as claude:
            error = await refused(claude)
        assert (error.kind, error.transient) == ("timeout", True)
        assert "[model] deadline" in str(error)

    async def test_the_deadline_never_cancels_who_reads_the_answer(self, simulated: SimulatedClaude) -> None:
        simulated.script(BreakAfter(1, "stall", "one two"))
        async with opened(simulated.base_url, deadline=0.2) as claude, aclosing(claude.stream(HELLO)) as events:
            assert isinstance(await anext(events), TextDelta)
            await asyncio.sleep(0.4)
            with pytest.raises(ModelError):
                await anext(events)

    async def test_another_model_answers_when_one_stays_overloaded(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(529), BreakAfter(0, "error"), "Hi")
        async with opened(simulated.base_url, fallback_models=("claude-haiku-5-5",)) as claude:
            told = await ask(claude)
        assert [request.model for request in simulated.requests] == [MODEL, MODEL, "claude-haiku-5-5"]
        assert (told.reply.model, claude.name) == ("claude-haiku-5-5", MODEL)

    async def test_a_request_that_is_too_long_is_known_as_such(self, simulated: SimulatedClaude) -> None:
        simulated.script(Status(400, message="prompt is too long: 1200000 tokens > 1000000 maximum"))
        async with opened(simulated.base_url) as claude:
            assert (await refused(claude)).kind == "too_long"

    async def test_the_simulated_claude_refuses_broken_pairs_in_words_that_are_known(
        self, simulated: SimulatedClaude
    ) -> None:
        orphan = Message("assistant", ({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},))
        prompt = Prompt((*HELLO.messages, orphan, Message.user("Well?")), tools=(TOOL,))
        async with opened(simulated.base_url) as claude:
            assert (await refused(claude, prompt)).kind == "pairing"

    async def test_thinking_out_of_another_conversation_is_known_as_such(self, simulated: SimulatedClaude) -> None:
        simulated.script(say(thinking("Hm."), "Yes."))
        async with opened(simulated.base_url, thinking={"type": "adaptive"}) as claude:
            reply = (await ask(claude)).reply
            moved = (Message.user("Else"), Message("assistant", reply.content), Message.user("Really?"))
            assert (await refused(claude, Prompt(moved))).kind == "thinking_bound"

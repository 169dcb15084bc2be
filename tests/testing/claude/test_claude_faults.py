"""Every way in which the API fails, as its clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest

from botkit.testing.claude import (
    Body,
    BreakAfter,
    Delay,
    Fault,
    RecordedRequest,
    ScriptItem,
    SimulatedClaude,
    Status,
    Unstreamed,
    say,
)
from tests.testing.claude.shapes import HEADERS, Api

ASK: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "Hi"}],
}
TEXT = "one two three four five"


async def texts_until_it_ends(client: anthropic.AsyncAnthropic, seen: list[str]) -> None:
    async for event in await client.messages.create(stream=True, **ASK):
        if event.type == "content_block_delta":
            seen.append(event.delta.to_dict()["text"])  # noqa: PERF401 - what came before a break is to be seen


@pytest.mark.parametrize(
    ("code", "exception", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (408, anthropic.RequestTimeoutError, "timeout_error"),
        (409, anthropic.ConflictError, "conflict_error"),
        (413, anthropic.RequestTooLargeError, "request_too_large"),
        (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (502, anthropic.InternalServerError, "api_error"),
        (503, anthropic.ServiceUnavailableError, "api_error"),
        (504, anthropic.GatewayTimeoutError, "timeout_error"),
        (529, anthropic.OverloadedError, "overloaded_error"),
    ],
)
async def test_a_status_comes_with_the_body_of_the_api(
    claude: SimulatedClaude,
    client: anthropic.AsyncAnthropic,
    code: int,
    exception: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    claude.script(Status(code))
    with pytest.raises(exception) as caught:
        await client.messages.create(**ASK)
    assert (caught.value.status_code, caught.value.type) == (code, kind)
    assert caught.value.request_id
    assert caught.value.api_message


async def test_a_status_can_say_anything_of_its_own(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(
        Status(
            429,
            message="Spent.",
            headers={"retry-after": "7"},
            error_code="enforced_spend_limit_reached",
        )
    )
    with pytest.raises(anthropic.RateLimitError) as caught:
        await client.messages.create(**ASK)
    assert caught.value.error_code == "enforced_spend_limit_reached"
    assert caught.value.api_message == "Spent."
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error"])
async def test_an_error_event_comes_after_a_200(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic, kind: str
) -> None:
    claude.script(BreakAfter(2, "error", TEXT, error_type=kind))
    seen: list[str] = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        await texts_until_it_ends(client, seen)
    assert (caught.value.status_code, caught.value.type) == (200, kind)
    assert seen == ["one ", "two "]


@pytest.mark.parametrize("how", ["reset", "fin"])
async def test_a_dropped_connection_loses_nothing_that_was_sent_before(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic, how: Any
) -> None:
    claude.script(BreakAfter(2, how, TEXT))
    seen: list[str] = []
    with pytest.raises(httpx2.TransportError):
        await texts_until_it_ends(client, seen)
    assert seen == ["one ", "two "]


@pytest.mark.parametrize("how", ["reset", "fin"])
async def test_a_reset_is_a_reset_and_a_fin_is_a_fin(claude: SimulatedClaude, how: Any) -> None:
    claude.script(BreakAfter(2, how, TEXT))
    reader, writer = await asyncio.open_connection("127.0.0.1", int(claude.base_url.rpartition(":")[2]))
    body = json.dumps(ASK | {"stream": True})
    head = "\r\n".join(f"{name}: {value}" for name, value in HEADERS.items())
    writer.write(
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    expected = pytest.raises(ConnectionResetError) if how == "reset" else contextlib.nullcontext()
    with expected:
        assert not (await reader.read()).endswith(b"0\r\n\r\n")
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


async def test_a_stream_may_simply_end(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(BreakAfter(2, "eof", TEXT))
    async with client.messages.stream(**ASK) as stream:
        message = await stream.get_final_message()
    assert message.content[0].to_dict()["text"] == "one two "
    assert message.stop_reason is None


async def test_broken_json_in_an_event(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(BreakAfter(2, "bad_json", TEXT))
    seen: list[str] = []
    with pytest.raises(json.JSONDecodeError):
        await texts_until_it_ends(client, seen)
    assert seen == ["one ", "two "]


async def test_a_stall_lasts_until_the_client_has_had_enough(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(BreakAfter(2, "stall", TEXT))
    seen: list[str] = []
    with pytest.raises(httpx2.ReadTimeout):
        await texts_until_it_ends(client.with_options(timeout=0.2), seen)
    assert seen == ["one ", "two "]


async def test_a_stall_can_end_by_itself(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(BreakAfter(0, "stall", TEXT, seconds=0.05))
    seen: list[str] = []
    with pytest.raises(httpx2.TransportError):
        await texts_until_it_ends(client, seen)
    assert seen == []


async def test_a_break_comes_before_the_end_of_a_shorter_answer(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(BreakAfter(100, "eof", TEXT))
    seen: list[str] = []
    await texts_until_it_ends(client, seen)
    assert "".join(seen) == TEXT
    claude.script(BreakAfter(100, "eof", TEXT))
    async with client.messages.stream(**ASK) as stream:
        assert (await stream.get_final_message()).stop_reason is None


@pytest.mark.parametrize(
    ("how", "exception"),
    [
        ("error", anthropic.OverloadedError),
        ("reset", anthropic.APIConnectionError),
        ("fin", anthropic.APIConnectionError),
        ("eof", anthropic.APIConnectionError),
        ("stall", anthropic.APIConnectionError),
        ("bad_json", json.JSONDecodeError),
    ],
)
async def test_an_answer_without_a_stream_breaks_too(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic, how: Any, exception: type[Exception]
) -> None:
    claude.script(BreakAfter(2, how, TEXT, seconds=0.05))
    with pytest.raises(exception):
        await client.messages.create(**ASK)


async def test_json_comes_where_a_stream_was_asked_for(
    claude: SimulatedClaude, client: anthropic.AsyncAnthropic
) -> None:
    claude.script(Unstreamed(TEXT))
    seen: list[str] = []
    await texts_until_it_ends(client, seen)
    assert seen == []


@pytest.mark.parametrize("text", ["<html>Bad gateway</html>", "{"])
async def test_a_200_that_is_no_json(claude: SimulatedClaude, client: anthropic.AsyncAnthropic, text: str) -> None:
    claude.script(Body(text))
    with pytest.raises(json.JSONDecodeError):
        await client.messages.create(**ASK)


async def test_a_proxy_answers_in_place_of_the_api(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(Body("<html>Bad gateway</html>", status=502, content_type="text/html"))
    with pytest.raises(anthropic.InternalServerError) as caught:
        await client.messages.create(**ASK)
    assert caught.value.type is None


async def test_a_delay_comes_before_the_headers(claude: SimulatedClaude, client: anthropic.AsyncAnthropic) -> None:
    claude.script(Delay(60), Delay(0.01, Status(529)))
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=0.2).messages.create(**ASK)
    with pytest.raises(anthropic.OverloadedError):
        await client.messages.create(**ASK)


async def statuses(seed: int, session: aiohttp.ClientSession, faults: list[Fault]) -> list[int]:
    async with SimulatedClaude(seed=seed) as claude:
        claude.chaos(rate=0.5, faults=faults)
        claude.script(*["yes"] * 40)
        api = Api(claude, session)
        found = [(await api.post())[0] for _ in range(40)]
        assert claude.unplayed == 40 - found.count(200)
    return found


async def test_chaos_hits_some_requests_the_same_ones_for_a_seed(session: aiohttp.ClientSession) -> None:
    faults: list[Fault] = [Status(500), Status(529)]
    first = await statuses(1, session, faults)
    assert set(first) == {200, 500, 529}
    assert await statuses(1, session, faults) == first
    assert await statuses(2, session, faults) != first


async def test_chaos_ends_at_a_rate_of_zero(api: Api, claude: SimulatedClaude) -> None:
    claude.chaos(rate=1.0, faults=[Status(500)])
    assert (await api.post())[0] == 500
    claude.chaos(rate=0)
    assert (await api.post())[0] == 200


async def test_five_hundred_streams_at_once(api: Api, claude: SimulatedClaude) -> None:
    claude.on(lambda _: say("word " * 100))

    async def deltas() -> int:
        async with api.session.post(
            f"{claude.base_url}/v1/messages", headers=HEADERS, json=ASK | {"stream": True}
        ) as response:
            return (await response.text()).count("text_delta")

    assert await asyncio.gather(*(deltas() for _ in range(500))) == [100] * 500


async def test_stopping_does_not_wait_for_hung_streams(session: aiohttp.ClientSession) -> None:
    claude = SimulatedClaude()
    await claude.start()
    arrived = asyncio.Event()

    @claude.on
    def never_finish(request: RecordedRequest) -> ScriptItem:
        if not request.stream:
            arrived.set()
        return BreakAfter(1, "stall", TEXT) if request.stream else Delay(60)

    url = f"{claude.base_url}/v1/messages"
    hung = [await session.post(url, headers=HEADERS, json=ASK | {"stream": True}) for _ in range(20)]
    waiting = asyncio.create_task(Api(claude, session).post())
    await asyncio.wait_for(arrived.wait(), 5)
    async with asyncio.timeout(2):
        await claude.stop()
    for response in hung:
        with pytest.raises(aiohttp.ClientError):
            await response.read()
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_a_client_that_leaves_ends_its_stream(session: aiohttp.ClientSession) -> None:
    before = asyncio.all_tasks()
    async with SimulatedClaude(chunk_delay=60) as claude:
        async with session.post(
            f"{claude.base_url}/v1/messages", headers=HEADERS, json=ASK | {"stream": True}
        ) as response:
            await response.content.readline()
            serving = asyncio.all_tasks() - before
        assert serving
        _, pending = await asyncio.wait(serving, timeout=5)
        assert not pending


async def test_stopping_twice_or_unstarted_does_nothing() -> None:
    claude = SimulatedClaude()
    await claude.stop()
    await claude.start()
    await claude.stop()
    await claude.stop()

"""Whom and what the simulated Claude lets in at all: keys, bodies, paths, sizes."""

from __future__ import annotations

import warnings

import aiohttp
import anthropic
import pytest

from botkit.testing.claude import SimulatedClaude
from tests.testing.claude.shapes import CALLED, EXTRA, HEADERS, HI, UNANSWERED, Api, assistant, user


async def test_an_unknown_model_is_not_found(api: Api) -> None:
    status, answer = await api.post(model="claude-7")
    assert (status, answer["error"]) == (404, {"type": "not_found_error", "message": "model: claude-7"})


async def test_a_prompt_must_fit_the_window(session: aiohttp.ClientSession) -> None:
    async with SimulatedClaude(max_input_tokens=50) as claude:
        api = Api(claude, session)
        words = await api.refusal(messages=[user("word " * 100)])
        await api.message(messages=[user("word " * 10)])
    assert words.startswith("prompt is too long: ")
    assert words.endswith(" tokens > 50 maximum")


async def test_a_request_has_at_most_32_megabytes(
    client: anthropic.AsyncAnthropic,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # aiohttp's advice on large bodies
        with pytest.raises(anthropic.RequestTooLargeError) as caught:
            await client.messages.create(
                model="claude-opus-5", max_tokens=1, messages=[{"role": "user", "content": "x" * 2**25}]
            )
    assert caught.value.body is not None
    assert caught.value.request_id


async def test_counting_tokens_refuses_the_same_and_the_parameters_of_an_answer(api: Api) -> None:
    path = "/v1/messages/count_tokens"
    status, answer = await api.post(path, max_tokens=None, messages=[HI, CALLED])
    assert status == 400
    assert UNANSWERED in answer["error"]["message"]
    assert (await api.post(path, max_tokens=100))[1]["error"]["message"] == f"max_tokens: {EXTRA}"
    assert (await api.post(path, max_tokens=None))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "kind", "words"),
    [
        ({"anthropic-version": "1"}, 401, "authentication_error", "x-api-key header is required"),
        ({"anthropic-version": "1", "x-api-key": "bad"}, 401, "authentication_error", "invalid x-api-key"),
        (
            {"anthropic-version": "1", "authorization": "Bearer bad"},
            401,
            "authentication_error",
            "Invalid bearer token",
        ),
        (
            {"anthropic-version": "1", "authorization": "Basic good"},
            401,
            "authentication_error",
            "x-api-key header is required",
        ),
        ({"x-api-key": "good"}, 400, "invalid_request_error", "anthropic-version: header is required"),
        ({"anthropic-version": "1", "x-api-key": "good"}, 404, "not_found_error", "model: "),
        ({"anthropic-version": "1", "authorization": "Bearer good"}, 404, "not_found_error", "model: "),
    ],
)
async def test_who_may_ask(
    claude: SimulatedClaude,
    session: aiohttp.ClientSession,
    headers: dict[str, str],
    status: int,
    kind: str,
    words: str,
) -> None:
    claude.keys = {"good"}
    body = {"model": "", "max_tokens": 1, "messages": []}
    async with session.post(f"{claude.base_url}/v1/messages", headers=headers, json=body) as response:
        answer = await response.json()
    assert (response.status, answer["error"]) == (status, {"type": kind, "message": words})


@pytest.mark.parametrize("body", ["", "{", "[]", '"Hi"'])
async def test_a_body_must_be_a_json_object(claude: SimulatedClaude, session: aiohttp.ClientSession, body: str) -> None:
    async with session.post(f"{claude.base_url}/v1/messages", headers=HEADERS, data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"
    assert claude.requests == []


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/complete", "/v1/models/claude-7"])
async def test_unknown_paths_are_not_found(claude: SimulatedClaude, session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(f"{claude.base_url}{path}", headers=HEADERS) as response:
        answer = await response.json()
    assert (response.status, answer["type"], answer["error"]["type"]) == (404, "error", "not_found_error")


async def test_a_lenient_server_takes_anything(session: aiohttp.ClientSession) -> None:
    async with SimulatedClaude(strict=False) as claude:
        api = Api(claude, session)
        await api.message(messages=[assistant("Hi"), {"role": "tool"}, 3], temperature=1, model="mine")
        await api.message(messages=None, max_tokens=None, model=None, tools=1, system=3)

"""What people and operators are told about each way in which a call of Claude fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anthropic
import httpx2
import pytest

from botkit.errors import ModelError
from botkit.failures import FAILURES, Origin, explain

KEY = "sk-ant-api03-verysecret"
ORIGIN = Origin(model="claude-sonnet-5-5", host="api.anthropic.com", secrets=("proxy-password",))
REQUEST = httpx2.Request("POST", "https://api.anthropic.com/v1/messages")


def refusal(
    status: int,
    type_: str | None = None,
    message: Any = "no",
    *,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> anthropic.APIStatusError:
    body = {"type": "error", "error": {"type": type_, "message": message, "details": {"error_code": code}}}
    response = httpx2.Response(status, headers={"request-id": "req_7", **(headers or {})}, request=REQUEST)
    return anthropic.APIStatusError(f"Error code: {status} - {body}", response=response, body=body)


def told(error: Exception) -> ModelError:
    return explain(error, ORIGIN)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("status", "kind", "transient"),
    [
        (400, "invalid_request", False),
        (401, "authentication", False),
        (402, "billing", False),
        (403, "permission", False),
        (404, "not_found", False),
        (408, "timeout", True),
        (409, "server", True),
        (413, "too_large", False),
        (418, "invalid_request", False),
        (422, "invalid_request", False),
        (429, "rate_limit", True),
        (500, "server", True),
        (502, "server", True),
        (503, "server", True),
        (504, "server", True),
        (529, "overloaded", True),
    ],
)
def test_a_status_says_what_is_wrong(status: int, kind: str, *, transient: bool) -> None:
    error = told(refusal(status))
    assert (error.kind, error.transient, error.request_id) == (kind, transient, "req_7")


@pytest.mark.parametrize(
    ("type_", "kind", "transient"),
    [
        ("overloaded_error", "overloaded", True),
        ("api_error", "server", True),
        ("rate_limit_error", "rate_limit", True),
        ("timeout_error", "timeout", True),
        (None, "incomplete", True),
        ("invalid_request_error", "invalid_request", False),
        ("authentication_error", "authentication", False),
        ("billing_error", "billing", False),
        ("an_error_of_tomorrow", "unexpected", False),
    ],
)
def test_an_error_in_mid_stream_goes_by_its_type(type_: str | None, kind: str, *, transient: bool) -> None:
    error = told(refusal(200, type_))
    assert (error.kind, error.transient) == (kind, transient)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("prompt is too long: 1200000 tokens > 1000000 maximum", "too_long"),
        ("input length and `max_tokens` exceed context limit: 990000 + 16000 > 1000000", "too_long"),
        (
            "Invalid `signature` in `thinking` block. The block is bound to a different conversation",
            "thinking_bound",
        ),
        (
            "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified",
            "thinking_bound",
        ),
        (
            "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
            "pairing",
        ),
        ("messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.", "pairing"),
        ("Your credit balance is too low to access the Anthropic API.", "billing"),
        ("max_tokens: 200000 > 128000", "invalid_request"),
    ],
)
def test_a_refused_request_goes_by_its_words(message: str, kind: str) -> None:
    error = told(refusal(400, "invalid_request_error", message))
    assert (error.kind, error.transient) == (kind, False)
    assert " ".join(message.split()) in str(error)


@pytest.mark.parametrize(
    "code",
    [
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "ramp_limit_exceeded",
    ],
)
def test_no_waiting_helps_against_a_spending_limit(code: str) -> None:
    error = told(refusal(429, "rate_limit_error", code=code, headers={"retry-after": "1", "x-should-retry": "true"}))
    assert (error.kind, error.transient) == ("spend_limit", False)


def test_an_overload_is_one_whatever_its_status() -> None:
    assert told(refusal(503, "overloaded_error")).kind == "overloaded"


def test_the_server_may_say_itself_whether_to_try_again() -> None:
    assert told(refusal(400, headers={"x-should-retry": "true"})).transient
    assert not told(refusal(500, headers={"x-should-retry": "false"})).transient


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "12"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "Mon, 02 Jan 2006 15:04:05 GMT"}, 0),
        ({"retry-after": "Mon, 02 Jan 2006 15:04:05 -0000"}, 0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_that_the_server_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert told(refusal(429, headers=headers)).retry_after == seconds


def test_the_wait_may_be_given_as_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)
    wait = told(refusal(429, headers={"retry-after": format_datetime(moment, usegmt=True)})).retry_after
    assert wait == pytest.approx(60, abs=3)


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        (TypeError('"Could not resolve authentication method. Expected one of api_key"'), "no_credentials", False),
        (anthropic.CredentialsError("profile 'work' has no token"), "no_credentials", False),
        (anthropic.APITimeoutError(REQUEST), "timeout", True),
        (caused(anthropic.APITimeoutError(REQUEST), httpx2.ConnectTimeout("slow")), "connection", True),
        (caused(anthropic.APIConnectionError(request=REQUEST), ConnectionRefusedError("refused")), "connection", True),
        (caused(anthropic.APIConnectionError(request=REQUEST), httpx2.UnsupportedProtocol("x")), "connection", False),
        (httpx2.InvalidURL("Invalid port: 'x'"), "connection", False),
        (httpx2.ReadTimeout("silence"), "timeout", True),
        (httpx2.ReadError("reset"), "incomplete", True),
        (httpx2.RemoteProtocolError("cut"), "incomplete", True),
        (json.JSONDecodeError("bad", "{", 1), "incomplete", True),
        (KeyError("index"), "unexpected", False),
    ],
)
def test_an_exception_that_is_not_the_apis(error: Exception, kind: str, *, transient: bool) -> None:
    assert (told(error).kind, told(error).transient) == (kind, transient)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("Could not resolve authentication method"), ["ANTHROPIC_API_KEY", "console.anthropic.com"]),
        (refusal(401), ["ANTHROPIC_API_KEY", "console.anthropic.com", "req_7"]),
        (refusal(402), ["console.anthropic.com/settings/billing"]),
        (refusal(404, message="model: claude-sonnet-5-5"), ["claude-sonnet-5-5", "[model] name"]),
        (refusal(529), ["claude-sonnet-5-5", "fallback_models"]),
        (
            caused(anthropic.APIConnectionError(request=REQUEST), OSError(111, "Connection refused")),
            ["api.anthropic.com", "Connection refused", "ANTHROPIC_BASE_URL"],
        ),
    ],
)
def test_the_operator_is_told_what_to_do(error: Exception, words: list[str]) -> None:
    assert [word for word in words if word not in str(told(error))] == []


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 529])
@pytest.mark.parametrize("secret", [KEY, "proxy-password", "Bearer abc.def"])
def test_no_secret_is_quoted(status: int, secret: str) -> None:
    error = told(refusal(status, message=f"the key '{secret}' is unknown"))
    assert secret not in str(error)
    assert secret not in error.sentence


def test_a_quotation_is_one_short_line() -> None:
    assert "\n" not in str(told(refusal(400, message="one\ntwo")))
    assert len(str(told(refusal(400, message="a" * 10_000)))) < 600


@pytest.mark.parametrize("message", [None, 5, ["a"], {"b": 1}])
def test_an_error_body_of_another_shape_does_no_harm(message: object) -> None:
    assert told(refusal(400, None, message)).kind == "invalid_request"


@pytest.mark.parametrize("kind", FAILURES)
def test_a_person_is_told_a_short_sentence_without_internals(kind: str) -> None:
    sentence = FAILURES[kind].sentence
    assert sentence.endswith(".")
    assert len(sentence) < 100
    assert not any(word in sentence for word in ("ANTHROPIC", "http", "[", "{", "_"))

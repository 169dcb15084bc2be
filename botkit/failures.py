"""What can go wrong with Claude, in one table: what the person is told, and what the operator can do about it.

Here, and nowhere else, the exceptions of the SDK, of its transport and of JSON are told apart. The rules are those
of the API (https://docs.claude.com/en/api/errors); what breaks in mid-stream was established by experiment.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import anthropic
import httpx2

from botkit.errors import ModelError

__all__ = ["FAILURES", "Failure", "Origin", "explain", "failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of the table.

    `sentence` is for the person. `advice` is for the operator and may name {model}, {host} and {why}. `transient`
    says that the same call may succeed later. `quoted` says that the API's own words help and tell no secret.
    """

    sentence: str
    advice: str
    transient: bool = False
    quoted: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """The call that failed. `host` is whom it was sent to; `secrets` are blotted out of all that is quoted."""

    model: str
    host: str
    secrets: tuple[str, ...] = ()
    request_id: str | None = None


_KEYS = "https://console.anthropic.com/settings/keys"
_LIMITS = "https://console.anthropic.com/settings/limits"
_BILLING = "https://console.anthropic.com/settings/billing"
_MODELS = "https://docs.claude.com/en/docs/about-claude/models"

FAILURES: Mapping[str, Failure] = {
    "no_credentials": Failure(
        "I have no key for Claude; the operator has to set one.",
        f"no usable credentials for Claude: set ANTHROPIC_API_KEY to a key from {_KEYS}",
    ),
    "authentication": Failure(
        "My key for Claude was refused; the operator has to set a valid one.",
        f"{{host}} refused the credentials: set ANTHROPIC_API_KEY to a valid key from {_KEYS}",
        quoted=False,
    ),
    "billing": Failure(
        "Claude cannot be paid for at the moment; the operator has to add credit.",
        f"the account has no credit left: add some at {_BILLING}",
    ),
    "spend_limit": Failure(
        "The spending limit for Claude is reached; the operator can raise it.",
        f"a spending limit of the account is reached: raise it at {_LIMITS}, or wait for the next period",
    ),
    "permission": Failure(
        "I am not allowed to use the model that I am set to; the operator has to change that.",
        f"the key may not use {{model}}: take a key that may from {_KEYS}, or set [model] name to another model",
    ),
    "not_found": Failure(
        "The model that I am set to does not exist; the operator has to choose another one.",
        f"{{host}} has no model {{model}}: set [model] name to one of those at {_MODELS}",
    ),
    "invalid_request": Failure(
        "Claude did not accept my request; the operator can see in the log why.",
        "{host} did not accept the request for {model}: look at the [model] settings and at the tools",
    ),
    "too_large": Failure(
        "That is more data than Claude takes at once. Please send less.",
        "the request is larger than the 32 MB that the API takes: send fewer or smaller images and files",
    ),
    "too_long": Failure(
        "Our conversation has become too long for Claude.",
        "the request has more tokens than {model} takes: lower [history] budget or [model] max_tokens",
    ),
    "thinking_bound": Failure(
        "Claude could not take up its earlier thoughts.",
        "the thinking in the history does not fit what stands before it: it has to be left out",
    ),
    "pairing": Failure(
        "Claude could not take up its earlier tool calls.",
        "a tool call and its result in the history do not belong together: they have to be left out",
    ),
    "rate_limit": Failure(
        "I am asking Claude too much at the moment.",
        f"the rate limit of the key is reached: lower [turns] concurrent, or see {_LIMITS}",
        transient=True,
    ),
    "overloaded": Failure(
        "Claude is overloaded at the moment.",
        "{model} is overloaded: name other models in [model] fallback_models, to be asked instead",
        transient=True,
    ),
    "server": Failure(
        "Claude has a problem at the moment.",
        "{host} has a problem of its own: look at https://status.claude.com if it lasts",
        transient=True,
    ),
    "connection": Failure(
        "I cannot reach Claude at the moment.",
        "{host} cannot be reached ({why}): check the network, and ANTHROPIC_BASE_URL if it is set",
        transient=True,
    ),
    "timeout": Failure(
        "Claude took too long to answer.",
        "no whole answer from {host} in time ({why}): raise [model] deadline if this happens often",
        transient=True,
    ),
    "incomplete": Failure(
        "Claude's answer broke off.",
        "the answer from {host} broke off ({why}): check the network and any proxy if this happens often",
        transient=True,
    ),
    "unexpected": Failure(
        "Something went wrong between me and Claude.",
        "an unexpected failure of a call to {host} ({why}): please report it",
    ),
}

_BY_STATUS = {
    401: "authentication",
    402: "billing",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "server",
    413: "too_large",
    429: "rate_limit",
    529: "overloaded",
}

# An error in mid-stream comes with status 200, so its type is all there is to go by.
_BY_TYPE = {
    "overloaded_error": "overloaded",
    "rate_limit_error": "rate_limit",
    "api_error": "server",
    "timeout_error": "timeout",
    "authentication_error": "authentication",
    "billing_error": "billing",
    "permission_error": "permission",
    "not_found_error": "not_found",
    "request_too_large": "too_large",
    "invalid_request_error": "invalid_request",
    None: "incomplete",
}

# The API gives one status and type to all of these, so that only its words tell them apart.
_BY_WORDS = (
    ("prompt is too long", "too_long"),
    ("exceed context limit", "too_long"),
    ("model_context_window_exceeded", "too_long"),
    ("bound to a different conversation", "thinking_bound"),
    ("invalid `signature` in `thinking`", "thinking_bound"),
    ("cannot be modified", "thinking_bound"),
    ("without `tool_result` blocks", "pairing"),
    ("unexpected `tool_use_id`", "pairing"),
    ("credit balance is too low", "billing"),
)

_SPEND_LIMITS = {
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "ramp_limit_exceeded",
}

# In this order: an APITimeoutError is an APIConnectionError, and a TimeoutException is a RequestError. The SDK wraps
# what the transport raises before the answer begins, but not what it raises in the middle of it.
_BY_EXCEPTION: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((anthropic.APITimeoutError, httpx2.TimeoutException), "timeout"),
    ((anthropic.APIConnectionError, httpx2.InvalidURL), "connection"),
    ((httpx2.RequestError, aiohttp.ClientError, json.JSONDecodeError, UnicodeDecodeError), "incomplete"),
    ((anthropic.CredentialsError, anthropic.WorkloadIdentityError), "no_credentials"),
)

_NOT_A_URL = (httpx2.UnsupportedProtocol, httpx2.InvalidURL)
_KEY = re.compile(r"\bsk-[\w-]+|(?<=Bearer )\S+")
_SHORTEST_SECRET = 6  # what stands in for a key, such as "x", stands in many words too
_LONGEST_QUOTE = 300


def explain(error: Exception, origin: Origin) -> ModelError:
    """Return what is to be said about an exception that came out of a call."""
    if isinstance(error, anthropic.APIStatusError):
        return _refusal(error, origin)
    if isinstance(error, TypeError) and "resolve authentication method" in str(error):
        return failure("no_credentials", origin)
    unusable = any(isinstance(link, _NOT_A_URL) for link in _chain(error))
    why = "that is not an http or https URL" if unusable else _reason(error)
    return failure(_kind(error), origin, why=why, transient=False if unusable else None)


def failure(
    kind: str, origin: Origin, *, why: str = "", transient: bool | None = None, retry_after: float | None = None
) -> ModelError:
    """Make the error for a row of the table. `transient` is the row's unless it is given."""
    row = FAILURES[kind]
    lasting = row.transient if transient is None else transient
    advice = row.advice.format(model=origin.model, host=origin.host, why=_quote(why, origin))
    if why and row.quoted and "{why}" not in row.advice:
        advice += f" (it said: {_quote(why, origin)})"
    return ModelError(
        f"{advice} (request {origin.request_id})" if origin.request_id else advice,
        kind=kind,
        sentence=f"{row.sentence} Please try again a little later." if lasting else row.sentence,
        transient=lasting,
        retry_after=retry_after,
        request_id=origin.request_id,
    )


def _refusal(error: anthropic.APIStatusError, origin: Origin) -> ModelError:
    """Explain an error that the API itself reported, by status or in mid-stream."""
    kind = _kind_of_refusal(error)
    return failure(
        kind,
        Origin(origin.model, origin.host, origin.secrets, error.request_id or origin.request_id),
        why=error.api_message if isinstance(error.api_message, str) else "",
        transient=_transient(error, kind),
        retry_after=_retry_after(error.response.headers),
    )


def _kind_of_refusal(error: anthropic.APIStatusError) -> str:
    if error.error_code in _SPEND_LIMITS:
        return "spend_limit"
    if error.status_code < 400:
        kind = _BY_TYPE.get(error.type, "unexpected")
    elif error.type == "overloaded_error":
        kind = "overloaded"
    else:
        kind = _BY_STATUS.get(error.status_code, "server" if error.status_code >= 500 else "invalid_request")
    return _kind_by_words(error.message) if kind == "invalid_request" else kind


def _kind_by_words(message: str) -> str:
    said = message.lower()
    return next((kind for words, kind in _BY_WORDS if words in said), "invalid_request")


def _transient(error: anthropic.APIStatusError, kind: str) -> bool:
    """Whether to try again: the server's own word on it counts, but no waiting helps against a spending limit."""
    asked = error.response.headers.get("x-should-retry")
    if error.status_code < 400 or kind == "spend_limit" or asked not in {"true", "false"}:
        return FAILURES[kind].transient
    return asked == "true"


def _kind(error: Exception) -> str:
    """Tell apart what did not come from the API."""
    if isinstance(error, anthropic.APITimeoutError) and isinstance(error.__cause__, httpx2.ConnectTimeout):
        return "connection"
    if isinstance(error, anthropic.APIConnectionError) and isinstance(error.__cause__, ValueError):
        return "no_credentials"  # no header can carry the key: one out of a file easily ends with a line break
    return next((kind for exceptions, kind in _BY_EXCEPTION if isinstance(error, exceptions)), "unexpected")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _reason(error: Exception) -> str:
    """Return the first cause, in as few words as it has."""
    *_, root = _chain(error)
    return getattr(root, "strerror", None) or str(root) or type(root).__name__


def _quote(words: str, origin: Origin) -> str:
    """Return somebody else's words as one short line without secrets."""
    for secret in origin.secrets:
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "[secret]")
    return " ".join(_KEY.sub("[secret]", words).split())[:_LONGEST_QUOTE]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that the server asks for in seconds: RFC 9110 §10.2.3, and Anthropic's own in milliseconds."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    return _number(value) if _number(value) is not None else _seconds_until(value)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(number, 0.0) if math.isfinite(number) else None


def _seconds_until(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000" instead of "GMT" says that nothing is known of the zone
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)

"""Reading a request off the wire: who asks, in which version, for what; and the headers of every response."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botkit.testing.claude.errors import ApiError, invalid
from botkit.testing.claude.recorded import RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

MAX_BODY = 32 * 1024 * 1024
"""The largest request in bytes; `web.Application(client_max_size=...)` enforces it."""

_LIMITS = {"requests": 4000, "tokens": 2_400_000, "input-tokens": 2_000_000, "output-tokens": 400_000}


def new_request_id() -> str:
    """An id as the `request-id` header carries it."""
    return f"req_01{secrets.token_hex(11)}"


def check_access(request: web.Request, keys: Collection[str] | None) -> None:
    """Raises ApiError without a key that is accepted (any, when `keys` is None) and an API version."""
    key = request.headers.get("x-api-key")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if not key and not bearer:
        raise ApiError(401, "x-api-key header is required")
    if keys is not None and (key or bearer) not in keys:
        raise ApiError(401, "invalid x-api-key" if key else "Invalid bearer token")
    if "anthropic-version" not in request.headers:
        raise invalid("anthropic-version: header is required")


async def read_request(request: web.Request) -> RecordedRequest:
    """The request with its JSON body; raises ApiError when that is not an object."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise invalid("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid("Input should be a valid dictionary")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return RecordedRequest(request.path, headers, body)


def rate_limit_headers() -> dict[str, str]:
    """The `anthropic-ratelimit-*` headers of an account that is never near its limits."""
    reset = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers: dict[str, str] = {}
    for kind, limit in _LIMITS.items():
        prefix = f"anthropic-ratelimit-{kind}"
        headers |= {f"{prefix}-limit": str(limit), f"{prefix}-remaining": str(limit - 1), f"{prefix}-reset": reset}
    return headers

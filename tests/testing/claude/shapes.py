"""Requests to a simulated Claude, and the pieces they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

    from botkit.testing.claude import SimulatedClaude

HEADERS = {"x-api-key": "any", "anthropic-version": "2026-10-21"}


@dataclass(frozen=True)
class Api:
    """Asks a simulated Claude over plain HTTP, so that nothing of the SDK stands between a test and the wire."""

    claude: SimulatedClaude
    session: aiohttp.ClientSession

    async def post(
        self, path: str = "/v1/messages", *, headers: dict[str, str] | None = None, **body: Any
    ) -> tuple[int, Any]:
        """Status and JSON of a request; `messages`, `model` and `max_tokens` are filled in, None leaves one out."""
        request = {"model": "claude-opus-5", "max_tokens": 1000, "messages": [user("Hi")]} | body
        sent = {key: value for key, value in request.items() if value is not None}
        url = f"{self.claude.base_url}{path}"
        async with self.session.post(url, json=sent, headers=HEADERS | (headers or {})) as response:
            return response.status, await response.json()

    async def refusal(self, **body: Any) -> str:
        """The message of a 400."""
        status, answer = await self.post(**body)
        assert status == 400, answer
        assert answer["error"]["type"] == "invalid_request_error"
        return str(answer["error"]["message"])

    async def message(self, **body: Any) -> Any:
        """The message of a 200."""
        status, answer = await self.post(**body)
        assert status == 200, answer
        return answer


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def assistant(content: object) -> dict[str, object]:
    return {"role": "assistant", "content": content}


def tool(name: str = "weather", **schema: object) -> dict[str, object]:
    return {"name": name, "description": "A tool.", "input_schema": {"type": "object", **schema}}


def result(tool_use_id: str, content: object = "sunny", **more: object) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": tool_use_id, "content": content, **more}


def use(tool_use_id: str, name: str = "weather") -> dict[str, object]:
    return {"type": "tool_use", "id": tool_use_id, "name": name, "input": {}}


EXTRA = "Extra inputs are not permitted"
UNANSWERED = "`tool_use` ids were found without `tool_result` blocks immediately after"
HI = user("Hi")
CALLED = assistant([use("toolu_1")])

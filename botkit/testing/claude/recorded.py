"""A request as the simulated Claude got it, with the parts that tests ask for by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botkit.testing.claude.blocks import content_blocks, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.testing.claude.blocks import Json


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One POST: `body` as it was sent, header names in lower case, `path` without the query."""

    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def model(self) -> str:
        """The model asked for, "" without one."""
        return str(self.body.get("model") or "")

    @property
    def messages(self) -> list[Json]:
        """The messages, oldest first; malformed ones are left out."""
        messages = self.body.get("messages")
        return [entry for entry in messages if isinstance(entry, dict)] if isinstance(messages, list) else []

    @property
    def system(self) -> str:
        """The text of the system prompt, "" without one."""
        return plain_text(self.body.get("system"))

    @property
    def tools(self) -> list[Json]:
        """The tools offered, in order."""
        return content_blocks(self.body.get("tools"))

    @property
    def last_blocks(self) -> list[Json]:
        """The content blocks of the last message."""
        return content_blocks(self.messages[-1].get("content")) if self.messages else []

    @property
    def tool_results(self) -> list[Json]:
        """The tool_result blocks of the last message."""
        return [block for block in self.last_blocks if block.get("type") == "tool_result"]

    @property
    def text(self) -> str:
        """The text of the newest user message, "" when it has none."""
        users = [message for message in self.messages if message.get("role") == "user"]
        return plain_text(users[-1].get("content")) if users else ""

    @property
    def stream(self) -> bool:
        """Whether server-sent events are asked for."""
        return self.body.get("stream") is True

    @property
    def betas(self) -> frozenset[str]:
        """The beta features switched on by the `anthropic-beta` header."""
        names = self.headers.get("anthropic-beta", "").split(",")
        return frozenset(name.strip() for name in names if name.strip())

    def option(self, *path: str) -> Any:
        """The value at a path of keys in the body; None where the path ends early."""
        value: Any = self.body
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

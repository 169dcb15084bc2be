"""The contract with whoever answers: a prompt goes in, the pieces of a reply come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from botkit.messages import Block, Message, Restarted, Usage

__all__ = ["Completed", "Model", "ModelReply", "Prompt", "StreamEvent", "TextDelta"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that one request to the model depends on. `tools` are objects of the Messages API."""

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole answer. `stop_reason` is the API's; `attempts` counts the calls that it took."""

    content: tuple[Block, ...]
    stop_reason: str
    usage: Usage
    model: str
    request_id: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole. Always the last event."""

    reply: ModelReply


StreamEvent: TypeAlias = TextDelta | Restarted | Completed


class Model(Protocol):
    """Whoever answers."""

    name: str

    def stream(self, prompt: Prompt, /) -> AsyncGenerator[StreamEvent, None]:
        """Answer `prompt`, ending with `Completed`.

        After `Restarted`, the text of this call so far is void. Raises ModelError when there is no answer to be
        had. Closing the generator closes the connection.
        """

    async def aclose(self) -> None:
        """Let go of all connections."""

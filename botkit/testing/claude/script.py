"""What the simulated Claude is told to answer: answers and faults, as values.

Anything called a script item is a string (that text), a content block (that block), a `Say`, or a fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from botkit.testing.claude.blocks import text_block

if TYPE_CHECKING:
    import asyncio

    from botkit.testing.claude.blocks import Json

Break: TypeAlias = Literal["error", "reset", "fin", "eof", "stall", "bad_json"]


@dataclass(frozen=True, slots=True)
class Say:
    """An answer. Without a `stop_reason` it is derived: tool_use with a tool call, else end_turn.

    `chunks` are the deltas of the first text block, which otherwise is cut into words.
    """

    blocks: tuple[Json, ...]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Json | None = None
    chunks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error. What is left out is what the API usually sends with this status.

    `error_code` fills `error.details`, such as "enforced_spend_limit_reached" on a 429.
    """

    code: int
    type: str | None = None
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class BreakAfter:
    """A stream that goes wrong after that many deltas, or after the last one if the answer has fewer.

    `error`: an SSE `error` event of `error_type`, on a 200. `reset`: TCP reset. `fin`: the connection closes
    inside the body. `eof`: the body ends well, without message_stop. `stall`: nothing more until the client
    leaves, or for `seconds`, then like `fin`. `bad_json`: an event whose data is not JSON.
    Without an `answer` the unscripted one is broken. A request that does not stream gets the nearest thing:
    the error's status, invalid JSON, or half a body.
    """

    deltas: int
    how: Break = "reset"
    answer: Sayable | None = None
    error_type: str = "overloaded_error"
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Interject:
    """Sends an extra event after that many deltas, such as one of a type that no client knows yet."""

    deltas: int
    event: Mapping[str, Any]
    answer: Sayable | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits for `until` after that many deltas, so that a test can look at a half-streamed answer.

    A request that does not stream is answered when `until` is set.
    """

    until: asyncio.Event
    deltas: int = 0
    answer: Sayable | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds of silence before anything is sent, not even headers; then `item`, or the unscripted answer."""

    seconds: float
    item: ScriptItem | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """A body sent as it is: invalid JSON on a 200, a proxy's HTML page, a message with fields missing."""

    text: str
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Unstreamed:
    """A whole message as JSON, even where a stream was asked for."""

    answer: Sayable | None = None


Sayable: TypeAlias = str | Mapping[str, Any] | Say
"""What an answer can be written as: a text, a block, or a whole `Say`."""

ScriptItem: TypeAlias = Sayable | Status | BreakAfter | Interject | Wait | Delay | Body | Unstreamed
"""Whatever a request can be answered with."""

Fault: TypeAlias = Status | BreakAfter | Delay | Body | Unstreamed
"""What chaos can do to a request."""


def say(
    *parts: str | Mapping[str, Any],
    stop_reason: str | None = None,
    stop_sequence: str | None = None,
    stop_details: Json | None = None,
    chunks: Sequence[str] | None = None,
) -> Say:
    """An answer of texts and blocks in order; `say(chunks=["He", "llo"])` is the text "Hello" in two deltas."""
    blocks = [text_block(part) if isinstance(part, str) else dict(part) for part in parts]
    if chunks is not None and not any(block.get("type") == "text" for block in blocks):
        blocks.append(text_block("".join(chunks)))
    return Say(tuple(blocks), stop_reason, stop_sequence, stop_details, tuple(chunks) if chunks is not None else None)


def call(name: str, arguments: Mapping[str, Any] | None = None, /, **more: Any) -> Json:
    """A tool_use block; its id is made when it is sent."""
    return {"type": "tool_use", "name": name, "input": {**(arguments or {}), **more}}


def thinking(text: str) -> Json:
    """A thinking block; its signature is made when it is sent, and binds it to the conversation before it."""
    return {"type": "thinking", "thinking": text}


def redacted_thinking() -> Json:
    """A redacted thinking block; its data is made when it is sent."""
    return {"type": "redacted_thinking"}


def as_say(item: Sayable) -> Say:
    """A plain item as an answer."""
    return item if isinstance(item, Say) else say(item)

"""The contract with a platform: who brings messages, and where replies go.

An adapter implements `Adapter` and `ReplyChannel`. What a channel can do beyond posting and editing is a further
small protocol, found by isinstance: `StreamingChannel`, `ProgressChannel`, `FailureChannel`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from botkit.messages import Address, Event, Restarted, Usage

__all__ = [
    "Adapter",
    "Connected",
    "FailureChannel",
    "Progress",
    "ProgressChannel",
    "Receipt",
    "Receive",
    "ReplyChannel",
    "StreamingChannel",
    "ToolFinished",
    "ToolStarted",
    "TurnFinished",
    "TurnStarted",
]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an event. Once an adapter has it, the event is safe and can be acknowledged.

    `reason` is a sentence for the person where a message was refused or ignored, else empty.
    """

    status: Literal["accepted", "duplicate", "refused", "ignored"]
    conversation_id: int | None = None
    reason: str = ""


Receive: TypeAlias = Callable[[Event], Awaitable[Receipt]]
"""Takes an event in; returns when it is stored (or refused), before it is answered.

Raises StoreError if it could not be stored: then do not acknowledge, so that the platform delivers it again.
"""

Connected: TypeAlias = Callable[[], None]
"""To be called once the platform is connected and listened to."""


class Adapter(Protocol):
    """One platform."""

    name: str

    async def run(self, receive: Receive, connected: Connected, /) -> None:
        """Bring events to `receive` until cancelled. Call `connected` each time the connection stands."""

    def channel(self, address: Address, /) -> ReplyChannel:
        """Build the channel for a reply. `address` may come from the database, from before a restart."""


class ReplyChannel(Protocol):
    """Where one reply goes. All texts are Markdown. Posts and edits raise DeliveryError."""

    max_length: int
    """The characters that one message can hold; longer replies become several messages."""

    edit_interval: float
    """The seconds to leave between two edits of a growing reply; infinite for whole replies only."""

    async def post(self, markdown: str, /) -> str:
        """Post a message and return its id.

        Called again after it failed: a channel whose post may have arrived all the same finds out (by a nonce, or
        by reading back).
        """

    async def edit(self, message_id: str, markdown: str, /) -> None:
        """Replace a posted message."""


@runtime_checkable
class StreamingChannel(ReplyChannel, Protocol):
    """A channel that can show one message growing, better than by edits.

    Longer replies become several messages here, too: a full one is ended and the next begun. Appends are not
    paced by `edit_interval`: a channel with a limit waits inside `append`. A stream that the platform has closed
    is repaired by an edit.
    """

    async def begin(self) -> str:
        """Open a growing message and return its id."""

    async def append(self, message_id: str, markdown: str, /) -> None:
        """Add to the growing message."""

    async def restart(self, message_id: str, /) -> None:
        """What was appended is void; the same message starts again."""

    async def end(self, message_id: str, markdown: str, /) -> None:
        """The message is complete and reads `markdown`.

        That may be more than was appended: show the rest. It may be less: the rest has moved to the next message.
        Called again after it failed.
        """


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The bot has begun to answer. `events` are the ids of the messages that this turn answers."""

    conversation_id: int
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """Claude called a tool."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool has answered, or failed."""

    id: str
    name: str
    failed: bool


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over, whatever became of it.

    `reference` names the turn in the log; `events` are as in TurnStarted. `usage` adds up the calls of this attempt.
    `left_out` counts the messages that were cut from the history in this turn. `stop_reason` is Claude's, or None
    where it gave none.
    """

    status: Literal["answered", "stopped", "failed"]
    reference: str
    usage: Usage
    events: tuple[str, ...] = ()
    model: str = ""
    stop_reason: str | None = None
    left_out: int = 0


Progress: TypeAlias = TurnStarted | ToolStarted | ToolFinished | Restarted | TurnFinished


@runtime_checkable
class FailureChannel(ReplyChannel, Protocol):
    """A channel with a way of its own to show that there is no answer; others get the sentence as a post."""

    async def fail(self, sentence: str, error: Exception, /) -> None:
        """Show it. `sentence` is for any person; `error` is for a channel that only the operator reads."""


@runtime_checkable
class ProgressChannel(ReplyChannel, Protocol):
    """A channel that shows how a turn is coming along: typing, tool calls, a footer."""

    async def progress(self, progress: Progress, /) -> None:
        """Show it. `TurnFinished` is always the last one, after the final text."""

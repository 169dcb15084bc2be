"""The contract with whoever remembers: conversations, their messages, and the inbox of turns.

The inbox is what makes one message one answer. A turn is `new` once its message is stored, `answered` once the
reply is stored, `posted` once the reply is on the platform, and `dead` when it was given up. Each claim of a turn
counts an attempt, and everything a turn writes is fenced on that attempt: a worker that lost its turn writes
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from botkit.messages import Address, ConversationKey, IncomingMessage, Message, Person, Usage

__all__ = ["Accepted", "Call", "Conversation", "Frame", "Overlap", "Store", "StoredMessage", "Turn"]

Overlap: TypeAlias = Literal["merge", "queue"]
"""What becomes of messages that arrive while a turn waits: the same person's join it, or each waits its own."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What accepting a message came to. `new` is False for one that was accepted before."""

    conversation_id: int
    new: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What a conversation's requests are built on, apart from the messages themselves.

    `system` is frozen when the conversation begins, so that the prompt prefix stays the same. `fingerprint`
    tells from which configuration (model, system, tools) it was made. Messages up to seq `cut` are no longer
    sent; thinking blocks up to seq `bare` are left out, since what they are bound to has changed.
    """

    system: str = ""
    fingerprint: str = ""
    cut: int = 0
    bare: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation as the store knows it. `last_seq` is the seq of its newest message, 0 if none."""

    id: int
    key: ConversationKey
    frame: Frame
    last_seq: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in its place in the conversation.

    `turn` is the id of the turn that it belongs to: a question, the tool calls and their results, and the
    answer share one. `tokens` is an estimate of its size as sent, before calibration.
    """

    seq: int
    turn: int
    message: Message
    tokens: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the model, for the books."""

    model: str
    usage: Usage
    stop_reason: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed turn.

    `attempt` counts from 1 and is the fence. `messages` are what people said that this turn answers, `events`
    the ids of the events that brought them. `posts` are the ids of messages already posted for it, in order. `reply`
    and `note` are set where they are stored and only their posting is left to do.
    """

    id: int
    conversation: Conversation
    person: Person
    address: Address
    attempt: int
    messages: tuple[Message, ...] = ()
    events: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    reply: Message | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """What was asked: the texts of the turn's messages, a blank line between them."""
        return "\n\n".join(message.text for message in self.messages)

    @property
    def reference(self) -> str:
        """What a person can quote and an operator can find."""
        return f"t{self.id}"


class Store(Protocol):
    """Remembers. Every method is one transaction and raises StoreError if the database refuses."""

    async def open(self) -> None:
        """Connect, and bring the schema up to date."""

    async def aclose(self) -> None:
        """Let go of all connections."""

    async def accept(self, message: IncomingMessage, tokens: int, /) -> Accepted:
        """Claim the event id, store the message and its turn: all or nothing."""

    async def unfinished(self, adapters: Collection[str], /) -> list[int]:
        """Return the conversations of these adapters in which a turn is `new` or `answered`."""

    async def claim(self, conversation_id: int, overlap: Overlap, /) -> Turn | None:
        """Take the oldest unfinished turn, counting an attempt, or None if nothing waits.

        The first claim of a turn gives its messages their seqs, so that a conversation reads in the order in
        which it was answered. With overlap "merge", later messages of the same person join that claim, up to the
        first one by somebody else.
        """

    async def history(self, conversation_id: int, after: int, /) -> list[StoredMessage]:
        """Return the messages with a seq above `after`, oldest first."""

    async def set_frame(self, turn: Turn, frame: Frame, /) -> None:
        """Store the conversation's frame. Raises TurnLost."""

    async def append(self, turn: Turn, messages: Sequence[tuple[Message, int]], call: Call, /) -> None:
        """Store one step of a turn that goes on: tool calls and their results, each with its token count.

        Raises TurnLost.
        """

    async def answer(
        self, turn: Turn, reply: Message | None, tokens: int, call: Call | None, /, note: str = ""
    ) -> None:
        """Store the reply, and the turn as `answered`; with nothing to tell, as `posted`.

        `note` is what the person is told besides the reply, such as that it was stopped. Raises TurnLost.
        """

    async def record_posts(self, turn: Turn, posts: Sequence[str], /) -> None:
        """Store the ids of the platform's messages that show this reply, in order. Raises TurnLost."""

    async def finish(self, turn: Turn, /) -> None:
        """Store the turn as `posted`. Raises TurnLost."""

    async def bury(self, turn: Turn, error: str, /) -> None:
        """Store the turn as `dead`, with the reason. Raises TurnLost."""

    async def find(self, key: ConversationKey, /) -> Conversation | None:
        """Return the conversation at this place, or None."""

    async def conversation(self, conversation_id: int, /) -> Conversation:
        """Return a conversation. Raises ConversationNotFound."""

    async def conversations(
        self, *, adapter: str | None = None, channel: str | None = None, limit: int = 50
    ) -> list[Conversation]:
        """Return conversations, the most recently used first."""

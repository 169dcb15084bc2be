"""Values that the whole house speaks in: who said what, where, and what Claude answered.

Nothing here does I/O or knows a platform. Content blocks are the JSON objects of the Messages API, kept as the
API gave them, so that blocks and fields which this version does not know survive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, TypeAlias

__all__ = [
    "Address",
    "Block",
    "ConversationKey",
    "Event",
    "IncomingMessage",
    "Message",
    "Person",
    "Restarted",
    "StopRequested",
    "Usage",
    "clean_text",
    "text_block",
    "text_of",
]

Block: TypeAlias = Mapping[str, Any]
"""One content block of the Messages API, such as `{"type": "text", "text": "Hi"}`."""

Role: TypeAlias = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """Where a conversation takes place. Equal keys are the same conversation.

    `space` is what holds the channel, where a platform has such a thing (a workspace, a server);
    `thread` is empty for a conversation that fills its channel.
    """

    adapter: str
    channel: str
    thread: str = ""
    space: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who speaks to the bot. `id` is the platform's and lasts; `name` is what people call them."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reply goes: enough for an adapter to build its reply channel again after a restart.

    `reply_to` is the platform's id of the message to answer. `extra` is the adapter's own and comes back
    unchanged; it is stored, so it holds no secret that outlives the reply.
    """

    conversation: ConversationKey
    reply_to: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A person wrote something to the bot.

    `id` is unique within the adapter and the same when the platform delivers the message again: it is what
    makes one message one answer.
    """

    id: str
    person: Person
    text: str
    address: Address
    sent_at: datetime

    @property
    def conversation(self) -> ConversationKey:
        """Where it was written."""
        return self.address.conversation


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A person wants the answer that is being given in this conversation to stop."""

    conversation: ConversationKey
    person: Person


Event: TypeAlias = IncomingMessage | StopRequested
"""What an adapter can bring."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation, in the form in which Claude is given it."""

    role: Role
    content: tuple[Block, ...]

    @classmethod
    def user(cls, text: str) -> Message:
        """Make a message of one text."""
        return cls("user", (text_block(text),))

    @classmethod
    def assistant(cls, text: str) -> Message:
        """Make a reply of one text."""
        return cls("assistant", (text_block(text),))

    @property
    def text(self) -> str:
        """What a person would read of it."""
        return text_of(self.content)


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call, or of several added up.

    As in the API, `input_tokens` leaves out what was read from or written to the prompt cache.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def prompt_tokens(self) -> int:
        """The whole size of the request, however it was billed."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Restarted:
    """A call failed and is made again after `wait` seconds; the text that it gave so far is void."""

    reason: str
    wait: float


def text_block(text: str) -> Block:
    """Return a text block of the Messages API."""
    return {"type": "text", "text": text}


def text_of(content: Sequence[Block]) -> str:
    """Return what a person would read of `content`.

    Neighbouring text blocks are one text, since Claude splits a text where a citation begins; a blank line stands
    where other blocks lie between.
    """
    runs = groupby(content, key=lambda block: block.get("type") == "text")
    texts = ("".join(str(block.get("text") or "") for block in run) for is_text, run in runs if is_text)
    return "\n\n".join(text for text in texts if text)


_UNPRINTABLE = re.compile("[\ud800-\udfff\x80-\x9f]")
_LONE_RETURN = re.compile("\r(?!\n)")
_CONTROL = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"} | {0x7F: "\u2421"}


def clean_text(text: str) -> str:
    """Return `text` as every part can hold it: control characters made visible, lone surrogates replaced.

    A NUL cannot be stored by PostgreSQL and a lone surrogate cannot be encoded at all; an escape sequence would
    act on the next terminal that shows it. Tabs and line ends stay, and nothing is dropped.
    """
    return _LONE_RETURN.sub("\u240d", _UNPRINTABLE.sub("\ufffd", text).translate(_CONTROL))

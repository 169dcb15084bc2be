"""What the holder of a claimed turn writes: its steps, its answer, its end.

Each function is one transaction on the connection that it is given, and writes nothing and raises TurnLost if
the turn has been claimed again since, or is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from botkit.database.sequence import lock, take_seqs
from botkit.database.tables import UNFINISHED, conversations, inbox, messages, usage
from botkit.errors import TurnLost
from botkit.messages import Message
from botkit.store import Call, Frame, Turn

__all__ = ["answer", "append", "bury", "finish", "record_posts", "set_frame"]

_INSERT_REPLY = sa.insert(messages).returning(messages.c.id)
_INSERT_STEP = sa.insert(messages)
_INSERT_USAGE = sa.insert(usage)
_SET_FRAME = sa.update(conversations).where(conversations.c.id == bindparam("conversation"))


# The fence: rowcount 0 means that somebody else has claimed the turn since, or that it is over.
_HELD = sa.update(inbox).where(
    inbox.c.conversation_id == bindparam("conversation"),
    UNFINISHED,
    inbox.c.turn_id == bindparam("turn"),
    inbox.c.attempts == bindparam("attempt"),
)
_HELD_NEW = _HELD.where(inbox.c.state == "new")
_HELD_ANSWERED = _HELD.where(inbox.c.state == "answered")
_HELD_LEADER = _HELD.where(inbox.c.id == bindparam("turn"))
_STILL_HELD = _HELD_NEW.values(attempts=inbox.c.attempts)


def append(connection: sa.Connection, turn: Turn, step: Sequence[tuple[Message, int]], call: Call) -> None:
    """Store one step of a turn that goes on."""
    lock(connection, turn.conversation.id)
    _change(connection, _STILL_HELD, turn)
    _store(connection, turn, step)
    _book(connection, turn, call)


def answer(
    connection: sa.Connection, turn: Turn, reply: Message | None, tokens: int, call: Call | None, note: str
) -> None:
    """Store the reply, what it cost, and that the turn has been answered."""
    lock(connection, turn.conversation.id)
    if reply is None and not note:
        _change(connection, _HELD_NEW, turn, state="posted", finished_at=datetime.now(UTC))
    else:
        reply_id = None if reply is None else _store_reply(connection, turn, reply, tokens)
        _change(connection, _HELD_NEW, turn, state="answered", reply_id=reply_id, note=note or None)
    if call is not None:
        _book(connection, turn, call)


def set_frame(connection: sa.Connection, turn: Turn, frame: Frame) -> None:
    """Store the conversation's frame."""
    lock(connection, turn.conversation.id)
    _change(connection, _STILL_HELD, turn)
    values = {"system": frame.system, "fingerprint": frame.fingerprint, "cut": frame.cut, "bare": frame.bare}
    connection.execute(_SET_FRAME, {**values, "conversation": turn.conversation.id})


def record_posts(connection: sa.Connection, turn: Turn, posts: Sequence[str]) -> None:
    """Store where the reply can be seen."""
    _change(connection, _HELD_LEADER, turn, posts=list(posts))


def finish(connection: sa.Connection, turn: Turn) -> None:
    """Store that the reply is on the platform."""
    lock(connection, turn.conversation.id)
    _change(connection, _HELD_ANSWERED, turn, state="posted", finished_at=datetime.now(UTC))


def bury(connection: sa.Connection, turn: Turn, error: str) -> None:
    """Give the turn up, answered or not."""
    lock(connection, turn.conversation.id)
    _change(connection, _HELD, turn, state="dead", error=error, finished_at=datetime.now(UTC))


def _change(connection: sa.Connection, statement: sa.Update, turn: Turn, **values: Any) -> None:
    fence = {"conversation": turn.conversation.id, "turn": turn.id, "attempt": turn.attempt}
    if connection.execute(statement, {**values, **fence}).rowcount == 0:
        raise TurnLost(f"turn {turn.reference} is no longer held by attempt {turn.attempt}: nothing was written")


def _store_reply(connection: sa.Connection, turn: Turn, reply: Message, tokens: int) -> int:
    seq = take_seqs(connection, turn.conversation.id, 1).last_seq
    reply_id: int = connection.execute(_INSERT_REPLY, _message(turn, reply, tokens, seq)).scalar_one()
    return reply_id


def _store(connection: sa.Connection, turn: Turn, step: Sequence[tuple[Message, int]]) -> None:
    first = take_seqs(connection, turn.conversation.id, len(step)).last_seq - len(step) + 1
    values = [_message(turn, message, tokens, seq) for seq, (message, tokens) in enumerate(step, first)]
    connection.execute(_INSERT_STEP, values)


def _message(turn: Turn, message: Message, tokens: int, seq: int) -> dict[str, Any]:
    return {
        "conversation_id": turn.conversation.id,
        "seq": seq,
        "turn_id": turn.id,
        "role": message.role,
        "content": message.content,
        "tokens": tokens,
        "created_at": datetime.now(UTC),
    }


def _book(connection: sa.Connection, turn: Turn, call: Call) -> None:
    values = {
        "conversation_id": turn.conversation.id,
        "turn_id": turn.id,
        "person_id": turn.person.id,
        "model": call.model,
        "input_tokens": call.usage.input_tokens,
        "output_tokens": call.usage.output_tokens,
        "cache_read_tokens": call.usage.cache_read_tokens,
        "cache_write_tokens": call.usage.cache_write_tokens,
        "stop_reason": call.stop_reason,
        "request_id": call.request_id,
        "created_at": datetime.now(UTC),
    }
    connection.execute(_INSERT_USAGE, values)

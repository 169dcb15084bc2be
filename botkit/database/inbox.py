"""The inbox: a message comes in, and the turn that answers it is taken.

Each function is one transaction on the connection that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql, sqlite

from botkit.database.sequence import lock, take_seqs
from botkit.database.tables import UNFINISHED, conversations, inbox, messages
from botkit.messages import Address, IncomingMessage, Message, Person
from botkit.store import Accepted, Conversation, Overlap, Turn

__all__ = ["EventKnown", "accept", "accepted", "claim"]

_Row: TypeAlias = sa.Row[*tuple[Any, ...]]

_MOST_AT_ONCE = 50
"""The messages that one turn answers at most; the rest of a flood waits for the next turn."""

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

_KEY = ("adapter", "space", "channel", "thread")
_OPEN_CONVERSATION = {
    dialect: (opening := insert(conversations))
    .on_conflict_do_update(index_elements=_KEY, set_={"updated_at": opening.excluded.updated_at})
    .returning(conversations.c.id)
    for dialect, insert in _INSERT.items()
}
_CLAIM_EVENT = {
    dialect: insert(inbox).on_conflict_do_nothing(index_elements=["adapter", "event_id"]).returning(inbox.c.id)
    for dialect, insert in _INSERT.items()
}
_INSERT_MESSAGE = sa.insert(messages).returning(messages.c.id)

_REPLY = messages.alias("reply")
_WAITING = (
    sa.select(
        *inbox.c["id", "event_id", "turn_id", "state", "attempts", "reply_to", "extra", "posts", "note"],
        *messages.c["seq", "content", "author", "author_name"],
        inbox.c.message_id,
        _REPLY.c.content.label("reply"),
    )
    .join_from(inbox, messages, messages.c.id == inbox.c.message_id)
    .outerjoin(_REPLY, _REPLY.c.id == inbox.c.reply_id)
    .where(inbox.c.conversation_id == bindparam("conversation"), UNFINISHED)
    .order_by(inbox.c.id)
    .limit(_MOST_AT_ONCE)
)
_NUMBER = sa.update(messages).where(messages.c.id == bindparam("message"))
_COUNT_ATTEMPT = sa.update(inbox).where(
    inbox.c.conversation_id == bindparam("conversation"), UNFINISHED, inbox.c.id <= bindparam("last")
)


class EventKnown(Exception):
    """The event was accepted before: rolls the transaction back. Never leaves the store."""


def accept(connection: sa.Connection, message: IncomingMessage, tokens: int) -> Accepted:
    """Store a message and the row that asks for its answer. Raises EventKnown."""
    now = datetime.now(UTC)
    conversation_id = _open_conversation(connection, message, now)
    question = {
        "conversation_id": conversation_id,
        "role": "user",
        "content": Message.user(message.text).content,
        "tokens": tokens,
        "author": message.person.id,
        "author_name": message.person.name,
        "created_at": message.sent_at,
    }
    event = {
        "conversation_id": conversation_id,
        "adapter": message.conversation.adapter,
        "event_id": message.id,
        "message_id": connection.execute(_INSERT_MESSAGE, question).scalar_one(),
        "reply_to": message.address.reply_to,
        "extra": dict(message.address.extra) or None,
        "state": "new",
        "attempts": 0,
        "received_at": now,
    }
    if connection.execute(_CLAIM_EVENT[connection.dialect.name], event).scalar_one_or_none() is None:
        raise EventKnown
    return Accepted(conversation_id, new=True)


def accepted(connection: sa.Connection, message: IncomingMessage) -> Accepted:
    """Return where a message is that was accepted before."""
    query = sa.select(inbox.c.conversation_id).where(
        inbox.c.adapter == message.conversation.adapter, inbox.c.event_id == message.id
    )
    return Accepted(connection.execute(query).scalar_one(), new=False)


def claim(connection: sa.Connection, conversation_id: int, overlap: Overlap) -> Turn | None:
    """Take the oldest unfinished turn, or return None. `Turn.address` is that of the turn's first message."""
    lock(connection, conversation_id)
    waiting = connection.execute(_WAITING, {"conversation": conversation_id}).all()
    if not waiting:
        return None
    rows = _turn_rows(waiting, overlap)
    leader = rows[0]
    conversation = _number(connection, conversation_id, leader.id, [row for row in rows if row.seq is None])
    _count_attempt(connection, conversation_id, leader, last=rows[-1].id)
    return Turn(
        id=leader.id,
        conversation=conversation,
        person=Person(leader.author, leader.author_name),
        address=Address(conversation.key, leader.reply_to, leader.extra or {}),
        attempt=leader.attempts + 1,
        messages=tuple(Message("user", row.content) for row in rows),
        events=tuple(row.event_id for row in rows),
        posts=tuple(leader.posts or ()),
        reply=None if leader.reply is None else Message("assistant", leader.reply),
        note=leader.note or "",
    )


def _open_conversation(connection: sa.Connection, message: IncomingMessage, now: datetime) -> int:
    key = message.conversation
    values = {
        "adapter": key.adapter,
        "space": key.space,
        "channel": key.channel,
        "thread": key.thread,
        "created_at": now,
        "updated_at": now,
        "last_seq": 0,
        "system": "",
        "fingerprint": "",
        "cut": 0,
        "bare": 0,
    }
    conversation_id: int = connection.execute(_OPEN_CONVERSATION[connection.dialect.name], values).scalar_one()
    return conversation_id


def _turn_rows(waiting: Sequence[_Row], overlap: Overlap) -> list[_Row]:
    """Return the rows that make up the oldest turn: those that already do, and those that join it now."""
    leader = waiting[0]
    rows = [leader, *(row for row in waiting[1:] if row.turn_id == leader.id)]
    if overlap == "merge" and leader.attempts == 0:
        rows += takewhile(lambda row: row.author == leader.author, waiting[len(rows) :])
    return rows


def _number(connection: sa.Connection, conversation_id: int, turn_id: int, joining: Sequence[_Row]) -> Conversation:
    """Give the messages that join the turn their places, and return the conversation as it is then."""
    conversation = take_seqs(connection, conversation_id, len(joining))
    if joining:
        first = conversation.last_seq - len(joining) + 1
        places = [{"message": row.message_id, "seq": seq, "turn_id": turn_id} for seq, row in enumerate(joining, first)]
        connection.execute(_NUMBER, places)
    return conversation


def _count_attempt(connection: sa.Connection, conversation_id: int, leader: _Row, *, last: int) -> None:
    """Count it on all rows up to `last`: the turn is the oldest, so they are its rows and no others."""
    values = {"attempts": leader.attempts + 1, "turn_id": leader.id, "claimed_at": datetime.now(UTC)}
    connection.execute(_COUNT_ATTEMPT, {**values, "conversation": conversation_id, "last": last})

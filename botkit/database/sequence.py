"""A conversation's row: the lock of those who write into the conversation, and the counter of its messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from botkit.database.tables import conversations
from botkit.messages import ConversationKey
from botkit.store import Conversation, Frame

__all__ = ["conversation_of", "lock", "take_seqs"]

_LOCK = sa.select(conversations.c.id).where(conversations.c.id == bindparam("conversation")).with_for_update()

_TAKE_SEQS = (
    sa.update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(last_seq=conversations.c.last_seq + bindparam("count"), updated_at=bindparam("now"))
    .returning(conversations)
)


def lock(connection: sa.Connection, conversation_id: int) -> None:
    """Keep other writers out of the conversation until the transaction ends."""
    if connection.dialect.name == "postgresql":  # on SQLite, BEGIN IMMEDIATE has locked everything
        connection.execute(_LOCK, {"conversation": conversation_id})


def take_seqs(connection: sa.Connection, conversation_id: int, count: int) -> Conversation:
    """Take the next `count` seqs; the last of them is the returned conversation's `last_seq`."""
    values = {"conversation": conversation_id, "count": count, "now": datetime.now(UTC)}
    return conversation_of(connection.execute(_TAKE_SEQS, values).one())


def conversation_of(row: sa.Row[Any]) -> Conversation:
    """Make a conversation of its row."""
    return Conversation(
        id=row.id,
        key=ConversationKey(row.adapter, row.channel, row.thread, row.space),
        frame=Frame(row.system, row.fingerprint, row.cut, row.bare),
        last_seq=row.last_seq,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )

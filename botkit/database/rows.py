"""What the store reads back: conversations, their messages, and which of them wait. Each function is one query."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import bindparam

from botkit.database.sequence import conversation_of
from botkit.database.tables import UNFINISHED, conversations, inbox, messages
from botkit.errors import ConversationNotFound
from botkit.messages import ConversationKey, Message
from botkit.store import Conversation, StoredMessage

__all__ = ["conversation", "find", "history", "recent", "unfinished"]

_BY_ID = sa.select(conversations).where(conversations.c.id == bindparam("conversation"))
_BY_KEY = sa.select(conversations).where(
    conversations.c.adapter == bindparam("adapter"),
    conversations.c.space == bindparam("space"),
    conversations.c.channel == bindparam("channel"),
    conversations.c.thread == bindparam("thread"),
)
_RECENT = (
    sa.select(conversations)
    .order_by(conversations.c.updated_at.desc(), conversations.c.id.desc())
    .limit(bindparam("limit"))
)
_HISTORY = (
    sa.select(*messages.c["seq", "turn_id", "role", "content", "tokens"])
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.seq > bindparam("after"))
    .order_by(messages.c.seq)
)
# The adapter is looked at afterwards: asked for here, SQLite would rather read all events of the adapter.
_UNFINISHED = (
    sa.select(inbox.c.conversation_id, sa.func.min(inbox.c.adapter))
    .where(UNFINISHED)
    .group_by(inbox.c.conversation_id)
    .order_by(sa.func.min(inbox.c.id))
)


def conversation(connection: sa.Connection, conversation_id: int) -> Conversation:
    """Return a conversation. Raises ConversationNotFound."""
    row = connection.execute(_BY_ID, {"conversation": conversation_id}).one_or_none()
    if row is None:
        raise ConversationNotFound(f"there is no conversation {conversation_id}; see `botkit conversations list`")
    return conversation_of(row)


def find(connection: sa.Connection, key: ConversationKey) -> Conversation | None:
    """Return the conversation at this place, or None."""
    values = {"adapter": key.adapter, "space": key.space, "channel": key.channel, "thread": key.thread}
    row = connection.execute(_BY_KEY, values).one_or_none()
    return None if row is None else conversation_of(row)


def recent(connection: sa.Connection, adapter: str | None, channel: str | None, limit: int) -> list[Conversation]:
    """Return conversations, the most recently used first."""
    query = _RECENT
    if adapter is not None:
        query = query.where(conversations.c.adapter == adapter)
    if channel is not None:
        query = query.where(conversations.c.channel == channel)
    return [conversation_of(row) for row in connection.execute(query, {"limit": limit})]


def history(connection: sa.Connection, conversation_id: int, after: int) -> list[StoredMessage]:
    """Return the messages with a seq above `after`, oldest first; older ones are not even read."""
    rows = connection.execute(_HISTORY, {"conversation": conversation_id, "after": after})
    return [StoredMessage(seq, turn_id, Message(role, content), tokens) for seq, turn_id, role, content, tokens in rows]


def unfinished(connection: sa.Connection, adapters: Collection[str]) -> list[int]:
    """Return the conversations in which a turn waits, the one that has waited longest first."""
    return [conversation_id for conversation_id, adapter in connection.execute(_UNFINISHED) if adapter in adapters]

"""What the database holds: four tables, and the types that cross its border.

Texts of people stand in `messages` only. `inbox` has a row for each message that asks for an answer; the rows
that are answered together are one turn and carry the id of the first of them as `turn_id`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from botkit.messages import Block, text_block

__all__ = ["HEAD", "REVISIONS", "UNFINISHED", "conversations", "inbox", "messages", "metadata", "usage"]

log = logging.getLogger(__name__)

REVISIONS = ("0001",)
"""The revisions of the schema, oldest first. Known here so that a start need not import Alembic."""

HEAD = REVISIONS[-1]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Timestamp(sa.types.TypeDecorator[datetime]):
    """An aware datetime, always UTC when it comes back. SQLite has no such type and keeps microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Let PostgreSQL use its own type."""
        return dialect.type_descriptor(sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Raise ValueError for a naive datetime: which moment it means is anybody's guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time has no time zone")
        return value if dialect.name == "postgresql" else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Return UTC, whatever the session's time zone."""
        if value is None:
            return None
        moment: datetime = value if dialect.name == "postgresql" else _EPOCH + value * _MICROSECOND
        return moment.astimezone(UTC)


class Json(sa.types.TypeDecorator[Any]):
    """A JSON value as compact text: it comes back as it was, key order included, which `jsonb` would not keep."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Raise ValueError for a NUL: JSON can escape it, but whoever is sent the text may refuse it for ever."""
        if value is None:
            return None
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Return the value, with lists for tuples."""
        return None if value is None else json.loads(value)


class Content(Json):
    """The blocks of a message. As in the API, a bare string stands for one block of plain text."""

    cache_ok = True

    def process_bind_param(self, value: Sequence[Block] | Any, dialect: sa.Dialect) -> str | None:
        """Return a single text as a JSON string, and everything else as the blocks that it is."""
        plain = len(value) == 1 and value[0] == text_block(value[0].get("text", ""))
        return super().process_bind_param(value[0]["text"] if plain else value, dialect)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> tuple[Block, ...] | None:
        """Return the blocks, none if they are damaged; None only where an outer join found no message."""
        if value is None:
            return None
        try:
            content = json.loads(value)
        except json.JSONDecodeError:
            log.exception("botkit.database.damaged_content length=%s", len(value))  # one bad row ends no conversation
            return ()
        if not isinstance(content, str | list):
            return ()
        return (text_block(content),) if isinstance(content, str) else tuple(content)


# SQLite gives row ids only to a column that is exactly INTEGER.
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("space", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("system", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("cut", sa.Integer, nullable=False),
    sa.Column("bare", sa.Integer, nullable=False),
    sa.UniqueConstraint("adapter", "space", "channel", "thread"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey(conversations.c.id), nullable=False),
    sa.Column("seq", sa.Integer),  # NULL until its turn is first claimed
    sa.Column("turn_id", _Id),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("content", Content, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("author", sa.Text),  # the person's id; NULL for what botkit and Claude wrote
    sa.Column("author_name", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.UniqueConstraint("conversation_id", "seq"),
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey(conversations.c.id), nullable=False),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("message_id", sa.ForeignKey(messages.c.id), nullable=False),
    sa.Column("reply_to", sa.Text, nullable=False),
    sa.Column("extra", Json),
    sa.Column("turn_id", _Id),  # NULL until first claimed
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("posts", Json),
    sa.Column("reply_id", sa.ForeignKey(messages.c.id)),
    sa.Column("note", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("received_at", Timestamp, nullable=False),
    sa.Column("claimed_at", Timestamp),
    sa.Column("finished_at", Timestamp),
    sa.UniqueConstraint("adapter", "event_id"),
)

# Literals, not parameters: only so can SQLite prove that a query may use the partial index.
UNFINISHED = inbox.c.state.in_([sa.literal_column("'new'"), sa.literal_column("'answered'")])

sa.Index(
    "ix_inbox_unfinished", inbox.c.conversation_id, inbox.c.id, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("conversation_id", sa.ForeignKey(conversations.c.id), nullable=False),
    sa.Column("turn_id", _Id, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("cache_read_tokens", sa.Integer, nullable=False),
    sa.Column("cache_write_tokens", sa.Integer, nullable=False),
    sa.Column("stop_reason", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
)

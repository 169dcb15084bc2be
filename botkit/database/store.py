"""The store on a database: SQLite in a file, or PostgreSQL. Each method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from botkit.database import inbox, rows, turns
from botkit.database.engine import Engine
from botkit.database.schema import writable_revision
from botkit.database.tables import HEAD
from botkit.messages import ConversationKey, IncomingMessage, Message
from botkit.store import Accepted, Call, Conversation, Frame, Overlap, StoredMessage, Turn

__all__ = ["DatabaseStore"]


class DatabaseStore:
    """Remembers in the database at `url`. Raises ConfigError for a URL of another kind.

    A transaction that has begun is not torn: a caller that is cancelled goes once it is done.
    """

    def __init__(self, url: str) -> None:
        self._engine = Engine(url)

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises DatabaseUnavailable, DatabaseTooNew."""
        if await self._engine.write(writable_revision, self._engine.where) != HEAD:
            from botkit.database import migrate  # noqa: PLC0415 - Alembic takes 0.2 s to import

            await migrate.upgrade(self._engine)

    async def aclose(self) -> None:
        """Let go of all connections, when what runs is done. Harmless when called again."""
        await self._engine.aclose()

    async def accept(self, message: IncomingMessage, tokens: int, /) -> Accepted:
        """Claim the event id, store the message and its turn: all or nothing."""
        try:
            return await self._engine.write(inbox.accept, message, tokens)
        except inbox.EventKnown:
            return await self._engine.read(inbox.accepted, message)

    async def unfinished(self, adapters: Collection[str], /) -> list[int]:
        """Return the conversations of these adapters in which a turn waits, the longest waiting first."""
        return await self._engine.read(rows.unfinished, adapters)

    async def claim(self, conversation_id: int, overlap: Overlap, /) -> Turn | None:
        """Take the oldest unfinished turn, counting an attempt, or None if nothing waits.

        At most 50 messages join one turn. None joins one that was claimed before: it may be what kills its process.
        """
        return await self._engine.write(inbox.claim, conversation_id, overlap)

    async def history(self, conversation_id: int, after: int, /) -> list[StoredMessage]:
        """Return the messages with a seq above `after`, oldest first; older ones are not even read."""
        return await self._engine.read(rows.history, conversation_id, after)

    async def set_frame(self, turn: Turn, frame: Frame, /) -> None:
        """Store the conversation's frame. Raises TurnLost."""
        await self._engine.write(turns.set_frame, turn, frame)

    async def append(self, turn: Turn, messages: Sequence[tuple[Message, int]], call: Call, /) -> None:
        """Store one step of a turn that goes on, and what it cost. Raises TurnLost."""
        await self._engine.write(turns.append, turn, messages, call)

    async def answer(
        self, turn: Turn, reply: Message | None, tokens: int, call: Call | None, /, note: str = ""
    ) -> None:
        """Store the reply, what it cost, and the turn as `answered`; `posted` without a reply. Raises TurnLost."""
        await self._engine.write(turns.answer, turn, reply, tokens, call, note)

    async def record_posts(self, turn: Turn, posts: Sequence[str], /) -> None:
        """Store the ids of the platform's messages that show this reply, in order. Raises TurnLost."""
        await self._engine.write(turns.record_posts, turn, posts)

    async def finish(self, turn: Turn, /) -> None:
        """Store the turn as `posted`. Raises TurnLost."""
        await self._engine.write(turns.finish, turn)

    async def bury(self, turn: Turn, error: str, /) -> None:
        """Store the turn as `dead`, with the reason. Raises TurnLost."""
        await self._engine.write(turns.bury, turn, error)

    async def find(self, key: ConversationKey, /) -> Conversation | None:
        """Return the conversation at this place, or None."""
        return await self._engine.read(rows.find, key)

    async def conversation(self, conversation_id: int, /) -> Conversation:
        """Return a conversation. Raises ConversationNotFound."""
        return await self._engine.read(rows.conversation, conversation_id)

    async def conversations(
        self, *, adapter: str | None = None, channel: str | None = None, limit: int = 50
    ) -> list[Conversation]:
        """Return conversations, the most recently used first."""
        return await self._engine.read(rows.recent, adapter, channel, limit)

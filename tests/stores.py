"""What tests of the store say to it, and how they look behind it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from botkit.database import DatabaseStore
from botkit.database.engine import Engine
from botkit.messages import Address, ConversationKey, IncomingMessage, Message, Person, Usage
from botkit.store import Call, Overlap, Store, Turn

ANN, BOB = Person("U1", "Ann"), Person("U2", "Bob")
KEY = ConversationKey("slack", "C1", "171.5", "T1")
CALL = Call("claude-sonnet-5-5", Usage(10, 20, 30, 40), "end_turn", "req_1")
STEP = (
    (Message("assistant", ({"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}},)), 5),
    (Message("user", ({"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"},)), 6),
)

_numbers = itertools.count(1)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[DatabaseStore]:
    store = DatabaseStore(url)
    await store.open()
    try:
        yield store
    finally:
        await store.aclose()


def said(text: str, person: Person = ANN, key: ConversationKey = KEY, event: str | None = None) -> IncomingMessage:
    return IncomingMessage(event or f"e{next(_numbers)}", person, text, Address(key, "r1"), datetime.now(UTC))


async def ask(store: Store, *texts: str, person: Person = ANN, key: ConversationKey = KEY) -> int:
    """Accept messages; return their conversation."""
    accepted = [await store.accept(said(text, person, key), 7) for text in texts]
    return accepted[-1].conversation_id


async def claimed(store: Store, conversation_id: int, overlap: Overlap = "merge") -> Turn:
    turn = await store.claim(conversation_id, overlap)
    assert turn is not None
    return turn


async def texts(store: Store, conversation_id: int) -> list[str]:
    return [stored.message.text for stored in await store.history(conversation_id, 0)]


async def rows(url: str, table: str) -> list[dict[str, Any]]:
    """Look into the database, past the store and its types."""
    engine = Engine(url)
    query = sa.select(sa.text("*")).select_from(sa.table(table))
    try:
        return await engine.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])
    finally:
        await engine.aclose()

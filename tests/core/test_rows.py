"""What the store reads back, and how little it reads for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from botkit.database import DatabaseStore
from botkit.errors import ConversationNotFound, StoreError
from botkit.messages import ConversationKey, Message
from botkit.store import Frame
from tests.stores import CALL, ask, claimed, opened, rows, said


async def test_history_reads_only_what_is_after_the_cut(store: DatabaseStore) -> None:
    conversation = await ask(store, "one")
    for number in range(3):
        turn = await claimed(store, conversation)
        await store.answer(turn, Message.assistant(f"re {number}"), 1, CALL)
        await store.finish(turn)
        await ask(store, "more")
    assert [stored.seq for stored in await store.history(conversation, 4)] == [5, 6]
    assert await store.history(conversation, 6) == []


async def test_history_and_the_sweep_are_read_by_their_indexes(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/botkit.db") as store:
        plans: list[str] = []

        def explain(conn: sa.Connection, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
            if statement.startswith(("SELECT", "UPDATE")):
                plans.append("; ".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

        conversation = await ask(store, "Hello")
        sa.event.listen(store._engine._engine, "before_cursor_execute", explain)
        await store.history(conversation, 0)
        assert "INDEX" in plans[0]
        assert "(conversation_id=? AND seq>?)" in plans[0]
        turn = await claimed(store, conversation)
        await store.answer(turn, Message.assistant("Hi"), 1, CALL)
        await store.finish(turn)
        await store.unfinished(["slack"])
        of_the_inbox = [plan for plan in plans if "inbox" in plan]
        assert len(of_the_inbox) == 5
        assert all("ix_inbox_unfinished" in plan for plan in of_the_inbox), plans
        assert not [plan for plan in plans if "SCAN" in plan and "ix_inbox_unfinished" not in plan]


async def test_unfinished_names_the_longest_waiting_first_and_only_of_the_adapters_asked_for(
    store: DatabaseStore,
) -> None:
    first, second = [await ask(store, "Hello", key=ConversationKey("slack", channel)) for channel in "ab"]
    other = await ask(store, "Hello", key=ConversationKey("discord", "a"))
    await ask(store, "more", key=ConversationKey("slack", "a"))
    assert await store.unfinished(["slack"]) == [first, second]
    assert await store.unfinished({"discord", "slack"}) == [first, second, other]
    assert await store.unfinished([]) == []


async def test_conversations_are_found_by_place_and_listed_by_use(store: DatabaseStore) -> None:
    old, young = [await ask(store, "Hello", key=ConversationKey("slack", channel)) for channel in "ab"]
    other = await ask(store, "Hello", key=ConversationKey("discord", "a"))
    await ask(store, "more", key=ConversationKey("slack", "a"))
    assert [each.id for each in await store.conversations()] == [old, other, young]
    assert [each.id for each in await store.conversations(adapter="slack")] == [old, young]
    assert [each.id for each in await store.conversations(limit=1)] == [old]
    found = await store.find(ConversationKey("slack", "b"))
    assert found is not None
    assert found == await store.conversation(young)
    assert (found.created_at.tzinfo, found.updated_at.utcoffset()) == (UTC, timedelta(0))
    assert abs(datetime.now(UTC) - found.created_at) < timedelta(minutes=1)
    assert await store.find(ConversationKey("slack", "b", thread="1")) is None
    with pytest.raises(ConversationNotFound, match="987654"):
        await store.conversation(987654)


async def test_the_frame_is_kept(store: DatabaseStore) -> None:
    turn = await claimed(store, await ask(store, "Hello"))
    frame = Frame("You are kind.", "f1", cut=4, bare=2)
    await store.set_frame(turn, frame)
    assert (await store.conversation(turn.conversation.id)).frame == frame


async def test_a_time_of_any_zone_is_taken_and_one_without_is_refused(store: DatabaseStore, database_url: str) -> None:
    noon = datetime(2026, 7, 1, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    await store.accept(replace(said("Hello"), sent_at=noon), 7)
    (row,) = await rows(database_url, "messages")
    kept = row["created_at"]
    assert kept == (noon if isinstance(kept, datetime) else int(noon.timestamp()) * 1_000_000 + 123456)
    with pytest.raises(StoreError, match="time zone"):
        await store.accept(replace(said("Hello"), sent_at=noon.replace(tzinfo=None)), 7)

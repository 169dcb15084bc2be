"""What the store promises to turns: order, and one answer for each message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from botkit.database import DatabaseStore
from botkit.errors import TurnLost
from botkit.messages import Address, ConversationKey, IncomingMessage, Message
from botkit.store import Accepted, Frame, Store
from tests.stores import ANN, BOB, CALL, KEY, STEP, ask, claimed, opened, rows, said, texts

# A turn, from the message to the post


async def test_a_turn_comes_in_is_answered_and_posted(store: DatabaseStore) -> None:
    message = IncomingMessage("e0", ANN, "Hello", Address(KEY, "171.9", {"team": "T1"}), datetime.now(UTC))
    accepted = await store.accept(message, 7)
    assert await store.unfinished(["slack"]) == [accepted.conversation_id]

    turn = await claimed(store, accepted.conversation_id)
    assert (turn.person, turn.address, turn.attempt, turn.text) == (ANN, message.address, 1, "Hello")
    assert (turn.reply, turn.posts, turn.conversation.key, turn.conversation.last_seq) == (None, (), KEY, 1)

    await store.record_posts(turn, ["p1", "p2"])
    await store.answer(turn, Message.assistant("Hi Ann"), 9, CALL)
    await store.finish(turn)

    history = await store.history(accepted.conversation_id, 0)
    assert [(s.seq, s.turn, s.message.role, s.message.text, s.tokens) for s in history] == [
        (1, turn.id, "user", "Hello", 7),
        (2, turn.id, "assistant", "Hi Ann", 9),
    ]
    assert await store.claim(accepted.conversation_id, "merge") is None
    assert await store.unfinished(["slack"]) == []


async def test_a_call_is_booked_with_its_turn_and_person(store: DatabaseStore, database_url: str) -> None:
    turn = await claimed(store, await ask(store, "Hello"))
    await store.append(turn, STEP, replace(CALL, stop_reason="tool_use", request_id=None))
    await store.answer(turn, Message.assistant("Hi"), 9, CALL)
    first, second = await rows(database_url, "usage")
    assert (first["stop_reason"], first["request_id"]) == ("tool_use", None)
    expected = {"turn_id": turn.id, "person_id": "U1", "model": CALL.model, "request_id": "req_1"}
    expected |= {"input_tokens": 10, "output_tokens": 20, "cache_read_tokens": 30, "cache_write_tokens": 40}
    assert expected.items() <= second.items()


async def test_a_turn_without_words_is_over_at_once(store: DatabaseStore) -> None:
    turn = await claimed(store, await ask(store, "Hello"))
    await store.answer(turn, None, 0, CALL)
    assert await store.claim(turn.conversation.id, "merge") is None
    assert await texts(store, turn.conversation.id) == ["Hello"]


async def test_an_answer_that_was_not_posted_is_claimed_to_be_posted(store: DatabaseStore) -> None:
    turn = await claimed(store, await ask(store, "Hello", "Anybody?"))
    await store.record_posts(turn, ["p1"])
    await store.answer(turn, Message.assistant("Hi"), 9, CALL)
    await ask(store, "Too late to join")

    again = await claimed(store, turn.conversation.id)
    assert (again.id, again.attempt, again.posts) == (turn.id, 2, ("p1",))
    assert (again.reply, again.text) == (Message.assistant("Hi"), "Hello\n\nAnybody?")
    await store.finish(again)
    assert (await claimed(store, turn.conversation.id)).text == "Too late to join"


async def test_a_buried_turn_is_not_claimed_again(store: DatabaseStore, database_url: str) -> None:
    turn = await claimed(store, await ask(store, "Hello", "Anybody?"))
    await store.bury(turn, "it crashed 3 times")
    assert await store.claim(turn.conversation.id, "merge") is None
    assert {(row["state"], row["error"]) for row in await rows(database_url, "inbox")} == {
        ("dead", "it crashed 3 times")
    }


async def test_content_blocks_come_back_as_the_api_gave_them(store: DatabaseStore) -> None:
    blocks = (
        {"type": "thinking", "thinking": "Hm…", "signature": "ab\\u0000=="},
        {"type": "text", "text": "Grüße 🎉", "citations": None},
        {"type": "from_the_future", "nested": [{"b": 1, "a": [None, True, 1.5]}]},
    )
    turn = await claimed(store, await ask(store, "Hello"))
    alone = Message("assistant", ({"type": "text", "text": "alone", "citations": []},))
    await store.append(turn, [(Message("assistant", blocks), 1), (alone, 1)], CALL)
    history = await store.history(turn.conversation.id, 1)
    assert [stored.message for stored in history] == [Message("assistant", blocks), alone]


# Order


async def test_seqs_are_in_the_order_of_answers_with_messages_arriving_meanwhile(store: DatabaseStore) -> None:
    conversation = await ask(store, "one")
    first = await claimed(store, conversation)
    await ask(store, "two", person=BOB)
    await store.append(first, STEP, CALL)
    await ask(store, "three")
    await store.answer(first, Message.assistant("re: one"), 1, CALL)
    await store.finish(first)
    second = await claimed(store, conversation)
    await store.answer(second, Message.assistant("re: two"), 1, CALL)

    history = await store.history(conversation, 0)
    assert [stored.seq for stored in history] == [1, 2, 3, 4, 5, 6]
    assert [stored.message.text for stored in history] == ["one", "", "", "re: one", "two", "re: two"]
    assert [stored.turn for stored in history] == [first.id] * 4 + [second.id] * 2


async def test_messages_of_one_person_merge_up_to_somebody_elses(store: DatabaseStore) -> None:
    conversation = await ask(store, "a1", "a2")
    await ask(store, "b1", person=BOB)
    await ask(store, "a3")
    answered = []
    while (turn := await store.claim(conversation, "merge")) is not None:
        answered.append((turn.person, turn.text))
        await store.answer(turn, None, 0, None)
    assert answered == [(ANN, "a1\n\na2"), (BOB, "b1"), (ANN, "a3")]


async def test_queued_messages_wait_for_a_turn_of_their_own(store: DatabaseStore) -> None:
    conversation = await ask(store, "one", "two")
    turn = await claimed(store, conversation, "queue")
    assert turn.text == "one"
    await store.answer(turn, None, 0, None)
    assert (await claimed(store, conversation, "queue")).text == "two"


async def test_nothing_joins_a_turn_that_is_claimed_again(store: DatabaseStore) -> None:
    conversation = await ask(store, "one", "two")
    await claimed(store, conversation)
    await ask(store, "three")
    again = await claimed(store, conversation)
    assert again.text == "one\n\ntwo", "a harmless question must not die with one that kills the process"
    await store.answer(again, Message.assistant("both"), 1, CALL)
    await store.finish(again)
    assert (await claimed(store, conversation)).text == "three"
    assert await texts(store, conversation) == ["one", "two", "both", "three"]


async def test_a_merged_turn_stays_merged_when_the_setting_changes(store: DatabaseStore) -> None:
    conversation = await ask(store, "one", "two")
    await claimed(store, conversation, "merge")
    assert (await claimed(store, conversation, "queue")).text == "one\n\ntwo"


async def test_after_a_crash_a_turn_goes_on_from_its_stored_steps(store: DatabaseStore) -> None:
    conversation = await ask(store, "what time is it?")
    crashed = await claimed(store, conversation)
    await store.append(crashed, STEP, CALL)
    await ask(store, "hurry")

    again = await claimed(store, conversation)
    assert (again.id, again.attempt, again.text) == (crashed.id, 2, "what time is it?")
    steps = (await store.history(conversation, 0))[1:]
    assert [stored.message for stored in steps] == [message for message, _tokens in STEP]
    await store.answer(again, Message.assistant("noon"), 1, CALL)
    await store.finish(again)
    assert (await claimed(store, conversation)).text == "hurry"


async def test_a_flood_is_answered_in_several_turns_and_nothing_is_dropped(store: DatabaseStore) -> None:
    flood = [f"line {number}" for number in range(120)]
    conversation = await ask(store, *flood)
    answered: list[str] = []
    turns = 0
    while (turn := await store.claim(conversation, "merge")) is not None:
        turns += 1
        answered += [message.text for message in turn.messages]
        await store.answer(turn, None, 0, None)
    assert answered == flood
    assert turns == 3


# One answer per message


async def test_an_event_that_comes_again_changes_nothing(store: DatabaseStore, database_url: str) -> None:
    message = said("Hello")
    first = await store.accept(message, 7)
    before = [await rows(database_url, table) for table in ("conversations", "messages", "inbox")]
    moved = replace(message, text="Hello?", address=Address(ConversationKey("slack", "elsewhere")))
    for again in (message, moved):
        assert await store.accept(again, 7) == Accepted(first.conversation_id, new=False)
    assert [await rows(database_url, table) for table in ("conversations", "messages", "inbox")] == before


async def test_of_fifty_deliveries_of_an_event_at_once_one_is_new(store: DatabaseStore, rival: DatabaseStore) -> None:
    message = said("Hello")
    accepted = await asyncio.gather(*(each.accept(message, 7) for each in [store, rival] * 25))
    assert sum(each.new for each in accepted) == 1
    assert len({each.conversation_id for each in accepted}) == 1
    assert (await claimed(store, accepted[0].conversation_id)).text == "Hello"


async def test_two_adapters_may_use_the_same_event_id(store: DatabaseStore) -> None:
    other = ConversationKey("discord", "C1")
    assert (await store.accept(said("Hello", event="1"), 7)).new
    assert (await store.accept(said("Hello", event="1", key=other), 7)).new


async def test_who_lost_a_turn_writes_nothing(store: DatabaseStore, rival: DatabaseStore, database_url: str) -> None:
    lost = await claimed(store, await ask(store, "Hello"))
    held = await claimed(rival, lost.conversation.id)
    before = [await rows(database_url, table) for table in ("conversations", "messages", "inbox", "usage")]
    for attempt in (
        store.append(lost, STEP, CALL),
        store.answer(lost, Message.assistant("late"), 1, CALL),
        store.answer(lost, None, 0, CALL),
        store.set_frame(lost, Frame("late")),
        store.record_posts(lost, ["late"]),
        store.bury(lost, "late"),
    ):
        with pytest.raises(TurnLost, match=lost.reference):
            await attempt
    assert [await rows(database_url, table) for table in ("conversations", "messages", "inbox", "usage")] == before

    await rival.answer(held, Message.assistant("in time"), 1, CALL)
    with pytest.raises(TurnLost):
        await store.finish(lost)
    await rival.finish(held)


async def test_a_turn_is_answered_once_even_by_its_holder(store: DatabaseStore) -> None:
    turn = await claimed(store, await ask(store, "Hello"))
    await store.answer(turn, Message.assistant("once"), 1, CALL)
    for attempt in (store.answer(turn, Message.assistant("twice"), 1, CALL), store.append(turn, STEP, CALL)):
        with pytest.raises(TurnLost):
            await attempt
    assert await texts(store, turn.conversation.id) == ["Hello", "once"]


async def test_claims_at_once_count_each_and_one_of_them_holds(store: DatabaseStore, rival: DatabaseStore) -> None:
    conversation = await ask(store, "Hello")
    turns = await asyncio.gather(*(claimed(each, conversation) for each in [store, rival] * 5))
    assert sorted(turn.attempt for turn in turns) == list(range(1, 11))
    results = await asyncio.gather(
        *(store.answer(turn, Message.assistant(str(turn.attempt)), 1, CALL) for turn in turns), return_exceptions=True
    )
    assert sorted(map(str, map(type, results))) == sorted([str(type(None)), *[str(TurnLost)] * 9])
    assert await texts(store, conversation) == ["Hello", "10"]


async def test_many_writers_leave_no_gap_and_no_double(store: DatabaseStore, rival: DatabaseStore) -> None:
    async def converse(each: Store, channel: str) -> None:
        for number in range(10):
            key = ConversationKey("slack", channel)
            turn = await claimed(each, await ask(each, f"{number}", key=key))
            await each.answer(turn, Message.assistant(f"re: {number}"), 1, CALL)
            await each.finish(turn)

    await asyncio.gather(*(converse(each, f"C{n}") for n, each in enumerate([store, rival] * 4)))
    for conversation in await store.conversations():
        history = await store.history(conversation.id, 0)
        assert [stored.seq for stored in history] == list(range(1, 21))
        assert [stored.message.text for stored in history] == [f"{p}{n}" for n in range(10) for p in ("", "re: ")]


async def test_a_cancelled_caller_leaves_all_or_nothing_and_a_store_that_works(store: DatabaseStore) -> None:
    conversation = await ask(store, "Hello")
    for delay in range(40):
        task = asyncio.create_task(store.accept(said(f"cancelled {delay}"), 7))
        for _ in range(delay):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await ask(store, "last")
    turn = await claimed(store, conversation)
    assert (turn.messages[0].text, turn.messages[-1].text) == ("Hello", "last")
    assert turn.conversation.last_seq == len(turn.messages)


# In memory


async def test_a_database_in_memory_works_and_survives_a_cancelled_caller() -> None:
    async with opened("sqlite+aiosqlite://") as store:
        conversation = await ask(store, "Hello")
        task = asyncio.create_task(store.claim(conversation, "merge"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        turns = await asyncio.gather(*(claimed(store, conversation) for _ in range(5)))
        assert {turn.text for turn in turns} == {"Hello"}
        await store.aclose()

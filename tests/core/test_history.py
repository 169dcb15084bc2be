"""What of the past goes into a request: properties over generated conversations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import MessageTooLong
from botkit.history import Window, fit
from botkit.messages import Block, Message, text_block
from botkit.store import Frame, StoredMessage
from botkit.tokens import estimate

THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig"}
RATIO = 1.25
OVERHEAD = 40


def call(id_: str) -> Block:
    return {"type": "tool_use", "id": id_, "name": "look", "input": {}}


def result(id_: str) -> Block:
    return {"type": "tool_result", "tool_use_id": id_, "content": "seen"}


texts = st.text(min_size=0, max_size=200).map(text_block)
words = st.text(alphabet="abc \n", min_size=1, max_size=400).filter(str.strip).map(text_block)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """One turn: a question or several, rounds of tools perhaps, and an answer perhaps."""
    messages = [Message("user", (draw(words),)) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(0, 2))):
        calls = [f"call{id_}" for id_ in draw(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))]
        messages.append(Message("assistant", (THINKING, draw(texts), *map(call, calls))))
        messages.append(Message("user", tuple(map(result, calls))))
    if draw(st.booleans()):
        thinking = (THINKING,) if draw(st.booleans()) else ()
        messages.append(Message("assistant", (*thinking, draw(texts))))
    return messages


@st.composite
def conversations(draw: st.DrawFn) -> list[StoredMessage]:
    """Finished or interrupted turns, and a newest one that is a question."""
    turns = [*draw(st.lists(exchanges(), max_size=8)), [Message("user", (draw(words),))]]
    numbered = [(turn, message) for turn, messages in enumerate(turns) for message in messages]
    return [StoredMessage(seq, turn, message, estimate(message)) for seq, (turn, message) in enumerate(numbered, 1)]


def window(history: Sequence[StoredMessage], *, budget: int = 700, frame: Frame | None = None) -> Window:
    return fit(history, frame or Frame(), budget=budget, cut_to=0.6, overhead=OVERHEAD, ratio=RATIO)


def size(messages: Sequence[Message]) -> float:
    return (OVERHEAD + sum(map(estimate, messages))) * RATIO


def blocks(messages: Sequence[Message]) -> list[Block]:
    return [block for message in messages for block in message.content]


@given(conversations())
def test_a_request_is_one_that_claude_accepts(history: list[StoredMessage]) -> None:
    messages = window(history).messages

    assert messages[0].role == messages[-1].role == "user"
    assert all(one.role != other.role for one, other in pairwise(messages))
    assert all(block["text"].strip() for block in blocks(messages) if block["type"] == "text")
    for question, answer in pairwise(messages):
        calls = [block["id"] for block in question.content if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in answer.content if block["type"] == "tool_result"]
        assert calls == results
        assert [block["type"] for block in answer.content[: len(calls)]] == ["tool_result"] * len(calls)


@given(conversations())
def test_a_request_fits_the_budget(history: list[StoredMessage]) -> None:
    # A merged message costs no more than its parts, so the sum over the parts is an upper bound.
    assert size(window(history).messages) <= 700


@given(conversations())
def test_the_newest_exchange_is_always_kept(history: list[StoredMessage]) -> None:
    newest = history[-1].message.content
    assert window(history).messages[-1].content[-len(newest) :] == newest


@given(conversations())
def test_nothing_is_left_out_that_fits(history: list[StoredMessage]) -> None:
    assert window(history, budget=1_000_000).left_out == 0


@given(conversations(), exchanges())
def test_between_cuts_a_request_extends_the_one_before(history: list[StoredMessage], more: list[Message]) -> None:
    before = window(history)
    frame = Frame(cut=before.cut, bare=before.bare)
    kept = [stored for stored in history if stored.seq > before.cut]
    last = history[-1]
    answer = Message("assistant", (THINKING, text_block("yes")))
    grown = [*kept, StoredMessage(last.seq + 1, last.turn, answer, estimate(answer))]
    grown += [StoredMessage(last.seq + 2 + i, last.turn + 1, m, estimate(m)) for i, m in enumerate(more[:1])]
    after = window(grown, budget=1_000_000, frame=frame)

    assert after.cut == before.cut
    assert blocks(after.messages)[: len(blocks(before.messages))] == blocks(before.messages)


@given(conversations())
def test_a_cut_is_deep_and_takes_the_thinking_with_it(history: list[StoredMessage]) -> None:
    cut = window(history)
    if not cut.left_out:
        return
    newest = history[-1]
    assert size(cut.messages) <= max(0.6 * 700, (OVERHEAD + newest.tokens) * RATIO)
    assert cut.bare == newest.seq - 1
    assert not [block for block in blocks(cut.messages) if block["type"] == "thinking"]


@given(conversations(), st.data())
def test_a_damaged_row_does_not_brick_the_conversation(history: list[StoredMessage], data: st.DataObject) -> None:
    if len(history) < 2:
        return
    index = data.draw(st.integers(0, len(history) - 2))
    rubbish: tuple[Any, ...] = data.draw(st.sampled_from([(), ("rubbish",), ({},), (text_block(""),), (call("x"),)]))
    victim = history[index]
    history[index] = StoredMessage(victim.seq, victim.turn, Message(victim.message.role, rubbish), victim.tokens)
    test_a_request_is_one_that_claude_accepts.hypothesis.inner_test(history)  # type: ignore[attr-defined]


def test_an_exchange_that_is_too_long_says_so() -> None:
    question = Message.user("word " * 1000)
    with pytest.raises(MessageTooLong) as caught:
        window([StoredMessage(1, 1, question, estimate(question))])
    assert "tokens" in caught.value.sentence


def test_nothing_is_cut_in_the_middle_of_tool_calls() -> None:
    old = Message.user("word " * 600)
    loop = [Message.user("look"), Message("assistant", (THINKING, call("a"))), Message("user", (result("a"),))]
    history = [StoredMessage(1, 1, old, estimate(old))]
    history += [StoredMessage(seq, 2, message, estimate(message)) for seq, message in enumerate(loop, 2)]
    assert window(history).left_out == 0


def test_a_request_is_plain_json() -> None:
    history = [StoredMessage(1, 1, Message.user("hi"), 5)]
    assert json.loads(json.dumps([dict(block) for block in blocks(window(history).messages)])) == [text_block("hi")]

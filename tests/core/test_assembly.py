"""A stream of events, put together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botkit.assembly import Assembly


def events(*pieces: str) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1}}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
    yield {"type": "message_stop"}


def test_a_pair_of_surrogates_that_was_cut_apart_is_one_character_again() -> None:
    assembly = Assembly()
    shown = [assembly.add(event) for event in events("a ", "\ud83d", "\ude00 b", "\ud800", "\x00")]
    reply = assembly.reply("req", 1)
    assert reply is not None
    assert reply.content == ({"type": "text", "text": "a 😀 b\ufffd\ufffd"},)
    "".join(shown).encode()


def test_a_stream_without_a_stop_reason_is_no_reply() -> None:
    assembly = Assembly()
    for event in list(events("a"))[:3]:
        assembly.add(event)
    assert assembly.reply("req", 1) is None
    assert not assembly.complete

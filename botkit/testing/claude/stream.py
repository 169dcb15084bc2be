"""A message as server-sent events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from botkit.testing.claude.blocks import Json

_WORD = re.compile(r"\s*\S{1,16}\s*|\s+")
_JSON_PIECE = 16
_FIELDS = {"text": "text", "thinking": "thinking", "signature": "signature", "input_json": "partial_json"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One event on the wire; `is_delta` marks those that carry a piece of content."""

    data: bytes
    is_delta: bool = False


def frame(event: Mapping[str, object]) -> Frame:
    """One event; its name is its `type`."""
    data = compact(event)
    wire = f"event: {event['type']}\ndata: {data}\n\n"
    return Frame(wire.encode("utf-8", "replace"), is_delta=event["type"] == "content_block_delta")


def frames(message: Json, pieces: Mapping[int, Sequence[str]]) -> Iterator[Frame]:
    """All events of a message in order. `pieces` are the deltas of a block where they are given, by index."""
    yield frame({"type": "message_start", "message": _opening(message)})
    yield frame({"type": "ping"})
    for index, block in enumerate(message["content"]):
        yield frame({"type": "content_block_start", "index": index, "content_block": _empty(block)})
        for kind, value in _deltas(block, pieces.get(index)):
            yield _delta_frame(index, kind, value)
        for citation in _citations(block):
            delta = {"type": "citations_delta", "citation": citation}
            yield frame({"type": "content_block_delta", "index": index, "delta": delta})
        yield frame({"type": "content_block_stop", "index": index})
    yield frame(_message_delta(message))
    yield frame({"type": "message_stop"})


def _opening(message: Json) -> Json:
    """The message before anything is said; its output_tokens are a placeholder, as in life."""
    usage = {key: value for key, value in message["usage"].items() if key != "output_tokens_details"}
    unknown = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    return {**message, **unknown, "content": [], "usage": {**usage, "output_tokens": 1}}


def _message_delta(message: Json) -> Json:
    """How the message ended, with cumulative usage."""
    ending = ("stop_reason", "stop_sequence", "stop_details")
    counted = (
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "output_tokens_details",
    )
    return {
        "type": "message_delta",
        "delta": {key: message[key] for key in ending},
        "usage": {key: message["usage"][key] for key in counted},
    }


def _empty(block: Json) -> Json:
    """The block as it starts, before its deltas; a type that is sent whole stays as it is."""
    match block.get("type"):
        case "text":
            cited: Json = {"citations": []} if _citations(block) else {}
            return {**block, "text": "", **cited}
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case "tool_use" | "server_tool_use":
            return {**block, "input": {}}
        case _:
            return block


def _delta_frame(index: int, kind: str, value: str) -> Frame:
    """A delta of one string. Written out by hand: a stream is mostly these, and an encoder costs six times more."""
    delta = f'{{"type":"{kind}_delta","{_FIELDS[kind]}":{encode_basestring(value)}}}'
    data = f'{{"type":"content_block_delta","index":{index},"delta":{delta}}}'
    wire = f"event: content_block_delta\ndata: {data}\n\n"
    return Frame(wire.encode("utf-8", "replace"), is_delta=True)


def _deltas(block: Json, pieces: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """The kind and value of each delta that makes up a block; none for a block that is sent whole."""
    match block.get("type"):
        case "text":
            for piece in _words(block["text"]) if pieces is None else pieces:
                yield "text", piece
        case "thinking":
            for piece in _words(block["thinking"]) if pieces is None else pieces:
                yield "thinking", piece
            yield "signature", block.get("signature", "")
        case "tool_use" | "server_tool_use":
            for piece in _json_pieces(block["input"]) if pieces is None else pieces:
                yield "input_json", piece


def _citations(block: Json) -> Sequence[Json]:
    return (block.get("citations") or ()) if block.get("type") == "text" else ()


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(text)


def _json_pieces(value: Json) -> Iterator[str]:
    """An empty piece first, and nothing else for an empty object: that is how the API does it."""
    yield ""
    text = compact(value) if value else ""
    for start in range(0, len(text), _JSON_PIECE):
        yield text[start : start + _JSON_PIECE]

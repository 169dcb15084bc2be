"""A stream of events, put together again into the reply that it carries. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from botkit.messages import Usage
from botkit.model import ModelReply

__all__ = ["Assembly"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Assembly:
    """A reply that is being put together from the events of its stream, in the form in which the API takes it back.

    Blocks, fields and values that this version does not know survive as they came; unknown events and deltas are
    passed over. `complete` says that the last event has been seen.
    """

    def __init__(self) -> None:
        self.complete = False
        self._model = ""
        self._stop_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
        self._last_shown: int | None = None

    def add(self, event: Mapping[str, Any]) -> str:
        """Take in the next event, and return the text that it adds to what a person sees."""
        match event:
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                return self._add_delta(index, delta)
            case {"type": "content_block_start", "index": index, "content_block": block}:
                self._blocks[index] = _without_nulls(block)
                return self._shown(index, block["text"]) if block["type"] == "text" else ""
            case {"type": "message_start", "message": message}:
                self._model = message["model"]
                self._usage |= _without_nulls(message["usage"])
            case {"type": "message_delta", "delta": delta}:
                self._stop_reason = delta.get("stop_reason")
                self._usage |= _without_nulls(event.get("usage") or {})
            case {"type": "message_stop"}:
                self.complete = True
        return ""

    def reply(self, request_id: str | None, attempts: int) -> ModelReply | None:
        """Return the reply, or None if the stream ended too early. Raises JSONDecodeError for a broken tool call."""
        if self._stop_reason is None:
            return None
        self._join()
        content = tuple(_storable(block) for _, block in sorted(self._blocks.items()))
        return ModelReply(content, self._stop_reason, self._tokens(), self._model, request_id, attempts)

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> str:
        match delta:
            case {"type": "text_delta", "text": text}:
                self._pieces[index, "text"].append(text)
                return self._shown(index, text)
            case {"type": "input_json_delta", "partial_json": text}:
                self._pieces[index, "input"].append(text)
            case {"type": "thinking_delta", "thinking": text}:
                self._pieces[index, "thinking"].append(text)
            case {"type": "signature_delta", "signature": text}:
                self._pieces[index, "signature"].append(text)
            case {"type": "citations_delta", "citation": citation}:
                self._blocks[index].setdefault("citations", []).append(citation)
        return ""

    def _shown(self, index: int, text: str) -> str:
        """Set texts apart that have something else between them; neighbours are one text with citations."""
        if not text:
            return ""
        text = _clean(text)
        apart = self._last_shown is not None and index - self._last_shown > 1
        self._last_shown = index
        return f"\n\n{text}" if apart else text

    def _join(self) -> None:
        """Put the pieces into their blocks, each once: joining them as they come would be quadratic."""
        for (index, name), pieces in self._pieces.items():
            joined = "".join(pieces)
            if name == "input":
                self._join_input(index, joined)
            else:
                self._blocks[index][name] = self._blocks[index].get(name, "") + joined

    def _join_input(self, index: int, joined: str) -> None:
        try:
            self._blocks[index]["input"] = json.loads(joined or "{}")
        except json.JSONDecodeError:
            if self._stop_reason == "tool_use":
                raise
            del self._blocks[index]  # max_tokens cut this call off: it can neither be run nor be sent back

    def _tokens(self) -> Usage:
        counted = self._usage.get
        return Usage(
            input_tokens=counted("input_tokens", 0),
            output_tokens=counted("output_tokens", 0),
            cache_read_tokens=counted("cache_read_input_tokens", 0),
            cache_write_tokens=counted("cache_creation_input_tokens", 0),
        )


def _storable(value: Any) -> Any:
    """Return a JSON value without what cannot be stored or sent again: NULs, and surrogates that are not a pair."""
    match value:
        case str():
            return _clean(value)
        case dict():
            return {name: _storable(inner) for name, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
    return value


def _clean(text: str) -> str:
    if not _UNSTORABLE.search(text):
        return text
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return paired.replace("\x00", "\ufffd")


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

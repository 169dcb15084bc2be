"""Content blocks: what both a request and an answer are made of."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object as it is on the wire."""

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON as it goes over the wire. One encoder for all: `json.dumps` with options makes a new one per call."""

THINKING_TYPES = frozenset({"thinking", "redacted_thinking"})


def text_block(text: str) -> Json:
    """A block of plain text, which is also what a plain string as content stands for."""
    return {"type": "text", "text": text}


def content_blocks(content: object) -> list[Json]:
    """Message content, which may be a plain string, as a list of blocks; anything malformed is left out."""
    if isinstance(content, str):
        return [text_block(content)] if content else []
    if isinstance(content, list):
        return [block for block in content if isinstance(block, dict)]
    return []


def is_thinking(block: Json) -> bool:
    """Whether the block holds thinking, readable or redacted."""
    return block.get("type") in THINKING_TYPES


def is_blank_text(block: Json) -> bool:
    """Whether the block is text with nothing to see in it, which Claude can send but never takes back."""
    return block.get("type") == "text" and not str(block.get("text") or "").strip()


def plain_text(content: object) -> str:
    """The text of some content, its blocks joined by newlines; blocks without text count for nothing."""
    texts = (str(block.get("text") or "") for block in content_blocks(content) if block.get("type") == "text")
    return "\n".join(texts)

"""A deterministic stand-in for Claude's tokenizer, which is not public.

It is near the real size for English and one token per character where words are not built from letters
of the Latin alphabet, so that estimates by characters or bytes go as wrong on it as they do in life.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import compact, content_blocks

if TYPE_CHECKING:
    from botkit.testing.claude.blocks import Json

BLOCK_OVERHEAD = 3
IMAGE_TOKENS = 1600

_TOKEN = re.compile(r" ?[A-Za-z]{1,7}| ?[0-9]{1,3}|\s+|.", re.DOTALL)


@lru_cache(maxsize=4096)
def count(text: str) -> int:
    """How many tokens a text has."""
    return len(_TOKEN.findall(text))


def cut(text: str, tokens: int) -> str:
    """The longest start of the text that has at most this many tokens."""
    return "".join(_TOKEN.findall(text)[:tokens])


def block_tokens(block: Json) -> int:
    """How many tokens a content block or a tool definition has, as input as well as output."""
    return BLOCK_OVERHEAD + _payload_tokens(block)


def _payload_tokens(block: Json) -> int:
    match block.get("type"):
        case "text":
            return count(str(block.get("text") or ""))
        case "thinking":
            return count(str(block.get("thinking") or ""))
        case "image" | "document":
            return IMAGE_TOKENS
        case "tool_use":
            return count(str(block.get("name"))) + count(compact(block.get("input")))
        case "tool_result":
            return sum(block_tokens(inner) for inner in content_blocks(block.get("content")))
        case _:
            return count(compact(block))

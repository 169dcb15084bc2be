"""How many tokens something has, without the network and without a tokenizer.

Anthropic publishes no tokenizer for its current models, so a size is estimated from bytes and calibrated by the
`usage` of real answers: the ratio between what the API counted and what was estimated settles after a call or two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botkit.messages import Block, Message

__all__ = ["Calibration", "estimate", "estimate_text", "estimate_tools"]

_BYTES_PER_TOKEN = 4
_BYTES_PER_SCHEMA_TOKEN = 3
_PER_MESSAGE = 4
_PER_IMAGE = 1600


def estimate_text(text: str) -> int:
    """Return about how many tokens `text` has."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def estimate(message: Message) -> int:
    """Return about how many tokens `message` takes in a request."""
    return _PER_MESSAGE + sum(_block(block) for block in message.content)


def estimate_tools(definitions: Sequence[Mapping[str, Any]]) -> int:
    """Return about how many tokens the definitions of tools take in a request."""
    return sum(len(_json(definition)) // _BYTES_PER_SCHEMA_TOKEN for definition in definitions)


def _block(block: Block) -> int:
    match block.get("type"):
        case "text":
            return estimate_text(str(block.get("text", "")))
        case "image":
            return _PER_IMAGE
        case "tool_result" if isinstance(block.get("content"), list):
            return sum(_block(inner) for inner in block["content"] if isinstance(inner, Mapping))
        case _:
            return estimate_text(_json(block))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


class Calibration:
    """The running ratio between the tokens that a model counts and those that were estimated."""

    _MEMORY = 8

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}

    def ratio(self, model: str) -> float:
        """Return what to multiply an estimate by; 1.0 for a model that has not answered yet."""
        return self._ratios.get(model, 1.0)

    def learn(self, model: str, *, estimated: int, counted: int) -> None:
        """Take in one answer: the estimate of its whole request, and what the API counted."""
        if estimated <= 0 or counted <= 0:
            return
        observed = counted / estimated
        known = self._ratios.get(model)
        self._ratios[model] = observed if known is None else known + (observed - known) / self._MEMORY

"""From what is to be said to the message that is sent: ids, limits, stop reason, signatures, usage."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import compact, is_thinking
from botkit.testing.claude.tokens import BLOCK_OVERHEAD, block_tokens, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.script import Say

_ID_BYTES = 11


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be said: `tokens`, the stop reason for saying more, and the request's stop sequences."""

    tokens: int
    reason: str = "max_tokens"
    stop_sequences: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """The blocks of an answer within its limits, and why it stopped.

    `pieces` are the deltas of a block, by its index, where they are not simply cut from its content.
    """

    blocks: tuple[Json, ...]
    stop_reason: str
    stop_sequence: str | None = None
    stop_details: Json | None = None
    pieces: dict[int, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def tokens(self) -> int:
        """The size of the answer; never 0, as in life."""
        return max(1, sum(block_tokens(block) for block in self.blocks))


def draft(answer: Say, limits: Limits) -> Draft:
    """The answer cut to its limits, with an id on every tool call."""
    if limits.tokens == 0:
        return Draft((), limits.reason)
    blocks = [_with_id(block) for block in answer.blocks]
    stopped_by = _cut_at_stop_sequence(blocks, limits.stop_sequences)
    pieces = _scripted_pieces(answer, blocks)
    if _cut_to_tokens(blocks, limits.tokens, pieces):
        return Draft(tuple(blocks), limits.reason, pieces=pieces)
    if stopped_by is not None:
        return Draft(tuple(blocks), "stop_sequence", stopped_by, pieces=pieces)
    reason = answer.stop_reason or _natural_reason(blocks)
    return Draft(tuple(blocks), reason, answer.stop_sequence, answer.stop_details, pieces)


def without_thinking_text(blocks: Sequence[Json]) -> list[Json]:
    """The blocks with their thinking emptied, as `thinking.display: "omitted"` asks."""
    return [block | {"thinking": ""} if block.get("type") == "thinking" else block for block in blocks]


def message(answer: Draft, blocks: Sequence[Json], model: str, input_usage: Json) -> Json:
    """The whole message as JSON."""
    thought = sum(block_tokens(block) for block in answer.blocks if is_thinking(block))
    return {
        "id": f"msg_01{secrets.token_hex(_ID_BYTES)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(blocks),
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "stop_details": answer.stop_details,
        "usage": {
            **input_usage,
            "output_tokens": answer.tokens,
            "output_tokens_details": {"thinking_tokens": thought},
            "service_tier": "standard",
        },
    }


def _with_id(block: Json) -> Json:
    if block.get("type") in {"tool_use", "server_tool_use"} and "id" not in block:
        prefix = "toolu" if block["type"] == "tool_use" else "srvtoolu"
        return {"type": block["type"], "id": f"{prefix}_01{secrets.token_hex(_ID_BYTES)}", **block}
    return dict(block)


def _natural_reason(blocks: Sequence[Json]) -> str:
    return "tool_use" if any(block.get("type") == "tool_use" for block in blocks) else "end_turn"


def _scripted_pieces(answer: Say, blocks: Sequence[Json]) -> dict[int, tuple[str, ...]]:
    """The scripted deltas, if their text is still what is said."""
    first = next((index for index, block in enumerate(blocks) if block.get("type") == "text"), None)
    if answer.chunks is None or first is None or "".join(answer.chunks) != blocks[first]["text"]:
        return {}
    return {first: answer.chunks}


def _cut_at_stop_sequence(blocks: list[Json], stop_sequences: Sequence[str]) -> str | None:
    """Ends the answer before the first stop sequence in its text; returns which one it was."""
    for index, block in enumerate(blocks):
        text = str(block.get("text") or "") if block.get("type") == "text" else ""
        found = [(text.index(stop), stop) for stop in stop_sequences if stop in text]
        if found:
            place, stop = min(found)
            blocks[index:] = [block | {"text": text[:place]}]
            return stop
    return None


def _cut_to_tokens(blocks: list[Json], limit: int, pieces: dict[int, tuple[str, ...]]) -> bool:
    """Ends the answer at the limit; returns whether it was longer."""
    left = limit
    for index, block in enumerate(blocks):
        size = block_tokens(block)
        if size > left:
            blocks[index:] = [_cut_block(block, max(0, left - BLOCK_OVERHEAD), index, pieces)]
            return True
        left -= size
    return False


def _cut_block(block: Json, tokens: int, index: int, pieces: dict[int, tuple[str, ...]]) -> Json:
    """The start of a block. A tool call streams only the start of its input, which is then no valid JSON."""
    pieces.pop(index, None)
    if block.get("type") == "text":
        return block | {"text": cut(str(block["text"]), tokens)}
    if block.get("type") == "thinking":
        return block | {"thinking": cut(str(block["thinking"]), tokens)}
    if block.get("type") == "tool_use":
        pieces[index] = (cut(compact(block["input"]), tokens),)
        return block | {"input": {}}
    return block

"""A request in canonical form: the run of segments that Claude would read, tools first, then system, then messages.

Three things rest on it: token counts, the prompt cache, and the binding of thinking to what stood before it.
Same-role neighbours count as one message and a plain string as one text block, so neither spelling matters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, TypeAlias

from botkit.testing.claude.blocks import content_blocks, is_blank_text, is_thinking
from botkit.testing.claude.tokens import block_tokens

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from botkit.testing.claude.blocks import Json

Part: TypeAlias = Literal["tools", "system", "messages"]

DIGEST_SIZE = 12
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
NOTHING = bytes(DIGEST_SIZE)
"""The digest of an empty run."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One tool or content block.

    `path` is where it was sent, in the form of error messages. `prefix` is the digest of everything up to and
    including this segment; `before` that of its part up to it, as thinking is bound to it.
    """

    part: Part
    path: str
    role: str
    block: Json
    tokens: int
    prefix: bytes
    before: bytes


@dataclass(frozen=True, slots=True)
class Prompt:
    """All segments in reading order, and the digest of each part without its thinking."""

    model: str
    segments: tuple[Segment, ...]
    parts: dict[Part, bytes] = field(hash=False)

    @property
    def tokens(self) -> int:
        """The size of the whole prompt."""
        return sum(segment.tokens for segment in self.segments)

    @property
    def thinking(self) -> list[Segment]:
        """The segments that hold thinking, oldest first."""
        return [segment for segment in self.segments if is_thinking(segment.block)]


def read_prompt(body: Json, dropped: Container[str] = ()) -> Prompt:
    """The canonical form of a request body, without the segments at the `dropped` paths."""
    model = str(body.get("model") or "")
    prefix = digest(model.encode())
    parts: dict[Part, bytes] = {"tools": NOTHING, "system": NOTHING, "messages": NOTHING}
    segments: list[Segment] = []
    for part, path, role, block in _walk(body):
        if path in dropped:
            continue
        own = _block_digest(role, block)
        prefix = digest(prefix + own)
        segments.append(Segment(part, path, role, block, block_tokens(block), prefix, parts[part]))
        parts[part] = extend(parts[part], role, block, own)
    return Prompt(model, tuple(segments), parts)


def extend(before: bytes, role: str, block: Json, own: bytes | None = None) -> bytes:
    """The digest of a run with one more block.

    Thinking and blank text leave it unchanged: the first may be left out later, the second has to be.
    """
    if is_thinking(block) or is_blank_text(block):
        return before
    return digest(before + (own or _block_digest(role, block)))


def digest(data: bytes) -> bytes:
    """A short fingerprint."""
    return blake2b(data, digest_size=DIGEST_SIZE).digest()


def _walk(body: Json) -> Iterator[tuple[Part, str, str, Json]]:
    for index, tool in enumerate(content_blocks(body.get("tools"))):
        yield "tools", f"tools.{index}", "tools", tool
    for index, block in enumerate(content_blocks(body.get("system"))):
        yield "system", f"system.{index}", "system", block
    messages = body.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict):
            for index, block in enumerate(content_blocks(message.get("content"))):
                path = f"messages.{number}.content.{index}"
                yield "messages", path, str(message.get("role")), block


def _block_digest(role: str, block: Json) -> bytes:
    if block.get("type") == "text" and not block.get("citations"):
        canonical = f"text {block.get('text')}"  # most blocks are text, and this spares them the encoder
    else:
        canonical = f"json {_encode(_canonical(block))}"
    return digest(f"{role} {canonical}".encode("utf-8", "surrogatepass"))


def _canonical(block: Json) -> Json:
    kept = {key: value for key, value in block.items() if key != "cache_control" and value is not None}
    if block.get("type") == "tool_result":
        kept["content"] = [_canonical(inner) for inner in content_blocks(block.get("content"))]
    return kept

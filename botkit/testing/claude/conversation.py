"""What Claude refuses in `messages`, with Claude's words.

Strings in quotes come from reports of the live API (named in the framework's design notes); where none is
known the sentence is plain. A path counts messages and blocks as they were sent, from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import content_blocks, is_thinking
from botkit.testing.claude.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.models import Model

MAX_MESSAGES = 100_000

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_ROLES = frozenset({"user", "assistant", "system"})
_ONLY_IN_ASSISTANT = frozenset({"tool_use", "server_tool_use", "thinking", "redacted_thinking"})
_ONLY_IN_USER = frozenset({"tool_result", "image", "document"})


@dataclass(frozen=True, slots=True)
class Turn:
    """Same-role neighbours as one message: pairs of path and block."""

    role: str
    blocks: Sequence[tuple[str, Json]]

    def of_type(self, kind: str) -> list[tuple[str, Json]]:
        """The blocks of one type, with their paths."""
        return [(path, block) for path, block in self.blocks if block.get("type") == kind]


def check_messages(messages: object, model: Model) -> None:
    """Raises ApiError at the first thing in `messages` that Claude would not take."""
    entries = _entries(messages)
    _check_roles(entries, model)
    for number, message in enumerate(entries):
        _check_content(number, message)
    turns = list(_turns(entries))
    _check_tool_ids(turns)
    _check_pairing(turns)
    _check_ending(turns[-1], model)
    _check_images(turns, model)


def _entries(messages: object) -> list[Json]:
    if messages is None:
        raise invalid("messages: Field required")
    if not isinstance(messages, list):
        raise invalid("messages: Input should be a valid list")
    if not messages:
        raise invalid("messages: at least one message is required")
    if len(messages) > MAX_MESSAGES:
        raise invalid(f"messages: List should have at most {MAX_MESSAGES} items")
    for number, message in enumerate(messages):
        _check_shape(number, message)
    return messages


def _check_shape(number: int, message: object) -> None:
    if not isinstance(message, dict):
        raise invalid(f"messages.{number}: Input should be a valid dictionary")
    if message.get("role") not in _ROLES:
        raise invalid(f'messages: Unexpected role "{message.get("role")}". Allowed roles are "user" or "assistant"')
    for key in message:
        if key not in {"role", "content"}:
            raise invalid(f"messages.{number}.{key}: Extra inputs are not permitted")
    content = message.get("content")
    if not isinstance(content, str | list) or len(content_blocks(content)) < len(content[:1]):
        raise invalid(f"messages.{number}.content: Input should be a valid string or list of content blocks")


def _check_roles(entries: Sequence[Json], model: Model) -> None:
    roles = [message["role"] for message in entries]
    if roles[0] == "system":
        raise invalid("messages.0: use the top-level 'system' parameter for the initial system prompt")
    if roles[0] != "user":
        raise invalid('messages: first message must use the "user" role')
    for number in (number for number, role in enumerate(roles) if role == "system"):
        if not model.system_entries:
            raise invalid("role 'system' is not supported on this model")
        if roles[number - 1] != "user":
            raise invalid(f"messages.{number}: role 'system' must follow a 'user' message")
        if roles[number + 1 : number + 2] not in ([], ["assistant"]):
            raise invalid(f"messages.{number}: role 'system' must precede an 'assistant' message or end the array")


def _check_content(number: int, message: Json) -> None:
    blocks = content_blocks(message["content"])
    if not blocks:
        raise invalid(
            f"messages.{number}: all messages must have non-empty content "
            "except for the optional final assistant message"
        )
    for index, block in enumerate(blocks):
        path = f"messages.{number}.content.{index}"
        _check_place(path, message["role"], block)
        check_text("messages", block)
        _check_fields(path, message["role"], block)


def _check_place(path: str, role: str, block: Json) -> None:
    kind = block.get("type")
    if not isinstance(kind, str):
        raise invalid(f"{path}.type: Field required")
    if kind in _ONLY_IN_ASSISTANT and role != "assistant":
        raise invalid(f"{path}: `{kind}` blocks can only be in `assistant` messages")
    if kind in _ONLY_IN_USER and role != "user":
        raise invalid(f"{path}: `{kind}` blocks can only be in `user` messages")


def _check_fields(path: str, role: str, block: Json) -> None:
    if block["type"] == "text" and role == "user" and block.get("citations"):
        raise invalid(f"{path}.text.citations: Extra inputs are not permitted")
    if is_thinking(block) and "cache_control" in block:
        raise invalid(f"{path}.{block['type']}.cache_control: Extra inputs are not permitted")
    if block["type"] == "tool_use":
        _check_id(f"{path}.tool_use.id", block.get("id"))
        if not isinstance(block.get("input"), dict):
            raise invalid(f"{path}.tool_use.input: Input should be a valid dictionary")
    if block["type"] == "tool_result":
        _check_id(f"{path}.tool_result.tool_use_id", block.get("tool_use_id"))
        for inner in content_blocks(block.get("content")):
            check_text("messages", inner)


def _check_id(path: str, identifier: object) -> None:
    if not isinstance(identifier, str):
        raise invalid(f"{path}: Field required")
    if not _ID.fullmatch(identifier):
        raise invalid(f"{path}: String should match pattern '^{_ID.pattern}$'")


def check_text(where: str, block: Json) -> None:
    """Raises ApiError for a text block with no text in it."""
    if block.get("type") != "text":
        return
    text = block.get("text")
    if not isinstance(text, str):
        raise invalid(f"{where}: text: Input should be a valid string")
    if not text:
        raise invalid(f"{where}: text content blocks must be non-empty")
    if not text.strip():
        raise invalid(f"{where}: text content blocks must contain non-whitespace text")


def _turns(entries: Sequence[Json]) -> Iterator[Turn]:
    role = ""
    blocks: list[tuple[str, Json]] = []
    for number, message in enumerate(entries):
        if message["role"] != role:
            if blocks:
                yield Turn(role, blocks)
            role, blocks = message["role"], []
        for index, block in enumerate(content_blocks(message["content"])):
            blocks.append((f"messages.{number}.content.{index}", block))
    yield Turn(role, blocks)


def _check_tool_ids(turns: Sequence[Turn]) -> None:
    used: set[str] = set()
    for turn in turns:
        for path, block in turn.of_type("tool_use"):
            if block["id"] in used:
                raise invalid(f"{path}: `tool_use` ids must be unique")
            used.add(block["id"])


def _check_pairing(turns: Sequence[Turn]) -> None:
    nothing = Turn("user", ())
    for before, turn, after in zip([nothing, *turns], turns, [*turns[1:], nothing], strict=False):
        _check_results(turn, {block["id"] for _, block in before.of_type("tool_use")})
        _check_answered(turn, after)


def _check_answered(turn: Turn, after: Turn) -> None:
    """Every tool call is answered at the start of the next message: text before a result hides the result."""
    leading = []
    for _, block in after.blocks:
        if block.get("type") != "tool_result":
            break
        leading.append(block["tool_use_id"])
    missing = [(path, block["id"]) for path, block in turn.of_type("tool_use") if block["id"] not in leading]
    if missing:
        message = ".".join(missing[0][0].split(".")[:2])
        ids = ", ".join(identifier for _, identifier in missing)
        raise invalid(
            f"{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )


def _check_results(turn: Turn, called: set[str]) -> None:
    answered: set[str] = set()
    for path, block in turn.of_type("tool_result"):
        identifier = block["tool_use_id"]
        if identifier not in called:
            raise invalid(
                f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {identifier}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
        if identifier in answered:
            raise invalid(
                f"{path}: each tool_use must have a single result. "
                f"Found multiple `tool_result` blocks with id: {identifier}"
            )
        answered.add(identifier)


def _check_ending(last: Turn, model: Model) -> None:
    """Only older models go on from a started answer; all of them go on from a paused server tool."""
    if last.role != "assistant" or last.of_type("server_tool_use"):
        return
    if not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    text = str(last.blocks[-1][1].get("text") or "")
    if text != text.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_images(turns: Sequence[Turn], model: Model) -> None:
    images = sum(_images([block for _, block in turn.blocks]) for turn in turns)
    if images > model.max_images:
        raise invalid(f"messages: too many images: {images} > {model.max_images} maximum")


def _images(blocks: Sequence[Json]) -> int:
    nested = sum(_images(content_blocks(b.get("content"))) for b in blocks if b.get("type") == "tool_result")
    return nested + sum(1 for block in blocks if block.get("type") == "image")

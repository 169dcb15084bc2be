"""What of the past goes into a request. Pure and synchronous.

Between cuts a conversation only grows at its end, so that each request extends the one before: the prompt cache
stays warm, and thinking blocks, which current models bind to everything before them, stay valid. Over the budget,
the history is cut once and far, between whole exchanges, and then grows again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from botkit.errors import ConfigError, MessageTooLong
from botkit.messages import Block, Message
from botkit.store import Frame, StoredMessage

__all__ = ["Window", "fit"]

_THINKING = ("thinking", "redacted_thinking")
_UNANSWERED = "This call was interrupted; there is no result."


@dataclass(frozen=True, slots=True)
class Window:
    """What is sent.

    `messages` is a sequence that Claude accepts: it begins and ends with the user, and its tool calls are whole.
    `cut` and `bare` are the frame's, after this fit. `left_out` counts the messages that this fit cut away, and
    `tokens` is the estimate of the whole request, before calibration.
    """

    messages: tuple[Message, ...]
    cut: int
    bare: int
    left_out: int
    tokens: int


def fit(
    history: Sequence[StoredMessage], frame: Frame, *, budget: int, cut_to: float, overhead: int = 0, ratio: float = 1.0
) -> Window:
    """Fit `history`, the messages after the frame's cut, into `budget` tokens.

    The newest exchange is always kept; while it is in the middle of its tool calls nothing is cut, since that would
    invalidate its thinking. `overhead` is the estimate for system and tools, `ratio` calibrates all estimates.
    Raises MessageTooLong if the newest exchange alone is over the budget, and ConfigError if the overhead is.
    """
    if overhead * ratio >= budget:
        raise ConfigError(
            f"the system prompt and the tools alone have about {overhead * ratio:,.0f} tokens, "
            f"and [history] budget is {budget:,}: raise it"
        )
    exchanges = [list(group) for _, group in groupby(history, key=lambda stored: stored.turn)]
    sizes = [sum(stored.tokens for stored in exchange) for exchange in exchanges]
    first = _first_kept(exchanges, sizes, budget=budget / ratio - overhead, target=budget * cut_to / ratio - overhead)
    kept = [stored for exchange in exchanges[first:] for stored in exchange]
    cut, bare = frame.cut, frame.bare
    if first > 0:
        cut = exchanges[first - 1][-1].seq
        bare = max(bare, exchanges[-1][0].seq - 1)
    return Window(
        messages=_repair(_bare(_sound(m.message)) if m.seq <= bare else _sound(m.message) for m in kept),
        cut=cut,
        bare=bare,
        left_out=sum(map(len, exchanges[:first])),
        tokens=overhead + sum(sizes[first:]),
    )


def _first_kept(
    exchanges: Sequence[Sequence[StoredMessage]], sizes: Sequence[int], *, budget: float, target: float
) -> int:
    """Return the index of the first exchange to keep."""
    if sum(sizes) <= budget:
        return 0
    in_tool_loop = any(stored.message.role == "assistant" for stored in exchanges[-1])
    if in_tool_loop:
        return 0
    if sizes[-1] > budget:
        raise MessageTooLong(tokens=sizes[-1], budget=max(0, int(budget)))
    first, total = len(sizes) - 1, sizes[-1]
    while first > 0 and total + sizes[first - 1] <= target:
        first -= 1
        total += sizes[first]
    return first


def _bare(message: Message) -> Message:
    """Leave out the thinking, which is bound to a past that is no longer sent."""
    return Message(message.role, tuple(block for block in message.content if block.get("type") not in _THINKING))


def _repair(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Make a sequence that Claude accepts of one that may have been cut short."""
    paired = _merge(_without_stray_results(_merge(messages)))
    return tuple(_with_all_results(_from_first_user(paired)))


def _sound(message: Message) -> Message:
    """Leave out what no message of this role may hold, such as a damaged block."""
    misplaced = "tool_use" if message.role == "user" else "tool_result"
    return Message(
        message.role,
        tuple(block for block in message.content if _has_content(block) and block["type"] != misplaced),
    )


def _has_content(block: Block) -> bool:
    if not isinstance(block, Mapping) or "type" not in block:
        return False
    return block["type"] != "text" or bool(str(block.get("text") or "").strip())


def _merge(messages: Iterable[Message]) -> list[Message]:
    """Drop messages without content, and make one of neighbours with the same role."""
    merged: list[Message] = []
    for message in messages:
        if not message.content:
            continue
        if merged and merged[-1].role == message.role:
            merged[-1] = Message(message.role, merged[-1].content + message.content)
        else:
            merged.append(message)
    return merged


def _from_first_user(messages: list[Message]) -> list[Message]:
    return messages[1:] if messages and messages[0].role == "assistant" else messages


def _without_stray_results(messages: Sequence[Message]) -> Iterator[Message]:
    """Drop tool results that answer no call of the message before."""
    calls: Sequence[str] = ()
    for message in messages:
        yield Message(
            message.role,
            tuple(b for b in message.content if b["type"] != "tool_result" or b.get("tool_use_id") in calls),
        )
        calls = _calls(message)


def _with_all_results(messages: Sequence[Message]) -> Iterator[Message]:
    """Answer every tool call in the message right after it, results first."""
    calls: Sequence[str] = ()
    for message in messages:
        yield _with_results(message, calls) if calls else message
        calls = _calls(message)
    if calls:
        yield _with_results(Message("user", ()), calls)


def _calls(message: Message) -> list[str]:
    return [block["id"] for block in message.content if block["type"] == "tool_use"]


def _with_results(message: Message, calls: Sequence[str]) -> Message:
    found = {block["tool_use_id"]: block for block in message.content if block["type"] == "tool_result"}
    results = tuple(found.get(call) or _no_result(call) for call in calls)
    return Message("user", results + tuple(block for block in message.content if block["type"] != "tool_result"))


def _no_result(call: str) -> Block:
    return {"type": "tool_result", "tool_use_id": call, "content": _UNANSWERED, "is_error": True}

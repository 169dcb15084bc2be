"""The prompt cache: what a request reads from it, what it writes, and why it missed.

A prefix is cached up to each block that carries `cache_control`, at most 20 blocks are looked back from
there for an older prefix, and a prefix below the minimum is never cached, without an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.prompt import Prompt

LIFETIMES = {"5m": 300.0, "1h": 3600.0}
LOOKBACK = 20
MINIMUM_TOKENS = 1024
_SWEEP_EVERY = 1000


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How the tokens of one prompt split into read, written (by lifetime) and neither."""

    read: int
    written: dict[str, int] = field(hash=False)
    uncached: int

    def to_usage(self) -> Json:
        """The input side of a message's `usage`."""
        return {
            "input_tokens": self.uncached,
            "cache_creation_input_tokens": sum(self.written.values()),
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written["5m"],
                "ephemeral_1h_input_tokens": self.written["1h"],
            },
        }


class PromptCache:
    """The prefixes of one server that have not expired. Reading one renews it for its own lifetime."""

    def __init__(self, clock: Callable[[], float], minimum: int = MINIMUM_TOKENS) -> None:
        self._clock = clock
        self._minimum = minimum
        self._entries: dict[bytes, tuple[float, str]] = {}
        self._sweep_at = _SWEEP_EVERY

    def use(self, prompt: Prompt, automatic: Json | None = None) -> CacheUse:
        """Reads what can be read and writes what is marked. `automatic` is the request's top-level setting."""
        sizes = list(accumulate(segment.tokens for segment in prompt.segments))
        marks = breakpoints(prompt, automatic)
        cursor = read = self._longest(prompt, sizes, marks)
        written = dict.fromkeys(LIFETIMES, 0)
        for index, lifetime in marks:
            if sizes[index] >= self._minimum:
                written[lifetime] += max(0, sizes[index] - cursor)
                cursor = max(cursor, sizes[index])
                self._keep(prompt.segments[index].prefix, lifetime)
        self._sweep()
        return CacheUse(read, written, (sizes[-1] if sizes else 0) - cursor)

    def _longest(self, prompt: Prompt, sizes: list[int], marks: list[tuple[int, str]]) -> int:
        """The tokens of the longest live prefix within reach of a mark; it is renewed."""
        now = self._clock()
        within_reach = {place for index, _ in marks for place in range(max(0, index - LOOKBACK + 1), index + 1)}
        for place in sorted(within_reach, reverse=True):
            prefix = prompt.segments[place].prefix
            expires, lifetime = self._entries.get(prefix, (0.0, ""))
            if lifetime and expires > now:
                self._keep(prefix, lifetime)
                return sizes[place]
        return 0

    def _keep(self, prefix: bytes, lifetime: str) -> None:
        self._entries[prefix] = (self._clock() + LIFETIMES[lifetime], lifetime)

    def _sweep(self) -> None:
        if len(self._entries) > self._sweep_at:
            now = self._clock()
            self._entries = {prefix: entry for prefix, entry in self._entries.items() if entry[0] > now}
            self._sweep_at = len(self._entries) + _SWEEP_EVERY


def breakpoints(prompt: Prompt, automatic: Json | None = None) -> list[tuple[int, str]]:
    """Where the prompt is marked for caching, as (segment index, lifetime), in reading order."""
    marks = {
        index: _lifetime(segment.block["cache_control"])
        for index, segment in enumerate(prompt.segments)
        if segment.block.get("cache_control")
    }
    if automatic and prompt.segments:
        marks.setdefault(len(prompt.segments) - 1, _lifetime(automatic))
    return sorted(marks.items())


def _lifetime(cache_control: Json) -> str:
    lifetime = str(cache_control.get("ttl") or "5m")
    return lifetime if lifetime in LIFETIMES else "5m"

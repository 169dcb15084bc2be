"""The contract with the turn engine, which only wakes: order, dedupe and repair live in the store's inbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

__all__ = ["Drain", "Runner"]

Drain: TypeAlias = Callable[[int], Awaitable[None]]
"""Answers everything that waits in one conversation, given by its id. Harmless when nothing waits."""


class Runner(Protocol):
    """Calls `drain` for a conversation at least once after each `wake`.

    One drain of a conversation at a time is best effort: a second one is harmless, since the store fences
    what a turn writes. A lost wake is harmless too: a sweep repairs it.
    """

    async def start(self, drain: Drain, /) -> None:
        """Begin to work."""

    async def wake(self, conversation_id: int, /) -> None:
        """See to it that a drain of this conversation starts after now."""

    async def stop(self, *, grace: float) -> None:
        """Start no more drains; let those that run finish for `grace` seconds, then cancel them."""

"""The runner for one process: a task for each conversation in which something waits."""

from __future__ import annotations

import asyncio
import logging

from botkit.runner import Drain

__all__ = ["InProcessRunner"]

log = logging.getLogger(__name__)


class InProcessRunner:
    """A `Runner` in this process, with at most `concurrent` drains at a time."""

    def __init__(self, concurrent: int) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._drain: Drain | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()

    async def start(self, drain: Drain, /) -> None:
        """Begin to work."""
        self._drain = drain

    async def wake(self, conversation_id: int, /) -> None:
        """Drain the conversation, or once more if it is being drained: that drain may have looked already."""
        if self._drain is None:
            return  # what is stored waits for the next start
        if conversation_id in self._tasks:
            self._again.add(conversation_id)
            return
        task = asyncio.create_task(self._work(conversation_id, self._drain), name=f"drain-{conversation_id}")
        self._tasks[conversation_id] = task

    async def stop(self, *, grace: float) -> None:
        """Start no more drains; let those that run finish for `grace` seconds, then cancel them."""
        self._drain = None
        self._again.clear()
        if not self._tasks:
            return
        tasks = list(self._tasks.values())
        _, running = await asyncio.wait(tasks, timeout=grace)
        for task in running:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, conversation_id: int, drain: Drain) -> None:
        try:
            async with self._slots:
                await self._drain_until_quiet(conversation_id, drain)
        finally:
            del self._tasks[conversation_id]

    async def _drain_until_quiet(self, conversation_id: int, drain: Drain) -> None:
        waiting = True
        while waiting:
            self._again.discard(conversation_id)
            try:
                await drain(conversation_id)
            except Exception:
                log.exception("botkit.drain.failed conversation=%s", conversation_id)
            waiting = conversation_id in self._again

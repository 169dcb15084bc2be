"""The runner for one process: a task for each conversation in which something waits."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from botkit.runner import Drain

__all__ = ["InProcessRunner"]

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0


class InProcessRunner:
    """A `Runner` in this process, with at most `concurrent` drains at a time. A drain that fails is repeated."""

    def __init__(self, concurrent: int) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._drain: Drain | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._stopping = asyncio.Event()

    async def start(self, drain: Drain, /) -> None:
        """Begin to work."""
        self._drain = drain
        self._stopping.clear()

    async def wake(self, conversation_id: int, /) -> None:
        """Drain the conversation, or once more if it is being drained: that drain may have looked already."""
        if self._drain is None:
            return  # what is stored waits for the next start
        if conversation_id in self._tasks:
            self._again.add(conversation_id)
            return
        task = asyncio.create_task(self._work(conversation_id), name=f"drain-{conversation_id}")
        self._tasks[conversation_id] = task

    async def stop(self, *, grace: float) -> None:
        """Start no more drains; let those that run finish for `grace` seconds, then cancel them."""
        self._drain = None
        self._again.clear()
        self._stopping.set()
        if not self._tasks:
            return
        tasks = list(self._tasks.values())
        _, running = await asyncio.wait(tasks, timeout=grace)
        for task in running:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, conversation_id: int) -> None:
        try:
            await self._drain_until_quiet(conversation_id)
        finally:
            del self._tasks[conversation_id]

    async def _drain_until_quiet(self, conversation_id: int) -> None:
        failures = 0
        waiting = True
        while waiting:
            self._again.discard(conversation_id)
            if await self._drain_once(conversation_id):
                failures = 0
            else:
                failures += 1
                await self._pause(failures)
                self._again.add(conversation_id)
            waiting = self._drain is not None and conversation_id in self._again

    async def _drain_once(self, conversation_id: int) -> bool:
        """Drain when there is room for it; return whether it went well."""
        async with self._slots:
            if self._drain is None:
                return True
            try:
                await self._drain(conversation_id)
            except Exception:
                log.exception("botkit.drain.failed conversation=%s", conversation_id)
                return False
        return True

    async def _pause(self, failures: int) -> None:
        """Leave what failed alone for a while, longer each time, or until the runner stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(2.0 ** (failures - 1), _LONGEST_PAUSE)):
                await self._stopping.wait()

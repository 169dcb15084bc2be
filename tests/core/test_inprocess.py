"""The runner for one process."""

from __future__ import annotations

import asyncio

from botkit.inprocess import InProcessRunner


async def test_a_wake_during_a_drain_leads_to_another_drain() -> None:
    runner, drains = InProcessRunner(concurrent=2), []
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def drain(conversation_id: int) -> None:
        drains.append(conversation_id)
        begun.set()
        await go_on.wait()
        if len(drains) == 2:
            done.set()

    await runner.start(drain)
    await runner.wake(7)
    await asyncio.wait_for(begun.wait(), 5)
    await runner.wake(7)
    await runner.wake(7)
    go_on.set()
    await asyncio.wait_for(done.wait(), 5)
    await runner.stop(grace=5)
    assert drains == [7, 7]


async def test_a_conversation_is_drained_once_at_a_time_and_conversations_side_by_side() -> None:
    runner = InProcessRunner(concurrent=3)
    active: list[int] = []
    most: dict[str, int] = {"same": 0, "all": 0}

    async def drain(conversation_id: int) -> None:
        active.append(conversation_id)
        most["same"] = max(most["same"], active.count(conversation_id))
        most["all"] = max(most["all"], len(active))
        await asyncio.sleep(0)
        active.remove(conversation_id)

    await runner.start(drain)
    for _ in range(10):
        for conversation_id in range(6):
            await runner.wake(conversation_id)
        await asyncio.sleep(0)
    await runner.stop(grace=5)
    assert most == {"same": 1, "all": 3}


async def test_a_drain_that_fails_does_not_end_the_runner() -> None:
    runner, done = InProcessRunner(concurrent=1), asyncio.Event()

    async def drain(conversation_id: int) -> None:
        if conversation_id == 1:
            raise RuntimeError("broken")
        done.set()

    await runner.start(drain)
    await runner.wake(1)
    await runner.wake(2)
    await asyncio.wait_for(done.wait(), 5)
    await runner.stop(grace=5)


async def test_stop_waits_for_the_grace_and_then_cancels() -> None:
    runner, begun, cancelled = InProcessRunner(concurrent=1), asyncio.Event(), asyncio.Event()

    async def drain(_: int) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    await runner.start(drain)
    await runner.wake(1)
    await asyncio.wait_for(begun.wait(), 5)
    await runner.stop(grace=0)
    assert cancelled.is_set()
    await runner.wake(2)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("drain-")]

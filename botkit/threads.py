"""Asyncio, and what does not go well with it: blocking functions, cancellations that come at a bad time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

__all__ = ["is_cancelled", "run_in_thread", "to_the_end"]

P = ParamSpec("P")
T = TypeVar("T")


async def run_in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread of its own, and return or raise what it does.

    A caller that is cancelled leaves the thread behind. It is a daemon: unlike one of `asyncio.to_thread`, it cannot
    hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(set_outcome: Callable[[Any], None], value: Any) -> None:
        if not outcome.done():
            set_outcome(value)

    def work() -> None:
        report: tuple[Callable[[Any], None], Any]
        try:
            report = (outcome.set_result, function(*args, **kwargs))
        except StopIteration as error:  # a future cannot hold one
            report = (outcome.set_exception, RuntimeError(f"StopIteration: {error}"))
        except BaseException as error:
            report = (outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, *report)

    threading.Thread(target=work, name=getattr(function, "__name__", "botkit"), daemon=True).start()
    return await outcome


def is_cancelled() -> bool:
    """Whether this task was asked to stop. A CancelledError without that is somebody's mistake, and not for us."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`. A cancellation waits until it is done."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise

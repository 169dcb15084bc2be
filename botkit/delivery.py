"""One reply into one channel: shown while it grows, and always whole in the end.

`write` only keeps the text. One task writes it out: it compares the pages that the text makes now with what the
messages on the platform show, sends the one request that is most needed, and looks again. So the latest text wins,
never more than one request is in flight, and a failed one is simply still needed.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from botkit.adapter import FailureChannel, Progress, ProgressChannel, ReplyChannel, StreamingChannel
from botkit.draft import Draft
from botkit.errors import DeliveryError
from botkit.markdown import heal
from botkit.retry import RetryPolicy

__all__ = ["VOID", "Delivery"]

log = logging.getLogger(__name__)

T = TypeVar("T")

_Send: TypeAlias = Callable[[], Awaitable[None]]

_RETRY = RetryPolicy()

VOID = "…"
"""What a message says that the final text has no use for: a channel can edit a message, not delete it."""

TRIES = 8
PATIENCE = 120.0
"""When the final text is given up: after so many failures of one request in a row, or seconds of waiting for it."""

NOTICE_WAITS = 0.1
"""The seconds that a notice waits for the text before it to be shown."""

GRACE = 5.0
"""The seconds that a post in flight has to end after a cancellation, so that its id is not lost."""


@dataclass(slots=True, eq=False)
class _Post:
    """A message on the platform: what it shows (None if unknown), and where it is streamed (None if it is not)."""

    id: str
    shown: str | None = None
    stream: StreamingChannel | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """What to ask of the channel next, not before `due`. `post` is None for a new message."""

    send: _Send
    post: _Post | None = None
    due: float = 0.0


class Delivery:
    """One reply into one channel.

    `record` is awaited with the ids of all messages of the reply each time one is added or lost, before anything
    more is sent. What it raises stops the writing and comes out of `finish`. `posts` are the messages of an earlier
    attempt: they are edited, and new ones posted only behind them. Without `live`, or while the channel's
    `edit_interval` is infinite, nothing is sent before `finish`.

    Page i of the text (see `markdown.split`) is shown by message i. Messages that the final text has no use for are
    edited to `VOID`. A message that is gone is dropped: the later ones move up, and what is missing is posted anew.
    """

    def __init__(
        self,
        channel: ReplyChannel,
        record: Callable[[Sequence[str]], Awaitable[None]],
        *,
        posts: Sequence[str] = (),
        live: bool = True,
        retry: RetryPolicy = _RETRY,
    ) -> None:
        self._channel = channel
        self._stream = channel if isinstance(channel, StreamingChannel) and not posts else None
        self._record = record
        self._live = live
        self._retry = retry
        self._draft = Draft(channel.max_length)
        self._posts = [_Post(message_id) for message_id in posts]
        self._final = asyncio.Event()
        self._closed = False
        self._changed = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._edit_at = self._retry_at = 0.0
        self._failures = 0
        self._waited = 0.0

    @property
    def text(self) -> str:
        """The text so far; the final one after `finish` was called."""
        return self._draft.text

    @property
    def posts(self) -> tuple[str, ...]:
        """The ids of the messages of this reply, in the order of its pages."""
        return tuple(post.id for post in self._posts)

    @property
    def finishing(self) -> bool:
        """Whether `finish` was called."""
        return self._final.is_set()

    def write(self, text: str) -> None:
        """Add to the text. Returns at once and never waits for the platform."""
        self._check_open()
        self._draft.write(text)
        if self._live:
            self._wake()

    def checkpoint(self) -> None:
        """Keep what was written so far, whatever `restart` comes later."""
        self._draft.checkpoint()

    def restart(self) -> None:
        """Void what was written since the last checkpoint."""
        self._check_open()
        self._draft.restart()
        self._changed.set()

    async def finish(self, markdown: str | None = None) -> None:
        """Bring the final text, `markdown` or what was written, to the platform, and return when it is there.

        A blank one posts nothing. Raises DeliveryError if the channel is gone or keeps failing (see `PATIENCE`),
        whatever `record` raised, and RuntimeError if the reply is finished or closed already.
        When cancelled, stops writing as `aclose` does.
        """
        self._check_open()
        self._final.set()
        if markdown is not None:
            self._draft.replace(markdown)
        self._failures, self._waited = 0, 0.0
        self._retry_at = min(self._retry_at, _now() + PATIENCE)
        await self._wake()

    async def aclose(self) -> None:
        """Stop writing and leave the messages as they are; nothing after `finish`.

        A post in flight may end first, for at most `GRACE` seconds, and is recorded.
        """
        self._closed = True
        if self._writer is None:
            return
        self._writer.cancel()
        [outcome] = await asyncio.gather(self._writer, return_exceptions=True)
        if isinstance(outcome, Exception) and not self._final.is_set():
            log.warning("botkit.delivery.stopped posts=%s error=%s", self.posts, outcome)

    async def show(self, progress: Progress) -> None:
        """Show how the turn is coming along, where the channel can. What it raises is logged and goes no further."""
        if isinstance(self._channel, ProgressChannel):
            await self._catch_up()
            try:
                await self._channel.progress(progress)
            except Exception:
                log.exception("botkit.delivery.progress_failed posts=%s", self.posts)

    async def fail(self, sentence: str, error: Exception) -> None:
        """Say that there is no answer, or no whole one: in the channel's own way, else after what was written.

        After `finish` only a channel with a way of its own is told. Raises what `finish` raises.
        """
        if not await self.report(sentence, error) and not self.finishing:
            await self.finish("\n\n".join(part for part in (heal(self.text).strip("\n"), sentence) if part))

    async def report(self, sentence: str, error: Exception) -> bool:
        """Say it if the channel has its own way to, and return whether it has."""
        if not isinstance(self._channel, FailureChannel):
            return False
        await self.aclose()
        await self._ask(self._channel.fail(sentence, error))
        return True

    def _check_open(self) -> None:
        if self._final.is_set() or self._closed:
            raise RuntimeError("this reply is finished or closed; make a new Delivery for another one")

    def _wake(self) -> asyncio.Task[None]:
        self._changed.set()
        self._caught_up.clear()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_out(), name="botkit.delivery")
        return self._writer

    async def _write_out(self) -> None:
        while True:
            self._changed.clear()
            if request := self._next_request():
                await self._send(request)
            elif self._final.is_set():
                return
            else:
                self._caught_up.set()
                await self._changed.wait()

    async def _catch_up(self) -> None:
        """Let what was written before a notice be seen before it, where that is quickly done."""
        if self._writer is not None and not self._writer.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTICE_WAITS):
                    await self._caught_up.wait()

    async def _send(self, request: _Request) -> None:
        if (delay := max(request.due, self._retry_at) - _now()) > 0:
            await self._pause(delay)
            return  # the text may have changed meanwhile
        try:
            await request.send()
        except DeliveryError as error:
            await self._failed(request.post, error)
        else:
            self._failures, self._waited = 0, 0.0

    async def _pause(self, seconds: float) -> None:
        """Sleep, or until `finish` is called: a final text has less patience."""
        if self._final.is_set():
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._final.wait()

    def _next_request(self) -> _Request | None:
        """Choose the first thing that the platform lacks; None if it shows all that it should by now."""
        if not self._final.is_set() and not (self._live and math.isfinite(self._channel.edit_interval)):
            return None
        pages = self._pages()
        blank = VOID if self._final.is_set() else ""
        for index, post in enumerate(self._posts):
            page = pages[index] if index < len(pages) else blank
            if request := self._update(post, page, whole=self._final.is_set() or index < len(pages) - 1):
                return request
        return self._addition(pages[len(self._posts)]) if len(pages) > len(self._posts) else None

    def _pages(self) -> list[str]:
        pages = self._draft.pages()
        if self._final.is_set() or self._stream or not pages:
            return pages
        healed = heal(pages[-1])
        if len(healed) <= self._channel.max_length:
            pages[-1] = healed
        return pages if pages[-1] else pages[:-1]

    def _update(self, post: _Post, page: str, *, whole: bool) -> _Request | None:
        if post.stream:
            show = self._growth(post, post.stream, page, whole=whole)
            return _Request(show, post) if show else None
        # While the text grows, a message that it does not reach (again) yet keeps what it shows.
        if post.shown == page or not page:
            return None
        return _Request(partial(self._put, post, partial(self._channel.edit, post.id, page), page), post, self._edit_at)

    def _growth(self, post: _Post, stream: StreamingChannel, page: str, *, whole: bool) -> _Send | None:
        if whole:
            return partial(self._put, post, partial(stream.end, post.id, page), page)
        if post.shown is None or not page.startswith(post.shown):
            return partial(self._put, post, partial(stream.restart, post.id), "", stream)
        if new := page[len(post.shown) :]:
            return partial(self._put, post, partial(stream.append, post.id, new), page, stream)
        return None

    def _addition(self, page: str) -> _Request:
        if self._stream and not self._final.is_set():
            add = partial(self._add, self._stream.begin, "", self._stream)
        else:
            add = partial(self._add, partial(self._channel.post, page), page)
        return _Request(lambda: _to_the_end(add()))

    async def _put(self, post: _Post, send: _Send, shown: str, stream: StreamingChannel | None = None) -> None:
        await self._ask(send())
        post.shown, post.stream = shown, stream

    async def _add(
        self, call: Callable[[], Awaitable[str]], shown: str, stream: StreamingChannel | None = None
    ) -> None:
        self._posts.append(_Post(await self._ask(call()), shown, stream))
        await self._record(self.posts)

    async def _ask(self, request: Awaitable[T]) -> T:
        """Await a request to the channel. Whatever it raises is a DeliveryError."""
        try:
            return await request
        except DeliveryError:
            raise
        except Exception as error:
            log.exception("botkit.delivery.raised posts=%s", self.posts)
            raise DeliveryError(f"the channel raised {type(error).__name__}, see the traceback in the log") from error
        finally:
            interval = self._channel.edit_interval
            self._edit_at = _now() + (interval if math.isfinite(interval) else 0.0)

    async def _failed(self, post: _Post | None, error: DeliveryError) -> None:
        """Decide when to try again; raise `error` if there is no use in that."""
        if error.gone:
            if post is None:
                raise error
            log.warning("botkit.delivery.gone id=%s error=%s", post.id, error)
            self._posts.remove(post)
            await self._record(self.posts)
            return
        if post and error.retry_after is None:
            post.shown = None  # it may have arrived all the same
        self._failures += 1
        delay = self._retry.delay(self._failures, error.retry_after, random.random())  # noqa: S311 - jitter
        self._waited += delay
        log.warning("botkit.delivery.failed posts=%s retry_in=%.1f error=%s", self.posts, delay, error)
        if self._final.is_set() and (self._failures >= TRIES or self._waited > PATIENCE):
            raise error
        self._retry_at = _now() + delay


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`. A cancellation goes on once it has ended, or after `GRACE` seconds."""
    task = asyncio.create_task(work, name="botkit.delivery.post")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE)
        raise
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

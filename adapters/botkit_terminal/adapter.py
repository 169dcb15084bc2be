"""The adapter: takes what is typed or piped to the bot, and waits for each answer before the next question."""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Literal

from botkit import (
    Address,
    BotkitError,
    Connected,
    ConversationKey,
    IncomingMessage,
    Person,
    Receive,
    ReplyChannel,
    StopRequested,
    run_in_thread,
)
from botkit_terminal.incoming import read_pipe, read_prompts
from botkit_terminal.outgoing import JsonLines, Output, Pipe, Screen

__all__ = ["TerminalAdapter"]


class TerminalAdapter:
    """One conversation of one person with the bot.

    `text` is the only question, if it is given; without it, questions are read from standard input: prompted for
    in a terminal, else all of it as one. `person` is who asks, `thread` a conversation of theirs to go on with.
    """

    name = "terminal"

    def __init__(
        self,
        *,
        text: str | None = None,
        output: Literal["screen", "plain", "json"] = "screen",
        person: str = "user",
        thread: str = "",
    ) -> None:
        self._text = text
        self._person = Person(id=person, name=person)
        self._key = ConversationKey(self.name, person, thread or uuid.uuid4().hex)
        self._prompting = text is None and sys.stdin.isatty() and output != "json"
        self._output = _output(output, prompting=self._prompting)
        self._stops: set[asyncio.Task[None]] = set()

    async def run(self, receive: Receive, connected: Connected, /) -> None:
        """Take questions in until there are no more. Raises what kept a single question from its answer."""
        connected()
        async for text in self._questions():
            await self._ask(receive, text)
            if self._output.failure is not None and not self._prompting:
                raise self._output.failure

    def channel(self, address: Address, /) -> ReplyChannel:
        """Return the terminal, wherever the address points."""
        return self._output

    async def _questions(self) -> AsyncIterator[str]:
        if self._text is not None:
            yield self._text
        elif self._prompting:
            async for text in read_prompts():
                yield text
        else:
            yield await run_in_thread(read_pipe)

    async def _ask(self, receive: Receive, text: str) -> None:
        """Hand one question over, and wait until the turn that answers it is over."""
        message = IncomingMessage(
            id=uuid.uuid4().hex,
            person=self._person,
            text=text,
            address=Address(self._key),
            sent_at=datetime.now(UTC),
        )
        answered = self._output.expect(message.id)
        receipt = await receive(message)
        if receipt.status in ("refused", "ignored"):
            await self._output.fail(receipt.reason, BotkitError(receipt.reason))
            return
        with self._stopping_on_interrupt(receive, answered):
            await answered.wait()

    @contextmanager
    def _stopping_on_interrupt(self, receive: Receive, answered: asyncio.Event) -> Iterator[None]:
        """While an answer is given in a conversation, Ctrl-C means the answer and not the program."""
        if not self._prompting:
            yield
            return
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            task = loop.create_task(self._stop(receive, answered))
            self._stops.add(task)
            task.add_done_callback(self._stops.discard)

        with suppress(NotImplementedError):  # Windows: there Ctrl-C ends the program
            loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)

    async def _stop(self, receive: Receive, answered: asyncio.Event) -> None:
        """Ask for a stop; where nothing is being answered, wait no longer."""
        receipt = await receive(StopRequested(self._key, self._person))
        if receipt.status != "accepted":
            answered.set()


def _output(kind: Literal["screen", "plain", "json"], *, prompting: bool) -> Output:
    if kind == "json":
        return JsonLines()
    if not sys.stdout.isatty():
        return Pipe()
    return Screen(plain=kind == "plain", prompting=prompting)

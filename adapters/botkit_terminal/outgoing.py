"""Where answers go: a screen that shows them grow, a pipe that gets them whole, or JSON lines."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
import sys
from abc import ABC, abstractmethod
from dataclasses import asdict

from botkit import DeliveryError, Progress, Restarted, ToolFinished, ToolStarted, TurnFinished, TurnStarted, clean_text

__all__ = ["JsonLines", "Output", "Pipe", "Screen"]


class Output(ABC):
    """One answer after another. `failure` is why the newest one could not be had, None if it could."""

    max_length = sys.maxsize
    edit_interval = math.inf

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._expected = ""
        self._answered = asyncio.Event()
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A pipe is read by programs, which expect UTF-8; a terminal shows what it can.
            sys.stdout.reconfigure(encoding=None if sys.stdout.isatty() else "utf-8", errors="replace")

    def expect(self, event_id: str) -> asyncio.Event:
        """Forget the last answer; return what is set when the turn that answers this event is over."""
        self.failure = None
        self._expected = event_id
        self._answered.clear()
        return self._answered

    async def fail(self, sentence: str, error: Exception, /) -> None:
        """Keep why there is no answer: the one at the terminal is the operator, who can do something about it."""
        self.failure = error.__cause__ if isinstance(error.__cause__, BrokenPipeError) else error

    async def progress(self, progress: Progress, /) -> None:
        """Show how the turn is coming along."""
        try:
            self.show(progress)
        finally:
            if isinstance(progress, TurnFinished) and self._expected in progress.events:
                self._answered.set()

    @abstractmethod
    def show(self, progress: Progress) -> None:
        """Show it, or not."""

    @abstractmethod
    async def post(self, markdown: str, /) -> str:
        """Write a whole answer. There is only ever one message, so its id says nothing."""

    async def edit(self, message_id: str, markdown: str, /) -> None:
        """Write an answer that an earlier process had begun to write: what that one wrote is gone."""
        await self.post(markdown)


class Pipe(Output):
    """Raw Markdown on standard output, once it is whole, so that no half answer is passed off as one."""

    def show(self, progress: Progress) -> None:
        """Show nothing: a pipe holds the answer and nothing else."""

    async def post(self, markdown: str, /) -> str:
        """Write a whole answer."""
        _write(markdown + "\n")
        return "0"


class Growing(Output):
    """Shows an answer as it grows. What is written cannot be taken back."""

    edit_interval = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._written = ""

    async def begin(self) -> str:
        """Open the answer."""
        self._written = ""
        return "0"

    async def append(self, message_id: str, markdown: str, /) -> None:
        """Write more of it."""
        self._written += markdown
        self.write_more(markdown)

    async def restart(self, message_id: str, /) -> None:
        """Say that what was written is void."""
        self._written = ""
        self.write_restart()

    async def end(self, message_id: str, markdown: str, /) -> None:
        """Write what is still missing. An answer that turned out another is written again."""
        if not markdown.startswith(self._written):
            await self.restart(message_id)
        if rest := markdown[len(self._written) :]:
            self.write_more(rest)
        self.write_end(markdown)

    async def post(self, markdown: str, /) -> str:
        """Write a whole answer."""
        message_id = await self.begin()
        await self.end(message_id, markdown)
        return message_id

    @abstractmethod
    def write_more(self, text: str) -> None:
        """Write the next piece of the answer."""

    @abstractmethod
    def write_restart(self) -> None:
        """Write that the pieces so far are void."""

    @abstractmethod
    def write_end(self, text: str) -> None:
        """Write that the answer is whole, and reads `text`."""


class Screen(Growing):
    """A terminal: the answer and quiet notices about tools, restarts and size."""

    def __init__(self, *, plain: bool, prompting: bool) -> None:
        super().__init__()
        self._dim = ("", "") if plain or os.environ.get("NO_COLOR") else ("\x1b[2m", "\x1b[0m")
        self._notices = not plain
        self._prompting = prompting
        self._at_line_start = True

    def write_more(self, text: str) -> None:
        """Write it as it is."""
        if self._at_line_start:
            text = text.lstrip("\n")
        if text:
            _write(text)
            self._at_line_start = text.endswith("\n")

    def write_restart(self) -> None:
        """Say so even when plain: the answer would be unreadable without."""
        self._line("[the answer starts again]")

    def write_end(self, text: str) -> None:
        """Finish the line."""
        self._line()

    async def fail(self, sentence: str, error: Exception, /) -> None:
        """Keep why there is no answer, and show it if the conversation goes on."""
        await super().fail(sentence, error)
        if isinstance(self.failure, BrokenPipeError):
            return
        self._line()
        if self._prompting:
            sys.stderr.write(f"Error: {clean_text(str(error))}\n")

    def show(self, progress: Progress) -> None:
        """Show tools, long waits, and what the answer took."""
        match progress:
            case ToolStarted(name=name, input=given):
                self._notice(f"[{name} {json.dumps(dict(given), ensure_ascii=False)}]")
            case ToolFinished(name=name, failed=True):
                self._notice(f"[{name} failed]")
            case Restarted(reason, wait) if wait >= 1:
                self._notice(f"[{reason} Trying again in {wait:.0f} s]")
            case TurnFinished():
                self._show_size(progress)

    def _show_size(self, outcome: TurnFinished) -> None:
        if outcome.left_out:
            self._notice(f"[{outcome.left_out} older messages no longer fit and were left out]")
        if self._prompting and outcome.status != "failed":
            usage = outcome.usage
            self._notice(f"[{usage.prompt_tokens:,} tokens in, {usage.output_tokens:,} out]", "\n")

    def _notice(self, text: str, after: str = "") -> None:
        if self._notices:
            begin, end = self._dim
            self._line(f"{begin}{clean_text(text)}{end}{after}")

    def _line(self, text: str = "") -> None:
        """Finish the line, if one is begun, and write one of our own, if there is one to write."""
        _write(("" if self._at_line_start else "\n") + (f"{text}\n" if text else ""), trusted=True)
        self._at_line_start = True


class JsonLines(Growing):
    """One JSON object a line; docs/terminal.md says what each holds."""

    def write_more(self, text: str) -> None:
        """Write a delta."""
        self._line(type="delta", text=text)

    def write_restart(self) -> None:
        """Write that all deltas so far are void."""
        self._line(type="restart")

    def write_end(self, text: str) -> None:
        """Write the whole answer."""
        self._line(type="answer", text=text)

    async def fail(self, sentence: str, error: Exception, /) -> None:
        """Keep and write why there is no answer."""
        await super().fail(sentence, error)
        self._line(type="error", message=str(error))

    def show(self, progress: Progress) -> None:
        """Write it."""
        match progress:
            case TurnStarted(conversation_id):
                self._line(type="start", conversation=conversation_id)
            case Restarted(reason, wait):
                self._line(type="retry", reason=reason, wait=wait)
            case ToolStarted(id_, name, given):
                self._line(type="tool", id=id_, name=name, input=dict(given))
            case ToolFinished(id_, name, failed):
                self._line(type="tool_result", id=id_, name=name, failed=failed)
            case TurnFinished():
                fields = asdict(progress)
                del fields["events"]
                self._line(type="end", **fields)

    def _line(self, **fields: object) -> None:
        _write(json.dumps(fields, ensure_ascii=False) + "\n")


def _write(text: str, *, trusted: bool = False) -> None:
    """Write to standard output at once. Control characters that are not ours are made visible first."""
    try:
        sys.stdout.write(text if trusted else clean_text(text))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise DeliveryError("nobody reads standard output any more", gone=True) from error

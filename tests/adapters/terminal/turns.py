"""Outputs of a terminal, and what happens in a turn."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from botkit import Progress, Restarted, ToolFinished, ToolStarted, TurnFinished, TurnStarted
from botkit.messages import Usage
from botkit_terminal.outgoing import Output, Screen

Capture: TypeAlias = pytest.CaptureFixture[str]

USAGE = Usage(input_tokens=1000, output_tokens=20, cache_read_tokens=200, cache_write_tokens=34)
FINISHED = TurnFinished("answered", "t1-1", USAGE, ("e1",), model="claude", stop_reason="end_turn", left_out=2)
FAILED = TurnFinished("failed", "t1-1", Usage(), ("e1",))
OTHER = TurnFinished("answered", "t0-1", Usage(), ("e0",))
CALLED = ToolStarted("t1", "current_time", {"zone": "Zürich"})
DONE = ToolFinished("t1", "current_time", failed=False)
BROKEN = ToolFinished("t1", "current_time", failed=True)
RESTARTED = Restarted("Claude is overloaded.", 2.4)
EVERYTHING: list[Progress] = [TurnStarted(7), CALLED, BROKEN, RESTARTED, FINISHED]

HOSTILE = "red \x1b[31m bell \x07 nul \x00 delete \x7f tab \t"
HARMLESS = "red ␛[31m bell ␇ nul ␀ delete ␡ tab \t"


def conversation() -> Screen:
    return Screen(plain=False, prompting=True)


def question() -> Screen:
    return Screen(plain=False, prompting=False)


def plain() -> Screen:
    return Screen(plain=True, prompting=True)


async def tell(output: Output, *progress: Progress) -> None:
    for each in progress:
        await output.progress(each)

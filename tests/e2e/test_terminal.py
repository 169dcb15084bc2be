"""A conversation at a terminal: typed, streamed, stopped, left."""

from __future__ import annotations

import asyncio

from botkit.testing.claude import BreakAfter, SimulatedClaude, Status, Wait, call, say
from tests.e2e.shell import PROMPT, Shell, Terminal


async def test_a_conversation_is_typed_and_left(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("Hello Ada!", "You are Ada.")
    terminal = await Terminal.open(shell, "chat")
    await terminal.until(PROMPT)
    terminal.type("My name is Ada\r")
    await terminal.until("Hello Ada!")
    await terminal.until(PROMPT)
    terminal.type("Who am I?\r")
    await terminal.until("You are Ada.")
    await terminal.until(PROMPT)
    terminal.type("\x04")
    assert await terminal.close() == 0
    assert len(claude.requests[1].messages) == 3


async def test_an_answer_is_shown_as_it_grows(shell: Shell, claude: SimulatedClaude) -> None:
    go_on = asyncio.Event()
    claude.script(Wait(go_on, 1, say(chunks=["first half ", "second half"])))
    terminal = await Terminal.open(shell, "chat", "hi")
    await terminal.until("first half")
    assert "second half" not in terminal.screen
    go_on.set()
    await terminal.until("second half")
    assert await terminal.close() == 0


async def test_ctrl_c_stops_the_answer_and_not_the_conversation(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(2, "stall", say(chunks=["one ", "two ", "three"])), "Still here.")
    terminal = await Terminal.open(shell, "chat")
    await terminal.until(PROMPT)
    terminal.type("Count\r")
    await terminal.until("two")
    terminal.type("\x03")
    await terminal.until("(stopped)")
    await terminal.until(PROMPT)
    terminal.type("\x03")
    await terminal.until("Ctrl-D leaves")
    await terminal.until(PROMPT)
    terminal.type("Are you there?\r")
    await terminal.until("Still here.")
    await terminal.until(PROMPT)
    terminal.type("\x04")
    assert await terminal.close() == 0
    assert claude.requests[1].messages[1]["content"][0]["text"] == "one two "


async def test_a_failure_is_a_sentence_and_the_conversation_goes_on(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(Status(403), "Better.")
    terminal = await Terminal.open(shell, "chat")
    await terminal.until(PROMPT)
    terminal.type("Hello\r")
    await terminal.until("Error: ")
    await terminal.until(PROMPT)
    terminal.type("Again\r")
    await terminal.until("Better.")
    await terminal.until(PROMPT)
    terminal.type("\x04")
    assert await terminal.close() == 0


async def test_tools_are_shown_between_the_texts_around_them(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(say("Let me look.", call("current_time", timezone="UTC")), "It is late.")
    terminal = await Terminal.open(shell, "chat", "What time is it?")
    await terminal.until("Let me look.")
    await terminal.until('[current_time {"timezone": "UTC"}]')
    await terminal.until("It is late.")
    assert await terminal.close() == 0


async def test_a_break_after_text_was_shown_is_said_and_the_answer_starts_again(
    shell: Shell, claude: SimulatedClaude
) -> None:
    claude.script(BreakAfter(1, "stall", say(chunks=["Draft ", "lost"]), seconds=1.0), "The whole answer")
    terminal = await Terminal.open(shell, "chat", "hi")
    await terminal.until("Draft")
    await terminal.until("starts again")
    await terminal.until("The whole answer")
    assert await terminal.close() == 0

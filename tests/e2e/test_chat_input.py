"""What people and machines give `botkit chat` that it cannot use: a clear sentence, and nothing lost."""

from __future__ import annotations

import pytest

from botkit.testing.claude import SimulatedClaude
from tests.e2e.shell import Shell

HUGE = "9" * 20


@pytest.mark.parametrize("arguments", [("chat", "--resume", HUGE, "hi"), ("conversations", "show", HUGE)])
async def test_an_id_that_no_database_holds_is_a_sentence(shell: Shell, arguments: tuple[str, ...]) -> None:
    result = await shell.run(*arguments)
    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[plugins.terminal]\nenabled = false\n", "there is no adapter 'terminal'"),
        ("[adapters.terminal]\nfoo = 1\n", "[adapters.terminal]"),
    ],
)
async def test_a_terminal_that_cannot_be_built_is_a_sentence(shell: Shell, toml: str, words: str) -> None:
    (shell.home / "botkit.toml").write_text(toml)
    result = await shell.run("chat", "hi")
    assert result.status == 1
    assert words in result.err


async def test_a_misspelt_plugin_is_told(shell: Shell) -> None:
    (shell.home / "botkit.toml").write_text("[plugins.clokc]\nzone = 'UTC'\n")
    result = await shell.run("chat", "hi")
    assert result.status == 0
    assert "clokc" in result.err
    assert "clock" in result.err


async def test_a_pipe_is_utf8_whatever_the_machine_says(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("smile 😀")
    shell.environment["PYTHONIOENCODING"] = "cp1252"
    assert (await shell.run("chat", "hi")).out == "smile 😀\n"


async def test_nobody_goes_on_with_the_conversation_of_somebody_else(shell: Shell, claude: SimulatedClaude) -> None:
    shell.environment["LOGNAME"] = "alice"
    await shell.run("chat", "My secret")
    shell.environment["LOGNAME"] = "bob"
    newest = await shell.run("chat", "--resume", "hi")
    by_id = await shell.run("chat", "--resume", "1", "hi")
    assert (newest.status, by_id.status) == (1, 1)
    assert len(claude.requests) == 1


async def test_what_is_shown_later_is_harmless_too(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("It is \x1b]0;pwned\x07 red")
    await shell.run("chat", "hi")
    shown = await shell.run("conversations", "show", "1")
    assert "\x1b" not in shown.out
    assert "␛]0;pwned␇" in shown.out

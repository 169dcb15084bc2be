"""What a person sees on the screen: the answer as it grows, and notices around it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from botkit import BotkitError, Restarted, ToolStarted, TurnStarted
from botkit.adapter import StreamingChannel
from botkit_terminal.outgoing import Screen
from tests.adapters.terminal.turns import (
    BROKEN,
    CALLED,
    DONE,
    EVERYTHING,
    FAILED,
    FINISHED,
    HARMLESS,
    HOSTILE,
    RESTARTED,
    Capture,
    conversation,
    plain,
    question,
    tell,
)

AGAIN = "[the answer starts again]\n"


@pytest.fixture(autouse=True)
def _colourful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


def quiet(text: str) -> str:
    """`text` as a terminal shows a notice."""
    return f"\x1b[2m{text}\x1b[0m\n"


@pytest.mark.parametrize("new", [conversation, question, plain])
class TestText:
    async def test_it_grows_and_is_completed_by_its_end(self, new: Callable[[], Screen], capsys: Capture) -> None:
        screen = new()
        assert isinstance(screen, StreamingChannel)
        id_ = await screen.begin()
        assert capsys.readouterr().out == ""
        for piece in ("He", "llo", " you,"):
            await screen.append(id_, piece)
            assert capsys.readouterr().out == piece
        await screen.end(id_, "Hello you, and you")
        assert capsys.readouterr().out == " and you\n"

    async def test_what_is_shown_already_is_not_written_again(self, new: Callable[[], Screen], capsys: Capture) -> None:
        screen = new()
        await screen.append(await screen.begin(), "Hello")
        await screen.end("0", "Hello")
        assert capsys.readouterr().out == "Hello\n"

    async def test_one_answer_follows_another(self, new: Callable[[], Screen], capsys: Capture) -> None:
        screen = new()
        for text in ("Hello", "Hello again"):
            await screen.append(await screen.begin(), text)
            await screen.end("0", text)
        assert capsys.readouterr().out == "Hello\nHello again\n"

    async def test_a_restart_is_said_and_the_text_starts_again(
        self, new: Callable[[], Screen], capsys: Capture
    ) -> None:
        screen = new()
        id_ = await screen.begin()
        await screen.append(id_, "Draft")
        await screen.restart(id_)
        await screen.append(id_, "Dra")
        await screen.end(id_, "Drawn")
        assert capsys.readouterr().out == f"Draft\n{AGAIN}Drawn\n"

    async def test_an_answer_that_turned_out_another_is_written_again(
        self, new: Callable[[], Screen], capsys: Capture
    ) -> None:
        screen = new()
        id_ = await screen.begin()
        await screen.append(id_, "Wrong")
        await screen.end(id_, "Right")
        assert capsys.readouterr().out == f"Wrong\n{AGAIN}Right\n"

    async def test_control_characters_are_made_visible(self, new: Callable[[], Screen], capsys: Capture) -> None:
        screen = new()
        id_ = await screen.begin()
        for character in HOSTILE:
            await screen.append(id_, character)
        await screen.end(id_, HOSTILE + "\x1b]0;title")
        assert capsys.readouterr().out == HARMLESS + "␛]0;title\n"


class TestNotices:
    async def test_tools_are_shown_between_the_texts_around_them_without_blank_lines(self, capsys: Capture) -> None:
        screen = question()
        id_ = await screen.begin()
        await screen.append(id_, "Let me look.")
        await tell(screen, CALLED, BROKEN, CALLED, DONE)
        await screen.append(id_, "\n\nIt is late.\n\nGood night.")
        assert capsys.readouterr().out == (
            "Let me look.\n"
            + quiet('[current_time {"zone": "Zürich"}]')
            + quiet("[current_time failed]")
            + quiet('[current_time {"zone": "Zürich"}]')
            + "It is late.\n\nGood night."
        )

    async def test_a_blank_line_before_the_next_text_may_come_in_pieces(self, capsys: Capture) -> None:
        screen = question()
        id_ = await screen.begin()
        await tell(screen, BROKEN)
        for piece in ("\n", "\n", "It is late."):
            await screen.append(id_, piece)
        assert capsys.readouterr().out == quiet("[current_time failed]") + "It is late."

    async def test_a_wait_and_a_restart_leave_no_blank_line(self, capsys: Capture) -> None:
        screen = question()
        id_ = await screen.begin()
        await screen.append(id_, "Draft")
        await tell(screen, RESTARTED)
        await screen.restart(id_)
        await screen.append(id_, "Drawn")
        waiting = quiet("[Claude is overloaded. Trying again in 2 s]")
        assert capsys.readouterr().out == f"Draft\n{waiting}{AGAIN}Drawn"

    async def test_only_a_long_wait_is_worth_a_notice(self, capsys: Capture) -> None:
        await tell(question(), TurnStarted(7), Restarted("The line broke.", 0.9), RESTARTED)
        assert capsys.readouterr().out == quiet("[Claude is overloaded. Trying again in 2 s]")

    async def test_what_was_left_out_is_said(self, capsys: Capture) -> None:
        await tell(question(), FINISHED)
        assert capsys.readouterr().out == quiet("[2 older messages no longer fit and were left out]")

    async def test_a_conversation_shows_what_each_answer_took_right_below_it(self, capsys: Capture) -> None:
        screen = conversation()
        await screen.post("Hello")
        await tell(screen, FINISHED)
        await screen.post("Hello again")
        assert capsys.readouterr().out == (
            "Hello\n"
            + quiet("[2 older messages no longer fit and were left out]")
            + quiet("[1,234 tokens in, 20 out]")
            + "\nHello again\n"
        )

    async def test_a_failed_turn_is_no_reason_to_show_a_size(self, capsys: Capture) -> None:
        await tell(conversation(), FAILED)
        assert capsys.readouterr().out == ""

    async def test_what_a_tool_is_given_cannot_act_on_the_terminal(self, capsys: Capture) -> None:
        await tell(question(), ToolStarted("t1", "\x1b[31m", {"text": HOSTILE}))
        out = capsys.readouterr().out
        assert out.startswith("\x1b[2m[␛[31m ")
        assert out.count("\x1b") == 2
        assert "\x7f" not in out

    async def test_plain_means_without_notices(self, capsys: Capture) -> None:
        await tell(plain(), *EVERYTHING)
        assert capsys.readouterr().out.strip() == ""

    @pytest.mark.parametrize(("value", "dimmed"), [("1", False), ("", True)])
    async def test_no_color_is_respected(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture, value: str, dimmed: bool
    ) -> None:
        monkeypatch.setenv("NO_COLOR", value)
        await tell(question(), BROKEN)
        text = "[current_time failed]"
        assert capsys.readouterr().out == (quiet(text) if dimmed else f"{text}\n")

    @pytest.mark.parametrize("new", [conversation, plain])
    async def test_a_failure_in_a_conversation_is_an_error(self, new: Callable[[], Screen], capsys: Capture) -> None:
        await new().fail("Sorry.", BotkitError("set a \x1bkey"))
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", "Error: set a ␛key\n")

    async def test_a_failure_of_a_single_question_is_left_to_the_command_line(self, capsys: Capture) -> None:
        await question().fail("Sorry.", BotkitError("set a key"))
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", "")

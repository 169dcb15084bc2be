"""What the terminal adapter writes: to a pipe, as JSON lines, and to whichever it is."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from botkit import BotkitError, DeliveryError, TurnStarted
from botkit.adapter import FailureChannel, ProgressChannel, StreamingChannel
from botkit_terminal.outgoing import JsonLines, Output, Pipe
from tests.adapters.terminal.turns import (
    BROKEN,
    CALLED,
    DONE,
    EVERYTHING,
    FAILED,
    FINISHED,
    HARMLESS,
    HOSTILE,
    OTHER,
    RESTARTED,
    Capture,
    conversation,
    plain,
    question,
    tell,
)

DOCS = Path(__file__).parents[3] / "docs" / "terminal.md"

every_output = pytest.mark.parametrize("new", [Pipe, conversation, question, plain, JsonLines])


class Unread(io.StringIO):
    """A pipe whose other end is closed."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


class TestEveryOutput:
    @every_output
    def test_it_is_a_channel_that_shows_progress_and_failures(self, new: Callable[[], Output]) -> None:
        output = new()
        assert isinstance(output, ProgressChannel)
        assert isinstance(output, FailureChannel)
        assert output.max_length == sys.maxsize

    @every_output
    async def test_a_whole_answer_ends_its_line(self, new: Callable[[], Output], capsys: Capture) -> None:
        output = new()
        await output.post("# Hello\n\n- Ada")
        out = capsys.readouterr().out
        assert out.endswith("\n")
        if not isinstance(output, JsonLines):
            assert out == "# Hello\n\n- Ada\n"

    @every_output
    async def test_an_answer_that_an_earlier_process_began_is_written_whole(
        self, new: Callable[[], Output], capsys: Capture
    ) -> None:
        output = new()
        await output.post("Hello")
        posted = capsys.readouterr().out
        await output.edit("0", "Hello")
        assert capsys.readouterr().out == posted

    @every_output
    async def test_a_failure_is_kept_until_the_next_turn(self, new: Callable[[], Output]) -> None:
        output, error = new(), BotkitError("set a key")
        assert output.failure is None
        await output.fail("Sorry.", error)
        assert output.failure is error
        output.expect("e2")
        assert output.failure is None

    @every_output
    async def test_a_question_is_answered_by_the_end_of_its_own_turn(self, new: Callable[[], Output]) -> None:
        output = new()
        answered = output.expect("e1")
        await tell(output, TurnStarted(7), CALLED, DONE, RESTARTED, OTHER)
        assert not answered.is_set()
        await output.progress(FAILED)
        assert answered.is_set()
        assert not output.expect("e2").is_set()

    @pytest.mark.parametrize("new", [conversation, question, JsonLines])
    async def test_the_turn_is_finished_even_if_its_end_cannot_be_shown(
        self, new: Callable[[], Output], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", Unread())
        output = new()
        answered = output.expect("e1")
        with pytest.raises(DeliveryError, match="nobody reads"):
            await output.progress(CALLED)
        assert not answered.is_set()
        with pytest.raises(DeliveryError, match="nobody reads"):
            await output.progress(FINISHED)
        assert answered.is_set()

    @every_output
    async def test_a_closed_pipe_is_gone_and_is_the_failure_that_is_kept(
        self, new: Callable[[], Output], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", Unread())
        output = new()
        with pytest.raises(DeliveryError) as caught:
            await output.post("Hello")
        assert caught.value.gone
        if isinstance(output, JsonLines):
            with pytest.raises(DeliveryError):
                await output.fail("Sorry.", caught.value)
        else:
            await output.fail("Sorry.", caught.value)
        assert isinstance(output.failure, BrokenPipeError)


class TestPipe:
    async def test_it_holds_the_answers_and_nothing_else(self, capsys: Capture) -> None:
        pipe = Pipe()
        await tell(pipe, *EVERYTHING)
        await pipe.post("Hello **Ada**")
        await pipe.fail("Sorry.", BotkitError("set a key"))
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("Hello **Ada**\n", "")

    def test_it_takes_whole_answers_only(self) -> None:
        assert Pipe().edit_interval == math.inf
        assert not isinstance(Pipe(), StreamingChannel)

    async def test_control_characters_are_made_visible(self, capsys: Capture) -> None:
        await Pipe().post(HOSTILE)
        assert capsys.readouterr().out == HARMLESS + "\n"


def lines(capsys: Capture) -> list[dict[str, Any]]:
    out = capsys.readouterr().out
    assert out.endswith("\n")
    return [json.loads(line) for line in out[:-1].split("\n")]


def documented() -> dict[str, set[str]]:
    """The fields of each type, as the table in docs/terminal.md names them."""
    table = DOCS.read_text(encoding="utf-8").split("| type | fields | when |\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:3]] for row in table.splitlines()[1:]]
    return {type_.strip("`"): set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", fields))) for type_, fields in rows}


class TestJsonLines:
    async def test_each_step_of_a_turn_is_a_line(self, capsys: Capture) -> None:
        await tell(JsonLines(), TurnStarted(7), CALLED, DONE, BROKEN, RESTARTED, FINISHED)
        assert lines(capsys) == [
            {"type": "start", "conversation": 7},
            {"type": "tool", "id": "t1", "name": "current_time", "input": {"zone": "Zürich"}},
            {"type": "tool_result", "id": "t1", "name": "current_time", "failed": False},
            {"type": "tool_result", "id": "t1", "name": "current_time", "failed": True},
            {"type": "retry", "reason": "Claude is overloaded.", "wait": 2.4},
            {
                "type": "end",
                "status": "answered",
                "reference": "t1-1",
                "usage": {
                    "input_tokens": 1000,
                    "output_tokens": 20,
                    "cache_read_tokens": 200,
                    "cache_write_tokens": 34,
                },
                "model": "claude",
                "stop_reason": "end_turn",
                "left_out": 2,
            },
        ]

    async def test_an_answer_is_deltas_and_then_the_whole(self, capsys: Capture) -> None:
        output = JsonLines()
        id_ = await output.begin()
        await output.append(id_, "Hello")
        await output.append(id_, "\n\nyou")
        await output.end(id_, "Hello\n\nyou, too")
        assert lines(capsys) == [
            {"type": "delta", "text": "Hello"},
            {"type": "delta", "text": "\n\nyou"},
            {"type": "delta", "text": ", too"},
            {"type": "answer", "text": "Hello\n\nyou, too"},
        ]

    async def test_a_restart_is_one_line_between_the_deltas(self, capsys: Capture) -> None:
        output = JsonLines()
        id_ = await output.begin()
        await output.append(id_, "Draft")
        await tell(output, RESTARTED)
        await output.restart(id_)
        await output.append(id_, "Drawn")
        await output.end(id_, "Drawn")
        assert [(line["type"], line.get("text")) for line in lines(capsys)] == [
            ("delta", "Draft"),
            ("retry", None),
            ("restart", None),
            ("delta", "Drawn"),
            ("answer", "Drawn"),
        ]

    async def test_an_answer_that_turned_out_another_is_the_one_in_the_last_line(self, capsys: Capture) -> None:
        output = JsonLines()
        id_ = await output.begin()
        await output.append(id_, "Wrong")
        await output.end(id_, "Right")
        assert lines(capsys)[1:] == [
            {"type": "restart"},
            {"type": "delta", "text": "Right"},
            {"type": "answer", "text": "Right"},
        ]

    async def test_a_failure_is_a_line_for_the_operator(self, capsys: Capture) -> None:
        await JsonLines().fail("Sorry.", BotkitError("set a key"))
        assert lines(capsys) == [{"type": "error", "message": "set a key"}]

    async def test_control_characters_are_escaped_and_not_lost(self, capsys: Capture) -> None:
        text = "\x1b[31m\x07\x00\r\n"
        await JsonLines().post(text)
        captured = capsys.readouterr().out
        assert not set(captured) & set("\x1b\x07\x00\r")
        assert [json.loads(line)["text"] for line in captured.splitlines()] == [text, text]

    async def test_the_docs_name_every_type_and_its_fields(self, capsys: Capture) -> None:
        output = JsonLines()
        await tell(output, *EVERYTHING)
        await output.restart(await output.post("Hello"))
        await output.fail("Sorry.", BotkitError("set a key"))
        assert {line.pop("type"): set(line) for line in lines(capsys)} == documented()

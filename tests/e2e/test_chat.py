"""`botkit chat` as a person runs it: a process of its own, a database in a file, Claude over the wire."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys

import pytest

from botkit.testing.claude import BreakAfter, RecordedRequest, SimulatedClaude, Status, call, say
from tests.e2e.shell import Result, Shell


def texts(request: RecordedRequest) -> list[str]:
    return [block["text"] for message in request.messages for block in message["content"] if block["type"] == "text"]


async def test_a_conversation_lives_across_processes(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("Nice to meet you, Ada.", "Ada.")
    first = await shell.run("chat", "My name is Ada")
    second = await shell.run("chat", "--resume", "What is my name?")

    assert first == Result(0, "Nice to meet you, Ada.\n", "")
    assert second == Result(0, "Ada.\n", "")
    assert texts(claude.requests[0]) == ["My name is Ada"]
    assert texts(claude.requests[1]) == ["My name is Ada", "Nice to meet you, Ada.", "What is my name?"]


async def test_a_new_chat_knows_nothing_of_the_last(shell: Shell, claude: SimulatedClaude) -> None:
    await shell.run("chat", "My name is Ada")
    await shell.run("chat", "What is my name?")
    assert texts(claude.requests[1]) == ["What is my name?"]


async def test_a_conversation_can_be_resumed_by_its_id(shell: Shell, claude: SimulatedClaude) -> None:
    for text in ("one", "two"):
        await shell.run("chat", text)
    await shell.run("chat", "--resume", "1", "three")
    assert texts(claude.requests[2])[0::2] == ["one", "three"]


async def test_without_a_key_a_simulated_claude_answers_says_so_and_remembers(offline: Shell) -> None:
    first = await offline.run("chat", "My name is Ada")
    second = await offline.run("chat", "--resume", "What is my name?")
    assert (first.status, second.status) == (0, 0)
    assert len(first.err.splitlines()) == 1
    assert "simulated" in first.err
    assert "My name is Ada" in second.out


@pytest.mark.parametrize("arguments", [(), ("--plain",)])
async def test_a_pipe_gets_plain_text(shell: Shell, claude: SimulatedClaude, arguments: tuple[str, ...]) -> None:
    claude.script("**Hello** there")
    assert await shell.run("chat", *arguments, stdin=b"hi\n") == Result(0, "**Hello** there\n", "")
    assert texts(claude.requests[0]) == ["hi"]


async def test_text_into_a_pipe_is_printed_once_it_is_whole(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(3, "reset"), "All of it")
    assert (await shell.run("chat", "hi")).out == "All of it\n"


async def test_json_is_an_object_a_line(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("Hello there")
    result = await shell.run("chat", "--json", "hi")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert lines[0] == {"type": "start", "conversation": 1}
    assert "".join(line["text"] for line in lines if line["type"] == "delta") == "Hello there"
    assert [line["text"] for line in lines if line["type"] == "answer"] == ["Hello there"]
    end = lines[-1]
    assert (end["type"], end["status"], end["stop_reason"]) == ("end", "answered", "end_turn")
    assert end["usage"]["input_tokens"] > 0
    assert end["usage"]["output_tokens"] > 0


async def test_a_refused_key_is_a_sentence_that_says_what_to_do(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(Status(401))
    result = await shell.run("chat", "hi")
    assert (result.status, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
    assert "ANTHROPIC_API_KEY" in result.err
    assert "sk-test" not in result.err


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[model]\nmax_tokens = 'many'", ["[model] max_tokens", "botkit.toml", "number"]),
        ("[model\nname = 1", ["botkit.toml", "line 1"]),
        ("[turns]\noverlap = 'drop'", ["[turns] overlap", "botkit.toml", "merge", "queue"]),
    ],
)
async def test_a_wrong_configuration_names_key_file_and_cure(shell: Shell, toml: str, words: list[str]) -> None:
    (shell.home / "botkit.toml").write_text(toml)
    result = await shell.run("chat", "hi")
    assert result.status == 1
    assert [word for word in words if word not in result.err] == []


async def test_unknown_keys_and_temperature_are_explained_and_stop_nothing(shell: Shell) -> None:
    (shell.home / "botkit.toml").write_text("[model]\ntemperature = 0.3\nmax_token = 5\n")
    result = await shell.run("chat", "hi")
    assert result.status == 0
    assert "extra_body = { temperature = 0.3 }" in result.err
    assert "max_tokens" in result.err


async def test_settings_reach_claude(shell: Shell, claude: SimulatedClaude) -> None:
    (shell.home / "botkit.toml").write_text(
        '[model]\nname = "claude-haiku-5-5"\nmax_tokens = 99\nsystem = "Be brief."\nstop_sequences = ["END"]\n'
    )
    shell.environment["BOTKIT_MODEL__MAX_TOKENS"] = "77"
    await shell.run("chat", "hi")
    body = claude.requests[0].body
    assert body["model"] == "claude-haiku-5-5"
    assert body["max_tokens"] == 77
    assert body["stop_sequences"] == ["END"]
    assert body["stream"] is True
    assert "temperature" not in body
    assert (shell.home / "botkit.db").exists()


async def test_an_unwritable_database_says_so(shell: Shell) -> None:
    (shell.home / "file").write_text("in the way")
    shell.environment["BOTKIT_DATABASE_URL"] = f"sqlite:///{shell.home}/file/botkit.db"
    result = await shell.run("chat", "hi")
    assert result.status == 1
    assert "file" in result.err
    assert len(result.err.splitlines()) == 1


async def test_a_database_from_a_newer_version_is_refused(shell: Shell, claude: SimulatedClaude) -> None:
    await shell.run("chat", "hi")
    (database,) = shell.home.rglob("botkit.db")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    result = await shell.run("chat", "hi")
    assert result.status == 1
    assert "9999" in result.err
    assert len(claude.requests) == 1


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_an_empty_message_is_a_sentence(shell: Shell, claude: SimulatedClaude, text: str) -> None:
    result = await shell.run("chat", text)
    assert (result.status, result.out) == (1, "")
    assert "empty" in result.err
    assert claude.requests == []


async def test_a_megabyte_is_a_sentence_and_is_not_lost(shell: Shell, claude: SimulatedClaude) -> None:
    result = await shell.run("chat", stdin=b"word " * 200_000)
    assert result.status == 1
    assert "tokens" in result.err
    assert claude.requests == []
    shown = await shell.run("conversations", "show", "1")
    assert shown.out.count("word") == 200_000


async def test_odd_characters_are_kept_visibly(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("It is \x1b[31mred")
    result = await shell.run("chat", stdin=b"a\x00b\x1b[2Jc\xff\xed\xa0\x80")
    assert result == Result(0, "It is ␛[31mred\n", "")
    assert texts(claude.requests[0])[0].startswith("a␀b␛[2Jc\ufffd")


@pytest.mark.parametrize("arguments", [("99", "hi"), ("99",), ("nonsense", "hi")])
async def test_a_conversation_that_does_not_exist_is_a_sentence(shell: Shell, arguments: tuple[str, ...]) -> None:
    result = await shell.run("chat", "--resume", *arguments, stdin=b"hi")
    assert (result.status, result.out) == (1, "")
    assert arguments[0] in result.err


async def test_nothing_to_resume_is_a_sentence(shell: Shell) -> None:
    result = await shell.run("chat", "--resume", "hi")
    assert result.status == 1
    assert "no conversation to resume" in result.err


PLUGIN = '''
from botkit import hookimpl


@hookimpl
def register_tools(register):
    register(shout)


def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()
'''


async def test_a_plugin_of_ten_lines_adds_a_tool_that_claude_calls(shell: Shell, claude: SimulatedClaude) -> None:
    folder = shell.home / "site"
    info = folder / "shouting-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "shouting.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[botkit]\nshouting = shouting\n")
    shell.environment["PYTHONPATH"] = str(folder)
    claude.script(say("Louder:", call("shout", text="hey")), "HEY it is.")

    result = await shell.run("chat", "Say hey loudly")
    listed = await shell.run("plugins")

    assert result.out == "Louder:\n\nHEY it is.\n"
    assert [block["content"] for block in claude.requests[1].tool_results] == ["HEY"]
    assert "shouting" in listed.out


async def test_a_question_survives_kill_9_and_is_answered_first(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script(BreakAfter(2, "stall"), "The first answer", "The second answer")
    arrived = asyncio.Event()
    claude.on(lambda _: arrived.set())
    process = await shell.start("chat", "First question")
    await asyncio.wait_for(arrived.wait(), 60)
    process.kill()
    await process.communicate()
    result = await shell.run("chat", "--resume", "Second question")
    assert result.out == "The first answer\nThe second answer\n"
    assert texts(claude.requests[2]) == ["First question", "The first answer", "Second question"]


async def test_conversations_can_be_listed_shown_and_exported(shell: Shell, claude: SimulatedClaude) -> None:
    claude.script("Hello")
    await shell.run("chat", "hi")
    listed = await shell.run("conversations", "list")
    shown = await shell.run("conversations", "show", "1")
    exported = json.loads((await shell.run("conversations", "export", "1")).out)
    missing = await shell.run("conversations", "show", "2")
    assert listed.out.split()[0] == "1"
    assert shown.out == "You: hi\n\nClaude: Hello\n\n"
    assert [message["role"] for message in exported["messages"]] == ["user", "assistant"]
    assert missing.status == 1
    assert "2" in missing.err


async def test_two_chats_share_one_database(shell: Shell, claude: SimulatedClaude) -> None:
    results = await asyncio.gather(*(shell.run("chat", f"hi {number}") for number in range(4)))
    assert [result.status for result in results] == [0] * 4
    assert len(claude.requests) == 4


async def test_a_closed_pipe_is_no_error(shell: Shell) -> None:
    command = f"{sys.executable} -m botkit chat hi | true"
    process = await asyncio.create_subprocess_shell(
        command, cwd=shell.home, env=shell.environment, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert err == b""

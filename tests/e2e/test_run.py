"""`botkit run` with an adapter of somebody else's: ready, answering, and stopped by a signal."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from botkit.testing.claude import BreakAfter, SimulatedClaude, Wait
from tests.e2e.shell import Shell

# Each *.in file that is dropped into a folder is a message; its answer is the *.out file of that name.
ADAPTER = """
import asyncio
from datetime import UTC, datetime
from math import inf
from pathlib import Path

from botkit import Address, ConversationKey, IncomingMessage, Person, hookimpl


@hookimpl
def register_adapters(register):
    register("folder", lambda settings: Folder(Path(settings["path"])))


class Folder:
    name = "folder"

    def __init__(self, path):
        self.path = path

    async def run(self, receive, connected):
        connected()
        while True:
            for file in sorted(self.path.glob("*.in")):
                key = ConversationKey("folder", "all", file.stem)
                await receive(
                    IncomingMessage(file.name, Person("someone"), file.read_text(), Address(key), datetime.now(UTC))
                )
                file.unlink()
            await asyncio.sleep(0.02)

    def channel(self, address):
        return Reply(self.path / f"{address.conversation.thread}.out")


class Reply:
    max_length = 2000
    edit_interval = inf

    def __init__(self, file):
        self.file = file

    async def post(self, markdown):
        self.file.write_text(markdown)
        return self.file.name

    async def edit(self, message_id, markdown):
        self.file.write_text(markdown)
"""


@pytest.fixture
def folder(shell: Shell) -> Path:
    site = shell.home / "site"
    info = site / "folder_adapter-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "folder_adapter.py").write_text(ADAPTER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: folder-adapter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[botkit]\nfolder = folder_adapter\n")
    path = shell.home / "messages"
    path.mkdir()
    (shell.home / "botkit.toml").write_text(f"[adapters.folder]\npath = '{path}'\n")
    shell.environment["PYTHONPATH"] = str(site)
    return path


def drop(folder: Path, name: str, text: str) -> None:
    """Put a message into the folder, whole from the first moment."""
    (folder / f"{name}.tmp").write_text(text)
    (folder / f"{name}.tmp").rename(folder / f"{name}.in")


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while not (line := await process.stderr.readline()).rstrip().endswith(b"ready"):
            assert line, "it ended before it was ready"


async def test_sigterm_finishes_what_is_being_answered(shell: Shell, claude: SimulatedClaude, folder: Path) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()
    claude.on(lambda _: arrived.set())
    claude.script(Wait(go_on, answer="Done in time"))
    process = await shell.start("run")
    await ready(process)
    drop(folder, "one", "Hello")
    await asyncio.wait_for(arrived.wait(), 30)
    process.send_signal(signal.SIGTERM)
    go_on.set()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert (folder / "one.out").read_text() == "Done in time"


async def test_what_cannot_finish_in_time_is_answered_after_the_next_start(
    shell: Shell, claude: SimulatedClaude, folder: Path
) -> None:
    arrived = asyncio.Event()
    claude.on(lambda _: arrived.set())
    claude.script(BreakAfter(1, "stall"), "Better late than never")
    shell.environment["BOTKIT_RUN__DRAIN"] = "0.2"
    process = await shell.start("run", "folder")
    await ready(process)
    drop(folder, "one", "Hello")
    await asyncio.wait_for(arrived.wait(), 30)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert not (folder / "one.out").exists()

    process = await shell.start("run", "folder")
    await ready(process)
    async with asyncio.timeout(30):
        while not (folder / "one.out").exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert (folder / "one.out").read_text() == "Better late than never"


@pytest.mark.parametrize(
    ("arguments", "words"), [(("run",), "name one"), (("run", "pigeon"), "there is no adapter 'pigeon'")]
)
async def test_nothing_to_run_is_a_sentence(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    result = await shell.run(*arguments)
    assert result.status == 1
    assert words in result.err


async def test_a_server_without_a_key_does_not_start(offline: Shell, folder: Path, shell: Shell) -> None:
    del shell.environment["ANTHROPIC_API_KEY"]
    result = await offline.run("run")
    assert result.status == 1
    assert "ANTHROPIC_API_KEY" in result.err


async def test_the_database_is_checked_and_upgraded(offline: Shell) -> None:
    before = await offline.run("db", "check")
    done = await offline.run("db", "upgrade")
    after = await offline.run("db", "check")
    assert "is empty" in before.out
    assert "now has revision 0001" in done.out
    assert "up to date: revision 0001" in after.out

"""botkit as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

PROMPT = "\x1b[?2004h"
"""What prompt_toolkit sends when a prompt begins: a paste may come in brackets now."""


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


class Shell:
    """Runs botkit with an environment that knows nothing of ours."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "PYTHONWARNINGS": "error::ResourceWarning",
        }

    async def start(
        self, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL, stdout: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "botkit", *arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env=self.environment,
        )

    async def run(self, *arguments: str, stdin: bytes | None = None) -> Result:
        piped = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
        process = await self.start(*arguments, stdin=piped)
        out, err = await asyncio.wait_for(process.communicate(stdin), 60)
        assert process.returncode is not None
        result = Result(process.returncode, out.decode(), err.decode())
        assert "Traceback" not in result.err
        return result


def _own_the_terminal() -> None:
    """Make standard input the terminal of this process, so that Ctrl-C on it is a signal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A person at a terminal, in front of a process."""

    def __init__(self, process: asyncio.subprocess.Process, side: int) -> None:
        self.process = process
        self.screen = ""
        self._side = side
        self._news = asyncio.Condition()
        asyncio.get_running_loop().add_reader(side, self._read)

    @classmethod
    async def open(cls, shell: Shell, *arguments: str) -> Terminal:
        """Start botkit on a terminal of its own."""
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "botkit", *arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=shell.home,
            env={**shell.environment, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            preexec_fn=_own_the_terminal,
        )
        os.close(theirs)
        return cls(process, ours)

    def type(self, keys: str) -> None:
        os.write(self._side, keys.encode())

    async def until(self, text: str) -> None:
        """Wait until the screen has shown `text` since the last wait."""
        async with asyncio.timeout(15), self._news:
            await self._news.wait_for(lambda: text in self.screen)
        self.screen = self.screen.partition(text)[2]

    async def close(self) -> int:
        """Wait until the process has ended, and return its status."""
        status = await asyncio.wait_for(self.process.wait(), 15)
        asyncio.get_running_loop().remove_reader(self._side)
        os.close(self._side)
        return status

    def _read(self) -> None:
        try:
            self.screen += os.read(self._side, 65536).decode(errors="replace")
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(self._side)
        self._told = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

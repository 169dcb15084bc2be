"""Plugins to try the door with, and turns to ask them about."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest

from botkit.adapter import TurnFinished
from botkit.hookspecs import hookimpl
from botkit.messages import Address, ConversationKey, IncomingMessage, Person, Usage
from botkit.plugins import Plugins
from botkit.store import Conversation, Frame, Turn

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = ConversationKey("test", "c1")
ADDRESS = Address(KEY)
PERSON = Person("p1")
MESSAGE = IncomingMessage("m1", PERSON, "Hi", ADDRESS, NOW)
TURN = Turn(1, Conversation(1, KEY, Frame(), 0, NOW, NOW), PERSON, ADDRESS, attempt=1)
OUTCOME = TurnFinished("answered", "t1", Usage())


class Plugin:
    """Something to hang hooks on; unlike a SimpleNamespace, no two are equal."""

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        vars(self).update(hooks)


def plugin(*, specname: str, implementation: Callable[..., Any], **options: Any) -> object:
    """Make a plugin that implements one hook."""
    return Plugin(implementation=hookimpl(specname=specname, **options)(implementation))


def door(hook: str, *implementations: Callable[..., Any], seconds: float = 5.0) -> Plugins:
    """Make plugins p1, p2, ... that implement one hook, p1 to be asked first."""
    plugins = Plugins(timeout=seconds)
    for number in range(len(implementations), 0, -1):
        plugins.register(plugin(specname=hook, implementation=implementations[number - 1]), f"p{number}")
    return plugins


def answering(value: Any) -> Callable[[], Any]:
    return lambda: value


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


async def hanging() -> None:
    await asyncio.Event().wait()


async def failing_later() -> None:
    await asyncio.sleep(0)
    raise ValueError("late")


async def stubborn() -> Any:
    """Answer although time is up."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return True


FAILING = {
    "raises": raising(ValueError("broken")),
    "exits": raising(SystemExit("bye")),
    "raises later": failing_later,
    "hangs": hanging,
    "answers too late": stubborn,
    "answers rubbish": answering(42),
    "awaits rubbish": lambda: asyncio.sleep(0, result=42),
}
each_failure = pytest.mark.parametrize("failure", FAILING.values(), ids=FAILING)


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


class Site:
    """A folder on sys.path into which distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: set[str] = set()

    def install(self, name: str, source: str | None, *, value: str = "", distribution: str = "") -> None:
        """Install a distribution with a plugin `name` in the module `sample_NAME`; without source, without it."""
        module = f"sample_{name}"
        self._modules.add(module)
        if source is not None:
            (self.folder / f"{module}.py").write_text(source)
        distribution = distribution or f"botkit-{name}"
        info = self.folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[botkit]\n{name} = {value or module}\n")

    def load(self, tables: Mapping[str, Mapping[str, Any]] | None = None) -> Plugins:
        """Load what is installed here, and nothing else."""
        found = [entry for each in self._distributions() for entry in each.entry_points if entry.group == "botkit"]
        return Plugins.load(tables or {}, timeout=5, entry_points=found)

    def forget(self) -> None:
        for module in self._modules:
            sys.modules.pop(module, None)

    def _distributions(self) -> Iterator[Distribution]:
        return iter(distributions(path=[str(self.folder)]))


TOOL_PLUGIN = '''
from botkit.hookspecs import hookimpl

@hookimpl
def register_tools(register):
    register(greet)

def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}"
'''

GUARD_PLUGIN = """
from botkit.hookspecs import hookimpl

@hookimpl
def accept_message(message):
    return False
"""

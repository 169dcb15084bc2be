"""The hooks: what a plugin can do.

A plugin implements any of these functions, marked with `@hookimpl`, taking the arguments that it needs:

    from botkit import hookimpl

    @hookimpl
    async def accept_message(message):
        return message.person.id in FRIENDS

Each may be a `def` or an `async def`, but for the three that say otherwise. Plugins are asked one after another: the
one that was loaded last is asked first, unless it says `@hookimpl(trylast=True)`. A hook answers; it does not change
what it is given. Its time is limited by `[turns] hook_timeout`, but only where it awaits: a `def` that blocks
blocks the bot. A failure (an exception, a timeout, an answer of another type than the hook's) is logged with the
plugin's name, and the other plugins go on, unless the hook says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from pluggy import HookimplMarker, HookspecMarker

from botkit.adapter import Adapter, TurnFinished
from botkit.messages import ConversationKey, IncomingMessage, Message
from botkit.store import Turn
from botkit.tools import Tool

__all__ = ["BuildAdapter", "RegisterAdapter", "RegisterTool", "hookimpl", "hookspec"]

hookspec = HookspecMarker("botkit")
hookimpl = HookimplMarker("botkit")

BuildAdapter: TypeAlias = Callable[[Mapping[str, Any]], Adapter]
"""Builds an adapter from its own `[adapters.NAME]` table. Import the platform's SDK here, not in the module."""

RegisterAdapter: TypeAlias = Callable[[str, BuildAdapter], None]
"""Offers an adapter under a name."""

RegisterTool: TypeAlias = Callable[[Tool | Callable[..., Any]], None]
"""Offers a tool: a `Tool`, or a function to make one of. Raises PluginError if that cannot be done."""


@hookspec
def register_adapters(register: RegisterAdapter) -> None:
    """Offer adapters: `register("name", build)`. Always a plain `def`.

    Called while the bot is put together; `build` is called when the adapter is to run. Two adapters of one name
    stop the start. A plugin that fails here does not start, and stops the bot if it is a guard or is named in
    the settings.
    """


@hookspec
def register_tools(register: RegisterTool) -> None:
    """Offer tools to Claude: `register(function)` or `register(Tool(...))`. Always a plain `def`.

    Called while the bot is put together. A plugin that fails here does not start, and stops the bot if it is a
    guard or is named in the settings.
    """


@hookspec
def startup(settings: Mapping[str, Any]) -> None:
    """Get ready. `settings` is the plugin's own `[plugins.NAME]` table, without `enabled`.

    Called once, before any message. A plugin that fails here does not start, and stops the bot if it is a guard
    or is named in the settings.
    """


@hookspec
def shutdown() -> None:
    """Let go of what startup took.

    Called when the bot stops, in the reverse order of startup; also where the start was given up halfway, so
    that startup may not have run.
    """


@hookspec
def accept_message(message: IncomingMessage) -> bool | None:
    """Whether this message may come in; None is no opinion.

    Called for every message, before it is stored. One False is enough to refuse it, and so is a failure of
    any kind: a guard that fails lets nobody in.
    """


@hookspec(firstresult=True)
def handle_message(turn: Turn) -> str | None:
    """Answer in Claude's place, in Markdown; None leaves it to the next plugin, and then to Claude.

    Called for every turn that has no answer yet. The first answer wins, even an empty one. A plugin that fails
    has not answered.
    """


@hookspec
def system_prompt(conversation: ConversationKey) -> str | None:
    """Return a part of the system prompt.

    Called when a conversation begins, and again when the configuration has changed: the prompt stays the same in
    between, so that it is read from Claude's cache. What changes from turn to turn has no place here. The parts
    are joined by blank lines, in the order of the plugins.
    """


@hookspec
def around_turn(turn: Turn) -> AbstractAsyncContextManager[None] | None:
    """Return what the turn is to run inside of, such as a span or a lock. Always a plain `def`.

    Called for every turn; the first plugin's is the outermost. `@asynccontextmanager` below `@hookimpl` makes
    one of a generator. An exception of the turn passes through it and cannot be swallowed. One that fails to
    enter is left out, one that fails to leave is let be: the turn goes on.
    """


@hookspec
def turn_finished(turn: Turn, reply: Message | None, outcome: TurnFinished) -> None:
    """Take note of a turn that is over, however it ended.

    Called after the reply was delivered; `reply` is None where there was none.
    """


@hookspec(firstresult=True)
def turn_failed(turn: Turn, error: Exception) -> str | None:
    """Return the sentence that the person gets about a failed turn; None leaves it to the next plugin, then botkit.

    Called for every turn that ends without an answer. The first sentence wins. A plugin that fails has none.
    """

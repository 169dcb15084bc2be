"""The plugins, asked: a method for each hook.

pluggy knows the hooks, who implements them, and in which order. It does not await, and one exception of one plugin
ends its call; so asking is done here, in one loop (`Plugins._ask`), plugin by plugin.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import EntryPoint
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from pluggy import HookImpl

from botkit.adapter import TurnFinished
from botkit.errors import PluginError
from botkit.hookspecs import BuildAdapter
from botkit.messages import ConversationKey, IncomingMessage, Message
from botkit.registry import FAILURES, GUARD, PluginEntry, Registry
from botkit.store import Turn
from botkit.threads import is_cancelled
from botkit.tools import Tool

__all__ = ["PluginEntry", "Plugins"]

log = logging.getLogger(__name__)

T = TypeVar("T")
_Surrounding: TypeAlias = AbstractAsyncContextManager[None, bool | None]


class Plugins:
    """The plugins of one bot, with a method for each hook; `botkit.hookspecs` says what the hooks are for.

    `tables` are the `[plugins.NAME]` tables of the settings, `timeout` the seconds that one plugin may take for
    one hook. What is awaited is timed; a `def` that blocks cannot be. Whatever a plugin does wrong in a hook (it
    raises, takes too long, answers with another type) is logged as `botkit.plugin.failed`, and the others go on.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Any]] | None = None, *, timeout: float = 10.0) -> None:
        self._registry = Registry(tables or {})
        self._timeout = timeout

    @classmethod
    def load(
        cls,
        tables: Mapping[str, Mapping[str, Any]],
        *,
        timeout: float,
        entry_points: Iterable[EntryPoint] | None = None,
    ) -> Self:
        """Return the installed plugins, loaded. Raises what `install` raises."""
        plugins = cls(tables, timeout=timeout)
        plugins.install(entry_points)
        return plugins

    def install(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        """Load these plugins, or those installed: botkit's own, then the others by name; the last is asked first.

        One that cannot be used is listed as failed; but PluginError is raised if it is a guard or has a table of
        its own. `enabled = false` in its table leaves a plugin alone, not even imported. A table without a
        plugin is a warning, and PluginError if it says `enabled = true`. Raises ConfigError for an `enabled`
        that is neither.
        """
        self._registry.load(entry_points)

    @property
    def entries(self) -> tuple[PluginEntry, ...]:
        """Every plugin that is installed or named in the settings, in the order of loading."""
        return self._registry.entries

    def register(self, plugin: object, name: str) -> None:
        """Add a module or an object as a plugin. Raises PluginError for whatever is wrong with it."""
        self._registry.register(plugin, name)

    def adapters(self) -> dict[str, BuildAdapter]:
        """Return what builds each adapter, by its name. Raises PluginError if two plugins offer one name."""
        found: dict[str, tuple[str, BuildAdapter]] = {}
        for plugin, offers in self._offers("register_adapters", _adapter_offer):
            for name, build in offers:
                if name in found:
                    raise PluginError(
                        f'the plugins "{found[name][0]}" and "{plugin}" both offer an adapter "{name}"; '
                        f"block one: [plugins.{plugin}] enabled = false"
                    )
                found[name] = (plugin, build)
        return {name: build for name, (_, build) in found.items()}

    def tools(self) -> list[Tool]:
        """Return the tools of all plugins. Two of one name are for the toolbox to refuse."""
        return [tool for _, offers in self._offers("register_tools", _tool_offer) for tool in offers]

    async def startup(self) -> None:
        """Start the plugins. One that fails is out; PluginError is raised if the bot must not run without it."""
        for impl in self._registry.implementations("startup"):
            settings = self._registry.settings(impl.plugin_name)
            try:
                await self._settle(_call(impl, {"settings": settings}), object)
            except FAILURES as error:
                self._registry.give_up(impl.plugin_name, "failed in startup", error)

    async def shutdown(self) -> None:
        """Shut the plugins down, all of them, in the reverse order of startup."""
        await self._ask("shutdown", object, {})

    async def accepts(self, message: IncomingMessage) -> bool:
        """Whether every guard lets the message in. A guard that fails does not."""
        answers = await self._ask(GUARD, bool, {"message": message}, failed=False)
        return all(answer for _, answer in answers)

    async def handle_message(self, turn: Turn) -> str | None:
        """Return the first plugin's answer in Claude's place; None if there is none."""
        return _only(await self._ask("handle_message", str, {"turn": turn}))

    async def system_prompt(self, conversation: ConversationKey) -> tuple[str, bool]:
        """Return the plugins' parts of the system prompt, a blank line between them, and whether none is missing."""
        answers = await self._ask("system_prompt", str, {"conversation": conversation}, failed="")
        parts = [part for _, part in answers]
        return "\n\n".join(filter(None, parts)), all(parts)

    @asynccontextmanager
    async def around_turn(self, turn: Turn) -> AsyncIterator[None]:
        """Surround a turn with what the plugins want around it. The turn's own exceptions always pass."""
        surroundings = await self._ask("around_turn", AbstractAsyncContextManager, {"turn": turn})
        async with AsyncExitStack() as stack:
            for plugin, surrounding in surroundings:
                await self._enter(stack, plugin, surrounding)
            yield

    async def turn_finished(self, turn: Turn, reply: Message | None, outcome: TurnFinished) -> None:
        """Tell the plugins that a turn is over."""
        await self._ask("turn_finished", object, {"turn": turn, "reply": reply, "outcome": outcome})

    async def turn_failed(self, turn: Turn, error: Exception) -> str | None:
        """Return the first plugin's sentence about a failed turn; None if there is none."""
        return _only(await self._ask("turn_failed", str, {"turn": turn, "error": error}))

    async def _ask(
        self, hook: str, expected: type, arguments: Mapping[str, Any], *, failed: object = None
    ) -> list[tuple[str, Any]]:
        """Ask the plugins one after another; return who answered what, Nones left out.

        A plugin that fails has answered `failed`. Ends with the first answer where that one wins, and with a
        False, which only guards can say and which is final.
        """
        answers = []
        first_wins = self._registry.first_answer_wins(hook)
        for impl in self._registry.implementations(hook):
            try:
                answer = _call(impl, arguments)
                if answer is not None:
                    answer = await self._settle(answer, expected)
            except (*FAILURES, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                _log_failure(impl.plugin_name, hook, error)
                answer = failed
            if answer is None:
                continue
            answers.append((impl.plugin_name, answer))
            if first_wins or answer is False:
                break
        return answers

    async def _settle(self, answer: Any, expected: type) -> Any:
        """Await an answer if it is to be awaited. Raises PluginError if it takes too long or is of another type."""
        if inspect.isawaitable(answer):
            answer = await self._in_time(answer)
        if answer is not None and not isinstance(answer, expected):
            raise PluginError(f"it answered with {type(answer).__name__}, not {expected.__name__}")
        return answer

    async def _in_time(self, answer: Awaitable[T]) -> T:
        # The clock is started only for what has to wait: most hooks cost less than a timer.
        steps = answer.__await__()
        try:
            first = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value
        return await self._against_the_clock(_Resumed(first, steps))

    async def _against_the_clock(self, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                value = await answer
        except TimeoutError:
            if not limit.expired():
                raise
        # Not only there: a plugin can swallow its cancellation and answer all the same.
        if limit.expired():
            raise PluginError(f"it took over {self._timeout:g} seconds; see [turns] hook_timeout")
        return value

    async def _enter(self, stack: AsyncExitStack, plugin: str, surrounding: _Surrounding) -> None:
        try:
            await self._in_time(surrounding.__aenter__())
        except FAILURES as error:
            _log_failure(plugin, "around_turn", error)
        else:
            stack.push_async_exit(functools.partial(self._leave, plugin, surrounding))

    async def _leave(
        self,
        plugin: str,
        surrounding: _Surrounding,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._in_time(surrounding.__aexit__(kind, error, traceback))
        except FAILURES as failure:
            if failure is not error:
                _log_failure(plugin, "around_turn", failure)

    def _offers(self, hook: str, make: Callable[..., T]) -> list[tuple[str, list[T]]]:
        """Let the plugins register things; return who registered what. One that fails is out, with all it has."""
        offers = []
        for impl in self._registry.implementations(hook):
            try:
                offers.append((impl.plugin_name, _registered(impl, make)))
            except FAILURES as error:
                self._registry.give_up(impl.plugin_name, f"failed in {hook}", error)
        return offers


class _Resumed(Awaitable[T]):
    """An awaitable whose first step was made already, and yielded `first`."""

    def __init__(self, first: Any, steps: Generator[Any, Any, T]) -> None:
        self._first = [first]
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, T]:
        return self  # type: ignore[return-value]  # what `await` calls of a generator is here

    def __next__(self) -> Any:
        return self._first.pop() if self._first else next(self._steps)

    def throw(self, *error: Any) -> Any:
        """Let a cancellation reach what is being awaited."""
        return self._steps.throw(*error)


def _call(impl: HookImpl, arguments: Mapping[str, Any]) -> Any:
    return impl.function(*[arguments[name] for name in impl.argnames])


def _registered(impl: HookImpl, make: Callable[..., T]) -> list[T]:
    offered: list[T] = []
    _call(impl, {"register": lambda *offer: offered.append(make(*offer))})
    return offered


def _adapter_offer(name: str, build: BuildAdapter) -> tuple[str, BuildAdapter]:
    if not callable(build):
        raise PluginError(f'the adapter "{name}" needs a function that builds it, not {build!r}')
    return name, build


def _tool_offer(tool: Tool | Callable[..., Any]) -> Tool:
    return tool if isinstance(tool, Tool) else Tool.from_function(tool)


def _only(answers: list[tuple[str, Any]]) -> str | None:
    return answers[0][1] if answers else None


def _log_failure(plugin: str, hook: str, error: BaseException) -> None:
    log.error("botkit.plugin.failed plugin=%s hook=%s", plugin, hook, exc_info=error)

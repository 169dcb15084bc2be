"""The parts put together: started, run, drained and stopped."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import metadata
from types import TracebackType
from typing import Any, Self

from botkit.adapter import Adapter, Receipt, ReplyChannel
from botkit.database import DatabaseStore
from botkit.errors import AdapterUnavailable, BotkitError, StoreError
from botkit.inprocess import InProcessRunner
from botkit.intake import Intake
from botkit.messages import Address, Event
from botkit.model import Model
from botkit.plugins import PluginEntry, Plugins
from botkit.responder import Responder
from botkit.runner import Runner
from botkit.settings import Settings
from botkit.store import Store

__all__ = ["Bot"]

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 30.0
_LAST_WORDS_SECONDS = 2.0


class Bot:
    """A bot, from its settings and whoever answers.

    Use it as an async context manager: inside, it is started and `receive` takes events in. `run` brings its
    adapters to life.
    """

    def __init__(
        self,
        settings: Settings,
        model: Model,
        *,
        plugins: Plugins | None = None,
        store: Store | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.settings = settings
        self.model = model
        self.plugins = plugins or Plugins.load(settings.plugins, timeout=settings.turns.hook_timeout)
        self.store: Store = store or DatabaseStore(settings.database.url)
        self.runner: Runner = runner or InProcessRunner(settings.turns.concurrent)
        self._adapters: dict[str, Adapter] = {}
        self._intake: Intake | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.store.open()
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.drain(grace=_LAST_WORDS_SECONDS)
        await self._close()

    async def _close(self) -> None:
        async with AsyncExitStack() as stack:  # each is closed, whatever becomes of the others
            stack.push_async_callback(self.store.aclose)
            stack.push_async_callback(self.model.aclose)
            await self.plugins.shutdown()

    async def _start(self) -> None:
        await self.plugins.startup()
        responder = Responder(self.settings, self.store, self.model, self.plugins, channel=self.channel)
        self._intake = Intake(
            self.store,
            self.plugins,
            self.runner,
            stop=responder.stop,
            interrupt=self.settings.turns.overlap == "interrupt",
        )
        await self.runner.start(responder.drain)

    async def receive(self, event: Event, /) -> Receipt:
        """Take one event in; see `botkit.adapter.Receive`. Raises StoreError while the bot is not running."""
        if self._intake is None:
            raise StoreError("the bot takes nothing in: it is not running, or about to stop")
        return await self._intake.receive(event)

    def adapter(self, name: str, options: Mapping[str, Any] | None = None) -> Adapter:
        """Return the adapter of this name, built on first use from its table and `options`.

        Raises AdapterUnavailable.
        """
        if name not in self._adapters:
            self._adapters[name] = self._build(name, {**self.settings.adapters.get(name, {}), **(options or {})})
        return self._adapters[name]

    def _build(self, name: str, settings: Mapping[str, Any]) -> Adapter:
        known = self.plugins.adapters()
        if name not in known:
            raise AdapterUnavailable(_unknown_adapter(name, known))
        try:
            return known[name](settings)
        except BotkitError:
            raise
        except ModuleNotFoundError as error:
            raise AdapterUnavailable(_missing_package(name, error, self.plugins.entries)) from error
        except Exception as error:
            log.exception("botkit.adapter.unbuilt adapter=%s", name)
            reason = f"{type(error).__name__}: {error}"
            raise AdapterUnavailable(
                f"the adapter {name!r} could not be built; look at [adapters.{name}] ({reason})"
            ) from error

    def add(self, adapter: Adapter) -> None:
        """Use an adapter that was built elsewhere, in place of any that a plugin offers under its name."""
        self._adapters[adapter.name] = adapter

    def channel(self, address: Address) -> ReplyChannel:
        """Build the reply channel for an address. Raises AdapterUnavailable."""
        return self.adapter(address.conversation.adapter).channel(address)

    async def run(self, names: Sequence[str], *, stopping: asyncio.Event | None = None, sweep: bool = True) -> None:
        """Run these adapters until all have returned, or until `stopping` is set; logs `ready` once.

        `sweep` looks, now and regularly, for turns of theirs that nobody answers, such as those of a process that
        was killed. Raises AdapterUnavailable, and whatever ends an adapter.
        """
        adapters = [self.adapter(name) for name in names]
        running = asyncio.create_task(self._run(adapters, sweep=sweep))
        stop = asyncio.create_task((stopping or asyncio.Event()).wait())
        try:
            await asyncio.wait((running, stop), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                # The adapters live on while answers are finished: these still have to be posted.
                await self.drain(grace=self.settings.run.drain)
        finally:
            stop.cancel()
            running.cancel()
            await asyncio.wait((running,))
        if not running.cancelled() and (error := running.exception()):
            raise _first(error)

    async def drain(self, *, grace: float) -> None:
        """Take nothing more in, and let the answers under way finish for `grace` seconds.

        What cannot finish stays in the inbox, for the next start.
        """
        self._intake = None
        await self.runner.stop(grace=grace)

    async def _run(self, adapters: Sequence[Adapter], *, sweep: bool) -> None:
        waiting = {adapter.name for adapter in adapters}

        def connected(name: str) -> None:
            if name in waiting:
                waiting.remove(name)
                log.info("botkit.adapter.connected adapter=%s", name)
                if not waiting:
                    log.info("ready")

        async with asyncio.TaskGroup() as group:
            if sweep:
                sweeper = group.create_task(self._sweep([adapter.name for adapter in adapters]))
            tasks = [
                group.create_task(adapter.run(self.receive, functools.partial(connected, adapter.name)))
                for adapter in adapters
            ]
            await asyncio.wait(tasks)
            if sweep:
                sweeper.cancel()

    async def _sweep(self, names: Iterable[str]) -> None:
        while True:
            try:
                for conversation_id in await self.store.unfinished(list(names)):
                    await self.runner.wake(conversation_id)
            except StoreError:
                log.exception("botkit.sweep.failed")
            await asyncio.sleep(_SWEEP_SECONDS)


def _first(error: BaseException) -> BaseException:
    """Return what ended the first adapter, without the groups that it was wrapped in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _missing_package(name: str, error: ModuleNotFoundError, entries: Iterable[PluginEntry]) -> str:
    """Say what to install: an adapter's extra bears its name."""
    distribution = next((entry.distribution for entry in entries if entry.name == name), "")
    extras = metadata(distribution).get_all("Provides-Extra") or [] if distribution else []
    package = f"'{distribution}[{name}]'" if name in extras else error.name
    return f"the adapter {name!r} needs {error.name}, which is not installed: pip install {package}"


def _unknown_adapter(name: str, known: Iterable[str]) -> str:
    offer = ", ".join(sorted(known)) or "none"
    return f"there is no adapter {name!r}; installed: {offer}. An adapter comes with a plugin: see `botkit plugins`"

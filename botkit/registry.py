"""Which plugins there are: found, loaded, held to the rules of the door, or taken out.

A plugin that cannot be used is listed as failed and the rest goes on, unless the bot must not run without it: because
it is a guard, because the settings have a table for it, or because it was registered by hand. Then PluginError stops
the start, since a guard that was passed over would be an open door.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

from pluggy import HookCaller, HookImpl, HookimplOpts, PluginManager, PluginValidationError
from pydantic import TypeAdapter, ValidationError

from botkit import hookspecs
from botkit.errors import ConfigError, PluginError

__all__ = ["FAILURES", "GUARD", "PluginEntry", "Registry"]

log = logging.getLogger(__name__)

GUARD = "accept_message"
"""The hook that makes a plugin a guard."""

FAILURES = (Exception, SystemExit)
"""How a plugin can fail: one that calls sys.exit() must not end the bot. CancelledError is neither, and passes."""

_GROUP = "botkit"
_NOT_AWAITED = frozenset({"register_adapters", "register_tools", "around_turn"})


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin and what became of it.

    `module` is where its entry point leads, empty for one that is not installed. `hooks` are those it implements;
    `reason` is why it is not active.
    """

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    hooks: tuple[str, ...] = ()
    state: Literal["active", "failed", "blocked"] = "active"
    reason: str = ""


class Registry:
    """The plugins of one bot. `tables` are the `[plugins.NAME]` tables of the settings."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._tables = tables
        self._required = set(tables)
        self._manager = PluginManager(_GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._hooks = tuple(vars(self._manager.hook))
        self._entries: dict[str, PluginEntry] = {}
        self._implementations: dict[str, tuple[HookImpl, ...]] = {}

    @property
    def entries(self) -> tuple[PluginEntry, ...]:
        """Every plugin that is installed or named in the settings, in the order of loading."""
        return tuple(self._entries.values())

    def settings(self, name: str) -> Mapping[str, Any]:
        """Return the plugin's own table, without `enabled`."""
        return {key: value for key, value in self._tables.get(name, {}).items() if key != "enabled"}

    def implementations(self, hook: str) -> tuple[HookImpl, ...]:
        """Return the implementations of a hook, in the order of asking."""
        if hook not in self._implementations:
            found = _caller(self._manager, hook).get_hookimpls()
            # pluggy's lists run from the last to be asked to the first, which suits shutdown alone.
            self._implementations[hook] = tuple(found if hook == "shutdown" else reversed(found))
        return self._implementations[hook]

    def first_answer_wins(self, hook: str) -> bool:
        """Whether the first plugin with an answer keeps the others from being asked."""
        spec = _caller(self._manager, hook).spec
        return spec is not None and spec.opts["firstresult"]

    def load(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        """Load these plugins, or those that are installed: botkit's own first, then the others by name.

        Raises PluginError, and ConfigError for an `enabled` that is neither true nor false.
        """
        found = importlib.metadata.entry_points(group=_GROUP) if entry_points is None else entry_points
        for entry, entry_point in sorted(((_entry(each), each) for each in found), key=lambda pair: _order(pair[0])):
            self._load(entry, entry_point)
        for name in self._tables:
            if name not in self._entries:
                self._miss(name)

    def register(self, plugin: object, name: str) -> None:
        """Add a module or an object as a plugin. Raises PluginError for whatever is wrong with it."""
        entry = PluginEntry(name, getattr(plugin, "__name__", type(plugin).__name__))
        self._required.add(name)
        if self._take_in(entry):
            self._admit(name, plugin)

    def give_up(self, name: str, what: str, error: BaseException) -> None:
        """Take a plugin out, since it failed in `what`. Raises PluginError if the bot must not run without it."""
        self._implementations.clear()
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)
        reason = f"{what}: {_one_line(error)}"
        entry = self._entries[name] = replace(self._entries[name], state="failed", reason=reason)
        if name in self._required:
            raise PluginError(
                f'the plugin "{name}" ({entry.module}) {reason}. Mend it, or block it: [plugins.{name}] enabled = false'
            ) from error
        log.error("botkit.plugin.refused plugin=%s reason=%r", name, reason, exc_info=error)

    def _load(self, entry: PluginEntry, entry_point: EntryPoint) -> None:
        if not self._take_in(entry):
            return
        try:
            plugin = entry_point.load()
        except FAILURES as error:
            if _source_names_guard(entry.module):
                self._required.add(entry.name)
            self.give_up(entry.name, "cannot be imported", error)
        else:
            self._admit(entry.name, plugin)

    def _take_in(self, entry: PluginEntry) -> bool:
        """List a plugin; return whether it may be used. Raises PluginError if the name is taken."""
        name = entry.name
        if self._enabled(name) is False:
            self._entries[name] = replace(entry, state="blocked", reason=f"[plugins.{name}] enabled = false")
            return False
        other = self._entries.get(name)
        if other is not None and other.module:
            raise PluginError(f'two plugins are called "{name}": {_origin(other)} and {_origin(entry)}; remove one')
        self._entries[name] = entry
        return True

    def _admit(self, name: str, plugin: object) -> None:
        """Register a plugin and hold it to the rules of the door."""
        marked = _marked(self._manager, plugin)
        self._entries[name] = replace(self._entries[name], hooks=tuple(sorted(marked)))
        if hasattr(plugin, GUARD) or GUARD in map(self._nearest_hook, marked):
            # One that is misspelt or not marked must not be passed over either.
            self._required.add(name)
        self._implementations.clear()
        try:
            self._check_marks(plugin, marked)
            self._manager.register(plugin, name)
            for hook in marked:
                _check_signature(self._manager, plugin, hook)
        except (PluginError, PluginValidationError, ValueError) as error:
            self.give_up(name, "breaks a rule", error)

    def _check_marks(self, plugin: object, marked: Mapping[str, HookimplOpts]) -> None:
        if not marked:
            raise PluginError("it has no hooks; mark its functions with @hookimpl")
        if hasattr(plugin, GUARD) and GUARD not in marked:
            raise PluginError(f"its {GUARD} would never be asked; mark it with @hookimpl")
        for hook, option in marked.items():
            if option["wrapper"] or option["hookwrapper"]:
                raise PluginError(f"{hook} is a wrapper, and those are not awaited; use around_turn")
            if hook not in self._hooks and not option["optionalhook"]:
                near = self._nearest_hook(hook)
                raise PluginError(
                    f"there is no hook {hook}; "
                    + (f"did you mean {near}?" if near else f"there are {', '.join(self._hooks)}")
                )

    def _nearest_hook(self, name: str) -> str | None:
        near = get_close_matches(name, self._hooks, n=1)
        return near[0] if near else None

    def _enabled(self, name: str) -> bool | None:
        """What the plugin's table says about using it; None if it says nothing."""
        setting = self._tables.get(name, {}).get("enabled")
        try:
            # From the environment it comes as a text.
            return None if setting is None else TypeAdapter(bool).validate_python(setting)
        except ValidationError:
            raise ConfigError(f"[plugins.{name}] enabled must be true or false") from None

    def _miss(self, name: str) -> None:
        """List a plugin that the settings speak of and that is not installed."""
        enabled = self._enabled(name)
        if enabled is False:
            return
        near = get_close_matches(name, self._entries, n=1)
        reason = f"not installed (did you mean {near[0]}?)" if near else "not installed"
        if enabled:
            raise PluginError(f'the plugin "{name}" is {reason}; install it, or take [plugins.{name}] out')
        log.warning("botkit.plugin.missing plugin=%s reason=%r", name, reason)
        self._entries[name] = PluginEntry(name, module="", state="failed", reason=reason)


def _entry(entry_point: EntryPoint) -> PluginEntry:
    distribution = entry_point.dist
    if distribution is None:
        return PluginEntry(entry_point.name, entry_point.value)
    return PluginEntry(entry_point.name, entry_point.value, distribution.name, distribution.version)


def _order(entry: PluginEntry) -> tuple[bool, str, str]:
    return entry.distribution != "botkit", entry.name, entry.distribution


def _origin(entry: PluginEntry) -> str:
    return f"{entry.module} of {entry.distribution}" if entry.distribution else entry.module


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError | PluginValidationError) else f"{type(error).__name__}: {text}"


def _caller(manager: PluginManager, hook: str) -> HookCaller:
    caller: HookCaller = getattr(manager.hook, hook)
    return caller


def _marked(manager: PluginManager, plugin: object) -> dict[str, HookimplOpts]:
    """Return the names of the hooks that a plugin says it implements, with its options for them."""
    options = ((name, manager.parse_hookimpl_opts(plugin, name)) for name in dir(plugin))
    return {option["specname"] or name: option for name, option in options if option is not None}


def _source_names_guard(module: str) -> bool:
    """Whether a module that cannot be imported speaks of the guard's hook, as far as its source can be found."""
    top = re.split(r"\W", module, maxsplit=1)[0]
    spec = importlib.util.find_spec(top) if top else None
    places = [] if spec is None else spec.submodule_search_locations or [spec.origin or ""]
    files = (file for place in map(Path, places) for file in (place.rglob("*.py") if place.is_dir() else [place]))
    return any(GUARD.encode() in file.read_bytes() for file in files if file.is_file())


def _check_signature(manager: PluginManager, plugin: object, hook: str) -> None:
    """Check what pluggy lets pass: arguments that it would not fill in, and coroutines that nobody would await."""
    caller = _caller(manager, hook)
    for impl in caller.get_hookimpls():
        if impl.plugin is not plugin or caller.spec is None:
            continue
        if unfilled := set(impl.kwargnames) & set(caller.spec.argnames):
            raise PluginError(
                f"{hook} gives {', '.join(sorted(unfilled))} a default and would not get it; take it away"
            )
        if hook in _NOT_AWAITED and inspect.iscoroutinefunction(impl.function):
            raise PluginError(f"{hook} is not awaited; make it a plain def")

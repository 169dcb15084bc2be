"""The terminal: a chat in a window, one question on the command line, or a pipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botkit import Adapter, hookimpl


@hookimpl
def register_adapters(register: Callable[[str, Callable[[Mapping[str, Any]], Adapter]], None]) -> None:
    """Offer the adapter."""
    register("terminal", build)


def build(settings: Mapping[str, Any]) -> Adapter:
    """Build the adapter. `settings` are those of `botkit_terminal.adapter.TerminalAdapter`."""
    from botkit_terminal.adapter import TerminalAdapter  # noqa: PLC0415 - loaded only when it is run

    return TerminalAdapter(**settings)

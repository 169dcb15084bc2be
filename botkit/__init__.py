"""botkit: the framework for Claude chatbots.

Everything that a plugin or an adapter needs is imported from here. The names are loaded when they are first used,
so that `import botkit` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botkit.adapter import (
        Adapter,
        Connected,
        FailureChannel,
        Progress,
        ProgressChannel,
        Receipt,
        Receive,
        ReplyChannel,
        StreamingChannel,
        ToolFinished,
        ToolStarted,
        TurnFinished,
        TurnStarted,
    )
    from botkit.bot import Bot
    from botkit.errors import (
        AdapterUnavailable,
        BotkitError,
        ConfigError,
        DeliveryError,
        ModelError,
        PluginError,
        StoreError,
        ToolError,
    )
    from botkit.hookspecs import hookimpl
    from botkit.messages import (
        Address,
        Block,
        ConversationKey,
        Event,
        IncomingMessage,
        Message,
        Person,
        Restarted,
        StopRequested,
        Usage,
        clean_text,
    )
    from botkit.model import Completed, Model, ModelReply, Prompt, StreamEvent, TextDelta
    from botkit.settings import Settings, load_settings
    from botkit.store import Conversation, Turn
    from botkit.threads import run_in_thread
    from botkit.tools import Tool

_HOMES = {
    "botkit.adapter": (
        "Adapter Connected FailureChannel Progress ProgressChannel Receipt Receive ReplyChannel StreamingChannel "
        "ToolFinished ToolStarted TurnFinished TurnStarted"
    ),
    "botkit.bot": "Bot",
    "botkit.errors": (
        "AdapterUnavailable BotkitError ConfigError DeliveryError ModelError PluginError StoreError ToolError"
    ),
    "botkit.hookspecs": "hookimpl",
    "botkit.messages": (
        "Address Block ConversationKey Event IncomingMessage Message Person Restarted StopRequested Usage clean_text"
    ),
    "botkit.model": "Completed Model ModelReply Prompt StreamEvent TextDelta",
    "botkit.settings": "Settings load_settings",
    "botkit.store": "Conversation Turn",
    "botkit.threads": "run_in_thread",
    "botkit.tools": "Tool",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Adapter",
    "AdapterUnavailable",
    "Address",
    "Block",
    "Bot",
    "BotkitError",
    "Completed",
    "ConfigError",
    "Connected",
    "Conversation",
    "ConversationKey",
    "DeliveryError",
    "Event",
    "FailureChannel",
    "IncomingMessage",
    "Message",
    "Model",
    "ModelError",
    "ModelReply",
    "Person",
    "PluginError",
    "Progress",
    "ProgressChannel",
    "Prompt",
    "Receipt",
    "Receive",
    "ReplyChannel",
    "Restarted",
    "Settings",
    "StopRequested",
    "StoreError",
    "StreamEvent",
    "StreamingChannel",
    "TextDelta",
    "Tool",
    "ToolError",
    "ToolFinished",
    "ToolStarted",
    "Turn",
    "TurnFinished",
    "TurnStarted",
    "Usage",
    "clean_text",
    "hookimpl",
    "load_settings",
    "run_in_thread",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

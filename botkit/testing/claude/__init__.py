"""A simulated Claude: a server on loopback that speaks the Messages API on the wire.

    async with SimulatedClaude() as claude:
        claude.script("Hello", call("weather", city="Bonn"), Status(529))
        client = AsyncAnthropic(base_url=claude.base_url, api_key=claude.api_key)

It refuses what Claude refuses, counts tokens and cache like Claude, and fails in every way in which the
real API fails. Without a script it answers by itself, and says that it is simulated.
"""

from botkit.testing.claude.models import MODELS, Model
from botkit.testing.claude.program import Responder
from botkit.testing.claude.recorded import RecordedRequest
from botkit.testing.claude.script import (
    Body,
    BreakAfter,
    Delay,
    Fault,
    Interject,
    Say,
    Sayable,
    ScriptItem,
    Status,
    Unstreamed,
    Wait,
    call,
    redacted_thinking,
    say,
    thinking,
)
from botkit.testing.claude.server import SimulatedClaude

__all__ = [
    "MODELS",
    "Body",
    "BreakAfter",
    "Delay",
    "Fault",
    "Interject",
    "Model",
    "RecordedRequest",
    "Responder",
    "Say",
    "Sayable",
    "ScriptItem",
    "SimulatedClaude",
    "Status",
    "Unstreamed",
    "Wait",
    "call",
    "redacted_thinking",
    "say",
    "thinking",
]

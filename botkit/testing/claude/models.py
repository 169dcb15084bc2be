"""The models the simulated Claude knows, and what each of them refuses.

Identifiers are those of anthropic 2.12. Windows: 1M tokens in and 128K out, 200K and 64K on the 4.5 line.
Release dates are not known here, and the API says such a date as the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botkit.testing.claude.blocks import Json

_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its limits and which request shapes it takes."""

    id: str
    max_input_tokens: int = 1_000_000
    max_tokens: int = 128_000
    thinking: frozenset[str] = frozenset({"adaptive", "disabled"})
    prefill: bool = False
    system_entries: bool = True
    forced_tools: bool = True
    checks_prefix: bool = False
    retires_at: str | None = None

    @property
    def max_images(self) -> int:
        """How many images one request may hold."""
        return 600 if self.max_input_tokens > 200_000 else 100

    def to_json(self) -> Json:
        """The model as `GET /v1/models/{id}` describes it."""
        _, line, *version = self.id.split("-")
        name = f"Claude {line.capitalize()} {'.'.join(part for part in version if len(part) < 8)}"
        return {
            "type": "model",
            "id": self.id,
            "display_name": name,
            "line": line,
            "created_at": _EPOCH,
            "lifecycle": "deprecated" if self.retires_at else "active",
            "deprecated_at": _EPOCH if self.retires_at else None,
            "retires_at": self.retires_at,
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": self._capabilities(),
        }

    def _capabilities(self) -> Json:
        effort = {"supported": True} | dict.fromkeys(("low", "medium", "high", "xhigh", "max"), _supported(True))
        thinking_types = ("adaptive", "between_tools", "disabled", "enabled")
        flags = ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs")
        return {
            **{flag: _supported(True) for flag in flags},
            "effort": effort,
            "context_management": {"supported": True},
            "server_tools": {
                "supported": True,
                "web_search": _supported(True),
                "code_execution": _supported(True),
            },
            "thinking": {
                "supported": True,
                "types": {kind: _supported(kind in self.thinking) for kind in thinking_types},
            },
        }


def _supported(supported: bool) -> Json:
    return {"supported": supported}


_ALWAYS_THINKS = frozenset({"adaptive"})
_EITHER_MODE = frozenset({"adaptive", "enabled", "disabled"})
_MANUAL_ONLY = frozenset({"enabled", "disabled"})


def _always_thinking(name: str, *, forced_tools: bool = True, checks_prefix: bool = True) -> Model:
    return Model(name, thinking=_ALWAYS_THINKS, forced_tools=forced_tools, checks_prefix=checks_prefix)


def _line_4_5(name: str, retires_at: str | None = None) -> Model:
    return Model(
        name,
        max_input_tokens=200_000,
        max_tokens=64_000,
        thinking=_MANUAL_ONLY,
        prefill=True,
        system_entries=False,
        retires_at=retires_at,
    )


_CATALOGUE = (
    _always_thinking("claude-fable-5-2"),
    _always_thinking("claude-mythos-5-2"),
    Model("claude-haiku-5-5", checks_prefix=True),
    Model(
        "claude-sonnet-5-5",
        thinking=frozenset({"adaptive", "between_tools", "disabled"}),
        forced_tools=False,
        checks_prefix=True,
    ),
    _always_thinking("claude-fable-5-1", forced_tools=False),
    _always_thinking("claude-opus-5-5", forced_tools=False),
    _always_thinking("claude-mythos-5-1"),
    Model("claude-sonnet-5", system_entries=False),
    _always_thinking("claude-fable-5", checks_prefix=False),
    _always_thinking("claude-mythos-5", checks_prefix=False),
    Model("claude-opus-5"),
    Model("claude-opus-4-8"),
    Model("claude-opus-4-7", system_entries=False),
    Model("claude-opus-4-6", thinking=_EITHER_MODE, system_entries=False),
    Model("claude-sonnet-4-6", thinking=_EITHER_MODE, system_entries=False),
    _line_4_5("claude-haiku-4-5"),
    _line_4_5("claude-haiku-4-5-20251001"),
    _line_4_5("claude-opus-4-5"),
    _line_4_5("claude-opus-4-5-20251101"),
    _line_4_5("claude-sonnet-4-5", retires_at="2026-11-30T00:00:00Z"),
    _line_4_5("claude-sonnet-4-5-20250929", retires_at="2026-11-30T00:00:00Z"),
)

MODELS = {model.id: model for model in _CATALOGUE}
"""Every model by its id, in the order in which the API lists them."""

"""Why the prompt cache could not reuse the prefix of an earlier request (`diagnostics.cache_miss_reason`)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.prompt import Prompt

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    model: str
    system: bytes
    tools: bytes
    length: int
    last_prefix: bytes
    tokens: int


class CacheDiagnostics:
    """Remembers the prompts of the newest messages by message id."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[str, _Fingerprint] = OrderedDict()

    def remember(self, message_id: str, prompt: Prompt) -> None:
        """Keeps what is needed to compare a later request with this one."""
        last = prompt.segments[-1].prefix if prompt.segments else b""
        self._prompts[message_id] = _Fingerprint(
            model=prompt.model,
            system=prompt.parts["system"],
            tools=prompt.parts["tools"],
            length=len(prompt.segments),
            last_prefix=last,
            tokens=prompt.tokens,
        )
        if len(self._prompts) > _REMEMBERED:
            self._prompts.popitem(last=False)

    def compare(self, previous_message_id: str | None, prompt: Prompt) -> Json | None:
        """The `diagnostics` of the answer: None when nothing diverged or there is nothing to compare with."""
        if previous_message_id is None:
            return None
        previous = self._prompts.get(previous_message_id)
        if previous is None:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        changed = _changed(previous, prompt)
        if changed is None:
            return None
        return {"cache_miss_reason": {"type": changed, "cache_missed_input_tokens": previous.tokens}}


def _changed(previous: _Fingerprint, prompt: Prompt) -> str | None:
    if previous.model != prompt.model:
        return "model_changed"
    if previous.system != prompt.parts["system"]:
        return "system_changed"
    if previous.tools != prompt.parts["tools"]:
        return "tools_changed"
    appended_to = prompt.segments[previous.length - 1 : previous.length]
    if not appended_to or appended_to[0].prefix != previous.last_prefix:
        return "messages_changed"
    return None

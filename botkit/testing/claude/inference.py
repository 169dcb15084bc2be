"""What the API does between a request and its answer: admit, count, cut, sign, account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.testing.claude.cache import PromptCache
from botkit.testing.claude.completion import Limits, draft, message, without_thinking_text
from botkit.testing.claude.diagnostics import CacheDiagnostics
from botkit.testing.claude.models import MODELS
from botkit.testing.claude.prompt import read_prompt
from botkit.testing.claude.seals import BINDING_BETA, Dropped, ThinkingSeals
from botkit.testing.claude.validation import check_request, check_size
from botkit.testing.claude.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.prompt import Prompt
    from botkit.testing.claude.recorded import RecordedRequest
    from botkit.testing.claude.script import Say

_UNKNOWN_WINDOW = 1_000_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that is going to be answered: what the model reads, and the thinking it is not shown."""

    request: RecordedRequest
    prompt: Prompt
    dropped: Sequence[Dropped]


class Inference:
    """The state that outlives a request: seals on thinking, the prompt cache and its diagnostics.

    `max_input_tokens` stands in for every model's own window.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Callable[[], float],
        strict: bool,
        minimum_cacheable: int,
        max_input_tokens: int | None,
    ) -> None:
        self._seals = ThinkingSeals(secret)
        self._cache = PromptCache(clock, minimum_cacheable)
        self._diagnostics = CacheDiagnostics()
        self._strict = strict
        self._max_input_tokens = max_input_tokens

    def window(self, model: str) -> int:
        """How many tokens a prompt to this model may have."""
        own = MODELS[model].max_input_tokens if model in MODELS else _UNKNOWN_WINDOW
        return own if self._max_input_tokens is None else self._max_input_tokens

    def admit(self, request: RecordedRequest, *, counting: bool = False) -> Admitted:
        """The request as the model reads it; raises ApiError when it is refused."""
        if not self._strict:
            return Admitted(request, read_prompt(request.body), ())
        check_request(request, counting=counting)
        prompt = read_prompt(request.body)
        behavior = request.option("thinking", "block_binding", "prefix_mismatch_behavior")
        dropped = self._seals.check(prompt, drop_mismatched=behavior == "drop_block")
        if dropped:
            prompt = read_prompt(request.body, {block.path for block in dropped})
        check_size(prompt, self.window(prompt.model))
        return Admitted(request, prompt, dropped)

    def answer(self, admitted: Admitted, what: Say) -> Answer:
        """The message that says this, with the request read from and written to the prompt cache."""
        request, prompt = admitted.request, admitted.prompt
        answer = draft(what, self._limits(admitted))
        omitted = request.option("thinking", "display") == "omitted"
        shown = without_thinking_text(answer.blocks) if omitted else answer.blocks
        usage = self._cache.use(prompt, request.body.get("cache_control")).to_usage()
        whole = message(answer, self._seals.sign(prompt, shown), prompt.model, usage)
        whole |= self._diagnose(admitted, whole["id"])
        if admitted.dropped and BINDING_BETA in request.betas:
            whole["input_transformations"] = [block.to_json() for block in admitted.dropped]
        return Answer(whole, answer.pieces)

    def _limits(self, admitted: Admitted) -> Limits:
        body = admitted.request.body
        room = max(1, self.window(admitted.prompt.model) - admitted.prompt.tokens)
        asked = body.get("max_tokens", room)
        stops = tuple(body.get("stop_sequences") or ())
        if asked <= room:
            return Limits(asked, "max_tokens", stops)
        return Limits(room, "model_context_window_exceeded", stops)

    def _diagnose(self, admitted: Admitted, message_id: str) -> Json:
        """The message's `diagnostics`, only for a request that asks for them."""
        self._diagnostics.remember(message_id, admitted.prompt)
        if not isinstance(admitted.request.body.get("diagnostics"), dict):
            return {}
        previous = admitted.request.option("diagnostics", "previous_message_id")
        return {"diagnostics": self._diagnostics.compare(previous, admitted.prompt)}

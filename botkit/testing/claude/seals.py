"""Signatures on thinking: sealed when a block is sent, checked when it comes back.

A seal holds the model, the text, the system prompt, the tools and the messages before the block, and which
thinking block came before it. Blocks may be left out from the front, never from between others, and each
is refused where the conversation before it differs (the API's "preserved thinking").
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import is_thinking
from botkit.testing.claude.errors import invalid
from botkit.testing.claude.models import MODELS
from botkit.testing.claude.prompt import DIGEST_SIZE, NOTHING, digest, extend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.prompt import Prompt, Segment

BINDING_BETA = "thinking-binding-controls-2026-08-01"

_MAC_SIZE = 16
_FIELDS = 6
_REMEDY = (
    'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". '
    f"That setting requires the `{BINDING_BETA}` value in the `anthropic-beta` header."
)


@dataclass(frozen=True, slots=True)
class Seal:
    """What a signature vouches for; every field is a digest."""

    model: bytes
    text: bytes
    system: bytes
    tools: bytes
    messages: bytes
    previous: bytes

    def identity(self) -> bytes:
        """What the next thinking block's seal calls this one."""
        return digest(b"".join(astuple(self)))

    def mismatch(self, now: Seal) -> str | None:
        """In words, what of the conversation differs now; None when nothing does."""
        if self.system != now.system:
            return "The `system` prompt differs from the one this block was created with."
        if self.tools != now.tools:
            return "The `tools` differ from those this block was created with."
        if self.messages != now.messages:
            return "The `messages` before the block differ from those this block was created with."
        if now.previous not in {NOTHING, self.previous}:
            return "A thinking block before this one was left out or moved."
        return None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A thinking block that the model is not shown, and the binding check that removed it."""

    path: str
    reason: str

    def to_json(self) -> Json:
        """The entry in the message's `input_transformations`."""
        return {"type": "thinking_dropped", "path": self.path, "reason": self.reason}


class ThinkingSeals:
    """Seals and checks with one secret: a block of another server is a forgery to this one."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, prompt: Prompt, blocks: Sequence[Json]) -> list[Json]:
        """The blocks of an answer to `prompt`; thinking that carries no signature gets one."""
        messages = prompt.parts["messages"]
        previous = self._last_identity(prompt)
        signed: list[Json] = []
        for block in blocks:
            sealed = dict(block)
            if is_thinking(block) and not block.get(_signature_key(block)):
                seal = _seal(prompt, block, messages, previous)
                sealed[_signature_key(block)] = self._encode(seal)
                previous = seal.identity()
            messages = extend(messages, "assistant", block)
            signed.append(sealed)
        return signed

    def check(self, prompt: Prompt, *, drop_mismatched: bool = False) -> list[Dropped]:
        """The thinking blocks that are dropped without an error; raises ApiError for one that is refused."""
        dropped: list[Dropped] = []
        latest = max((s.path.split(".")[1] for s in prompt.segments if s.role == "assistant"), key=int, default="")
        previous = NOTHING
        for segment in prompt.thinking:
            seal = self._authentic(segment, latest=segment.path.split(".")[1] == latest)
            reason = _drop_reason(prompt, segment, seal, previous, drop_mismatched=drop_mismatched)
            if reason:
                dropped.append(Dropped(segment.path, reason))
            else:
                previous = seal.identity()
        return dropped

    def _authentic(self, segment: Segment, *, latest: bool) -> Seal:
        """The seal of a block sent back; raises ApiError when it is not ours or not for this text."""
        key = _signature_key(segment.block)
        seal = self._decode(segment.block.get(key))
        if seal is not None and seal.text == _text_digest(segment.block):
            return seal
        if seal is not None and latest:
            raise invalid(
                f"{segment.path}: `thinking` or `redacted_thinking` blocks in the latest assistant message "
                "cannot be modified. These blocks must remain as they were in the original response."
            )
        raise invalid(f"{segment.path}: Invalid `{key}` in `{segment.block['type']}` block")

    def _last_identity(self, prompt: Prompt) -> bytes:
        seals = [self._decode(segment.block.get(_signature_key(segment.block))) for segment in prompt.thinking]
        return seals[-1].identity() if seals and seals[-1] else NOTHING

    def _encode(self, seal: Seal) -> str:
        payload = b"".join(astuple(seal))
        return base64.b64encode(payload + self._mac(payload)).decode()

    def _decode(self, signature: object) -> Seal | None:
        try:
            raw = base64.b64decode(str(signature or ""), validate=True)
        except (binascii.Error, ValueError):
            return None
        payload, mac = raw[:-_MAC_SIZE], raw[-_MAC_SIZE:]
        if len(payload) != _FIELDS * DIGEST_SIZE or not hmac.compare_digest(mac, self._mac(payload)):
            return None
        return Seal(*(payload[start : start + DIGEST_SIZE] for start in range(0, len(payload), DIGEST_SIZE)))

    def _mac(self, payload: bytes) -> bytes:
        return blake2b(payload, digest_size=_MAC_SIZE, key=self._secret).digest()


def _drop_reason(prompt: Prompt, segment: Segment, seal: Seal, previous: bytes, *, drop_mismatched: bool) -> str | None:
    """Why the block is not shown to the model, None when it is; raises ApiError for a refused mismatch."""
    if seal.model != digest(prompt.model.encode()):
        return "model_binding_mismatch"
    if not _checks_prefix(prompt.model):
        return None
    difference = seal.mismatch(_seal(prompt, segment.block, segment.before, previous))
    if difference is None:
        return None
    if drop_mismatched:
        return "prefix_binding_mismatch"
    key, kind = _signature_key(segment.block), segment.block["type"]
    raise invalid(
        f"{segment.path}: Invalid `{key}` in `{kind}` block. "
        f"The block is bound to a different conversation. {_REMEDY} {difference}"
    )


def _checks_prefix(model: str) -> bool:
    return model in MODELS and MODELS[model].checks_prefix


def _seal(prompt: Prompt, block: Json, messages: bytes, previous: bytes) -> Seal:
    return Seal(
        model=digest(prompt.model.encode()),
        text=_text_digest(block),
        system=prompt.parts["system"],
        tools=prompt.parts["tools"],
        messages=messages,
        previous=previous,
    )


def _signature_key(block: Json) -> str:
    return "signature" if block.get("type") == "thinking" else "data"


def _text_digest(block: Json) -> bytes:
    return digest(str(block.get("thinking") or "").encode("utf-8", "surrogatepass"))

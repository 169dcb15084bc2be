"""What a person types, and what comes through a pipe."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

__all__ = ["read_pipe", "read_prompts"]

_HINT = "Ctrl-D leaves; Ctrl-C stops an answer."


def read_pipe() -> str:
    """Read all of standard input. Bytes that are no UTF-8 become replacement characters."""
    return sys.stdin.buffer.read().decode("utf-8", "replace").rstrip("\r\n")


async def read_prompts() -> AsyncIterator[str]:
    """Prompt for one question after another until Ctrl-D. Alt-Enter begins a new line."""
    from prompt_toolkit import PromptSession  # noqa: PLC0415 - slow to import, and a pipe does without

    session: PromptSession[str] = PromptSession()
    while True:
        try:
            text = await session.prompt_async("> ")
        except KeyboardInterrupt:
            sys.stderr.write(_HINT + "\n")
            continue
        except EOFError:
            return
        if text.strip():
            yield text

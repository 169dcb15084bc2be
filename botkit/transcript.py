"""What a turn sends: the conversation's messages as the turn goes on, and the frame that they are sent in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botkit.errors import ModelError
from botkit.history import Window, fit
from botkit.messages import Message
from botkit.model import ModelReply, Prompt
from botkit.settings import HistorySettings
from botkit.store import Frame, StoredMessage
from botkit.tokens import Calibration, estimate, estimate_text, estimate_tools

__all__ = ["Transcript", "said"]


def said(messages: Iterable[StoredMessage], turn_id: int) -> list[str]:
    """Return the texts of a turn's reply, one for each call of the model that had any."""
    replies = (stored.message for stored in messages if stored.turn == turn_id and stored.message.role == "assistant")
    return [reply.text for reply in replies if reply.text]


class Transcript:
    """The messages after the frame's cut, oldest first. `frame` moves when a prompt needs a cut."""

    def __init__(
        self,
        messages: Sequence[StoredMessage],
        frame: Frame,
        tools: tuple[Mapping[str, Any], ...],
        settings: HistorySettings,
        calibration: Calibration,
        model: str,
    ) -> None:
        self.frame = frame
        self.left_out = 0
        self._messages = list(messages)
        self._tools = tools
        self._budget = settings.budget
        self._cut_to = settings.cut_to
        self._overhead = estimate_text(frame.system) + estimate_tools(tools)
        self._calibration = calibration
        self._model = model
        self._window: Window | None = None
        self._recovered: set[str] = set()

    def prompt(self) -> Prompt:
        """Return what to send now. Raises MessageTooLong."""
        window = fit(
            self._messages,
            self.frame,
            budget=self._budget,
            cut_to=self._cut_to,
            overhead=self._overhead,
            ratio=self._calibration.ratio(self._model),
        )
        self.frame = dataclasses.replace(self.frame, cut=window.cut, bare=window.bare)
        self._messages = [stored for stored in self._messages if stored.seq > window.cut]
        self.left_out += window.left_out
        self._window = window
        return Prompt(messages=window.messages, system=self.frame.system, tools=self._tools)

    def said(self, turn_id: int) -> list[str]:
        """What the turn has stored of its reply so far, a text for each call of the model."""
        return said(self._messages, turn_id)

    def learn(self, reply: ModelReply) -> None:
        """Calibrate the estimates by what the API counted for the last prompt."""
        if self._window is not None:
            self._calibration.learn(self._model, estimated=self._window.tokens, counted=reply.usage.prompt_tokens)

    def extend(self, turn_id: int, messages: Sequence[Message]) -> None:
        """Add what the turn has stored since: tool calls and their results."""
        for message in messages:
            self._messages.append(StoredMessage(self._last_seq + 1, turn_id, message, estimate(message)))

    def recover(self, error: ModelError) -> bool:
        """Change what is sent so that a refused request may pass; False if there is nothing (more) to change.

        A guess at the size that was too low is answered by cutting deeper, and thinking that the API holds to be
        bound to another past is left out: each once.
        """
        if error.kind in self._recovered:
            return False
        self._recovered.add(error.kind)
        match error.kind:
            case "too_long":
                self._budget = int(self._budget * self._cut_to)
            case "thinking_bound":
                self.frame = dataclasses.replace(self.frame, bare=self._last_seq)
            case _:
                return False
        return True

    @property
    def _last_seq(self) -> int:
        return self._messages[-1].seq if self._messages else self.frame.cut

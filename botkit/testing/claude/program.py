"""What is answered next: a responder's choice, else the script in order, else nothing scripted at all."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from botkit.testing.claude.recorded import RecordedRequest
from botkit.testing.claude.script import BreakAfter, Fault, ScriptItem, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Responder: TypeAlias = Callable[[RecordedRequest], ScriptItem | None]
"""Answers a request by its content; None leaves it to the next responder, then to the script."""

USUAL_FAULTS: tuple[Fault, ...] = (
    Status(429, headers={"retry-after": "0"}),
    Status(500),
    Status(529),
    BreakAfter(2, "error"),
    BreakAfter(2, "reset"),
    BreakAfter(2, "fin"),
    BreakAfter(2, "eof"),
)


class Program:
    """The items still to be played. `seed` decides which requests chaos hits."""

    def __init__(self, seed: int) -> None:
        self._items: deque[ScriptItem] = deque()
        self._responders: list[Responder] = []
        self._random = random.Random(seed)  # noqa: S311 - repeatable chaos, no secret
        self._rate = 0.0
        self._faults: Sequence[Fault] = USUAL_FAULTS

    def __len__(self) -> int:
        return len(self._items)

    def append(self, items: Iterable[ScriptItem]) -> None:
        """Adds to the end of the script."""
        self._items.extend(items)

    def add_responder(self, responder: Responder) -> None:
        """Responders are asked in the order in which they were added."""
        self._responders.append(responder)

    def set_chaos(self, rate: float, faults: Sequence[Fault]) -> None:
        """From now on, this share of the requests gets one of the faults, and leaves the script alone."""
        self._rate, self._faults = rate, faults

    def next_item(self, request: RecordedRequest) -> ScriptItem | None:
        """What to answer; None for the unscripted answer."""
        if self._rate and self._random.random() < self._rate:
            return self._random.choice(self._faults)
        for responder in self._responders:
            item = responder(request)
            if item is not None:
                return item
        return self._items.popleft() if self._items else None

"""When a failed call of Claude is made again, how long to wait before it, and whom to ask. Pure: no clock, no I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from botkit.errors import ModelError

__all__ = ["Attempts", "RetryPolicy"]

_MANY_DOUBLINGS = 64  # by then the wait has long been the longest one, and floats do not overflow


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient to be. Times are in seconds.

    The wait is `first`, then grows by `factor` up to `longest`, less a random share of up to `jitter`. After
    `breaks` connections in a row that failed or broke off, a person is better served by hearing of it, and each
    answer that broke off is billed. After `overloads` times of being overloaded in a row, it is another model's turn.
    """

    first: float = 0.5
    factor: float = 2.0
    longest: float = 8.0
    jitter: float = 0.25
    breaks: int = 6
    overloads: int = 2

    def delay(self, attempt: int, retry_after: float | None, random: float) -> float:
        """Return the wait after failed attempt number `attempt`, counted from 1.

        `random` is from 0 to 1. What the server asked for in `retry_after` is never undercut; the jitter is then
        added, so that everyone who was sent away does not come back at once.
        """
        backoff = min(self.first * self.factor ** min(attempt - 1, _MANY_DOUBLINGS), self.longest)
        spread = backoff * self.jitter * random
        return backoff - spread if retry_after is None else max(backoff, retry_after) + spread


class Attempts:
    """The attempts at one answer: `number` and `model` are those of the current one.

    `models` are asked in turn when one is overloaded. `deadline` is a time on the clock of the `now` given later.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        models: Sequence[str],
        deadline: float,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._models = cycle(models)
        self._deadline = deadline
        self._random = random
        self._kind = ""
        self._in_a_row = 0
        self.number = 1
        self.model = next(self._models)

    def after(self, failure: ModelError, now: float) -> float | None:
        """Turn to the next attempt and return the wait before it, or None where there is to be none.

        There is none after a final failure, nor where it could not begin before the deadline.
        """
        self._count(failure.kind)
        if not failure.transient or self._hopeless:
            return None
        switches = self._kind == "overloaded" and self._in_a_row % self._policy.overloads == 0
        model = next(self._models) if switches else self.model
        retry_after = failure.retry_after if model == self.model else None
        wait = self._policy.delay(self.number, retry_after, self._random())
        if now + wait >= self._deadline:
            return None
        self.number, self.model = self.number + 1, model
        return wait

    @property
    def _hopeless(self) -> bool:
        return self._kind in {"connection", "incomplete"} and self._in_a_row >= self._policy.breaks

    def _count(self, kind: str) -> None:
        self._in_a_row = self._in_a_row + 1 if kind == self._kind else 1
        self._kind = kind

"""Platforms that hold messages, take their time, and insist on their rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from botkit.delivery import Delivery
from botkit.errors import DeliveryError
from botkit.retry import RetryPolicy
from tests.clocks import now

FENCE = "Look:\n\n```python\n" + "print('one more line')\n" * 12 + "```\n\nThat was it."


class RuleBroken(BaseException):
    """Not an Exception: a delivery would take that for a failure of the platform, and try again."""


def obey(kept: object, rule: str) -> None:
    if not kept:
        raise RuleBroken(rule)


class FakeChannel:
    """A platform that holds messages, takes time, insists on its rules, and fails when told to."""

    def __init__(self, *, max_length: int = 100, edit_interval: float = 1.0, latency: float = 0.1) -> None:
        self.max_length = max_length
        self.edit_interval = edit_interval
        self.latency = latency
        self.messages: dict[str, str] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.times: list[float] = []
        self.records: list[tuple[str, ...]] = []
        self.failures: list[Exception | None] = []
        self.in_flight = 0

    async def record(self, ids: Sequence[str]) -> None:
        obey(not self.in_flight, "recorded before more is sent")
        self.records.append(tuple(ids))

    @contextmanager
    def _flight(self, verb: str, message_id: str, text: str) -> Iterator[None]:
        obey(not self.in_flight, "one request in flight")
        obey(len(text) <= self.max_length, "no more than a message holds")
        self.calls.append((verb, message_id, text))
        self.times.append(now())
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def _answer(self, message_id: str = "") -> None:
        await asyncio.sleep(self.latency)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        if message_id and message_id not in self.messages:
            raise DeliveryError("unknown message", gone=True)

    async def post(self, markdown: str) -> str:
        obey(markdown.strip(), "no empty message")
        with self._flight("post", "", markdown):
            await self._answer()
            return self._created(markdown)

    def _created(self, markdown: str) -> str:
        message_id = f"m{sum(verb in {'post', 'begin'} for verb, _, _ in self.calls)}"
        self.messages[message_id] = markdown
        return message_id

    async def edit(self, message_id: str, markdown: str) -> None:
        obey(markdown.strip(), "no empty message")
        with self._flight("edit", message_id, markdown):
            await self._answer(message_id)
            self.messages[message_id] = markdown

    @property
    def shown(self) -> list[str]:
        return list(self.messages.values())

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.calls]


class FakeStream(FakeChannel):
    """One that shows messages growing; it refuses what does not belong to an open one."""

    def __init__(self, *, max_length: int = 100, edit_interval: float = 1.0, latency: float = 0.1) -> None:
        super().__init__(max_length=max_length, edit_interval=edit_interval, latency=latency)
        self.open: set[str] = set()

    async def begin(self) -> str:
        with self._flight("begin", "", ""):
            await self._answer()
            message_id = self._created("")
            self.open.add(message_id)
            return message_id

    async def append(self, message_id: str, markdown: str) -> None:
        with self._flight("append", message_id, markdown):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream grows")
            self.messages[message_id] += markdown
            obey(len(self.messages[message_id]) <= self.max_length, "no more than a message holds")

    async def restart(self, message_id: str) -> None:
        with self._flight("restart", message_id, ""):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream grows")
            self.messages[message_id] = ""

    async def end(self, message_id: str, markdown: str) -> None:
        with self._flight("end", message_id, markdown):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream ends")
            self.open.remove(message_id)
            self.messages[message_id] = markdown

    async def edit(self, message_id: str, markdown: str) -> None:
        obey(message_id not in self.open, "an open stream is not edited")
        await super().edit(message_id, markdown)


def deliver(channel: FakeChannel, **options: Any) -> Delivery:
    return Delivery(channel, channel.record, **({"retry": RetryPolicy(jitter=0.0)} | options))

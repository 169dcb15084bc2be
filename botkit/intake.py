"""ONE EVENT: cleaned, past the guards, stored with its turn in one transaction, and the runner woken.

The order is the promise. Guards come first, so that nothing refused is kept. What `receive` has accepted is
stored, so the adapter may acknowledge it; only then is anybody woken, and a wake that is lost loses nothing.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

from botkit.adapter import Receipt
from botkit.messages import ConversationKey, Event, IncomingMessage, Message, Person, StopRequested, clean_text
from botkit.plugins import Plugins
from botkit.runner import Runner
from botkit.store import Store
from botkit.tokens import estimate

__all__ = ["Intake"]

log = logging.getLogger(__name__)

_EMPTY = "That message is empty. Please write something."
_REFUSED = "You are not allowed to talk to me here."


class Intake:
    """Takes events in. `stop` stops the answer in a conversation and says whether there was one."""

    def __init__(
        self, store: Store, plugins: Plugins, runner: Runner, *, stop: Callable[[int], bool], interrupt: bool = False
    ) -> None:
        self._store = store
        self._plugins = plugins
        self._runner = runner
        self._stop = stop
        self._interrupt = interrupt

    async def receive(self, event: Event, /) -> Receipt:
        """Take one event in. Raises StoreError if it could not be stored."""
        if isinstance(event, StopRequested):
            return await self._receive_stop(event.conversation)
        return await self._receive_message(event)

    async def _receive_stop(self, key: ConversationKey) -> Receipt:
        conversation = await self._store.find(key)
        if conversation is None or not self._stop(conversation.id):
            return Receipt("ignored", conversation.id if conversation else None, "Nothing is being answered here.")
        return Receipt("accepted", conversation.id)

    async def _receive_message(self, message: IncomingMessage) -> Receipt:
        message = _clean(message)
        if not await self._plugins.accepts(message):
            log.info("botkit.message.refused adapter=%s person=%s", message.conversation.adapter, message.person.id)
            return Receipt("refused", reason=_REFUSED)
        if not message.text.strip():
            return Receipt("ignored", reason=_EMPTY)
        accepted = await self._store.accept(message, estimate(Message.user(message.text)))
        if accepted.new and self._interrupt:
            self._stop(accepted.conversation_id)
        await self._runner.wake(accepted.conversation_id)
        return Receipt("accepted" if accepted.new else "duplicate", accepted.conversation_id)


def _clean(message: IncomingMessage) -> IncomingMessage:
    person = Person(clean_text(message.person.id), clean_text(message.person.name))
    return dataclasses.replace(message, person=person, text=clean_text(message.text))

"""ONE TURN: claimed, answered, stored, delivered."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Literal

from botkit.adapter import ReplyChannel, TurnFinished, TurnStarted
from botkit.answer import Answer
from botkit.delivery import Delivery
from botkit.errors import BotkitError, DeliveryError, StoreError, TurnGivenUp, TurnLost
from botkit.messages import Address, Message, Usage
from botkit.model import Model
from botkit.plugins import Plugins
from botkit.settings import Settings
from botkit.store import Frame, Overlap, Store, Turn
from botkit.tokens import Calibration, estimate
from botkit.tools import Toolbox
from botkit.transcript import Transcript

__all__ = ["Responder"]

log = logging.getLogger(__name__)


class Responder:
    """Answers the turns of conversations. `channel` builds the reply channel for an address."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        model: Model,
        plugins: Plugins,
        *,
        channel: Callable[[Address], ReplyChannel],
    ) -> None:
        self._settings = settings
        self._store = store
        self._model = model
        self._plugins = plugins
        self._channel = channel
        self._toolbox = Toolbox(plugins.tools(), timeout=settings.turns.tool_timeout)
        self._fingerprint = _fingerprint(settings, plugins, self._toolbox)
        self._calibration = Calibration()
        self._asking: dict[int, asyncio.Task[None]] = {}

    async def drain(self, conversation_id: int, /) -> None:
        """Answer everything that waits in one conversation, one turn after another."""
        overlap: Overlap = "queue" if self._settings.turns.overlap == "queue" else "merge"
        while (turn := await self._store.claim(conversation_id, overlap)) is not None:
            await self._respond(turn)

    def stop(self, conversation_id: int) -> bool:
        """Stop the answer that is being given in this conversation; False if there is none."""
        task = self._asking.get(conversation_id)
        return task is not None and task.cancel()

    async def _respond(self, turn: Turn) -> None:
        record = functools.partial(self._store.record_posts, turn)
        delivery = Delivery(self._channel(turn.address), record, posts=turn.posts, live=self._settings.turns.stream)
        await delivery.show(TurnStarted(turn.conversation.id))
        try:
            async with self._plugins.around_turn(turn):
                outcome = await self._answer(turn, delivery)
        except TurnLost:
            log.warning("botkit.turn.lost turn=%s attempt=%s", turn.reference, turn.attempt)
            return
        except Exception as error:
            if delivery.finishing:
                await self._leave_to_sweep(turn, delivery, error)
                raise
            outcome = await self._fail(turn, delivery, error)
        finally:
            await delivery.aclose()
        await self._conclude(turn, delivery, outcome)

    async def _answer(self, turn: Turn, delivery: Delivery) -> TurnFinished:
        """Find the answer, store it, and see it delivered."""
        if turn.attempt > self._settings.turns.attempts:
            raise TurnGivenUp(f"given up after {turn.attempt - 1} attempts; see [turns] attempts")
        if turn.reply is not None:
            return await self._deliver_again(turn, delivery)
        text = await self._plugins.handle_message(turn)
        if text is not None:
            return await self._answer_with(turn, delivery, text)
        return await self._answer_with_claude(turn, delivery)

    async def _deliver_again(self, turn: Turn, delivery: Delivery) -> TurnFinished:
        """Post a reply that was stored by a turn that did not live to post it."""
        transcript = await self._transcript(turn)
        await self._deliver(turn, delivery, "\n\n".join(transcript.said(turn.id)))
        return self._outcome(turn, "answered")

    async def _answer_with(self, turn: Turn, delivery: Delivery, text: str) -> TurnFinished:
        """Give a plugin's answer; an empty one is a turn without words."""
        reply = Message.assistant(text) if text.strip() else None
        await self._store.answer(turn, reply, estimate(reply) if reply else 0, None)
        await self._deliver(turn, delivery, text, stored=reply is not None)
        return self._outcome(turn, "answered")

    async def _answer_with_claude(self, turn: Turn, delivery: Delivery) -> TurnFinished:
        transcript = await self._transcript(turn)
        answer = Answer(turn, transcript, delivery, store=self._store, model=self._model, toolbox=self._toolbox)
        stopped = await self._ask_until_stopped(turn, answer)
        text, stored = await (answer.keep_draft() if stopped else answer.keep())
        await self._deliver(turn, delivery, text, stored=stored)
        return self._outcome(turn, "stopped" if stopped else "answered", answer)

    async def _ask_until_stopped(self, turn: Turn, answer: Answer) -> bool:
        """Ask Claude; return whether somebody stopped it before it was done."""
        task = asyncio.create_task(answer.ask(self._settings.turns.tool_rounds))
        self._asking[turn.conversation.id] = task
        try:
            await task
        except asyncio.CancelledError:
            if (ourselves := asyncio.current_task()) is None or ourselves.cancelling():
                raise
            return True
        finally:
            del self._asking[turn.conversation.id]
        return False

    async def _transcript(self, turn: Turn) -> Transcript:
        frame = await self._frame(turn)
        return Transcript(
            await self._store.history(turn.conversation.id, frame.cut),
            frame,
            self._toolbox.definitions,
            self._settings.history,
            self._calibration,
            self._settings.model.name,
        )

    async def _frame(self, turn: Turn) -> Frame:
        """Return the conversation's frame, made anew if the configuration that it was made from has changed."""
        conversation = turn.conversation
        if conversation.frame.fingerprint == self._fingerprint:
            return conversation.frame
        parts = (self._settings.model.system, await self._plugins.system_prompt(conversation.key))
        return Frame(
            system="\n\n".join(part for part in parts if part),
            fingerprint=self._fingerprint,
            cut=conversation.frame.cut,
            bare=conversation.last_seq,
        )

    async def _deliver(self, turn: Turn, delivery: Delivery, text: str, *, stored: bool = True) -> None:
        await delivery.finish(text)
        if stored:
            await self._store.finish(turn)

    async def _fail(self, turn: Turn, delivery: Delivery, error: Exception) -> TurnFinished:
        """Tell the person in a sentence, and give the turn up."""
        expected = isinstance(error, BotkitError)
        log.error("botkit.turn.failed turn=%s error=%s", turn.reference, error, exc_info=not expected)
        sentence = await self._plugins.turn_failed(turn, error) or _sentence(error)
        try:
            await delivery.fail(f"{sentence} ({turn.reference})", error)
        except DeliveryError:
            log.exception("botkit.turn.failure_untold turn=%s", turn.reference)
        try:
            await self._store.bury(turn, str(error) or type(error).__name__)
        except StoreError:
            log.exception("botkit.turn.unburied turn=%s", turn.reference)
        return self._outcome(turn, "failed")

    async def _leave_to_sweep(self, turn: Turn, delivery: Delivery, error: Exception) -> None:
        """The reply is stored and could not be posted: the next sweep does."""
        log.error("botkit.turn.undelivered turn=%s error=%s", turn.reference, error)
        await delivery.fail(_sentence(error), error)
        await delivery.show(self._outcome(turn, "failed"))

    def _outcome(
        self, turn: Turn, status: Literal["answered", "stopped", "failed"], answer: Answer | None = None
    ) -> TurnFinished:
        return TurnFinished(
            status=status,
            reference=turn.reference,
            usage=answer.usage if answer else Usage(),
            model=answer.last.model if answer and answer.last else "",
            stop_reason=answer.last.stop_reason if answer and answer.last else None,
            left_out=answer.left_out if answer else 0,
        )

    async def _conclude(self, turn: Turn, delivery: Delivery, outcome: TurnFinished) -> None:
        log.info(
            "botkit.turn.finished turn=%s conversation=%s status=%s input_tokens=%s output_tokens=%s",
            turn.reference,
            turn.conversation.id,
            outcome.status,
            outcome.usage.prompt_tokens,
            outcome.usage.output_tokens,
        )
        reply = Message.assistant(delivery.text) if delivery.text else None
        await self._plugins.turn_finished(turn, reply, outcome)
        await delivery.show(outcome)


def _sentence(error: Exception) -> str:
    return error.sentence if isinstance(error, BotkitError) else BotkitError.sentence


def _fingerprint(settings: Settings, plugins: Plugins, toolbox: Toolbox) -> str:
    """Tell configurations apart that make different requests of the same messages."""
    parts = [
        settings.model.name,
        settings.model.system,
        [dict(definition) for definition in toolbox.definitions],
        [(entry.name, entry.version) for entry in plugins.entries if entry.state == "active"],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

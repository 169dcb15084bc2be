"""ONE TURN: claimed, answered, stored, delivered."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from botkit.adapter import ReplyChannel, TurnFinished, TurnStarted
from botkit.answer import Answer
from botkit.delivery import Delivery
from botkit.errors import BotkitError, TurnGivenUp, TurnLost
from botkit.messages import Address, Message, Usage
from botkit.model import Model
from botkit.plugins import Plugins
from botkit.settings import Settings
from botkit.store import Frame, Overlap, Store, Turn
from botkit.threads import is_cancelled
from botkit.tokens import Calibration, estimate
from botkit.tools import Toolbox
from botkit.transcript import Transcript, said

__all__ = ["Responder"]

log = logging.getLogger(__name__)


Status: TypeAlias = Literal["answered", "stopped", "failed"]


@dataclass(slots=True, eq=False)
class _Work:
    """A turn that is being answered. `told` is the whole reply, once the person has it."""

    turn: Turn
    delivery: Delivery
    answer: Answer | None = None
    asking: asyncio.Task[None] | None = None
    stopped: bool = False
    told: str = ""

    def stop(self) -> None:
        """Stop asking Claude, or do not begin to."""
        self.stopped = True
        if self.asking is not None:
            self.asking.cancel()

    def outcome(self, status: Status) -> TurnFinished:
        """Say what has become of the turn."""
        last = self.answer.last if self.answer else None
        return TurnFinished(
            status=status,
            reference=self.turn.reference,
            usage=self.answer.usage if self.answer else Usage(),
            events=self.turn.events,
            model=last.model if last else "",
            stop_reason=last.stop_reason if last else None,
            left_out=self.answer.left_out if self.answer else 0,
        )


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
        self._working: dict[int, _Work] = {}

    async def drain(self, conversation_id: int, /) -> None:
        """Answer everything that waits in one conversation, one turn after another.

        Raises what kept a turn from coming to its end, such as StoreError: it waits for the next drain.
        """
        overlap: Overlap = "queue" if self._settings.turns.overlap == "queue" else "merge"
        while (turn := await self._store.claim(conversation_id, overlap)) is not None:
            if not await self._respond(turn):
                return

    def stop(self, conversation_id: int) -> bool:
        """Stop the answer that is being given in this conversation; False if there is none."""
        work = self._working.get(conversation_id)
        if work is None:
            return False
        work.stop()
        return True

    async def _respond(self, turn: Turn) -> bool:
        """Bring a turn to its end; return False if somebody else has taken it over."""
        work = await self._begin(turn)
        outcome: TurnFinished | None = None
        try:
            outcome = await self._settle(work)
        except TurnLost as error:
            log.warning("botkit.turn.lost turn=%s attempt=%s", turn.reference, turn.attempt)
            await work.delivery.report("This is being answered elsewhere.", error)
            return False
        finally:
            self._working.pop(turn.conversation.id, None)
            await work.delivery.aclose()
            await work.delivery.show(outcome or work.outcome("failed"))
        return True

    async def _begin(self, turn: Turn) -> _Work:
        record = functools.partial(self._store.record_posts, turn)
        try:
            channel = self._channel(turn.address)
        except Exception as error:
            log.error("botkit.turn.unreachable turn=%s error=%s", turn.reference, error)  # noqa: TRY400 - raised
            if turn.attempt > self._settings.turns.attempts:
                await self._store.bury(turn, str(error))
            raise
        delivery = Delivery(channel, record, posts=turn.posts, live=self._settings.turns.stream)
        work = self._working[turn.conversation.id] = _Work(turn, delivery)
        await delivery.show(TurnStarted(turn.conversation.id, turn.events))
        return work

    async def _settle(self, work: _Work) -> TurnFinished:
        """Answer, or say in a sentence why there is no answer."""
        try:
            async with self._plugins.around_turn(work.turn):
                status = await self._answer(work)
        except TurnLost:
            raise
        except Exception as error:
            if work.delivery.finishing:
                log.error("botkit.turn.undelivered turn=%s error=%s", work.turn.reference, error)  # noqa: TRY400 - raised
                await work.delivery.report(_sentence(error), error)
                raise  # the reply is stored: the next drain posts it
            await self._fail(work, error)
            status = "failed"
        return await self._conclude(work, work.outcome(status))

    async def _answer(self, work: _Work) -> Status:
        """Find the answer, store it, and see it delivered."""
        turn = work.turn
        if turn.attempt > self._settings.turns.attempts:
            raise TurnGivenUp(f"given up after {turn.attempt - 1} attempts; see [turns] attempts")
        if turn.reply is not None or turn.note:
            await self._deliver(work, await self._stored_text(turn))
            return "answered"
        text = await self._plugins.handle_message(turn)
        if text is not None:
            await self._answer_with(work, text)
            return "answered"
        return await self._answer_with_claude(work)

    async def _stored_text(self, turn: Turn) -> str:
        """Return the text of a reply whose turn did not live to post it."""
        messages = await self._store.history(turn.conversation.id, turn.conversation.frame.cut)
        return "\n\n".join(part for part in (*said(messages, turn.id), turn.note) if part)

    async def _answer_with(self, work: _Work, text: str) -> None:
        """Give a plugin's answer; an empty one is a turn without words."""
        reply = Message.assistant(text) if text.strip() else None
        await self._store.answer(work.turn, reply, estimate(reply) if reply else 0, None)
        if reply is not None:
            await self._deliver(work, text)

    async def _answer_with_claude(self, work: _Work) -> Status:
        transcript = await self._transcript(work.turn)
        answer = work.answer = Answer(
            work.turn, transcript, work.delivery, store=self._store, model=self._model, toolbox=self._toolbox
        )
        stopped = await self._ask_until_stopped(work, answer)
        await self._deliver(work, await (answer.keep_draft() if stopped else answer.keep()))
        return "stopped" if stopped else "answered"

    async def _ask_until_stopped(self, work: _Work, answer: Answer) -> bool:
        """Ask Claude; return whether somebody stopped it before it was done."""
        if work.stopped:
            return True
        work.asking = asyncio.create_task(answer.ask(self._settings.turns.tool_rounds))
        try:
            await work.asking
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            if not work.stopped:
                raise RuntimeError("the answer was cancelled, and nobody had asked for it") from error
            return True
        finally:
            work.asking = None
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
        theirs, complete = await self._plugins.system_prompt(conversation.key)
        return Frame(
            system="\n\n".join(part for part in (self._settings.model.system, theirs) if part),
            # Without one: a plugin that failed is asked again in the next turn.
            fingerprint=self._fingerprint if complete else "",
            cut=conversation.frame.cut,
            bare=conversation.last_seq,
        )

    async def _deliver(self, work: _Work, text: str) -> None:
        """Bring a reply that is stored to the person."""
        await work.delivery.finish(text)
        work.told = text
        await self._store.finish(work.turn)

    async def _fail(self, work: _Work, error: Exception) -> None:
        """Tell the person in a sentence, and give the turn up."""
        turn = work.turn
        expected = isinstance(error, BotkitError)
        log.error("botkit.turn.failed turn=%s error=%s", turn.reference, error, exc_info=not expected)
        sentence = await self._plugins.turn_failed(turn, error) or _sentence(error)
        try:
            await work.delivery.fail(f"{sentence} ({turn.reference})", error)
        except TurnLost:
            raise
        except BotkitError:
            log.exception("botkit.turn.failure_untold turn=%s", turn.reference)
        await self._store.bury(turn, str(error) or type(error).__name__)

    async def _conclude(self, work: _Work, outcome: TurnFinished) -> TurnFinished:
        log.info(
            "botkit.turn.finished turn=%s conversation=%s status=%s input_tokens=%s output_tokens=%s",
            work.turn.reference,
            work.turn.conversation.id,
            outcome.status,
            outcome.usage.prompt_tokens,
            outcome.usage.output_tokens,
        )
        reply = Message.assistant(work.told) if work.told else None
        await self._plugins.turn_finished(work.turn, reply, outcome)
        return outcome


def _sentence(error: Exception) -> str:
    return error.sentence if isinstance(error, BotkitError) else BotkitError.sentence


def _fingerprint(settings: Settings, plugins: Plugins, toolbox: Toolbox) -> str:
    """Tell configurations apart that make different requests of the same messages."""
    parts = [
        settings.model.name,
        settings.model.system,
        [dict(definition) for definition in toolbox.definitions],
        [(entry.name, entry.version) for entry in plugins.entries if entry.state == "active"],
        settings.plugins,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""One answer of Claude's in the making: calls of the model and of tools, until it is whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing

from botkit.adapter import ToolFinished, ToolStarted
from botkit.delivery import Delivery
from botkit.errors import ModelError, TooManyToolCalls
from botkit.messages import Block, Message, Restarted, Usage
from botkit.model import Completed, Model, ModelReply, TextDelta
from botkit.store import Call, Store, Turn
from botkit.threads import to_the_end
from botkit.tokens import estimate
from botkit.tools import Toolbox
from botkit.transcript import Transcript

__all__ = ["Answer"]

log = logging.getLogger(__name__)

_NOTES = {
    "max_tokens": "*(This is as long as one answer may get. Ask me to go on.)*",
    "model_context_window_exceeded": "*(I ran out of room here. Ask me to go on.)*",
    "refusal": "*(Claude declined to answer this.)*",
}
_STOPPED = "*(stopped)*"
_NO_WORDS = "*(Claude had nothing to say to that.)*"


class Answer:
    """Asks Claude for the answer to one turn, and tells the person as it comes.

    An interrupted turn goes on from the steps that it had stored: their texts are told first. `usage` adds up
    the calls that were made, `last` is the newest reply of the model, None until there is one.
    """

    def __init__(
        self, turn: Turn, transcript: Transcript, delivery: Delivery, *, store: Store, model: Model, toolbox: Toolbox
    ) -> None:
        self.usage = Usage()
        self.last: ModelReply | None = None
        self._unbooked: ModelReply | None = None
        self._turn = turn
        self._transcript = transcript
        self._delivery = delivery
        self._store = store
        self._model = model
        self._toolbox = toolbox
        self._frame = turn.conversation.frame
        self._said = transcript.said(turn.id)
        self._draft = ""

    @property
    def left_out(self) -> int:
        """How many messages this answer had to cut from the history."""
        return self._transcript.left_out

    def text(self, note: str = "") -> str:
        """What was said so far, as it was written out, and a note."""
        return "\n\n".join(part for part in (*self._said, self._draft, note) if part)

    async def ask(self, rounds: int) -> None:
        """Call Claude and the tools that it asks for, at most `rounds` times.

        Raises ModelError, MessageTooLong, TooManyToolCalls, StoreError. When cancelled, what was said stays.
        """
        self._delivery.write(self.text())
        self._delivery.checkpoint()
        for _ in range(rounds):
            reply = await self._call()
            calls = [block for block in reply.content if block.get("type") == "tool_use"]
            if reply.stop_reason != "tool_use" or not calls:
                return
            await self._run_tools(reply, calls)
        raise TooManyToolCalls(f"Claude called tools {rounds} times without an answer; see [turns] tool_rounds")

    async def keep(self) -> str:
        """Store what Claude has completed, and return what the person is told: never nothing."""
        if (reply := self.last) is None:
            raise RuntimeError("there is nothing to keep before ask() has returned")
        note = _NOTES.get(reply.stop_reason, "") or ("" if self.text().strip() else _NO_WORDS)
        return await self._keep(Message("assistant", reply.content) if reply.content else None, note)

    async def keep_draft(self) -> str:
        """Store what was said when somebody stopped it, and return what the person is told."""
        return await self._keep(Message.assistant(self._draft) if self._draft.strip() else None, _STOPPED)

    async def _keep(self, message: Message | None, note: str) -> str:
        call = _call(self._unbooked) if self._unbooked else None
        await self._store.answer(self._turn, message, estimate(message) if message else 0, call, note)
        return self.text(note)

    async def _call(self) -> ModelReply:
        """Call the model, and again if the request was refused for something that can be mended."""
        while True:
            try:
                return await self._stream()
            except ModelError as error:
                if not self._transcript.recover(error):
                    raise
                log.warning("botkit.request.mended turn=%s kind=%s", self._turn.reference, error.kind)

    async def _stream(self) -> ModelReply:
        prompt = self._transcript.prompt()
        if self._transcript.frame != self._frame:
            self._frame = self._transcript.frame
            await self._store.set_frame(self._turn, self._frame)
        async with aclosing(self._model.stream(prompt)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        self._write(text)
                    case Restarted():
                        await self._restart(event)
                    case Completed(reply):
                        return self._take(reply)
        raise RuntimeError("the model broke its contract: a stream ends with Completed, or raises")

    def _take(self, reply: ModelReply) -> ModelReply:
        self._transcript.learn(reply)
        self.usage += reply.usage
        self.last = self._unbooked = reply
        return reply

    async def _restart(self, event: Restarted) -> None:
        self._draft = ""
        self._delivery.restart()
        await self._delivery.show(event)

    def _write(self, text: str) -> None:
        if not self._draft:
            text = text.lstrip("\n")
            if text and self._said:
                self._delivery.write("\n\n")
        self._draft += text
        self._delivery.write(text)

    async def _run_tools(self, reply: ModelReply, calls: Sequence[Block]) -> None:
        """Run the calls side by side, and store them with their results: both, or neither."""
        results = await asyncio.gather(*(self._run_tool(call) for call in calls))
        step = (Message("assistant", reply.content), Message("user", tuple(results)))
        # To its end, even if somebody stops it: what is stored must not be taken for a draft as well.
        await to_the_end(self._store_step(reply, step))

    async def _store_step(self, reply: ModelReply, step: Sequence[Message]) -> None:
        await self._store.append(self._turn, [(message, estimate(message)) for message in step], _call(reply))
        self._unbooked = None
        self._transcript.extend(self._turn.id, step)
        if self._draft:
            self._said.append(self._draft)
        self._draft = ""
        self._delivery.checkpoint()

    async def _run_tool(self, call: Block) -> Block:
        await self._delivery.show(ToolStarted(call["id"], call["name"], call["input"]))
        result = await self._toolbox.run(call)
        await self._delivery.show(ToolFinished(call["id"], call["name"], failed=bool(result.get("is_error"))))
        return result


def _call(reply: ModelReply) -> Call:
    return Call(reply.model, reply.usage, reply.stop_reason, reply.request_id)

"""Putting an answer on the wire, whole or broken in the middle.

Frames are written together as long as nothing has to happen between them: a stream without a delay costs
one write.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from botkit.testing.claude.blocks import compact
from botkit.testing.claude.errors import ApiError, status_of, usual_message
from botkit.testing.claude.script import BreakAfter, Interject, Wait
from botkit.testing.claude.stream import frame, frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.script import Break
    from botkit.testing.claude.stream import Frame

_STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """A message to send, and what is to happen on the way (`twist`), if anything."""

    message: Json
    pieces: Mapping[int, Sequence[str]]
    twist: BreakAfter | Interject | Wait | None = None


async def send_json(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Sends the message as one JSON body; raises ApiError where it is broken by an error."""
    body = compact(answer.message).encode("utf-8", "replace")
    if isinstance(answer.twist, Wait):
        await answer.twist.until.wait()
    if isinstance(answer.twist, BreakAfter):
        return await _send_broken_json(request, body, answer.twist)
    return web.Response(body=body, content_type="application/json")


async def send_stream(request: web.Request, answer: Answer, chunk_delay: float = 0.0) -> web.StreamResponse:
    """Sends the message as server-sent events, with a pause before each delta."""
    response = web.StreamResponse(headers=_STREAM_HEADERS)
    await response.prepare(request)
    events = list(frames(answer.message, answer.pieces))
    if answer.twist is None:
        await _write(response, events, chunk_delay)
        return response
    place = _place(events, answer.twist.deltas)
    await _write(response, events[:place], chunk_delay)
    if isinstance(answer.twist, BreakAfter):
        await _break(request, response, answer.twist)
        return response
    await _twist(response, answer.twist)
    await _write(response, events[place:], chunk_delay)
    return response


def _place(events: Sequence[Frame], deltas: int) -> int:
    """How many events come before the twist: those up to that delta, and never those that end the message."""
    sent = [index + 1 for index, event in enumerate(events) if event.is_delta]
    if deltas == 0 or not sent:
        return 1
    return sent[min(deltas, len(sent)) - 1]


async def _write(response: web.StreamResponse, events: Sequence[Frame], chunk_delay: float) -> None:
    if chunk_delay <= 0:
        await response.write(b"".join(event.data for event in events))
        return
    for event in events:
        if event.is_delta:
            await asyncio.sleep(chunk_delay)
        await response.write(event.data)


async def _twist(response: web.StreamResponse, twist: Interject | Wait) -> None:
    if isinstance(twist, Wait):
        await twist.until.wait()
    else:
        await response.write(frame(twist.event).data)


async def _break(request: web.Request, response: web.StreamResponse, twist: BreakAfter) -> None:
    if twist.how == "error":
        await response.write(_error_event(twist.error_type))
    elif twist.how == "bad_json":
        await response.write(b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n')
    elif twist.how != "eof":
        await _drop(request, twist.how, twist.seconds)


def _error_event(error_type: str) -> bytes:
    error = {"details": None, "type": error_type, "message": usual_message(error_type)}
    return b"event: error\ndata: " + compact({"type": "error", "error": error}).encode() + b"\n\n"


async def _send_broken_json(request: web.Request, body: bytes, twist: BreakAfter) -> web.StreamResponse:
    """What a broken stream comes down to where no stream was asked for."""
    half = body[: len(body) // 2]
    if twist.how == "error":
        raise ApiError(status_of(twist.error_type), type=twist.error_type)
    if twist.how == "bad_json":
        return web.Response(body=half, content_type="application/json")
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(body))})
    await response.prepare(request)
    await response.write(half)
    await _drop(request, "fin" if twist.how == "eof" else twist.how, twist.seconds)
    return response


async def _drop(request: web.Request, how: Break, seconds: float | None) -> None:
    """Ends the connection inside the body; what was written before still arrives."""
    if how == "stall":
        # Ends earlier when the client leaves or the server stops: both cancel the handler.
        await (asyncio.sleep(seconds) if seconds is not None else asyncio.Event().wait())
    transport = request.transport
    if transport is None:
        return
    if how == "reset":
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.close()

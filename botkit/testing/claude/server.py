"""The server itself: its public face, its routes, start and stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Self, TypeAlias

from aiohttp import web

from botkit.testing.claude.access import MAX_BODY, check_access, new_request_id, rate_limit_headers, read_request
from botkit.testing.claude.answers import unscripted
from botkit.testing.claude.cache import MINIMUM_TOKENS
from botkit.testing.claude.errors import ApiError
from botkit.testing.claude.inference import Inference
from botkit.testing.claude.models import MODELS
from botkit.testing.claude.program import USUAL_FAULTS, Program, Responder
from botkit.testing.claude.script import Body, BreakAfter, Delay, Interject, Status, Unstreamed, Wait, as_say
from botkit.testing.claude.wire import Answer, send_json, send_stream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from botkit.testing.claude.inference import Admitted
    from botkit.testing.claude.recorded import RecordedRequest
    from botkit.testing.claude.script import Fault, Sayable, ScriptItem

log = logging.getLogger(__name__)

_REQUEST_ID = web.RequestKey("request_id", str)
_BACKLOG = 1024
_STOP_WITHIN = 0.05

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SimulatedClaude:
    """The Messages API on loopback. Start it with `async with`, or with `start` and `stop`.

    `seed` decides chaos and the secret behind thinking signatures, so conversations outlive a restart.
    `strict` refuses what Claude refuses. `chunk_delay` is the pause before each delta, in seconds.
    `clock` counts seconds and ages the prompt cache, which keeps nothing below `minimum_cacheable` tokens.
    `max_input_tokens` replaces every model's window. `record` keeps the requests; a long run goes without.
    """

    api_key = "sk-ant-simulated"
    """A key that is accepted as long as `keys` is None."""

    def __init__(
        self,
        *,
        seed: int = 0,
        strict: bool = True,
        chunk_delay: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        minimum_cacheable: int = MINIMUM_TOKENS,
        max_input_tokens: int | None = None,
        record: bool = True,
    ) -> None:
        self.keys: set[str] | None = None
        self.requests: list[RecordedRequest] = []
        self.chunk_delay = chunk_delay
        self._record = record
        self._program = Program(seed)
        self._inference = Inference(
            secret=blake2b(f"simulated claude {seed}".encode(), digest_size=32).digest(),
            clock=clock,
            strict=strict,
            minimum_cacheable=minimum_cacheable,
            max_input_tokens=max_input_tokens,
        )
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def base_url(self) -> str:
        """Where clients send their requests, without a slash at the end; known once it is started."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def unplayed(self) -> int:
        """How many items of the script are still to be played."""
        return len(self._program)

    def script(self, *items: ScriptItem) -> None:
        """Adds answers and faults; each request that is not refused takes the next one."""
        self._program.append(items)

    def on(self, responder: Responder) -> Responder:
        """Adds a function that may answer a request by its content, before the script is asked.

        Can be used as a decorator.
        """
        self._program.add_responder(responder)
        return responder

    def chaos(self, *, rate: float, faults: Sequence[Fault] = USUAL_FAULTS) -> None:
        """Lets this share of the requests fail from now on, in one of these ways; 0 ends it."""
        self._program.set_chaos(rate, faults)

    async def start(self, port: int = 0) -> None:
        """Listens on 127.0.0.1; port 0 takes a free one. Raises OSError when the port is taken."""
        self._runner = web.AppRunner(
            self._application(), handler_cancellation=True, access_log=None, shutdown_timeout=_STOP_WITHIN
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=_BACKLOG)
        await site.start()
        self._port = site.port
        log.debug("botkit.simulated_claude.started url=%s", self.base_url)

    async def stop(self) -> None:
        """Ends every stream and closes the port. Does nothing when it is not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY)
        application.on_response_prepare.append(_add_headers)
        application.add_routes(
            [
                web.post("/v1/messages", self._create),
                web.post("/v1/messages/count_tokens", self._count_tokens),
                web.get("/v1/models", self._list_models),
                web.get("/v1/models/{id}", self._retrieve_model),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Lets in whoever may come in, and turns every refusal into the API's error body."""
        request[_REQUEST_ID] = new_request_id()
        try:
            if request.match_info.http_exception is None:
                check_access(request, self.keys)
            return await handler(request)
        except ApiError as error:
            return _error_response(request, error)
        except web.HTTPException as error:
            return _error_response(request, ApiError(error.status))

    async def _create(self, http: web.Request) -> web.StreamResponse:
        request = await self._receive(http)
        admitted = self._inference.admit(request)
        return await self._play(http, admitted, self._program.next_item(request))

    async def _count_tokens(self, http: web.Request) -> web.StreamResponse:
        admitted = self._inference.admit(await self._receive(http), counting=True)
        return web.json_response({"input_tokens": admitted.prompt.tokens})

    async def _list_models(self, _: web.Request) -> web.StreamResponse:
        ids = list(MODELS)
        data = [model.to_json() for model in MODELS.values()]
        return web.json_response({"data": data, "has_more": False, "first_id": ids[0], "last_id": ids[-1]})

    async def _retrieve_model(self, http: web.Request) -> web.StreamResponse:
        name = http.match_info["id"]
        if name not in MODELS:
            raise ApiError(404, f"model: {name}")
        return web.json_response(MODELS[name].to_json())

    async def _receive(self, http: web.Request) -> RecordedRequest:
        request = await read_request(http)
        if self._record:
            self.requests.append(request)
        return request

    async def _play(self, http: web.Request, admitted: Admitted, item: ScriptItem | None) -> web.StreamResponse:
        """Answers with a script item, or with the unscripted answer."""
        match item:
            case Delay():
                await asyncio.sleep(item.seconds)
                return await self._play(http, admitted, item.item)
            case Status():
                raise ApiError(
                    item.code,
                    item.message,
                    type=item.type,
                    error_code=item.error_code,
                    headers=item.headers,
                )
            case Body():
                return web.Response(text=item.text, status=item.status, content_type=item.content_type)
            case Unstreamed():
                return await send_json(http, self._answer(admitted, item.answer))
            case BreakAfter() | Interject() | Wait():
                answer = replace(self._answer(admitted, item.answer), twist=item)
            case _:
                answer = self._answer(admitted, item)
        if admitted.request.stream:
            return await send_stream(http, answer, self.chunk_delay)
        return await send_json(http, answer)

    def _answer(self, admitted: Admitted, what: Sayable | None) -> Answer:
        return self._inference.answer(admitted, unscripted(admitted.request) if what is None else as_say(what))


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["request-id"] = request[_REQUEST_ID]
    response.headers.update(rate_limit_headers())


def _error_response(request: web.Request, error: ApiError) -> web.Response:
    log.debug("botkit.simulated_claude.refused status=%s type=%s", error.status, error.type)
    return web.json_response(error.body(request[_REQUEST_ID]), status=error.status, headers=error.headers)

"""Claude: the model on Anthropic's own client.

The SDK sends, authenticates, decodes the stream and traces; botkit makes the request, puts the reply together and
retries. Events are taken as the JSON that they are, so that all of it survives; the SDK's typed events take a third
more CPU. The price is that the SDK's spans tell the time to the first chunk and the outcome, but not the usage.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import httpx2
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient, Timeout

from botkit.assembly import Assembly
from botkit.errors import ModelError
from botkit.failures import FAILURES, Origin, explain, failure
from botkit.messages import Restarted
from botkit.model import Completed, Prompt, StreamEvent, TextDelta
from botkit.retry import Attempts, RetryPolicy

if TYPE_CHECKING:
    from anthropic import AsyncAPIResponse

    from botkit.settings import ModelSettings

__all__ = ["Claude", "has_credentials"]

log = logging.getLogger(__name__)

_PATIENT = RetryPolicy()
# All in seconds.
_CONNECT = 5.0  # the SDK's own limit
_STALL = 60.0  # between two pieces of a stream; its pings count as pieces
_LINGER = 0.5
_WORTH_TELLING = 5.0  # the wait from which on a person wonders


class Claude:
    """Asks Claude, again where that can help. One per process: it holds the connections.

    `base_url` and `api_key` take the place of what the SDK finds in the environment and in its profiles. `stall` is
    how many seconds the server may send nothing. Raises ModelError if the URL or the profile is unusable.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        retry: RetryPolicy = _PATIENT,
        stall: float = _STALL,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._retry = retry
        self._client = _client(base_url, api_key, stall)

    async def stream(self, prompt: Prompt, /) -> AsyncGenerator[StreamEvent, None]:
        """Answer `prompt`, as the contract of Model says.

        A failed call is made again as long as that can help and `[model] deadline` has not passed; the deadline is
        one for everything together. `Restarted` comes where text was given that is now void, or where the wait is
        so long that a person should know. Cancelling or closing it closes the connection.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._settings.deadline
        attempts = Attempts(self._retry, (self.name, *self._settings.fallback_models), deadline)
        while True:
            shown = False
            try:
                async with aclosing(self._attempt(prompt, attempts, deadline)) as events:
                    async for event in events:
                        shown = True
                        yield event
            except ModelError as error:
                failed = error
            else:
                return
            wait = attempts.after(failed, clock())
            if wait is None:
                raise failed
            log.warning(
                "botkit.model.retried kind=%s wait=%.2f next_attempt=%s next_model=%s error=%s",
                failed.kind,
                wait,
                attempts.number,
                attempts.model,
                failed,
            )
            if shown or wait > _WORTH_TELLING:
                yield Restarted(FAILURES[failed.kind].sentence, wait)
            await asyncio.sleep(wait)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _attempt(
        self, prompt: Prompt, attempts: Attempts, deadline: float
    ) -> AsyncGenerator[TextDelta | Completed, None]:
        """Make one call. Whatever goes wrong is a ModelError."""
        origin = self._origin(attempts.model)
        assembly = Assembly()
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._send(prompt, attempts.model)
            origin = replace(origin, request_id=response.request_id)
            async with await response.parse(to=AsyncStream[object]) as events:
                while not assembly.complete and (event := await _next(events, deadline)):
                    if text := assembly.add(event):
                        yield TextDelta(text)
                await _linger(events)
            reply = assembly.reply(response.request_id, attempts.number)
        except TimeoutError:
            raise failure("timeout", origin, why=f"{self._settings.deadline:g} seconds were over") from None
        except Exception as error:
            told = explain(error, origin)
            raise told from _cause(told, error)
        if reply is None:
            raise failure("incomplete", origin, why="it ended in the middle")
        yield Completed(reply)

    async def _send(self, prompt: Prompt, model: str) -> AsyncAPIResponse[Any]:
        """Return when the answer begins."""
        request = self._request(prompt, model)
        create = self._client.messages.with_raw_response.create
        return cast("AsyncAPIResponse[Any]", await create(**request, stream=True))

    def _request(self, prompt: Prompt, model: str) -> dict[str, Any]:
        settings = self._settings
        optional = {
            "system": prompt.system,
            "tools": list(prompt.tools),
            "cache_control": None if settings.cache == "off" else {"type": "ephemeral", "ttl": settings.cache},
            "stop_sequences": list(settings.stop_sequences),
            "output_config": settings.effort and {"effort": settings.effort},
            "thinking": settings.thinking,
            "service_tier": settings.service_tier,
            "extra_body": settings.extra_body,
        }
        return {
            "model": model,
            "max_tokens": settings.max_tokens,
            "messages": [{"role": message.role, "content": list(message.content)} for message in prompt.messages],
            **{name: value for name, value in optional.items() if value},
        }

    def _origin(self, model: str) -> Origin:
        url = self._client.base_url
        secrets = tuple(filter(None, (self._client.api_key, self._client.auth_token)))
        return Origin(model, url.netloc.decode() or str(url).strip("/"), secrets)


def has_credentials() -> bool:
    """Whether the SDK finds any: a key, a token, a profile, a workload identity, or a header that says who we are.

    Raises ModelError if there is a profile that cannot be used.
    """
    client = _client(None, None, _STALL)
    headers = {name.lower() for name in client.default_headers}
    return client.credentials is not None or not headers.isdisjoint({"authorization", "x-api-key"})


def _client(base_url: str | None, api_key: str | None, stall: float) -> AsyncAnthropic:
    try:
        return AsyncAnthropic(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=Timeout(stall, connect=_CONNECT),
            http_client=DefaultAioHttpClient(),
        )
    except Exception as error:
        told = explain(error, Origin(model="", host=(base_url or "ANTHROPIC_BASE_URL").rpartition("@")[2]))
        raise told from _cause(told, error)


def _cause(told: ModelError, error: Exception) -> Exception | None:
    """Return what to chain: only a bug needs its traceback, and the other errors' texts could quote a key."""
    return error if told.kind == "unexpected" else None


async def _next(events: AsyncStream[object], deadline: float) -> Mapping[str, Any] | None:
    """Return the next event, or None at the end. Raises TimeoutError.

    Each event gets a timeout of its own: a generator that yields inside of one would have its consumer cancelled.
    """
    async with asyncio.timeout_at(deadline):
        return cast("Mapping[str, Any] | None", await anext(events, None))


async def _linger(events: AsyncStream[object]) -> None:
    """Read to the end of the body, so that the connection can be used again. The answer is whole without it."""
    with contextlib.suppress(TimeoutError, httpx2.TransportError):
        async with asyncio.timeout(_LINGER):
            await anext(events, None)

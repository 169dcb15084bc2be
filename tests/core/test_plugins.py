"""The hooks: who is asked what, and what becomes of a plugin that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import pytest

from botkit import hookspecs
from botkit.errors import PluginError
from botkit.hookspecs import hookimpl
from botkit.messages import IncomingMessage, Message, Person
from botkit.plugins import Plugins
from botkit.store import Turn
from botkit.tools import Tool
from tests.core.plugin_samples import (
    ADDRESS,
    KEY,
    MESSAGE,
    NOW,
    OUTCOME,
    TURN,
    Plugin,
    answering,
    door,
    each_failure,
    failures,
    hanging,
    plugin,
    raising,
)

# Guards


@pytest.mark.parametrize(
    ("answers", "accepted"),
    [([], True), ([None], True), ([True, None], True), ([True, False], False), ([False, True], False)],
)
async def test_one_no_is_enough(answers: list[bool | None], accepted: bool) -> None:
    assert await door("accept_message", *map(answering, answers)).accepts(MESSAGE) is accepted


async def test_a_guard_sees_the_message_and_may_be_async() -> None:
    async def guard(message: IncomingMessage) -> bool:
        await asyncio.sleep(0)
        return message.person.id == "p1"

    plugins = door("accept_message", guard)
    assert await plugins.accepts(MESSAGE)
    assert not await plugins.accepts(IncomingMessage("m2", Person("p2"), "Hi", ADDRESS, NOW))


@each_failure
@pytest.mark.parametrize("others", [[], [True], [None]])
async def test_a_guard_that_fails_lets_nobody_in(
    failure: Callable[..., Any], others: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    plugins = door("accept_message", failure, *map(answering, others), seconds=0.02)
    assert await plugins.accepts(MESSAGE) is False
    assert failures(caplog) == ["botkit.plugin.failed plugin=p1 hook=accept_message"]
    assert await plugins.accepts(MESSAGE) is False, "a failing guard stays a guard"


@pytest.mark.parametrize("rubbish", [1, 0, "yes", "", [], object()])
async def test_only_true_false_and_none_are_a_guards_answers(rubbish: Any) -> None:
    assert await door("accept_message", answering(rubbish)).accepts(MESSAGE) is False


# Asking


@each_failure
async def test_the_others_go_on_when_one_fails(failure: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    handling = door("handle_message", failure, answering("Hello"), seconds=0.02)
    assert await handling.handle_message(TURN) == "Hello"
    prompting = door("system_prompt", answering("a"), failure, answering("b"), seconds=0.02)
    assert await prompting.system_prompt(KEY) == ("a\n\nb", False)
    apologising = door("turn_failed", failure, answering("Sorry"), seconds=0.02)
    assert await apologising.turn_failed(TURN, ValueError()) == "Sorry"
    assert failures(caplog) == [
        "botkit.plugin.failed plugin=p1 hook=handle_message",
        "botkit.plugin.failed plugin=p2 hook=system_prompt",
        "botkit.plugin.failed plugin=p1 hook=turn_failed",
    ]


async def test_the_first_answer_wins_and_ends_the_asking() -> None:
    plugins = door("handle_message", answering(None), answering("first"), raising(AssertionError("was asked")))
    assert await plugins.handle_message(TURN) == "first"
    assert await door("handle_message", answering(""), answering("second")).handle_message(TURN) == ""


async def test_no_answer_is_none_and_no_prompt_is_empty() -> None:
    plugins = Plugins()
    assert await plugins.handle_message(TURN) is None
    assert await plugins.turn_failed(TURN, ValueError()) is None
    assert await plugins.system_prompt(KEY) == ("", True)
    async with plugins.around_turn(TURN):
        pass


async def test_the_last_loaded_is_asked_first_unless_it_says_otherwise() -> None:
    plugins = Plugins()
    for name, options in {"a": {}, "b": {"tryfirst": True}, "c": {}, "d": {"trylast": True}}.items():
        plugins.register(plugin(specname="system_prompt", implementation=answering(name), **options), name)
    assert await plugins.system_prompt(KEY) == ("b\n\nc\n\na\n\nd", True)


async def test_hooks_are_given_what_they_ask_for() -> None:
    heard: list[Any] = []
    reply = Message.assistant("Hello")
    plugins = Plugins()
    plugins.register(
        plugin(specname="turn_finished", implementation=lambda outcome, turn: heard.append((outcome, turn))), "some"
    )
    plugins.register(
        plugin(specname="turn_finished", implementation=lambda turn, reply, outcome: heard.append(reply)), "all"
    )
    await plugins.turn_finished(TURN, reply, OUTCOME)
    assert heard == [reply, (OUTCOME, TURN)]


async def test_cancellation_reaches_the_plugin_and_passes() -> None:
    reached = asyncio.Event()
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            reached.set()

    task = asyncio.create_task(door("handle_message", hang, answering("late")).handle_message(TURN))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reached.is_set()


async def test_an_awaitable_that_waits_many_times_is_awaited_to_its_end() -> None:
    async def answer() -> str:
        parts = []
        for part in "abc":
            await asyncio.sleep(0)
            parts.append(await asyncio.create_task(asyncio.sleep(0, result=part)))
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except TimeoutError:
            parts.append("!")
        return "".join(parts)

    assert await door("handle_message", answer).handle_message(TURN) == "abc!"


# Tools and adapters


def test_tools_are_functions_or_tools() -> None:
    def hello() -> str:
        """Greet."""
        return "Hello"

    def register_tools(register: hookspecs.RegisterTool) -> None:
        register(hello)
        register(Tool.from_function(hello, name="hello_again"))

    assert [tool.name for tool in door("register_tools", register_tools).tools()] == ["hello", "hello_again"]


def test_adapters_of_one_name_are_refused_with_both_plugins() -> None:
    def register_adapters(register: Any) -> None:
        register("chat", lambda settings: None)

    plugins = door("register_adapters", register_adapters, register_adapters)
    with pytest.raises(PluginError, match='"p1" and "p2" both offer an adapter "chat"'):
        plugins.adapters()


def test_an_adapter_needs_something_that_builds_it() -> None:
    plugins = door("register_adapters", lambda register: register("chat", None))
    with pytest.raises(PluginError, match='the adapter "chat" needs a function that builds it'):
        plugins.adapters()


# Startup and shutdown


async def test_startup_gets_the_plugins_own_table() -> None:
    heard: list[Any] = []

    def note(settings: Mapping[str, Any]) -> None:
        heard.append(settings)

    plugins = Plugins({"weather": {"enabled": True, "units": "c"}})
    plugins.register(plugin(specname="startup", implementation=note), "weather")
    plugins.register(plugin(specname="startup", implementation=note), "other")
    await plugins.startup()
    assert heard == [{}, {"units": "c"}]


async def test_a_startup_that_hangs_is_given_up() -> None:
    with pytest.raises(PluginError, match=r"it took over 0.01 seconds; see \[turns\] hook_timeout"):
        await door("startup", hanging, seconds=0.01).startup()


@each_failure
async def test_shutdown_reaches_all_in_the_reverse_order(failure: Callable[..., Any]) -> None:
    order: list[str] = []
    plugins = Plugins(timeout=0.02)
    for name in "ab":
        both = Plugin(
            startup=hookimpl(lambda name=name: order.append(f"+{name}"), specname="startup"),
            shutdown=hookimpl(lambda name=name: order.append(f"-{name}"), specname="shutdown"),
        )
        plugins.register(both, name)
        plugins.register(plugin(specname="shutdown", implementation=failure), f"failing-{name}")
    await plugins.startup()
    await plugins.shutdown()
    assert order == ["+b", "+a", "-a", "-b"]


# Around a turn


def surrounding(name: str, order: list[str]) -> Callable[..., Any]:
    @asynccontextmanager
    async def around_turn(turn: Turn) -> AsyncIterator[None]:
        order.append(f"+{name}")
        try:
            yield
        except BaseException as error:
            order.append(type(error).__name__)
            raise
        finally:
            await asyncio.sleep(0)
            order.append(f"-{name}")

    return around_turn


async def test_surroundings_are_nested_in_order() -> None:
    order: list[str] = []
    async with door("around_turn", surrounding("a", order), answering(None), surrounding("b", order)).around_turn(TURN):
        order.append("turn")
    assert order == ["+a", "+b", "turn", "-b", "-a"]


async def test_the_turns_own_exception_is_seen_and_passes() -> None:
    order: list[str] = []
    with pytest.raises(ValueError, match="turn"):
        async with door("around_turn", surrounding("a", order), surrounding("b", order)).around_turn(TURN):
            raise ValueError("turn")
    assert order == ["+a", "+b", "ValueError", "-b", "ValueError", "-a"]


async def test_the_turns_own_exception_cannot_be_swallowed() -> None:
    @asynccontextmanager
    async def swallow() -> AsyncIterator[None]:
        try:
            yield
        except ValueError:
            return

    with pytest.raises(ValueError, match="turn"):
        async with door("around_turn", swallow).around_turn(TURN):
            raise ValueError("turn")


async def test_a_cancelled_turn_leaves_its_surroundings() -> None:
    order: list[str] = []
    plugins = door("around_turn", surrounding("a", order))
    inside = asyncio.Event()

    async def turn() -> None:
        async with plugins.around_turn(TURN):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert order == ["+a", "CancelledError", "-a"]


def surrounding_with(
    *, before: Callable[[], Any] | None = None, after: Callable[[], Any] | None = None
) -> Callable[[], Any]:
    class Surrounding:
        async def __aenter__(self) -> None:
            await run(before)

        async def __aexit__(self, *error: object) -> None:
            await run(after)

    async def run(step: Callable[[], Any] | None) -> None:
        if step is not None and asyncio.iscoroutine(answer := step()):
            await answer

    return lambda: Surrounding()  # noqa: PLW0108 - a class cannot be marked as a hook


BAD_SURROUNDINGS = {
    "raises": raising(ValueError()),
    "is rubbish": answering(42),
    "is no async manager": lambda: suppress(KeyError),
    "fails to enter": surrounding_with(before=raising(ValueError())),
    "hangs in entering": surrounding_with(before=hanging),
    "fails to leave": surrounding_with(after=raising(ValueError())),
    "hangs in leaving": surrounding_with(after=hanging),
}


@pytest.mark.parametrize("bad", BAD_SURROUNDINGS.values(), ids=BAD_SURROUNDINGS)
@pytest.mark.parametrize("fails", [False, True])
async def test_a_surrounding_that_fails_leaves_the_turn_and_the_others_alone(
    bad: Callable[..., Any], fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    order: list[str] = []
    plugins = door("around_turn", surrounding("a", order), bad, surrounding("b", order), seconds=0.02)
    with pytest.raises(KeyError) if fails else nullcontext():
        async with plugins.around_turn(TURN):
            order.append("turn")
            if fails:
                raise KeyError
    assert [step for step in order if step != "KeyError"] == ["+a", "+b", "turn", "-b", "-a"]
    assert failures(caplog) == ["botkit.plugin.failed plugin=p2 hook=around_turn"]

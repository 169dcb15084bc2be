"""Calls: what Claude gets to read when it calls a tool."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from botkit.errors import PluginError, ToolError
from botkit.messages import Block
from botkit.tools import MAX_RESULT, Tool, Toolbox


class Place(BaseModel):
    city: str
    country: str = "DE"


@dataclasses.dataclass
class Weather:
    degrees: float
    measured: datetime


def forecast(
    place: Place,
    days: Annotated[int, Field(ge=1, le=7)] = 1,
    units: Literal["c", "f"] | None = None,
    hours: list[int] = [],  # noqa: B006 - a mutable default is what is tried
) -> str:
    """Forecast the weather."""
    return f"{place.city}, {place.country}: {days} {units} {hours}"


def call(name: str, input_: Any = None, id_: str = "toolu_1") -> Block:
    return {"type": "tool_use", "id": id_, "name": name, "input": {} if input_ is None else input_}


async def run(function: Callable[..., Any], seconds: float = 5.0, **arguments: Any) -> Block:
    tool = Tool.from_function(function, name="tool")
    return await Toolbox([tool], timeout=seconds).run(call("tool", arguments))


def answering(value: Any) -> Callable[[], Any]:
    def answer() -> Any:
        """Answer."""
        return value

    return answer


def failing(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        """Fail."""
        raise error

    return fail


async def test_parameters_may_be_called_like_methods_of_a_model() -> None:
    def show(json: str, copy: int, model_config: str, _hidden: bool = False) -> list[Any]:
        """Show."""
        return [json, copy, model_config, _hidden]

    result = await run(show, json="a", copy="2", model_config="b", _hidden=True)
    assert result["content"] == '["a",2,"b",true]'


async def test_input_is_converted_and_defaults_are_kept() -> None:
    result = await run(forecast, place={"city": "Bonn"}, days="3")
    assert result == {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Bonn, DE: 3 None []"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "place is missing"),
        ({"place": {}}, "place.city is missing"),
        ({"place": {"city": "Bonn"}, "days": 9}, "days: Input should be less than or equal to 7"),
        ({"place": {"city": "Bonn"}, "when": 1}, "there is no parameter when"),
    ],
)
async def test_wrong_input_is_told_in_words_that_name_the_parameter(arguments: Any, complaint: str) -> None:
    result = await Toolbox([Tool.from_function(forecast)], timeout=5).run(call("forecast", arguments))
    assert result["is_error"] is True
    assert result["content"] == f"The input of forecast is wrong: {complaint}."


@pytest.mark.parametrize("given_input", ["text", ["list"], 3])
async def test_input_that_is_no_object_is_told(given_input: Any) -> None:
    result = await Toolbox([Tool.from_function(forecast)], timeout=5).run(call("forecast", given_input))
    assert result["content"] == "The input of forecast is wrong: it must be an object with the parameters."


async def test_a_tool_with_a_schema_of_its_own_gets_the_input_as_it_is() -> None:
    async def echo(**given: Any) -> Any:
        return given

    tool = Tool("echo", "Echo.", {"type": "object"}, echo)
    result = await Toolbox([tool], timeout=5).run(call("echo", {"a": [1]}))
    assert result["content"] == '{"a":[1]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "done"),
        ("", "(no output)"),
        (" \n", "(no output)"),
        (True, "true"),
        ({"größe": [1, 2.5, None]}, '{"größe":[1,2.5,null]}'),
        (Place(city="Bonn"), '{"city":"Bonn","country":"DE"}'),
        (
            [Weather(21.5, datetime(2026, 1, 2, tzinfo=UTC))],
            '[{"degrees":21.5,"measured":"2026-01-02T00:00:00Z"}]',
        ),
        ("lone \ud800", "lone \ufffd"),
    ],
)
async def test_results_become_text(value: Any, text: str) -> None:
    result = await run(answering(value))
    assert result["content"] == text
    assert "is_error" not in result


async def test_a_very_long_result_is_shortened_visibly() -> None:
    content = (await run(answering("x" * (MAX_RESULT + 1))))["content"]
    assert content == "x" * MAX_RESULT + "\n[shortened: the first 100,000 of 100,001 characters]"
    assert (await run(answering("x" * MAX_RESULT)))["content"] == "x" * MAX_RESULT


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whatever_is_returned_can_be_sent(value: Any) -> None:
    content = asyncio.run(run(answering(value)))["content"]
    assert content.strip()
    assert content.encode()


async def test_a_tool_errors_text_reaches_claude_as_it_is() -> None:
    result = await run(failing(ToolError("There is no city X; try a bigger one.")))
    assert (result["content"], result["is_error"]) == ("There is no city X; try a bigger one.", True)


@pytest.mark.parametrize(
    "error",
    [ValueError("password=hunter2"), SystemExit("bye"), StopIteration(), TimeoutError("own"), ToolError("")],
)
async def test_other_exceptions_say_only_that_the_tool_failed(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    result = await run(failing(error))
    assert (result["content"], result["is_error"]) == ("The tool tool failed.", True)
    if not isinstance(error, ToolError):
        (record,) = caplog.records
        assert record.getMessage() == "botkit.tool.failed tool=tool"
        assert record.exc_info is not None


async def test_a_result_that_is_no_json_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    result = await run(answering(object()))
    assert (result["content"], result["is_error"]) == ("The tool tool failed.", True)
    assert "botkit.tool.failed" in caplog.text


async def test_an_unknown_tool_is_told_with_those_that_there_are() -> None:
    result = await Toolbox([Tool.from_function(forecast)], timeout=5).run(call("forcast"))
    assert (result["content"], result["is_error"]) == ("There is no tool forcast. There are: forecast.", True)


async def test_without_tools_an_unknown_tool_is_told_too() -> None:
    result = await Toolbox([], timeout=5).run(call("x"))
    assert (result["content"], result["is_error"]) == ("There is no tool x. There are: none.", True)


async def test_a_sync_function_does_not_hold_up_the_loop() -> None:
    released = threading.Event()

    def wait() -> bool:
        """Wait."""
        return released.wait(5)

    task = asyncio.create_task(run(wait))
    await asyncio.sleep(0)
    released.set()
    assert (await task)["content"] == "true"


async def test_a_sync_wrapper_of_an_async_function_is_awaited() -> None:
    async def inner() -> str:
        """Be inside."""
        return "inside"

    @functools.wraps(inner)
    def outer() -> Any:
        return inner()

    assert (await run(outer))["content"] == "inside"


async def test_a_tool_over_its_time_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def hang() -> None:
        """Hang."""
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    result = await run(hang, seconds=0.01)
    assert result["is_error"] is True
    assert result["content"] == "The tool tool was stopped, since it took over 0.01 seconds."
    assert cancelled.is_set()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_a_tools_own_time_limit_comes_before_the_toolboxs() -> None:
    async def hang() -> None:
        """Hang."""
        await asyncio.Event().wait()

    toolbox = Toolbox([Tool.from_function(hang, timeout=0.01)], timeout=60)
    assert "0.01 seconds" in (await toolbox.run(call("hang")))["content"]


async def test_cancellation_passes_through() -> None:
    started = asyncio.Event()

    async def hang() -> None:
        """Hang."""
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run(hang))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_calls_run_side_by_side() -> None:
    both = asyncio.Barrier(2)

    async def meet() -> None:
        """Meet the other one."""
        await both.wait()

    toolbox = Toolbox([Tool.from_function(meet)], timeout=5)
    results = await asyncio.gather(toolbox.run(call("meet", id_="a")), toolbox.run(call("meet", id_="b")))
    assert [(result["tool_use_id"], result["content"]) for result in results] == [("a", "done"), ("b", "done")]


def test_definitions_do_not_depend_on_the_order_of_registration() -> None:
    tools = [Tool.from_function(answering(1), name=name) for name in ("b", "a", "C")]
    forwards, backwards = Toolbox(tools, timeout=1), Toolbox(reversed(tools), timeout=1)
    assert forwards.definitions == backwards.definitions
    assert [definition["name"] for definition in forwards.definitions] == ["C", "a", "b"]


def test_two_tools_of_one_name_are_refused_with_both_places() -> None:
    with pytest.raises(PluginError) as caught:
        Toolbox([Tool.from_function(forecast), Tool.from_function(starless, name="forecast")], timeout=1)
    assert "forecast (" in str(caught.value)
    assert "starless (" in str(caught.value)


def starless() -> None:
    """Have no stars."""

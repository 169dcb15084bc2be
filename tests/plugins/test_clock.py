"""The bundled clock, as Claude calls it."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import time_machine

from botkit.messages import Block
from botkit.plugins import Plugins
from botkit.tools import Toolbox


async def ask(**arguments: Any) -> Block:
    entry_point = EntryPoint("clock", "botkit_clock", "botkit")
    plugins = Plugins.load({}, timeout=1, entry_points=[entry_point])
    call = {"type": "tool_use", "id": "toolu_1", "name": "current_time", "input": arguments}
    return await Toolbox(plugins.tools(), timeout=5).run(call)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({}, "Tuesday 2026-03-31T23:30:00+00:00"),
        ({"timezone": None}, "Tuesday 2026-03-31T23:30:00+00:00"),
        ({"timezone": "Europe/Berlin"}, "Wednesday 2026-04-01T01:30:00+02:00"),
    ],
)
async def test_tells_day_and_time(arguments: dict[str, Any], answer: str) -> None:
    with time_machine.travel(datetime(2026, 3, 31, 23, 30, tzinfo=UTC), tick=False):
        assert (await ask(**arguments))["content"] == answer


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "a\x00b"])
async def test_an_unknown_time_zone_is_told_in_plain_words(timezone: str) -> None:
    result = await ask(timezone=timezone)
    assert result["is_error"] is True
    assert result["content"].startswith("There is no time zone")


async def test_says_what_it_takes() -> None:
    plugins = Plugins.load({}, timeout=1, entry_points=[EntryPoint("clock", "botkit_clock", "botkit")])
    (tool,) = plugins.tools()
    assert tool.description == "Tell the current date, time and day of the week."
    assert "Europe/Berlin" in tool.input_schema["properties"]["timezone"]["description"]

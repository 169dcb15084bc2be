"""Tools: what is made of a function, and which functions are refused."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from botkit.errors import PluginError
from botkit.tools import Tool

if TYPE_CHECKING:
    from decimal import Decimal


class Place(BaseModel):
    city: str
    country: str = "DE"


def forecast(
    place: Place,
    days: Annotated[int, Field(ge=1, le=7)] = 1,
    units: Literal["c", "f"] | None = None,
    hours: list[int] = [],  # noqa: B006 - a mutable default is what is tried
) -> str:
    """Forecast the weather.

    It is not always right.

    Args:
        place: Where.
        days: How many days,
            at most 7.
    """
    return f"{place.city}, {place.country}: {days} {units} {hours}"


def answering(value: Any) -> Callable[[], Any]:
    def answer() -> Any:
        """Answer."""
        return value

    return answer


def test_a_function_becomes_the_apis_tool_object() -> None:
    definition = Tool.from_function(forecast).definition
    assert definition["name"] == "forecast"
    assert definition["description"] == "Forecast the weather.\n\nIt is not always right."
    schema = definition["input_schema"]
    assert schema["type"] == "object"
    assert schema["required"] == ["place"]
    assert schema["additionalProperties"] is False
    assert "title" not in schema
    assert list(schema["properties"]) == ["place", "days", "units", "hours"]
    assert schema["properties"]["days"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 7,
        "default": 1,
        "description": "How many days,\nat most 7.",
    }
    assert schema["properties"]["place"] == {"$ref": "#/$defs/Place", "description": "Where."}
    assert schema["$defs"]["Place"]["required"] == ["city"]
    assert schema["properties"]["units"]["anyOf"] == [{"enum": ["c", "f"], "type": "string"}, {"type": "null"}]
    json.dumps(definition)


def test_a_function_without_parameters_has_an_empty_object() -> None:
    schema = Tool.from_function(answering(1)).input_schema
    assert (schema["type"], schema["properties"]) == ("object", {})


def test_name_and_timeout_can_be_given() -> None:
    tool = Tool.from_function(forecast, name="weather-2", timeout=3)
    assert (tool.name, tool.timeout) == ("weather-2", 3)


def bare(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, RUF100 - the fault that is tried
    """Say nothing of x."""


def starred(*names: str) -> None:
    """Take any number."""


def keyed(**names: str) -> None:
    """Take any name."""


def positional(x: int, /) -> None:
    """Take it by position."""


def undocumented(x: int) -> None:
    pass


def unresolved(x: Decimal) -> None:
    """Have a type that is not there at run time."""


def unknown_type(x: threading.Lock) -> None:
    """Have a type that pydantic does not know."""


def unspeakable(x: Callable[[], None]) -> None:
    """Have a type that JSON does not know."""


def straße(straße: str) -> None:  # noqa: PLC2401, RUF100 - the fault that is tried
    """Have a name that the API does not know."""


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (bare, 'x has no type; annotate it, such as "x: str"'),
        (starred, "replace *names: str by named parameters"),
        (keyed, "replace **names: str by named parameters"),
        (positional, "replace x: int by named parameters"),
        (undocumented, "give it a docstring"),
        (unresolved, "Decimal in an annotation cannot be found; import it at the top of the module"),
        (unknown_type, "a type that pydantic cannot check"),
        (unspeakable, "no JSON schema can be made"),
        (straße, "is no tool name"),
    ],
)
def test_a_bad_signature_is_refused_with_place_and_cure(function: Callable[..., Any], fault: str) -> None:
    with pytest.raises(PluginError) as caught:
        Tool.from_function(function)
    message = str(caught.value)
    assert fault in message
    assert function.__qualname__ in message
    assert f"{__file__}:{function.__code__.co_firstlineno}" in message


def test_a_parameter_that_the_api_would_refuse_is_refused() -> None:
    with pytest.raises(PluginError, match="'straße' is no parameter name"):
        Tool.from_function(straße, name="street")


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 129, "tool\n"])
def test_a_name_that_the_api_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="is no tool name"):
        Tool(name, "Does.", {"type": "object"}, answering(1))


def test_a_schema_that_is_no_object_is_refused() -> None:
    with pytest.raises(PluginError, match='must be of "type": "object"'):
        Tool("tool", "Does.", {"type": "string"}, answering(1))


@pytest.mark.parametrize("thing", [42, functools.partial(forecast, days=1)])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(PluginError, match="is no function"):
        Tool.from_function(thing)

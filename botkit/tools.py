"""Tools: what Claude can call, and the running of the calls.

A `Tool` is made from a typed function: its docstring tells Claude what it does, its annotations what it takes. A
`Toolbox` runs the calls of a reply and turns whatever becomes of them into results, in words that Claude can use.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, to_json

from botkit.errors import PluginError, ToolError
from botkit.messages import Block, clean_text
from botkit.threads import is_cancelled, run_in_thread

__all__ = ["Tool", "Toolbox"]

log = logging.getLogger(__name__)

MAX_RESULT = 100_000
"""The characters of a result that Claude gets to see."""

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_PARAMETER_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
"""What the Messages API accepts as names; a request with another one is refused whole."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that Claude can call.

    `function` takes the input as keyword arguments. One that is not async runs in a thread, so that it cannot
    block the bot. `timeout` is in seconds; None is the toolbox's. `arguments` checks and converts the input,
    its aliases being the parameters; None passes the input on as it is. Raises PluginError for a name or a
    schema that the Messages API would refuse.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    function: Callable[..., Any]
    timeout: float | None = None
    arguments: type[BaseModel] | None = None

    def __post_init__(self) -> None:
        if not _TOOL_NAME.fullmatch(self.name):
            raise _refused(self.function, f"{self.name!r} is no tool name; use 1 to 128 of a-z, A-Z, 0-9, _ and -")
        if not self.description.strip():
            raise _refused(self.function, "Claude is not told what it does; give it a docstring")
        if self.input_schema.get("type") != "object":
            raise _refused(self.function, 'its input schema must be of "type": "object"')
        for parameter in self.input_schema.get("properties", {}):
            if not _PARAMETER_NAME.fullmatch(parameter):
                raise _refused(self.function, f"{parameter!r} is no parameter name that Claude accepts; rename it")

    @classmethod
    def from_function(
        cls, function: Callable[..., Any], *, name: str | None = None, timeout: float | None = None
    ) -> Tool:
        """Make a tool of an annotated function with a docstring.

        The docstring (Google, NumPy or reST) gives the description and those of the parameters. The annotations
        may be whatever pydantic knows. Raises PluginError, naming the function's place and the cure, for a
        signature of which no schema can be made.
        """
        if not inspect.isroutine(function):
            raise PluginError(f"{function!r} is no function; wrap it in a def with annotations and a docstring")
        docstring = docstring_parser.parse(inspect.getdoc(function) or "")
        described = {param.arg_name: param.description for param in docstring.params}
        arguments = _arguments_model(function, described)
        return cls(
            name=name or function.__name__,
            description=(docstring.description or "").strip(),
            input_schema=_schema(function, arguments),
            function=function,
            timeout=timeout,
            arguments=arguments,
        )

    @property
    def definition(self) -> Mapping[str, Any]:
        """The tool as the Messages API wants it."""
        return {"name": self.name, "description": self.description, "input_schema": self.input_schema}

    def keywords(self, given: Any) -> Mapping[str, Any]:
        """Return the keyword arguments for an input. Raises ToolError, in words for Claude, if it does not fit."""
        if self.arguments is None:
            return dict(given)
        try:
            checked = self.arguments.model_validate(given)
        except ValidationError as error:
            raise ToolError(_in_plain_words(self.name, error)) from error
        fields = self.arguments.model_fields
        return {fields[key].alias or key: getattr(checked, key) for key in checked.model_fields_set}


class Toolbox:
    """The tools that Claude is offered, and the running of its calls.

    `timeout` is in seconds, for tools without a limit of their own. Raises PluginError if two tools have one name.
    """

    def __init__(self, tools: Iterable[Tool], *, timeout: float) -> None:
        self._tools: dict[str, Tool] = {}
        self._timeout = timeout
        for tool in tools:
            self._add(tool)
        # By name, so that the prompt prefix, and with it Claude's cache, does not hang on the order of plugins.
        self.definitions = tuple(self._tools[name].definition for name in sorted(self._tools))

    async def run(self, call: Block) -> Block:
        """Run one tool_use block and return its tool_result block. Several may run side by side.

        Only CancelledError is raised: whatever goes wrong is a result with `is_error`. Claude reads a ToolError's
        text as it is, and of any other exception only that the tool failed. A sync function that overruns its
        time is abandoned in its thread, since a thread cannot be stopped.
        """
        name = str(call["name"])
        tool = self._tools.get(name)
        if tool is None:
            return _result(
                call, f"There is no tool {name}. There are: {', '.join(sorted(self._tools)) or 'none'}.", failed=True
            )
        try:
            return _result(call, _as_text(await self._run_in_time(tool, tool.keywords(call["input"]))))
        except ToolError as error:
            return _result(call, str(error) or f"The tool {name} failed.", failed=True)
        except (Exception, SystemExit, asyncio.CancelledError):  # a tool that calls sys.exit() must not end the bot
            if is_cancelled():
                raise
            log.exception("botkit.tool.failed tool=%s", name)
            return _result(call, f"The tool {name} failed.", failed=True)

    def _add(self, tool: Tool) -> None:
        other = self._tools.setdefault(tool.name, tool)
        if other is not tool:
            raise PluginError(
                f'two tools are called "{tool.name}": {_place(other.function)} and {_place(tool.function)}; '
                "rename one, or block a plugin with [plugins.NAME] enabled = false"
            )

    async def _run_in_time(self, tool: Tool, keywords: Mapping[str, Any]) -> Any:
        seconds = self._timeout if tool.timeout is None else tool.timeout
        try:
            async with asyncio.timeout(seconds) as limit:
                return await _call(tool.function, keywords)
        except TimeoutError as error:
            if not limit.expired():
                raise
            log.warning("botkit.tool.timed_out tool=%s seconds=%g", tool.name, seconds)
            raise ToolError(f"The tool {tool.name} was stopped, since it took over {seconds:g} seconds.") from error


async def _call(function: Callable[..., Any], keywords: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**keywords)
    answer = await run_in_thread(function, **keywords)
    # A sync function may wrap an async one.
    return await answer if inspect.isawaitable(answer) else answer


def _result(call: Block, text: str, *, failed: bool = False) -> Block:
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": _fit(text)}
    return result | {"is_error": True} if failed else result


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "done" if value is None else to_json(value).decode()


def _fit(text: str) -> str:
    """Make any text one that can be sent and stored: clean, not blank (the API refuses that), and not huge."""
    text = clean_text(text)
    if not text.strip():
        return "(no output)"
    if len(text) <= MAX_RESULT:
        return text
    return f"{text[:MAX_RESULT]}\n[shortened: the first {MAX_RESULT:,} of {len(text):,} characters]"


def _in_plain_words(name: str, error: ValidationError) -> str:
    return f"The input of {name} is wrong: {'; '.join(map(_complaint, error.errors()))}."


def _complaint(detail: ErrorDetails) -> str:
    parameter = ".".join(map(str, detail["loc"]))
    match detail["type"]:
        case "missing":
            return f"{parameter} is missing"
        case "extra_forbidden":
            return f"there is no parameter {parameter}"
        case _ if not parameter:
            return "it must be an object with the parameters"
        case _:
            return f"{parameter}: {detail['msg']}"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which only repeat their names and cost tokens."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _schema(function: Callable[..., Any], arguments: type[BaseModel]) -> Mapping[str, Any]:
    try:
        schema = arguments.model_json_schema(schema_generator=_Untitled)
    except PydanticUserError as error:
        raise _refused(function, f"no JSON schema can be made of its parameters ({error.message})") from error
    del schema["title"]
    return schema


def _arguments_model(function: Callable[..., Any], described: Mapping[str, str | None]) -> type[BaseModel]:
    # The fields are numbered, since a parameter may be called like a method of BaseModel ("json", "copy").
    fields: dict[str, Any] = {
        f"field_{number}": (parameter.annotation, _field(parameter, described.get(parameter.name)))
        for number, parameter in enumerate(_parameters(function))
    }
    try:
        return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    except PydanticUserError as error:
        raise _refused(function, f"a parameter has a type that pydantic cannot check ({error.message})") from error


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = list(_signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise _refused(function, f"Claude gives arguments by name; replace {parameter} by named parameters")
        if parameter.annotation is parameter.empty:
            raise _refused(function, f'{parameter.name} has no type; annotate it, such as "{parameter.name}: str"')
    return parameters


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        cure = "import it at the top of the module, not under TYPE_CHECKING"
        raise _refused(function, f"{error.name} in an annotation cannot be found; {cure}") from error
    except Exception as error:
        raise _refused(function, f"its signature cannot be read ({error}); write it with plain annotations") from error


def _field(parameter: inspect.Parameter, description: str | None) -> Any:
    options: dict[str, Any] = {"alias": parameter.name}
    if description:
        options["description"] = description
    if parameter.default is not parameter.empty:
        options["default"] = parameter.default
    return Field(**options)


def _refused(function: Callable[..., Any], fault: str) -> PluginError:
    return PluginError(f"{_place(function)} cannot be a tool: {fault}")


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})" if code else repr(function)

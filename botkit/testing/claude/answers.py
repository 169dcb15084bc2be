"""The answer nobody scripted: short, honest, and showing what Claude would have been sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botkit.testing.claude.blocks import content_blocks, plain_text
from botkit.testing.claude.script import Say, call, say

if TYPE_CHECKING:
    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.recorded import RecordedRequest

_QUOTE_LENGTH = 80
_DECODER = json.JSONDecoder()
_EMPTY_VALUES = {"string": "", "boolean": False}
_DEEPEST = 10  # a schema may refer to itself


def unscripted(request: RecordedRequest) -> Say:
    """Reports a tool's answer, calls a tool that the person names, or else quotes the conversation back."""
    if request.tool_results:
        return say(_report(request))
    tool = _named_tool(request)
    if tool is not None:
        name = str(tool["name"])
        return say(f"I'll use `{name}`.", call(name, _arguments(tool, request.text)))
    return say(_echo(request))


def quote(text: str) -> str:
    """The text on one line, without control characters, shortened to about 80 characters, in quotes."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    short = line if len(line) <= _QUOTE_LENGTH else f"{line[: _QUOTE_LENGTH - 1].rstrip()}…"
    return f'"{short}"'


def _echo(request: RecordedRequest) -> str:
    sentences = ["I am a simulated Claude, so no model is behind this answer.", _what_was_said(request)]
    earlier = len(request.messages) - 1
    if earlier > 0:
        sentences.append(
            f"I was also sent {_count(earlier, 'earlier message')} of this conversation{_beginning(request)}"
        )
    else:
        sentences.append("It is the first message of our conversation.")
    return " ".join(sentences)


def _what_was_said(request: RecordedRequest) -> str:
    text = request.text
    if text.strip():
        return f"You wrote: {quote(text)}."
    kinds = {str(block.get("type")) for block in request.last_blocks} - {"text"}
    attached = " and ".join(sorted(kinds))
    return f"You sent no text, only: {attached}." if attached else "You sent no text."


def _beginning(request: RecordedRequest) -> str:
    first = plain_text(request.messages[0].get("content"))
    return f", which begins with: {quote(first)}." if first.strip() else "."


def _report(request: RecordedRequest) -> str:
    reports = [_report_one(request, result) for result in request.tool_results]
    return " ".join(["I am a simulated Claude.", *reports])


def _report_one(request: RecordedRequest, result: Json) -> str:
    verb = "failed with" if result.get("is_error") else "answered"
    content = plain_text(result.get("content"))
    answer = quote(content) if content.strip() else "nothing that I can read"
    return f"The tool `{_tool_name(request, str(result.get('tool_use_id')))}` {verb}: {answer}."


def _tool_name(request: RecordedRequest, tool_use_id: str) -> str:
    blocks = (block for message in request.messages for block in content_blocks(message.get("content")))
    names = (block.get("name") for block in blocks if block.get("id") == tool_use_id)
    return str(next(names, tool_use_id))


def _named_tool(request: RecordedRequest) -> Json | None:
    """The tool to call: a forced one, else the longest-named one that the newest text names exactly."""
    choice = request.option("tool_choice", "type")
    callable_tools = [tool for tool in request.tools if "input_schema" in tool]
    if choice == "none":
        return None
    if choice == "tool":
        return next((t for t in callable_tools if t.get("name") == request.option("tool_choice", "name")), None)
    named = [tool for tool in callable_tools if _names(request.text, str(tool.get("name")))]
    if named or choice != "any":
        return max(named, key=lambda tool: len(str(tool["name"])), default=None)
    return next(iter(callable_tools), None)


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _arguments(tool: Json, text: str) -> Json:
    given = _json_object(text)
    return given if given is not None else _example(tool["input_schema"], tool["input_schema"])


def _json_object(text: str) -> Json | None:
    """The first JSON object in a text."""
    for brace in re.finditer(r"\{", text):
        try:
            value, _ = _DECODER.raw_decode(text, brace.start())
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _example(schema: Json, root: Json, depth: int = 0) -> Any:
    """The simplest value for a schema: only required properties, and the first of any choice."""
    schema = _resolved(schema, root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else None)
    match kind[0] if isinstance(kind, list) else kind:
        case "object" if depth < _DEEPEST:
            properties = schema.get("properties") or {}
            required = schema.get("required") or ()
            return {name: _example(properties.get(name, {}), root, depth + 1) for name in required}
        case "array":
            return []
        case "integer" | "number":
            return schema.get("minimum", 0)
        case other:
            return _EMPTY_VALUES.get(str(other))


def _resolved(schema: Json, root: Json) -> Json:
    """The schema behind a local `$ref` or the first branch of a choice."""
    for _ in range(_DEEPEST):
        branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if "$ref" in schema:
            schema = _lookup(root, str(schema["$ref"]))
        elif branches and "default" not in schema:
            schema = branches[0]
        else:
            break
    return schema


def _lookup(root: Json, reference: str) -> Json:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

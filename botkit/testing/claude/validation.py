"""What Claude refuses in a request as a whole, with Claude's words as far as they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botkit.testing.claude.blocks import content_blocks
from botkit.testing.claude.cache import LIFETIMES
from botkit.testing.claude.conversation import check_messages, check_text
from botkit.testing.claude.errors import ApiError, invalid
from botkit.testing.claude.models import MODELS
from botkit.testing.claude.seals import BINDING_BETA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.testing.claude.blocks import Json
    from botkit.testing.claude.models import Model
    from botkit.testing.claude.prompt import Prompt
    from botkit.testing.claude.recorded import RecordedRequest

MAX_BREAKPOINTS = 4

_COUNT_KEYS = frozenset(
    {"messages", "model", "cache_control", "output_config", "speed", "system", "thinking", "tool_choice", "tools"}
)
_CREATE_KEYS = _COUNT_KEYS | {
    "max_tokens",
    "container",
    "diagnostics",
    "inference_geo",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
}
# A beta may add parameters; which one belongs to which is not this server's business.
_BETA_KEYS = frozenset(
    {
        "billing_policy",
        "compaction",
        "context_management",
        "fallback_credit_token",
        "fallbacks",
        "mcp_servers",
        "thread",
    }
)
_TOOL_KEYS = frozenset(
    {
        "allowed_callers",
        "cache_control",
        "defer_loading",
        "description",
        "eager_input_streaming",
        "input_examples",
        "input_schema",
        "name",
        "strict",
        "type",
    }
)
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_EXTRA = "Extra inputs are not permitted"


def check_request(request: RecordedRequest, *, counting: bool = False) -> None:
    """Raises ApiError at the first thing that the request's model would not take.

    `counting` is for count_tokens, which needs no max_tokens and takes no parameters of the answer.
    """
    body = request.body
    model = _model(body)
    _check_keys(body, _COUNT_KEYS if counting else _CREATE_KEYS, beta=bool(request.betas))
    if not counting:
        _check_max_tokens(body, model)
        _check_stop_sequences(body.get("stop_sequences"))
    _check_system(body.get("system"))
    _check_tools(body)
    _check_tool_choice(request, model)
    _check_thinking(request, model)
    check_messages(body.get("messages"), model)
    _check_cache_control(body)


def check_size(prompt: Prompt, max_input_tokens: int) -> None:
    """Raises ApiError for a prompt that does not fit into the window."""
    if prompt.tokens > max_input_tokens:
        raise invalid(f"prompt is too long: {prompt.tokens} tokens > {max_input_tokens} maximum")


def _model(body: Json) -> Model:
    name = body.get("model")
    if not isinstance(name, str):
        raise invalid("model: Field required")
    if name not in MODELS:
        raise ApiError(404, f"model: {name}")
    return MODELS[name]


def _check_keys(body: Json, allowed: frozenset[str], *, beta: bool) -> None:
    for key in body:
        if key not in allowed and not (beta and key in _BETA_KEYS):
            raise invalid(f"{key}: {_EXTRA}")


def _check_max_tokens(body: Json, model: Model) -> None:
    limit = body.get("max_tokens")
    if limit is None:
        raise invalid("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise invalid("max_tokens: Input should be a valid integer")
    if limit < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if limit > model.max_tokens:
        raise invalid(
            f"max_tokens: {limit} > {model.max_tokens}, which is the maximum allowed number of output tokens "
            f"for {model.id}"
        )


def _check_stop_sequences(stop_sequences: object) -> None:
    if not isinstance(stop_sequences, list | None):
        raise invalid("stop_sequences: Input should be a valid list")
    if any(not isinstance(stop, str) or not stop.strip() for stop in stop_sequences or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _check_system(system: object) -> None:
    if isinstance(system, list):
        for block in content_blocks(system):
            check_text("system", block)
    elif not isinstance(system, str | None):
        raise invalid("system: Input should be a valid string or list of text blocks")


def _check_tools(body: Json) -> None:
    if not isinstance(body.get("tools"), list | None):
        raise invalid("tools: Input should be a valid list")
    tools = content_blocks(body.get("tools"))
    for index, tool in enumerate(tools):
        # A tool with a type is one that the server defines.
        if tool.get("type", "custom") in {"custom", None}:
            _check_tool(f"tools.{index}.custom", tool)
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        raise invalid("tools: Tool names must be unique.")


def _check_tool(path: str, tool: Json) -> None:
    if not isinstance(tool.get("name"), str):
        raise invalid(f"{path}.name: Field required")
    if not _TOOL_NAME.fullmatch(tool["name"]):
        raise invalid(f"{path}.name: String should match pattern '^{_TOOL_NAME.pattern}$'")
    for key in tool:
        if key not in _TOOL_KEYS:
            raise invalid(f"{path}.{key}: {_EXTRA}")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise invalid(f"{path}.input_schema: Field required")
    if "type" not in schema:
        raise invalid(f"{path}.input_schema.type: Field required")
    if schema["type"] != "object":
        raise invalid(f"{path}.input_schema.type: Input should be 'object'")


def _check_tool_choice(request: RecordedRequest, model: Model) -> None:
    choice = request.option("tool_choice", "type")
    if choice is None:
        return
    if choice not in {"auto", "any", "tool", "none"}:
        raise invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    if not request.tools:
        raise invalid("tool_choice: may only be specified while providing tools")
    if choice in {"any", "tool"}:
        _check_forced(request, model)


def _check_forced(request: RecordedRequest, model: Model) -> None:
    if not model.forced_tools:
        raise invalid(f"tool_choice: forced tool use (`any` or `tool`) is not supported on {model.id}")
    if request.option("thinking", "type") in {"enabled", "adaptive"}:
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    name = request.option("tool_choice", "name")
    if request.option("tool_choice", "type") == "tool" and name not in {tool.get("name") for tool in request.tools}:
        raise invalid(f"Tool '{name}' not found in provided tools")


def _check_thinking(request: RecordedRequest, model: Model) -> None:
    thinking = request.body.get("thinking")
    if thinking is None:
        return
    kind = request.option("thinking", "type")
    if kind == "enabled" and kind not in model.thinking:
        raise invalid(
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if kind not in model.thinking:
        raise invalid(f'"thinking.type.{kind}" is not supported for this model.')
    if "block_binding" in thinking and BINDING_BETA not in request.betas:
        raise invalid(f"thinking.{kind}.block_binding: {_EXTRA}")
    if kind == "enabled":
        _check_budget(thinking.get("budget_tokens"), request.body.get("max_tokens"))


def _check_budget(budget: object, max_tokens: object) -> None:
    if not isinstance(budget, int):
        raise invalid("thinking.enabled.budget_tokens: Field required")
    if budget < 1024:
        raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if isinstance(max_tokens, int) and max_tokens <= budget:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_cache_control(body: Json) -> None:
    marked = [*_marked("tools", body.get("tools")), *_marked("system", body.get("system"))]
    for number, message in enumerate(body["messages"]):
        marked += _marked(f"messages.{number}.content", message["content"])
    if body.get("cache_control"):
        marked.append(("cache_control", body["cache_control"]))
    if len(marked) > MAX_BREAKPOINTS:
        raise invalid(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {len(marked)}.")
    _check_lifetimes(marked)


def _marked(path: str, content: object) -> list[tuple[str, object]]:
    blocks = enumerate(content_blocks(content))
    return [(f"{path}.{i}.cache_control", b["cache_control"]) for i, b in blocks if b.get("cache_control")]


def _check_lifetimes(marked: Sequence[tuple[str, object]]) -> None:
    shorter = False
    for path, cache_control in marked:
        if not isinstance(cache_control, dict) or cache_control.get("type") != "ephemeral":
            raise invalid(f"{path}: Input should be a dictionary of type 'ephemeral'")
        lifetime = cache_control.get("ttl") or "5m"
        if lifetime not in LIFETIMES:
            raise invalid(f"{path}.ttl: Input should be '5m' or '1h'")
        if shorter and lifetime == "1h":
            raise invalid(
                f"{path}.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
                "Note that blocks are processed in the following order: `tools`, `system`, `messages`."
            )
        shorter = shorter or lifetime == "5m"

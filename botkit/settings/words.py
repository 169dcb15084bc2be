"""What is said about settings: what a value must be, what is wrong with one, and what was ignored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

from pydantic.fields import FieldInfo

from botkit.settings.sources import Given, variable_of
from botkit.settings.tables import FREE_TABLES, SECTIONS, kind_of

__all__ = ["as_toml", "expected", "ignored", "wrong"]

_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list of texts",
    dict: "a table",
}
_LIMITS = ("ge", "gt", "le")
_SAMPLING = ("temperature", "top_p", "top_k")


def expected(field: FieldInfo) -> str:
    """Say what a value of `field` must be, such as "a whole number of at least 1"."""
    kind = kind_of(field)
    if field.title:
        return field.title
    if kind is Literal:
        return _choice(field)
    limits = {name: getattr(limit, name) for limit in field.metadata for name in _LIMITS if hasattr(limit, name)}
    return _KINDS[kind] + _range(**limits)


def wrong(path: tuple[str, ...], given: Given) -> str:
    """Say that the value at `path` is not what it must be, where it stands, and what would be right."""
    return f"{_label(path)} {given.where} must be {_right_value(path, variable=bool(given.variable))}"


def ignored(given: Given) -> str:
    """Say that nothing comes of a value, and why."""
    subject = f"{_label(given.path, whole=isinstance(given.value, Mapping))} {given.where}"
    if given.path[0] == "model" and given.path[-1] in _SAMPLING:
        cure = as_toml({given.path[-1]: given.value})
        return (
            f"{subject} is ignored: current Claude models refuse it (status 400); "
            f"for an endpoint that takes it, write [model] extra_body = {cure}"
        )
    near = _nearest(given.path)
    if near is None:
        return f"{subject} is no setting of botkit and is ignored; remove it or correct its name"
    name = variable_of(near) if given.variable else _label(near)
    return f"{subject} is no setting of botkit and is ignored; did you mean {name}?"


def as_toml(value: Any) -> str:
    """Write a value in one line of TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _choice(field: FieldInfo) -> str:
    options = get_args(field.annotation)
    # In `Literal[...] | None` the options are one level down.
    texts = [f'"{option}"' for option in (options if isinstance(options[0], str) else get_args(options[0]))]
    return ", ".join(texts[:-1]) + " or " + texts[-1]


def _range(ge: float | None = None, gt: float | None = None, le: float | None = None) -> str:
    if gt is not None:
        return f" above {gt}"
    if le is not None:
        return f" from {ge} to {le}"
    return "" if ge is None else f" of at least {ge}"


def _label(path: tuple[str, ...], *, whole: bool = True) -> str:
    """Return `[model] name`; for a table `[model]` or `[plugins.weather]`, for a lone key its name."""
    if len(path) == 1:
        return f"[{path[0]}]" if whole else path[0]
    if path[0] in FREE_TABLES and len(path) == 2:
        return f"[{'.'.join(path)}]"
    return f"[{'.'.join(path[:-1])}] {path[-1]}"


def _right_value(path: tuple[str, ...], *, variable: bool) -> str:
    if path[0] in FREE_TABLES or len(path) == 1:
        example = f"{variable_of((*path, 'KEY'))}=VALUE" if variable else f"KEY = VALUE on a line below {_label(path)}"
        return f"a table, not a single value: write {example}"
    field = SECTIONS[path[0]].model_fields[path[1]]
    if kind_of(field) is Literal:
        return expected(field)
    example = field.examples[0] if field.examples else field.default
    written = f"{variable_of(path)}={_as_variable(example)}" if variable else f"{path[1]} = {as_toml(example)}"
    return f"{expected(field)}, for example {written}"


def _as_variable(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _nearest(path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the setting that was probably meant: the same key of another table, or a similar name."""
    if same := _same_key(path):
        return same
    table = _similar(path[0], (*SECTIONS, *FREE_TABLES))
    if table is None or table in FREE_TABLES or len(path) == 1:
        return (table, *path[1:]) if table else None
    key = _similar(path[1], SECTIONS[table].model_fields)
    return (table, key) if key else None


def _same_key(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the setting whose key ends a short `path`; BOTKIT_MODEL_NAME lacks an underscore for `[model] name`."""
    if len(path) > 2:
        return None
    settings = ((table, key) for table, section in SECTIONS.items() for key in section.model_fields)
    return next((known for known in settings if path[-1] in (known[1], "_".join(known))), None)


def _similar(word: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(word, known, n=1)), None)

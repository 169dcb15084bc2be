"""Where settings come from: the config file, the environment and the command line.

Each source gives its values one by one, with the place where they stand, so that an error or a warning can name it.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botkit.errors import ConfigError
from botkit.settings.tables import FREE_TABLES, SECTIONS, is_setting, kind_of

__all__ = ["DATABASE_URL", "Given", "find_file", "from_environment", "from_file", "from_overrides", "variable_of"]

_PREFIX = "BOTKIT_"
_NO_SETTINGS = ("BOTKIT_CONFIG", "BOTKIT_TEST_")
_SINGLE_UNDERSCORES = {f"{table}_{key}" for table, section in SECTIONS.items() for key in section.model_fields}

DATABASE_URL = ("database", "url")


@dataclass(frozen=True, slots=True)
class Given:
    """One value as somebody gave it.

    `path` is the table and the key, deeper in free tables; or the name alone of what is no table of botkit, or should
    be a table and is not. `where` reads on from the key: "in /srv/botkit.toml". `variable` is set in the environment.
    """

    path: tuple[str, ...]
    value: Any
    where: str
    variable: str = ""


def find_file(config: Path | str | None) -> Path | None:
    """Return the absolute path of the config file: `config`, else BOTKIT_CONFIG, else ./botkit.toml if there is one."""
    named = config or os.environ.get("BOTKIT_CONFIG")
    if named:
        return Path(named).absolute()
    beside = Path("botkit.toml").absolute()
    return beside if beside.exists() else None


def from_file(file: Path) -> list[Given]:
    """Return the values of `file`. ConfigError if it cannot be read or is no TOML."""
    return list(_values(_parsed(file, _text(file)), f"in {file}"))


def from_overrides(overrides: Mapping[str, Any]) -> list[Given]:
    """Return what the command line gave, in the tables of the config file; None is an option that was left out."""
    return [given for given in _values(overrides, "on the command line") if given.value is not None]


def from_environment() -> list[Given]:
    """Return the values of BOTKIT_<TABLE>__<KEY>, whole tables before their keys. An empty variable counts as unset."""
    names = sorted(name for name in os.environ if _may_be_setting(name) and os.environ[name])
    givens = [_from_variable(_path_of(name), name) for name in names]
    if os.environ.get("BOTKIT_DATABASE_URL"):
        givens.append(_from_variable(DATABASE_URL, "BOTKIT_DATABASE_URL"))
    return givens


def variable_of(path: tuple[str, ...]) -> str:
    """Return the name of the environment variable for `path`."""
    return _PREFIX + "__".join(path).upper().replace("-", "_")


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{file} does not exist; correct --config or BOTKIT_CONFIG, or write the file") from None
    except IsADirectoryError:
        raise ConfigError(
            f"{file} is a directory; name the config file itself, such as {file / 'botkit.toml'}"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}); let the user that runs botkit read it") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}, line {line} is not UTF-8; save the file in that encoding") from None


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_error(file, text, str(error))) from None
    except (ValueError, RecursionError):
        # What tomllib lets through: Python's limits on digits and on depth.
        raise ConfigError(f"{file} has a number that is too long or lists nested too deep; shorten it") from None


def _syntax_error(file: Path, text: str, message: str) -> str:
    # The line is not quoted: it may be the one with a password, its closing quote forgotten.
    fault, _, place = message.rpartition(" (at ")
    numbers = re.findall(r"\d+", place)
    line, column = numbers or (text.count("\n") + 1, len(text) - text.rfind("\n"))
    return (
        f"{file}, line {line}, column {column} is not TOML: {fault[:1].lower()}{fault[1:]}; "
        'a line reads key = value, with a text in "quotes" and a list in [brackets]'
    )


def _values(tables: Mapping[str, Any], where: str) -> Iterator[Given]:
    for table, values in tables.items():
        if isinstance(values, Mapping) and (table in SECTIONS or table in FREE_TABLES):
            yield from (Given((table, key), value, where) for key, value in values.items())
        else:
            yield Given((table,), values, where)


def _may_be_setting(name: str) -> bool:
    """Whether a variable is meant for botkit; a container platform sets BOTKIT_PORT and its like by itself."""
    if not name.startswith(_PREFIX) or name.startswith(_NO_SETTINGS) or name == "BOTKIT_DATABASE_URL":
        return False
    return "__" in name or _path_of(name)[0] in _SINGLE_UNDERSCORES


def _path_of(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(_PREFIX).lower().split("__"))


def _from_variable(path: tuple[str, ...], name: str) -> Given:
    return Given(path, _decoded(path, os.environ[name]), f"in {name}", name)


def _decoded(path: tuple[str, ...], text: str) -> Any:
    """Return what `text` stands for at `path`; a text that does not fit comes back as it is, to be refused there."""
    if path[0] in FREE_TABLES:
        # Only lists and tables: a key or a token of digits alone has to stay a text.
        return _json(text) if text.lstrip().startswith(("[", "{")) else text
    kind = kind_of(SECTIONS[path[0]].model_fields[path[1]]) if is_setting(path) else dict
    if kind is tuple and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    return _json(text) if kind in (tuple, dict) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

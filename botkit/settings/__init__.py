"""The settings of a bot: `botkit.toml`, the environment and the command line in one frozen value.

    load_settings(config) → find the file → collect what was given → put it together → validate → Settings

The tables are validated by plain pydantic, from values that each know where they stand: that is what lets an error
name the variable or the file, and a misspelt key be a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from platformdirs import user_data_path
from pydantic import ValidationError

from botkit.errors import ConfigError
from botkit.settings.sources import DATABASE_URL, Given, find_file, from_environment, from_file, from_overrides
from botkit.settings.tables import (
    FREE_TABLES,
    DatabaseSettings,
    HistorySettings,
    ModelSettings,
    RunSettings,
    Settings,
    TurnSettings,
    is_setting,
)
from botkit.settings.url import with_folder
from botkit.settings.words import ignored, wrong

__all__ = [
    "DatabaseSettings",
    "HistorySettings",
    "ModelSettings",
    "RunSettings",
    "Settings",
    "TurnSettings",
    "load_settings",
]


def load_settings(config: Path | str | None = None, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings: `overrides` win over the environment, that over the config file, that over the defaults.

    The file is `config`, else BOTKIT_CONFIG, else ./botkit.toml if there is one, else none. `overrides` has the
    tables of the file, `{"model": {"name": "…"}}`; a None in it is an option that nobody gave. In the result the
    address of the database is absolute and names its driver.

    Unknown keys and tables are sentences in `warnings`. ConfigError, one line for each fault, if a named file is
    missing, cannot be read or is no TOML, or if a value is wrong; no message shows a value.
    """
    file = find_file(config)
    in_file = from_file(file) if file else []
    elsewhere = [*(_spelt_as(given, in_file) for given in from_environment()), *from_overrides(overrides or {})]
    givens = [*in_file, *elsewhere]
    settings = _validated([given for given in givens if is_setting(given.path)])
    return settings.model_copy(
        update={
            "database": _within(settings.database, _database_folder(file, elsewhere)),
            "file": file,
            "warnings": tuple(ignored(given) for given in givens if not is_setting(given.path)),
        }
    )


def _spelt_as(given: Given, in_file: Sequence[Given]) -> Given:
    """Return a variable's value under the file's name of the table: `my_plugin` may be what is `My-Plugin` there."""
    if given.path[0] not in FREE_TABLES:
        return given
    table, name, *keys = given.path
    names = (other.path[1] for other in in_file if other.path[0] == table and len(other.path) > 1)
    spelt = next((other for other in names if other.lower().replace("-", "_") == name), name)
    return replace(given, path=(table, spelt, *keys))


def _validated(givens: Sequence[Given]) -> Settings:
    try:
        return Settings.model_validate(_merged(givens))
    except ValidationError as error:
        broken = dict.fromkeys(tuple(map(str, fault["loc"][:2])) for fault in error.errors())
    # Outside the except block, so that the values in pydantic's error go no further.
    raise ConfigError("\n".join(wrong(path, _giver(path, givens)) for path in broken))


def _giver(path: tuple[str, ...], givens: Sequence[Given]) -> Given:
    return next(given for given in reversed(givens) if given.path == path[: len(given.path)])


def _merged(givens: Iterable[Given]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for given in givens:
        _put(tables, given)
    return tables


def _put(tables: dict[str, Any], given: Given) -> None:
    """Set a value, later ones over earlier ones; tables of adapters and plugins are joined, key by key."""
    *names, key = given.path
    table = tables
    for name in names:
        inner = table.get(name)
        # A copy, for what was given stays as it was given.
        table[name] = dict(inner) if isinstance(inner, Mapping) else {}
        table = table[name]
    old = table.get(key)
    if given.path[0] in FREE_TABLES and isinstance(old, Mapping) and isinstance(given.value, Mapping):
        table[key] = {**old, **given.value}
    else:
        table[key] = given.value


def _database_folder(file: Path | None, elsewhere: Sequence[Given]) -> Path:
    """Return the folder that a relative SQLite file is in: it depends on who named the file."""
    if any(given.path == DATABASE_URL for given in elsewhere):
        return Path.cwd()
    return file.parent if file else user_data_path("botkit")


def _within(database: DatabaseSettings, folder: Path) -> DatabaseSettings:
    return DatabaseSettings(url=with_folder(database.url, folder))

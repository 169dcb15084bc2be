"""The tables of `botkit.toml`, with their defaults and limits.

A field's description is its line in `docs/settings.md`; `title` is what its value must be, where the type does not
say it; `examples` is the cure that an error shows where the default would not teach anything.
"""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from botkit.settings.url import with_driver

__all__ = [
    "FREE_TABLES",
    "SECTIONS",
    "DatabaseSettings",
    "HistorySettings",
    "ModelSettings",
    "RunSettings",
    "Settings",
    "TurnSettings",
    "is_setting",
    "kind_of",
]


class _Table(BaseModel):
    """One table. A wrong or unknown key raises pydantic's ValidationError, which does not quote the value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[info.field_name].annotation if info.field_name else None
        if isinstance(value, bool) and annotation in (int, float):
            raise ValueError("true and false are no numbers")
        return value


class ModelSettings(_Table):
    """How Claude is asked."""

    name: str = Field(default="claude-sonnet-5-5", description="The model that answers.")
    max_tokens: int = Field(
        default=16000, ge=1, description="The longest answer, in tokens; thinking counts towards it."
    )
    system: str = Field(default="You are a helpful assistant.", description="The system prompt.")
    fallback_models: tuple[str, ...] = Field(
        default=(), examples=[["claude-haiku-5-5"]], description="The models to go on with, in this order, on overload."
    )
    deadline: float = Field(default=300, gt=0, description="Seconds for one answer, retries included.")
    stop_sequences: tuple[str, ...] = Field(default=(), examples=[["END"]], description="Texts at which Claude stops.")
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = Field(
        default=None, description="How much work Claude puts into an answer; unset, the model's own."
    )
    thinking: dict[str, Any] | None = Field(
        default=None, examples=[{"type": "adaptive"}], description="The API's `thinking`, passed on as it is."
    )
    cache: Literal["5m", "1h", "off"] = Field(default="5m", description="How long Claude's prompt cache is kept.")
    service_tier: str | None = Field(
        default=None, examples=["standard_only"], description="The API's `service_tier`, passed on as it is."
    )
    extra_body: dict[str, Any] = Field(
        default={},
        examples=[{"temperature": 0.7}],
        description="Whatever else an endpoint takes, added to every request.",
    )


class HistorySettings(_Table):
    """What of the past goes into a request."""

    budget: int = Field(
        default=50000,
        ge=1000,
        description="Tokens of history that are sent; more than the model's window is of no use.",
    )
    cut_to: float = Field(
        default=0.6, ge=0.1, le=0.95, description="The share of the budget that is kept when the history outgrows it."
    )


class TurnSettings(_Table):
    """How messages become answers."""

    overlap: Literal["merge", "queue", "interrupt"] = Field(
        default="merge", description="What a message does that comes in during an answer: join it, wait, or stop it."
    )
    concurrent: int = Field(default=200, ge=1, description="Answers at once in one process.")
    attempts: int = Field(
        default=3,
        ge=1,
        description="Times that an answer is begun, by processes that do not live to finish it, before it is given up.",
    )
    stream: bool = Field(default=True, description="Show the answer while it grows.")
    tool_timeout: float = Field(default=60, gt=0, description="Seconds that one call of a tool may take.")
    tool_rounds: int = Field(default=20, ge=1, description="Times that Claude may call tools within one answer.")
    hook_timeout: float = Field(default=10, gt=0, description="Seconds that one hook of a plugin may take.")


class DatabaseSettings(_Table):
    """Where conversations are kept. The address may hold a password and so stays out of the repr."""

    url: str = Field(
        default="sqlite+aiosqlite:///botkit.db",
        validate_default=True,
        repr=False,
        title="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, an @ in the password written %40",
        examples=["sqlite:///botkit.db"],
        description=(
            "The database. A relative SQLite file is beside the config file, without one in the user's data "
            "folder; named by a variable or on the command line, it is in the working directory."
        ),
    )

    @field_validator("url")
    @classmethod
    def _runs_on_async_driver(cls, url: str) -> str:
        return with_driver(url)


class RunSettings(_Table):
    """How `botkit run` starts and stops."""

    drain: float = Field(default=20, ge=0, description="Seconds that running answers get to finish after SIGTERM.")


class Settings(_Table):
    """All settings of one bot.

    `adapters` and `plugins` hold one free table per name; they may hold secrets and so stay out of the repr.
    `file` is the config file that was read, None without one. `warnings` are sentences for the operator.
    """

    model: ModelSettings = ModelSettings()
    history: HistorySettings = HistorySettings()
    turns: TurnSettings = TurnSettings()
    database: DatabaseSettings = DatabaseSettings()
    run: RunSettings = RunSettings()
    adapters: dict[str, dict[str, Any]] = Field(default={}, repr=False)
    plugins: dict[str, dict[str, Any]] = Field(default={}, repr=False)
    file: Path | None = None
    warnings: tuple[str, ...] = ()


SECTIONS: dict[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
"""The tables whose keys are fixed, in the order of `Settings`."""

FREE_TABLES = ("adapters", "plugins")
"""The tables that hold one table per name, with keys of its own."""


def is_setting(path: tuple[str, ...]) -> bool:
    """Whether a value may stand at `path`, such as `("model", "name")`, or a whole table at `("model",)`."""
    table, *keys = path
    if table in FREE_TABLES:
        return all(keys)
    if table not in SECTIONS or not keys:
        return table in SECTIONS
    field = SECTIONS[table].model_fields.get(keys[0])
    return field is not None and (len(keys) == 1 or kind_of(field) is dict)


def kind_of(field: FieldInfo) -> Any:
    """Return what a field holds apart from None, without parameters: int, tuple, dict, Literal and so on."""
    annotation = field.annotation
    if NoneType in get_args(annotation):
        annotation = get_args(annotation)[0]
    return get_origin(annotation) or annotation

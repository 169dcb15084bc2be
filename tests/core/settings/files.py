"""Config files for tests, and what botkit makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.errors import ConfigError
from botkit.settings import Settings, load_settings


def write(text: str, path: str | Path = "botkit.toml") -> Path:
    file = Path(path).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def loaded(text: str) -> Settings:
    return load_settings(write(text))


def refusal(text: str = "") -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(text)
    return str(refused.value)

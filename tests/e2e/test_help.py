"""`botkit --help` is quick, and loads no SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("anthropic", "sqlalchemy", "pydantic", "slack_bolt", "discord", "aiohttp", "prompt_toolkit", "pluggy")
PROGRAM = f"""
import sys
from botkit.cli import main
status = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    status = end.code
print("loaded", [name for name in {HEAVY!r} if name in sys.modules], status)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["chat", "--help"], ["run", "--help"], ["--version"]])
def test_help_loads_no_sdk(arguments: list[str]) -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "loaded [] 0"


def test_every_command_has_help() -> None:
    listed = subprocess.run([sys.executable, "-m", "botkit", "--help"], capture_output=True, text=True, check=True)
    for name in ("chat", "conversations", "db", "plugins", "run"):
        assert name in listed.stdout
        helped = subprocess.run(
            [sys.executable, "-m", "botkit", name, "--help"], capture_output=True, text=True, check=True
        )
        assert "Usage: botkit" in helped.stdout


def test_a_misspelt_command_is_a_usage_error() -> None:
    result = subprocess.run([sys.executable, "-m", "botkit", "chatt"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "No such command" in result.stderr

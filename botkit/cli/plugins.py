"""`botkit plugins`: which there are, and why one failed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_option, read_settings

if TYPE_CHECKING:
    from botkit.plugins import PluginEntry

__all__ = ["command"]


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
def command(as_json: bool, config: Path | None) -> None:
    """List the plugins: name, version, state, hooks, and why one failed."""
    from botkit.plugins import Plugins

    plugins = Plugins(read_settings(config).plugins)
    try:
        plugins.install()
    finally:  # what stops the start stands in the list, too
        for entry in plugins.entries:
            click.echo(json.dumps(asdict(entry)) if as_json else _line(entry))


def _line(entry: PluginEntry) -> str:
    origin = f"{entry.distribution} {entry.version}".strip() or entry.module
    told = entry.reason or ", ".join(entry.hooks)
    return f"{entry.name:<16} {entry.state:<8} {origin:<24} {told}"

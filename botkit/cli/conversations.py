"""`botkit conversations`: list, show and export."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_option, open_store, read_settings

if TYPE_CHECKING:
    from botkit.settings import Settings
    from botkit.store import Conversation, StoredMessage

__all__ = ["command"]


@click.group("conversations")
def command() -> None:
    """List, show and export conversations."""


@command.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many, the newest first.")
@config_option
def list_(limit: int, config: Path | None) -> None:
    """List conversations, the most recently used first: id, last use, messages, place."""
    for conversation in asyncio.run(_list(read_settings(config), limit)):
        key = conversation.key
        place = " ".join(part for part in (key.adapter, key.space, key.channel, key.thread) if part)
        when = conversation.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{conversation.id:>6}  {when}  {conversation.last_seq:>5}  {place}")


@command.command("show")
@click.argument("conversation_id", metavar="ID", type=int)
@config_option
def show(conversation_id: int, config: Path | None) -> None:
    """Show what was said in a conversation."""
    from botkit.messages import clean_text

    _, messages = asyncio.run(_load(read_settings(config), conversation_id))
    for stored in messages:
        if stored.message.text:
            who = "You" if stored.message.role == "user" else "Claude"
            click.echo(f"{who}: {clean_text(stored.message.text)}\n")


@command.command("export")
@click.argument("conversation_id", metavar="ID", type=int)
@config_option
def export(conversation_id: int, config: Path | None) -> None:
    """Write a conversation to standard output as JSON, its messages as Claude is given them."""
    conversation, messages = asyncio.run(_load(read_settings(config), conversation_id))
    key = conversation.key
    place = {"adapter": key.adapter, "space": key.space, "channel": key.channel, "thread": key.thread}
    document = {
        "id": conversation.id,
        "place": place,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
        "messages": [
            {
                "seq": stored.seq,
                "role": stored.message.role,
                "content": [dict(block) for block in stored.message.content],
            }
            for stored in messages
        ],
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


async def _list(settings: Settings, limit: int) -> list[Conversation]:
    async with open_store(settings) as store:
        return await store.conversations(limit=limit)


async def _load(settings: Settings, conversation_id: int) -> tuple[Conversation, list[StoredMessage]]:
    async with open_store(settings) as store:
        return await store.conversation(conversation_id), await store.history(conversation_id, 0)

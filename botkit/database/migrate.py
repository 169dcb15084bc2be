"""Bringing a database's schema up to date, by Alembic."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from botkit.database.engine import Engine
from botkit.database.schema import known_revision
from botkit.database.tables import HEAD, REVISIONS

__all__ = ["Status", "Upgrade", "check", "upgrade"]

log = logging.getLogger(__name__)

_ALEMBIC = threading.Lock()
"""Alembic keeps the migration that runs in globals: one at a time in a process."""

_POSTGRES_LOCK = 0x626F746B6974
"""The advisory lock of those who upgrade: "botkit" in ASCII, so that no other program picks it by chance."""


@dataclass(frozen=True, slots=True)
class Status:
    """How up to date a database is. `current` is None for an empty one; `pending` is in the order of applying."""

    current: str | None
    head: str
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did. `backup` is the copy of an SQLite file as it was before, if one was worth making."""

    before: str | None
    after: str
    backup: Path | None = None


async def check(engine: Engine) -> Status:
    """Look, and change nothing. Raises StoreError, as `upgrade` would."""
    current = None
    if engine.path is None or engine.path.exists():  # to connect to a file would make it
        current = await engine.read(known_revision, engine.where)
    pending = REVISIONS[REVISIONS.index(current) + 1 :] if current else REVISIONS
    return Status(current, HEAD, pending)


async def upgrade(engine: Engine) -> Upgrade:
    """Bring the schema to the newest revision, in one transaction; others who try the same wait meanwhile.

    An SQLite file of an older revision is copied first, to `NAME.before-REVISION.bak` beside it. Raises
    DatabaseTooNew, DatabaseUnavailable, and StoreError where a migration fails: then all is as it was.
    """
    return await engine.write(_upgrade, engine.where, engine.path)


def _upgrade(connection: sa.Connection, where: str, path: Path | None) -> Upgrade:
    if connection.dialect.name == "postgresql":  # on SQLite, BEGIN IMMEDIATE keeps the others out
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
    before = known_revision(connection, where)
    if before == HEAD:
        return Upgrade(before, HEAD)
    backup = _back_up(path, before) if path and before else None
    with _ALEMBIC:
        command.upgrade(_config(connection), "head")
    log.info("botkit.database.upgraded database=%s before=%s after=%s backup=%s", where, before, HEAD, backup)
    return Upgrade(before, HEAD, backup)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _folder() -> Path:
    """Return the migrations: in a wheel they are inside of the package, in a checkout beside it."""
    here = Path(__file__).resolve().parents[1]
    inside = here / "migrations"
    return inside if inside.is_dir() else here.parent / "migrations"


def _back_up(path: Path, revision: str) -> Path:
    """Copy an SQLite file, which may be in use; a half copy never bears the name."""
    backup = path.with_name(f"{path.name}.before-{revision}.bak")
    unfinished = backup.with_name(f"{backup.name}.{os.getpid()}")
    try:
        with closing(sqlite3.connect(path)) as source:
            source.execute("VACUUM INTO ?", (str(unfinished),))
        shutil.copymode(path, unfinished)
        return unfinished.replace(backup)
    finally:
        unfinished.unlink(missing_ok=True)

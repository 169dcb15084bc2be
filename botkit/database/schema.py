"""Which revision of the schema a database has, and whether this botkit can work with it: without Alembic."""

from __future__ import annotations

import sqlalchemy as sa

from botkit.database.tables import HEAD, REVISIONS
from botkit.errors import DatabaseTooNew, DatabaseUnavailable

__all__ = ["known_revision", "writable_revision"]

_GUESTS = "procrastinate_"
"""The turn engine's tables may stand beside botkit's."""


def known_revision(connection: sa.Connection, where: str) -> str | None:
    """Return the database's revision, None for an empty one.

    Raises DatabaseTooNew for a revision that is not known here, DatabaseUnavailable for somebody else's tables.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in tables:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
        if found is not None and found not in REVISIONS:
            raise DatabaseTooNew(
                f"{where} has schema revision {found}, and this botkit knows up to {HEAD}: upgrade botkit, "
                "or, if another program wrote it, give botkit a database of its own"
            )
        return found
    strangers = sorted(table for table in tables if not table.startswith(_GUESTS))
    if strangers:
        raise DatabaseUnavailable(
            f"{where} holds tables of another program ({', '.join(strangers[:3])}): give botkit a database of its own"
        )
    return None


def writable_revision(connection: sa.Connection, where: str) -> str | None:
    """Return what `known_revision` does, and try a write: SQLite opens a file that it may only read without a word."""
    found = known_revision(connection, where)
    if found is not None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
    return found

"""What a database says when it refuses, as a sentence for the operator.

No sentence holds a password or a text of a person: PostgreSQL quotes values in what it says about data, so of
those only the kind is passed on. The original is chained.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from botkit.errors import DatabaseUnavailable, StoreError

__all__ = ["translated"]

_SETTING = "the setting is [database] url, or BOTKIT_DATABASE_URL"

# By the primary result code, https://sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_PERM: "may not be opened: give this user the right to read and write the file and its folder",
    sqlite3.SQLITE_BUSY: "was locked by another process for 30 s: see which other program has it open",
    sqlite3.SQLITE_LOCKED: "was locked for 30 s: see which other program has it open",
    sqlite3.SQLITE_READONLY: "cannot be written: give this user the right to write the file and its folder",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error, or it is full",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some room",
    sqlite3.SQLITE_CANTOPEN: f"cannot be opened: it must be a file in a folder that this user can write; {_SETTING}",
    sqlite3.SQLITE_NOTADB: f"is not an SQLite database; {_SETTING}",
}

# Lost connection, no resources, shut down: https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNAVAILABLE = ("08", "53", "57P")


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreError for whatever the database at `where` refuses in the block."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, UnicodeError, OverflowError, OSError) as error:
        raise _translate(error, where) from error


def _translate(error: Exception, where: str) -> StoreError:
    original = getattr(error, "orig", None) or error
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original, where)
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnavailable(f"no connection to {where} became free for 30 s: it is overloaded or hangs")
    if isinstance(error, DBAPIError):
        return _from_postgres(original, where)
    if isinstance(original, OSError):
        return DatabaseUnavailable(f"{where} cannot be used: {original}; {_SETTING}")
    return StoreError(f"{where} was given a value that cannot be stored: {original}")


def _from_sqlite(error: sqlite3.Error, where: str) -> StoreError:
    code = getattr(error, "sqlite_errorcode", None)  # not on errors of the Python module itself
    known = None if code is None else _SQLITE.get(code & 0xFF)
    if known is None:
        return StoreError(f"{where} refused: {error}")
    return DatabaseUnavailable(f"{where} {known}")


def _from_postgres(error: BaseException, where: str) -> StoreError:
    kind, state = type(error).__name__, getattr(error, "sqlstate", None)
    if (kind == "OperationalError" and state is None) or (state or "").startswith(_UNAVAILABLE):
        reason = " ".join(str(error).split())
        return DatabaseUnavailable(f"{where} cannot be used: {reason}; {_SETTING}")
    return StoreError(f"{where} refused: {kind}, SQLSTATE {state or 'none'}")

"""The address of the database: which drivers it runs on, and what its path is relative to.

No error here quotes the address, because it may hold a password.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

__all__ = ["with_driver", "with_folder"]

_SQLITE = re.compile(r"sqlite(\+aiosqlite)?://(?P<rest>(/.*)?)")
# As SQLAlchemy splits it, but with no second @: it would take a piece of the password for the host and name it.
_POSTGRESQL = re.compile(
    r"postgresql(\+psycopg)?://(?P<rest>"
    r"([^@]*@)?(\[[^\]@]+\]|[^:/?@\[\]]*)(:\d{1,5})?(/[^?@]*)?(\?.*)?)"
)
_FILE = re.compile(r"sqlite:///(?!:memory:|file:)(?P<path>[^?]+)(?P<query>\?.*)?")


def with_driver(url: str) -> str:
    """Return `url` with the driver that botkit uses, sqlite or postgresql+psycopg.

    `sqlite+aiosqlite` is the same as `sqlite`, since the store is asynchronous by itself. ValueError for any other
    database, and for an address that SQLAlchemy could not take apart.
    """
    if match := _SQLITE.fullmatch(url.strip()):
        return f"sqlite://{match['rest']}"
    if match := _POSTGRESQL.fullmatch(url.strip()):
        return f"postgresql+psycopg://{match['rest']}"
    raise ValueError("not an address of SQLite or PostgreSQL")


def with_folder(url: str, folder: Path) -> str:
    """Return `url` with the path of an SQLite file made absolute; `folder` is what it is relative to.

    In-memory databases, SQLite's own `file:` addresses and PostgreSQL come back as they are.
    """
    match = _FILE.fullmatch(url)
    if match is None:
        return url
    path = (folder / unquote(match["path"])).absolute()
    return f"sqlite:///{quote(path.as_posix(), safe=' +/:')}{match['query'] or ''}"

"""The way to a database: run this piece of work as one transaction.

A piece of work is a plain function of a SQLAlchemy `Connection`, and the whole of it goes to a thread. SQLite has
nothing to await anyway, and on both databases one hop for a transaction costs a fraction of the CPU of one hop,
or several, for each of its statements.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from botkit.database.errors import translated
from botkit.errors import ConfigError, DatabaseUnavailable

__all__ = ["Engine", "parse_url"]

P = ParamSpec("P")
T = TypeVar("T")

_BUSY_SECONDS = 30
_SQLITE_READERS = 4
_POSTGRES_CONNECTIONS = 10
_CONNECT_SECONDS = 10

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class Engine:
    """The database at `url`: an SQLite file, SQLite in memory where no file is named, or PostgreSQL.

    It is connected to when it is first used. `where` is what to call it in a sentence, without its password;
    `path` is its file, if it has one. Work is committed if it returns and rolled back if it raises. Work that has
    been handed over is not torn: a caller that is cancelled goes once it is done.

    Raises ConfigError for a URL of another kind, DatabaseUnavailable if the driver is missing.
    """

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self._is_sqlite = parsed.drivername == "sqlite"
        self.path = _file(parsed) if self._is_sqlite else None
        self.where = _name(parsed, self.path)
        if self._is_sqlite:
            self._engine = _sqlite(parsed, self.path)
            # Writers of this process queue for one thread, so that none spins for the lock of the file.
            self._writers = ThreadPoolExecutor(1, "botkit-database-writer")
            # A database in memory has a single connection, so there readers take turns with writers.
            self._readers = ThreadPoolExecutor(_SQLITE_READERS, "botkit-database") if self.path else self._writers
        else:
            self._engine = _postgres(parsed)
            self._writers = self._readers = ThreadPoolExecutor(_POSTGRES_CONNECTIONS, "botkit-database")

    async def read(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`, which only reads; each query may see another state. Raises StoreError."""
        return await self._run(self._readers, lambda: self._read(lambda connection: work(connection, *args, **kwargs)))

    async def write(self, work: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work`, which may write. Raises StoreError."""
        return await self._run(self._writers, lambda: self._write(lambda connection: work(connection, *args, **kwargs)))

    async def aclose(self) -> None:
        """Let go of all connections, when what runs is done. Harmless when called again."""
        await asyncio.to_thread(self._close)

    async def _run(self, executor: ThreadPoolExecutor, transaction: Callable[[], T]) -> T:
        with translated(self.where):
            running = asyncio.get_running_loop().run_in_executor(executor, transaction)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])  # else what the caller does next could overtake it
                raise

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    def _write(self, work: Callable[[sa.Connection], T]) -> T:
        with self._engine.begin() as connection:
            if self._is_sqlite:
                # A deferred BEGIN could fail half-way: what it has read may be stale when it comes to write.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            return work(connection)

    def _close(self) -> None:
        self._readers.shutdown()
        self._writers.shutdown()
        self._engine.dispose()


def parse_url(url: str) -> sa.URL:
    """Read a database URL, with the driver that is used here. Raises ConfigError, which never quotes it."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = sa.URL.create("unreadable")
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(
            "[database] url must begin with sqlite+aiosqlite:/// or postgresql+psycopg://, "
            "and so must BOTKIT_DATABASE_URL where it is set"
        )
    return parsed.set(drivername=driver)


def _file(url: sa.URL) -> Path | None:
    """Return the file; None in memory, and for SQLite's own `file:` addresses, which may be that too."""
    name = url.database or ":memory:"
    return None if name == ":memory:" or name.startswith("file:") else Path(name).absolute()


def _name(url: sa.URL, path: Path | None) -> str:
    if url.drivername == "sqlite":
        return str(path or url.database or "the database in memory")
    return f"PostgreSQL at {url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}"


def _sqlite(url: sa.URL, path: Path | None) -> sa.Engine:
    # isolation_level=None is the driver's autocommit: it begins nothing of its own.
    arguments = {"isolation_level": None, "timeout": _BUSY_SECONDS, "check_same_thread": False}
    if path is None:
        engine = sa.create_engine(url, hide_parameters=True, connect_args=arguments, poolclass=sa.StaticPool)
    else:
        engine = sa.create_engine(
            url, hide_parameters=True, connect_args=arguments, pool_size=_SQLITE_READERS + 1, max_overflow=0
        )
        sa.event.listen(engine, "do_connect", lambda *_: path.parent.mkdir(parents=True, exist_ok=True))
    sa.event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Prepare a new connection. FULL: what was acknowledged survives a power cut."""
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=FULL").close()
    connection.execute("PRAGMA foreign_keys=ON").close()


def _switch_to_wal(connection: Any) -> None:
    """Wait for others who do the same to a new file: here SQLite says at once that it is busy, and does not wait."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _postgres(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            hide_parameters=True,
            pool_size=_POSTGRES_CONNECTIONS,
            max_overflow=0,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
            pool_pre_ping=True,  # so that a restart of the server costs nobody a message
        )
    except ImportError as error:
        raise DatabaseUnavailable("PostgreSQL needs its driver: pip install 'botkit[postgres]'") from error

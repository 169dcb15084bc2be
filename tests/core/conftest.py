"""Databases to test on: a file for SQLite, and a PostgreSQL where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from botkit.database import DatabaseStore
from tests.postgres import NoPostgresError, execute, fresh_database, running_server
from tests.stores import opened

ON_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]

_CLEAR = """
DO $$ BEGIN
    IF to_regclass('conversations') IS NOT NULL THEN
        TRUNCATE conversations, messages, inbox, usage RESTART IDENTITY;
    END IF;
END $$
"""


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server; skips where there is none."""
    try:
        with running_server(tmp_path_factory.mktemp("postgres")) as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: str) -> Iterator[str]:
    """A database for the whole run, so that its schema is made once."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(params=ON_BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without conversations, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/botkit.db"
    url: str = request.getfixturevalue("shared_postgres")
    execute(url, _CLEAR)
    return url


@pytest.fixture(params=ON_BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without even tables, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/botkit.db"
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[DatabaseStore]:
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def rival(database_url: str, store: DatabaseStore) -> AsyncIterator[DatabaseStore]:
    """Another process's store on the same database."""
    async with opened(database_url) as rival:
        yield rival

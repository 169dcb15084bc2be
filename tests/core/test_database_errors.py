"""What the store says when the database refuses."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from botkit.database import DatabaseStore
from botkit.errors import ConfigError, DatabaseUnavailable, StoreError
from botkit.messages import Message
from tests.stores import CALL, ask, claimed, opened, texts


@pytest.mark.parametrize("bad", ["lone \ud800 surrogate"])
async def test_a_text_that_cannot_be_stored_is_refused_and_nothing_else_is_lost(store: DatabaseStore, bad: str) -> None:
    conversation = await ask(store, "Hello")
    with pytest.raises(StoreError) as refusal:
        await ask(store, f"secret {bad}")
    assert "secret" not in str(refusal.value)
    turn = await claimed(store, conversation)
    with pytest.raises(StoreError):
        await store.answer(turn, Message.assistant(bad), 1, CALL)
    await store.answer(turn, Message.assistant("Hi"), 1, CALL)
    assert await texts(store, conversation) == ["Hello", "Hi"]


async def test_no_text_of_a_person_is_in_an_error(store: DatabaseStore, database_url: str) -> None:
    turn = await claimed(store, await ask(store, "Hello"))
    with pytest.raises(StoreError) as refusal:
        await store.answer(turn, Message.assistant("secret"), None, CALL)  # type: ignore[arg-type] # must fail in SQL
    chain = f"{refusal.value} {refusal.value.__cause__}"
    assert "tokens" in chain
    assert "secret" not in chain or database_url.startswith("postgresql")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["mysql://ann:secret@db/botkit", "botkit.db", "", "postgresql://ann:secret@db:port/botkit"]
)
def test_an_address_of_another_kind_is_a_setting_to_correct_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite") as refusal:
        DatabaseStore(url)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__context__ is None


async def refusal_of(url: str) -> str:
    """Open a database that cannot be used; return what is said of it."""
    with pytest.raises(DatabaseUnavailable) as refusal:
        async with opened(url):
            pass
    return str(refusal.value)


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/new/folder/botkit.db") as store:
        assert await ask(store, "Hello")


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("These are notes, and no database at all. " * 50)
    assert f"{file} is not an SQLite database" in await refusal_of(f"sqlite+aiosqlite:///{file}")


async def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path} cannot be opened" in await refusal_of(f"sqlite+aiosqlite:///{tmp_path}")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in await refusal_of(f"sqlite+aiosqlite:///{tmp_path}/file/botkit.db")


async def test_a_file_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/botkit.db"):
        pass
    said = await refusal_of(f"sqlite+aiosqlite:///file:{tmp_path}/botkit.db?mode=ro&uri=true")
    assert f"{tmp_path}/botkit.db cannot be written" in said


async def test_a_full_disk_is_said_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/botkit.db") as store:

        def limit_pages(pages: int) -> None:
            pool = store._engine._engine
            with pool.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        conversation = await ask(store, "Hello")
        limit_pages(1)  # SQLite rounds up to what there is
        with pytest.raises(DatabaseUnavailable, match="disk is full"):
            await ask(store, "x" * 100_000)
        limit_pages(10_000)
        await ask(store, "more")
        assert (await claimed(store, conversation)).text == "Hello\n\nmore"


async def test_a_locked_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botkit.database.engine._BUSY_SECONDS", 0.05)
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/botkit.db") as store:
        with closing(sqlite3.connect(tmp_path / "botkit.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable, match="locked by another process"):
                await ask(store, "Hello")
        assert await ask(store, "Hello")


async def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    said = await refusal_of("postgresql+psycopg://ann:hunter2@127.0.0.1:1/botkit")
    assert "PostgreSQL at 127.0.0.1:1" in said
    assert "refused" in said
    assert "hunter2" not in said


@pytest.mark.postgres
async def test_a_database_that_is_not_there_is_said(postgres_server: str) -> None:
    url = sa.make_url(postgres_server).set(database="no_such_database")
    said = await refusal_of(url.render_as_string(hide_password=False))
    assert '"no_such_database" does not exist' in said


@pytest.mark.postgres
async def test_connections_that_the_server_dropped_cost_nobody_a_message(
    shared_postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "sqlalchemy.pool")
    async with opened(shared_postgres) as store, opened(shared_postgres) as other:
        await ask(store, "Hello")
        drop = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other._engine.read(lambda connection: connection.execute(drop).all())
        await ask(store, "again")


def test_a_missing_driver_is_said_with_its_cure(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from botkit.database import DatabaseStore\n"
        "from botkit.errors import DatabaseUnavailable\n"
        "try: DatabaseStore('postgresql+psycopg://localhost/botkit')\n"
        "except DatabaseUnavailable as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pip install 'botkit[postgres]'" in done.stdout

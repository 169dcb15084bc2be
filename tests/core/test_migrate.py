"""The schema: it comes to be, it moves, and it refuses what it does not know."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from botkit.database import DatabaseStore, migrate, schema
from botkit.database import store as store_module
from botkit.database.engine import Engine
from botkit.database.tables import HEAD, REVISIONS, metadata
from botkit.errors import DatabaseTooNew, DatabaseUnavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def engine(empty_database_url: str) -> AsyncIterator[Engine]:
    engine = Engine(empty_database_url)
    yield engine
    await engine.aclose()


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """An SQLite file with the newest schema."""
    path = tmp_path / "botkit.db"
    await opens(f"sqlite+aiosqlite:///{path}")
    path.chmod(0o600)
    return path


async def opens(url: str) -> None:
    store = DatabaseStore(url)
    try:
        await store.open()
    finally:
        await store.aclose()


def run(*statements: str) -> Callable[[sa.Connection], None]:
    """Return a piece of work that runs these statements."""

    def work(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return work


def differences(connection: sa.Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_the_revisions_known_without_alembic_are_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(REVISIONS))
    assert script.get_heads() == [HEAD]


async def test_the_migrations_make_what_the_tables_say(engine: Engine) -> None:
    await migrate.upgrade(engine)
    assert await engine.read(differences) == []


async def test_a_difference_would_be_seen(engine: Engine) -> None:
    await migrate.upgrade(engine)
    await engine.write(run("ALTER TABLE usage ADD COLUMN cost INTEGER"))
    assert await engine.read(differences)


async def test_an_upgrade_says_what_it_did_and_then_there_is_nothing_to_do(engine: Engine) -> None:
    assert await migrate.check(engine) == migrate.Status(None, HEAD, REVISIONS)
    assert await migrate.upgrade(engine) == migrate.Upgrade(None, HEAD)
    assert await migrate.check(engine) == migrate.Status(HEAD, HEAD, ())
    assert await migrate.upgrade(engine) == migrate.Upgrade(HEAD, HEAD)


def test_a_check_makes_no_file(tmp_path: Path) -> None:
    engine = Engine(f"sqlite+aiosqlite:///{tmp_path}/folder/botkit.db")
    assert asyncio.run(migrate.check(engine)).current is None
    asyncio.run(engine.aclose())
    assert list(tmp_path.iterdir()) == []


async def test_a_newer_database_is_refused_and_left_alone(engine: Engine, empty_database_url: str) -> None:
    await migrate.upgrade(engine)
    await engine.write(run("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (opens(empty_database_url), migrate.upgrade(engine), migrate.check(engine)):
        with pytest.raises(DatabaseTooNew, match=f"9999.*{HEAD}.*upgrade botkit"):
            await attempt


async def test_another_programs_database_is_refused_and_left_alone(engine: Engine, empty_database_url: str) -> None:
    await engine.write(run("CREATE TABLE holidays (id INTEGER)"))
    with pytest.raises(DatabaseUnavailable, match=r"another program.*holidays"):
        await opens(empty_database_url)
    assert await engine.read(lambda connection: sa.inspect(connection).get_table_names()) == ["holidays"]


async def test_the_turn_engines_tables_may_be_there_first(engine: Engine, empty_database_url: str) -> None:
    await engine.write(run("CREATE TABLE procrastinate_jobs (id INTEGER)"))
    await opens(empty_database_url)
    assert (await migrate.check(engine)).current == HEAD


async def test_stores_that_open_a_fresh_database_at_once_all_succeed(empty_database_url: str) -> None:
    await asyncio.gather(*(opens(empty_database_url) for _ in range(6)))
    await opens(empty_database_url)


_OPENER = """
import asyncio, sys
from botkit.database import migrate
from botkit.database import DatabaseStore

async def opens(url):
    store = DatabaseStore(url)
    await store.open()
    await store.aclose()

print("ready", flush=True)
for url in sys.stdin:
    asyncio.run(opens(url.strip()))
    print("opened", flush=True)
"""


async def test_processes_that_open_a_fresh_database_at_once_all_succeed(empty_database_url: str) -> None:
    fresh = [empty_database_url]
    if empty_database_url.startswith("sqlite"):  # a file costs nothing, and the race is seldom
        fresh += [f"{empty_database_url}.{number}" for number in range(25)]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _OPENER, stdin=pipe, stdout=pipe) for _ in range(3)
    ]
    assert await _all_say(processes) == [b"ready\n"] * 3
    for url in fresh:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{url}\n".encode())
        assert await _all_say(processes) == [b"opened\n"] * 3, f"standard error says why {url} failed"
    for process in processes:
        await process.communicate(b"")  # an end of input; with None, Python 3.11 leaves it open


async def _all_say(processes: list[asyncio.subprocess.Process]) -> list[bytes]:
    async with asyncio.timeout(60):
        return await asyncio.gather(*(process.stdout.readline() for process in processes if process.stdout))


async def test_a_database_that_is_up_to_date_opens_without_alembic(file: Path) -> None:
    script = (
        "import asyncio, sys; from botkit.database import DatabaseStore\n"
        "async def main():\n"
        "    store = DatabaseStore(sys.argv[1]); await store.open(); await store.aclose()\n"
        "asyncio.run(main()); print('alembic' in sys.modules)\n"
    )
    done = subprocess.run(  # noqa: ASYNC221 - our own interpreter, and nothing else to do meanwhile
        [sys.executable, "-c", script, f"sqlite+aiosqlite:///{file}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# An upgrade from an older revision


@pytest.fixture
def newer_botkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A botkit that has one more revision, which adds a table; returns its migrations."""
    folder = tmp_path / "100% new" / "migrations"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "versions/0001_conversations.py"):
        (folder / name).write_text((ROOT / "migrations" / name).read_text())
    (folder / "versions" / "0002_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision = '0002', '0001'\n"
        "def upgrade() -> None:\n    op.create_table('more', sa.Column('id', sa.Integer(), primary_key=True))\n"
    )
    monkeypatch.setattr(migrate, "_folder", lambda: folder)
    for module in (migrate, schema):
        monkeypatch.setattr(module, "REVISIONS", ("0001", "0002"))
    for module in (migrate, schema, store_module):
        monkeypatch.setattr(module, "HEAD", "0002")
    return folder


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def test_an_older_file_is_backed_up_beside_itself_before_it_moves(file: Path, newer_botkit: Path) -> None:
    engine = Engine(f"sqlite+aiosqlite:///{file}")
    assert (await migrate.check(engine)).pending == ("0002",)
    done = await migrate.upgrade(engine)
    await engine.aclose()
    assert done == migrate.Upgrade("0001", "0002", file.with_name("botkit.db.before-0001.bak"))
    assert done.backup is not None
    assert tables(file) - tables(done.backup) == {"more"}
    assert done.backup.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.glob("botkit.db.*")) == [done.backup.name]


async def test_opening_upgrades_an_older_database(
    engine: Engine, empty_database_url: str, request: pytest.FixtureRequest
) -> None:
    await migrate.upgrade(engine)
    request.getfixturevalue("newer_botkit")
    await opens(empty_database_url)
    assert (await migrate.check(engine)).current == "0002"


async def test_a_migration_that_fails_leaves_all_as_it_was(file: Path, newer_botkit: Path) -> None:
    with (newer_botkit / "versions" / "0002_more.py").open("a") as migration:
        migration.write("    op.execute('THIS IS NOT SQL')\n")
    before = tables(file)
    engine = Engine(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(Exception, match="syntax error"):
        await migrate.upgrade(engine)
    assert (await migrate.check(engine)).current == "0001"
    await engine.aclose()
    assert tables(file) == before


def test_alembics_own_command_works_from_a_checkout(tmp_path: Path) -> None:
    """`alembic check` compares the tables with the database, as `revision --autogenerate` would."""
    environment = {**os.environ, "BOTKIT_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/botkit.db"}
    for arguments in (["upgrade", "head"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected" in done.stdout

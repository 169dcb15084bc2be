"""The address of the database: where it comes from, what it becomes, and that it stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.errors import ConfigError
from botkit.settings import load_settings
from tests.core.settings.files import refusal, write


class TestDatabase:
    def test_without_a_file_it_is_in_the_users_data_folder(self, tmp_path: Path) -> None:
        assert load_settings().database.url == f"sqlite:///{tmp_path}/data/botkit/botkit.db"

    @pytest.mark.parametrize("text", ["", "[database]\nurl = 'sqlite:///botkit.db'"])
    def test_it_is_beside_the_config_file(self, folder: Path, text: str) -> None:
        assert load_settings(write(text, "etc/bot.toml")).database.url == f"sqlite:///{folder}/etc/botkit.db"

    @pytest.mark.parametrize("name", ["BOTKIT_DATABASE_URL", "BOTKIT_DATABASE__URL"])
    def test_named_by_a_variable_it_is_in_the_working_directory(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "sqlite:///x.db")
        assert load_settings(write("", "etc/bot.toml")).database.url == f"sqlite:///{folder}/x.db"

    def test_named_on_the_command_line_it_is_in_the_working_directory(self, folder: Path) -> None:
        found = load_settings(write("", "etc/bot.toml"), overrides={"database": {"url": "sqlite:///x.db"}})
        assert found.database.url == f"sqlite:///{folder}/x.db"

    def test_the_variable_of_its_own_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_DATABASE_URL", "sqlite:////own.db")
        monkeypatch.setenv("BOTKIT_DATABASE__URL", "sqlite:////general.db")
        assert load_settings().database.url == "sqlite:////own.db"

    @pytest.mark.parametrize(
        ("given_url", "final"),
        [
            ("sqlite:////srv/x.db", "sqlite:////srv/x.db"),
            ("sqlite+aiosqlite:////srv/x.db?timeout=5", "sqlite:////srv/x.db?timeout=5"),
            ("sqlite://", "sqlite://"),
            ("sqlite:///:memory:", "sqlite:///:memory:"),
            ("sqlite:///file:x?mode=ro&uri=true", "sqlite:///file:x?mode=ro&uri=true"),
            (
                "postgresql://u:p%40@h:5432/bot?sslmode=require",
                "postgresql+psycopg://u:p%40@h:5432/bot?sslmode=require",
            ),
            ("postgresql+psycopg:///bot", "postgresql+psycopg:///bot"),
            ("postgresql://[::1]:5432/bot\n", "postgresql+psycopg://[::1]:5432/bot"),
        ],
    )
    def test_an_address_gets_its_async_driver(
        self, monkeypatch: pytest.MonkeyPatch, given_url: str, final: str
    ) -> None:
        monkeypatch.setenv("BOTKIT_DATABASE_URL", given_url)
        assert load_settings().database.url == final

    def test_a_folder_with_odd_signs_survives_sqlalchemy(self, folder: Path) -> None:
        from sqlalchemy import make_url  # noqa: PLC0415 - slow to import, and only this test needs it

        file = write("", "100% of it? #1/bot.toml")
        assert make_url(load_settings(file).database.url).database == str(folder / "100% of it? #1" / "botkit.db")

    @pytest.mark.parametrize(
        "wrong",
        [
            "mysql://u:hunter2@h/db",
            "postgres://u:hunter2@h/db",
            "postgresql+asyncpg://u:hunter2@h/db",
            "postgresql://u:hunter2@h:port/db",
            "postgresql://u:p@hunter2:x@h/db",
            "sqlite://hunter2.db",
            "hunter2",
        ],
    )
    def test_any_other_address_is_refused_without_quoting_it(self, wrong: str) -> None:
        message = refusal(f"[database]\nurl = '{wrong}'")
        assert "[database] url in " in message
        assert "sqlite:///FILE or postgresql://" in message
        assert "hunter2" not in message

    def test_a_password_is_in_no_repr_and_no_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_DATABASE_URL", "postgresql://u:hunter2@h/db")
        monkeypatch.setenv("BOTKIT_PLUGINS__WEATHER__API_KEY", "hunter2")
        found = load_settings()
        assert "hunter2" not in repr(found) + str(found)
        monkeypatch.setenv("BOTKIT_DATABASE_URL", "mysql://u:hunter2@h/db")
        with pytest.raises(ConfigError) as refused:
            load_settings()
        assert refused.value.__cause__ is refused.value.__context__ is None

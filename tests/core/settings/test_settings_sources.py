"""Which file is read, and whether it, the environment or the command line wins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from botkit.errors import ConfigError
from botkit.settings import load_settings
from tests.core.settings.files import loaded, write


class TestWhichFile:
    def test_without_a_file_the_defaults_hold(self) -> None:
        found = load_settings()
        assert found.file is None
        assert found.warnings == ()
        assert found.model.name == "claude-sonnet-5-5"
        assert found.history.budget == 50000
        assert found.turns.overlap == "merge"
        assert found.adapters == {}

    def test_the_file_in_the_working_directory_is_read(self, folder: Path) -> None:
        write("model.name = 'here'")
        found = load_settings()
        assert (found.model.name, found.file) == ("here", folder / "botkit.toml")

    def test_a_variable_names_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write("model.name = 'here'")
        monkeypatch.setenv("BOTKIT_CONFIG", str(write("model.name = 'there'", "etc/other.toml")))
        assert load_settings().model.name == "there"

    def test_the_argument_wins_over_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_CONFIG", "missing.toml")
        assert load_settings(write("model.name = 'named'", "named.toml")).model.name == "named"

    def test_a_relative_name_becomes_absolute(self, folder: Path) -> None:
        write("", "etc/bot.toml")
        assert load_settings("etc/bot.toml").file == folder / "etc" / "bot.toml"

    @pytest.mark.parametrize("by_variable", [False, True])
    def test_a_named_file_that_is_missing_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
    ) -> None:
        if by_variable:
            monkeypatch.setenv("BOTKIT_CONFIG", "gone.toml")
        with pytest.raises(ConfigError, match="does not exist") as refused:
            load_settings(None if by_variable else "gone.toml")
        assert str(folder / "gone.toml") in str(refused.value)


class TestOrder:
    def test_command_line_then_environment_then_file_then_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__NAME", "environment")
        monkeypatch.setenv("BOTKIT_MODEL__SYSTEM", "environment")
        found = load_settings(
            write("[model]\nname = 'file'\nsystem = 'file'\nmax_tokens = 7"), overrides={"model": {"name": "command"}}
        )
        assert found.model.name == "command"
        assert found.model.system == "environment"
        assert found.model.max_tokens == 7
        assert found.model.deadline == 300

    def test_an_option_that_nobody_gave_changes_nothing(self) -> None:
        file = write("[model]\nname = 'file'")
        assert load_settings(file, overrides={"model": {"name": None}, "turns": {}}).model.name == "file"

    def test_a_better_source_makes_a_wrong_value_harmless(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__MAX_TOKENS", "5")
        assert loaded("[model]\nmax_tokens = 'many'").model.max_tokens == 5

    def test_plugin_tables_are_joined_key_by_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_PLUGINS__WEATHER__API_KEY", "0123")
        file = write("[plugins.weather]\nunits = 'c'\napi_key = 'x'\n[plugins.allowlist]")
        found = load_settings(file, overrides={"plugins": {"weather": {"days": 2}}})
        assert found.plugins == {"weather": {"units": "c", "api_key": "0123", "days": 2}, "allowlist": {}}

    def test_the_callers_overrides_are_left_alone(self) -> None:
        overrides = {"plugins": {"weather": {"days": 2}}}
        load_settings(write("[plugins.weather]\nunits = 'c'"), overrides=overrides)
        assert overrides == {"plugins": {"weather": {"days": 2}}}


class TestEnvironment:
    @pytest.mark.parametrize("text", ["a,b", " a , b,", '["a", "b"]'])
    def test_a_list_is_json_or_separated_by_commas(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__FALLBACK_MODELS", text)
        assert load_settings().model.fallback_models == ("a", "b")

    def test_a_text_stays_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__SYSTEM", '["a", 1]')
        assert load_settings().model.system == '["a", 1]'

    def test_numbers_and_truth_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_TURNS__STREAM", "false")
        monkeypatch.setenv("BOTKIT_RUN__DRAIN", "1.5")
        found = load_settings()
        assert (found.turns.stream, found.run.drain) == (False, 1.5)

    def test_a_passed_on_table_is_json_and_its_keys_are_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__EXTRA_BODY", '{"a": 1}')
        monkeypatch.setenv("BOTKIT_MODEL__EXTRA_BODY__TEMPERATURE", "0.7")
        assert load_settings().model.extra_body == {"a": 1, "temperature": 0.7}

    def test_a_whole_passed_on_table_replaces_the_one_of_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_MODEL__THINKING", '{"type": "adaptive"}')
        found = loaded('[model]\nthinking = { type = "enabled", budget_tokens = 2000 }')
        assert found.model.thinking == {"type": "adaptive"}

    def test_plugins_get_texts_but_for_lists_and_tables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_PLUGINS__WEATHER__API_KEY", "12345678901234567890")
        monkeypatch.setenv("BOTKIT_PLUGINS__WEATHER__CHANNELS", '["a"]')
        monkeypatch.setenv("BOTKIT_ADAPTERS__SLACK__ROLES__TEAM", "x")
        found = load_settings()
        assert found.plugins == {"weather": {"api_key": "12345678901234567890", "channels": ["a"]}}
        assert found.adapters == {"slack": {"roles": {"team": "x"}}}

    def test_a_plugin_is_found_under_the_name_that_the_file_spells(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_PLUGINS__MY_PLUGIN__B", "2")
        assert loaded("[plugins.My-Plugin]\na = 1").plugins == {"My-Plugin": {"a": 1, "b": "2"}}

    def test_an_empty_variable_counts_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("BOTKIT_CONFIG", "BOTKIT_MODEL__MAX_TOKENS", "BOTKIT_DATABASE_URL", "BOTKIT_NO__SUCH"):
            monkeypatch.setenv(name, "")
        found = load_settings()
        assert found.model.max_tokens == 16000
        assert found.warnings == ()

    def test_variables_of_a_platform_and_of_tests_are_no_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("BOTKIT_PORT", "BOTKIT_SERVICE_HOST", "BOTKIT_TEST_POSTGRES", "BOTKIT_TEST__X"):
            monkeypatch.setenv(name, "1")
        assert load_settings().warnings == ()


def test_the_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().model.name = "x"


def test_importing_the_settings_loads_neither_the_sdk_nor_the_database() -> None:
    script = "import sys, botkit.settings; print([m for m in ('anthropic', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert json.dumps([]) == done.stdout.strip()

"""`botkit.toml` and the environment: what wins, what is refused, what is only a warning, and what the docs say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.errors import ConfigError
from botkit.settings import Settings, load_settings
from botkit.settings.sources import variable_of
from botkit.settings.tables import SECTIONS
from botkit.settings.words import as_toml, expected

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without botkit's variables."""
    for name in [name for name in os.environ if name.startswith("BOTKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def write(text: str, path: str | Path = "botkit.toml") -> Path:
    file = Path(path).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def loaded(text: str) -> Settings:
    return load_settings(write(text))


def refusal(text: str = "") -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(text)
    return str(refused.value)


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


class TestWrongValues:
    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            ("max_tokens = 0", "a whole number of at least 1, for example max_tokens = 16000"),
            ("max_tokens = 1.5", "a whole number of at least 1, for example max_tokens = 16000"),
            ("max_tokens = true", "a whole number of at least 1, for example max_tokens = 16000"),
            ("deadline = 0", "a number above 0, for example deadline = 300"),
            ("deadline = inf", "a number above 0, for example deadline = 300"),
            ("name = 5", 'a text, for example name = "claude-sonnet-5-5"'),
            ("stop_sequences = 'END'", 'a list of texts, for example stop_sequences = ["END"]'),
            ("stop_sequences = [1, 2]", 'a list of texts, for example stop_sequences = ["END"]'),
            ("thinking = 'on'", 'a table, for example thinking = { type = "adaptive" }'),
            ("cache = '2h'", '"5m", "1h" or "off"'),
            ("effort = 'huge'", '"low", "medium", "high", "xhigh" or "max"'),
        ],
    )
    def test_a_sentence_names_key_place_and_cure(self, folder: Path, line: str, sentence: str) -> None:
        key = line.partition(" ")[0]
        assert refusal(f"[model]\n{line}") == f"[model] {key} in {folder}/botkit.toml must be {sentence}"

    def test_a_range_is_named(self) -> None:
        assert "must be a number from 0.1 to 0.95, for example cut_to = 0.6" in refusal("[history]\ncut_to = 1")

    @pytest.mark.parametrize(
        ("key", "text", "right", "example"),
        [
            ("turns attempts", "x", "a whole number of at least 1", "3"),
            ("turns stream", "maybe", "true or false", "true"),
            ("model stop_sequences", "[a", "a list of texts", "END"),
            ("model thinking", "on", "a table", '{"type": "adaptive"}'),
        ],
    )
    def test_a_variable_is_named_and_the_cure_is_one(
        self, monkeypatch: pytest.MonkeyPatch, key: str, text: str, right: str, example: str
    ) -> None:
        table, name = key.split()
        variable = f"BOTKIT_{table}__{name}".upper()
        monkeypatch.setenv(variable, text)
        assert refusal() == f"[{table}] {name} in {variable} must be {right}, for example {variable}={example}"

    def test_a_plugins_variable_without_a_key_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_PLUGINS__MY_PLUGIN", "on")
        assert refusal("[plugins.my-plugin]\na = 1") == (
            "[plugins.my-plugin] in BOTKIT_PLUGINS__MY_PLUGIN must be a table, "
            "not a single value: write BOTKIT_PLUGINS__MY_PLUGIN__KEY=VALUE"
        )

    def test_the_database_variable_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_DATABASE_URL", "mysql://h/db")
        assert refusal("[database]\nurl = 'sqlite:///x'").startswith("[database] url in BOTKIT_DATABASE_URL must be ")

    def test_the_command_line_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"^\[turns\] overlap on the command line must be "):
            load_settings(overrides={"turns": {"overlap": "mix"}})

    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("model = 'x'", "[model]"),
            ("[[model]]\nname = 'x'", "[model]"),
            ("plugins = 1", "[plugins]"),
            ("[adapters]\nslack = true", "[adapters.slack]"),
        ],
    )
    def test_a_value_instead_of_a_table_is_refused(self, text: str, label: str) -> None:
        message = refusal(text)
        assert message.startswith(f"{label} in ")
        assert message.endswith(f"must be a table, not a single value: write KEY = VALUE on a line below {label}")

    def test_all_faults_are_told_one_a_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOTKIT_RUN__DRAIN", "-1")
        lines = refusal("[model]\nmax_tokens = 0\nstop_sequences = [1, 2]\n[turns]\noverlap = 'x'").splitlines()
        assert [line.split(" in ")[0] for line in lines] == [
            "[model] max_tokens", "[model] stop_sequences", "[turns] overlap", "[run] drain",
        ]  # fmt: skip


class TestUnreadableFiles:
    @pytest.mark.parametrize(
        ("text", "place", "fault"),
        [
            ("[model]\nname = x", "line 2, column 8", "invalid value"),
            ("[model]\nname", "line 2, column 5", "expected '='"),
            ("[model]\nname = 'a'\nname = 'b'\n", "line 3, column 11", "cannot overwrite a value"),
        ],
    )
    def test_broken_toml_is_told_with_line_and_column(self, folder: Path, text: str, place: str, fault: str) -> None:
        message = refusal(text)
        assert message.startswith(f"{folder}/botkit.toml, {place} is not TOML: {fault}")
        assert "\n" not in message

    def test_a_broken_line_is_not_quoted(self) -> None:
        assert "hunter2" not in refusal('[database]\nurl = "postgresql://u:hunter2@h/db\n')

    @pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000])
    def test_a_monstrous_value_is_told(self, value: str) -> None:
        assert "too long or lists nested too deep" in refusal(f"[model]\nmax_tokens = {value}")

    def test_another_encoding_is_told_with_its_line(self) -> None:
        Path("botkit.toml").write_bytes("[model]\nname = 'é'".encode("latin-1"))
        with pytest.raises(ConfigError, match=r"botkit\.toml, line 2 is not UTF-8"):
            load_settings()

    def test_a_byte_order_mark_is_no_fault(self) -> None:
        Path("botkit.toml").write_text("[model]\nname = 'x'", encoding="utf-8-sig")
        assert load_settings().model.name == "x"

    def test_a_directory_is_told(self) -> None:
        Path("botkit.toml").mkdir()
        with pytest.raises(ConfigError, match="is a directory"):
            load_settings()

    def test_a_file_that_may_not_be_read_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", refuse)  # modes do not stop the superuser, who may run this test
        assert "cannot be read (Permission denied)" in refusal()

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.one_of(st.binary(), st.text(alphabet="[]model.na=\"'\n {}1#,").map(str.encode)))
    def test_whatever_a_file_holds_the_answer_is_settings_or_a_sentence(self, content: bytes) -> None:
        Path("botkit.toml").write_bytes(content)
        with suppress(ConfigError):
            assert load_settings().file is not None


class TestWarnings:
    @pytest.mark.parametrize(
        ("text", "label", "cure"),
        [
            ("[model]\nmax_token = 5", "[model] max_token", "did you mean [model] max_tokens?"),
            ("[model]\nbudget = 5", "[model] budget", "did you mean [history] budget?"),
            ("[modle]\nname = 'x'\nsystem = 'x'", "[modle]", "did you mean [model]?"),
            ("[adapter.slack]", "[adapter]", "did you mean [adapters]?"),
            ("max_tokens = 5", "max_tokens", "did you mean [model] max_tokens?"),
            ("[model]\nzzz = 5", "[model] zzz", "remove it or correct its name"),
            ("file = 'x'", "file", "remove it or correct its name"),
        ],
    )
    def test_an_unknown_key_in_the_file(self, folder: Path, text: str, label: str, cure: str) -> None:
        found = loaded(text)
        assert found.warnings == (f"{label} in {folder}/botkit.toml is no setting of botkit and is ignored; {cure}",)
        assert found.model == Settings().model

    @pytest.mark.parametrize(
        ("name", "cure"),
        [
            ("BOTKIT_MODEL__MAX_TOKEN", "did you mean BOTKIT_MODEL__MAX_TOKENS?"),
            ("BOTKIT_MODLE__NAME", "did you mean BOTKIT_MODEL__NAME?"),
            ("BOTKIT_PLUGIN__WEATHER__API_KEY", "did you mean BOTKIT_PLUGINS__WEATHER__API_KEY?"),
            ("BOTKIT_MODEL_NAME", "did you mean BOTKIT_MODEL__NAME?"),
            ("BOTKIT_ZZZ__YYY", "remove it or correct its name"),
            ("BOTKIT___X", "remove it or correct its name"),
            ("BOTKIT_MODEL__NAME__X", "did you mean BOTKIT_MODEL__NAME?"),
        ],
    )
    def test_an_unknown_variable(self, monkeypatch: pytest.MonkeyPatch, name: str, cure: str) -> None:
        monkeypatch.setenv(name, "1")
        found = load_settings()
        (warning,) = found.warnings
        assert f" in {name} is no setting of botkit and is ignored; " in warning
        assert warning.endswith(cure)
        assert found.model == Settings().model

    def test_an_unknown_key_on_the_command_line(self) -> None:
        (warning,) = load_settings(overrides={"model": {"nmae": "x"}}).warnings
        assert warning.startswith("[model] nmae on the command line is no setting")

    @pytest.mark.parametrize("key", ["temperature", "top_p", "top_k"])
    @pytest.mark.parametrize("by_variable", [False, True])
    def test_sampling_is_explained_with_the_persons_own_value(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, by_variable: bool
    ) -> None:
        variable = f"BOTKIT_MODEL__{key.upper()}"
        if by_variable:
            monkeypatch.setenv(variable, "0.25")
        found = loaded("" if by_variable else f"[model]\n{key} = 0.25")
        place = variable if by_variable else folder / "botkit.toml"
        (warning,) = found.warnings
        assert warning.startswith(
            f"[model] {key} in {place} is ignored: current Claude models refuse it (status 400); "
        )
        assert warning.endswith(f"for an endpoint that takes it, write [model] extra_body = {{ {key} = 0.25 }}")

    def test_keys_of_adapters_and_plugins_are_free(self) -> None:
        assert loaded("[adapters.slack]\nany = 1\n[plugins.x.y]\nany = 2").warnings == ()


@given(
    st.recursive(
        st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("aé\"'\\\n\t\x01 "),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), inner),
        max_leaves=6,
    )
)
def test_a_value_in_a_cure_reads_back_as_itself(value: object) -> None:
    import tomllib  # noqa: PLC0415 - the judge of this one property

    assert tomllib.loads(f"x = {as_toml(value)}") == {"x": value}


def test_the_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().model.name = "x"


def test_importing_the_settings_loads_neither_the_sdk_nor_the_database() -> None:
    script = "import sys, botkit.settings; print([m for m in ('anthropic', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert json.dumps([]) == done.stdout.strip()


def documented(table: str) -> str:
    """Write one table of settings as docs/settings.md has to show it."""
    lines = [f"### `[{table}]`", "", "| key | type | default | meaning | variable |", "|---|---|---|---|---|"]
    for key, field in SECTIONS[table].model_fields.items():
        default = "unset" if field.default is None else f"`{as_toml(field.default)}`"
        cells = (f"`{key}`", expected(field), default, field.description, f"`{variable_of((table, key))}`")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n\n"


@pytest.mark.parametrize("table", SECTIONS)
def test_the_docs_show_every_setting_with_its_type_default_and_variable(table: str) -> None:
    assert documented(table) in DOCS.read_text(encoding="utf-8"), f"put this into {DOCS}:\n{documented(table)}"


def test_the_example_in_the_docs_is_a_config_without_warnings() -> None:
    example = DOCS.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert loaded(example).warnings == ()

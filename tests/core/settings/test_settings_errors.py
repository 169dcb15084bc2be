"""What is refused, and the sentence that says so."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botkit.errors import ConfigError
from botkit.settings import load_settings
from tests.core.settings.files import refusal


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

"""What nobody reads is told and never stops the boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.settings import Settings, load_settings
from tests.core.settings.files import loaded


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

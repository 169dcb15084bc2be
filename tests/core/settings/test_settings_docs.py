"""What docs/settings.md and the sentences show is true."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.settings.sources import variable_of
from botkit.settings.tables import SECTIONS
from botkit.settings.words import as_toml, expected
from tests.core.settings.files import loaded

DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


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

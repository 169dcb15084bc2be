"""The wheel holds everything that a bot needs, and works."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (archive,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_core_adapters_plugins_and_migrations(wheel: Path) -> None:
    versions = {path.name for path in (ROOT / "migrations/versions").glob("*.py")}
    assert {path.name for path in (wheel / "botkit/migrations/versions").glob("*.py")} == versions
    assert (wheel / "botkit/migrations/env.py").exists()
    assert (wheel / "botkit/py.typed").exists()
    assert (wheel / "botkit_terminal/py.typed").exists()
    assert (wheel / "botkit_clock.py").exists()
    assert not (wheel / "tests").exists()


def test_an_installed_wheel_chats_on_a_database_of_its_own(wheel: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(wheel), "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    where = "import botkit; print(botkit.__file__)"
    located = subprocess.run(
        [sys.executable, "-c", where], env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    chat = [sys.executable, "-m", "botkit", "chat", "Hello"]
    answered = subprocess.run(chat, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert located.stdout.startswith(str(wheel))
    assert "Hello" in answered.stdout
    assert (tmp_path / "botkit/botkit.db").exists()

"""The docs say what is true."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import botkit
from botkit import hookspecs
from botkit.cli import main

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_hook_is_documented_with_its_arguments() -> None:
    text = (ROOT / "docs/plugins.md").read_text()
    documented = re.findall(r"^### `(\w+)\((.*)\)`$", text, re.MULTILINE)
    hooks = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "botkit_spec")}
    assert dict(documented) == {name: ", ".join(inspect.signature(hook).parameters) for name, hook in hooks.items()}


def test_every_public_name_is_importable_and_listed_in_order() -> None:
    assert botkit.__all__ == sorted(botkit.__all__)
    assert dir(botkit) == botkit.__all__
    for name in botkit.__all__:
        assert getattr(botkit, name) is not None


def test_the_lazy_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse((ROOT / "botkit/__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(seen) == botkit.__all__


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_modules_of_the_core_are_all_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    modules = {path.name for path in (ROOT / "botkit").glob("*.py") if not path.name.startswith("__")}
    packages = {f"{path.parent.name}/" for path in (ROOT / "botkit").glob("*/__init__.py")}
    assert sorted(name for name in modules | packages if f"`{name}`" not in text) == []


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_commands_exist(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell = "".join(re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL))
    commands = re.findall(r"(?:^|[|&] )(?:uv run (?:--no-dev )?)?botkit ([a-z]+)", shell, re.MULTILINE)
    for command in sorted(set(commands)):
        main([command, "--help"])
        assert "Usage: botkit" in capsys.readouterr().out


def test_the_core_names_no_platform() -> None:
    for path in (ROOT / "botkit").rglob("*.py"):
        code = ast.unparse(_without_docstrings(ast.parse(path.read_text())))
        assert not re.search(r"slack|discord", code, re.IGNORECASE) or path.parent.name == "cli", path


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree

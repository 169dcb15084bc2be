"""Which plugins come in: found, checked, listed, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import ConfigError, PluginError
from botkit.plugins import PluginEntry, Plugins
from tests.core.plugin_samples import (
    GUARD_PLUGIN,
    KEY,
    TOOL_PLUGIN,
    Site,
    answering,
    door,
    plugin,
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    site = Site(tmp_path)
    yield site
    site.forget()


def test_an_installed_distributions_plugin_is_found_and_listed(site: Site) -> None:
    site.install("greeter", TOOL_PLUGIN)
    plugins = Plugins.load({}, timeout=5)
    entry = next(entry for entry in plugins.entries if entry.name == "greeter")
    assert entry == PluginEntry("greeter", "sample_greeter", "botkit-greeter", "1.2", ("register_tools",))
    assert "greet" in [tool.name for tool in plugins.tools()]


def test_botkits_own_plugins_are_loaded_first_and_the_others_by_name(site: Site) -> None:
    site.install("zebra", TOOL_PLUGIN, distribution="botkit")
    site.install("beta", TOOL_PLUGIN)
    site.install("alpha", TOOL_PLUGIN)
    assert [entry.name for entry in site.load().entries] == ["zebra", "alpha", "beta"]


@pytest.mark.parametrize("enabled", [False, "false", "off", "0"])
def test_a_blocked_plugin_is_not_even_imported(site: Site, enabled: Any) -> None:
    site.install("broken", "raise SystemExit('imported')")
    (entry,) = site.load({"broken": {"enabled": enabled}}).entries
    assert (entry.state, entry.reason) == ("blocked", "[plugins.broken] enabled = false")


def test_an_enabled_that_is_neither_true_nor_false_is_refused(site: Site) -> None:
    site.install("greeter", TOOL_PLUGIN)
    with pytest.raises(ConfigError, match=r"\[plugins.greeter\] enabled must be true or false"):
        site.load({"greeter": {"enabled": "maybe"}})


def test_two_plugins_of_one_name_are_refused_with_their_origins(site: Site) -> None:
    site.install("greeter", TOOL_PLUGIN)
    site.install("greeter", TOOL_PLUGIN, distribution="other")
    with pytest.raises(PluginError, match="sample_greeter of botkit-greeter and sample_greeter of other"):
        site.load()
    assert [entry.state for entry in site.load({"greeter": {"enabled": False}}).entries] == ["blocked"]


def test_an_adapters_module_is_loaded_but_nothing_is_built(site: Site) -> None:
    site.install(
        "chat",
        "from botkit.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_adapters(register):\n"
        "    register('chat', build)\n"
        "def build(settings):\n"
        "    import sdk_that_is_not_installed\n",
    )
    build = site.load().adapters()["chat"]
    with pytest.raises(ModuleNotFoundError, match="sdk_that_is_not_installed"):
        build({})


MARKED = "from botkit.hookspecs import hookimpl\n\n@hookimpl"
BROKEN = {
    "import error": ("import no_such_sdk", "cannot be imported: ModuleNotFoundError: No module named 'no_such_sdk'"),
    "raises": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit('set TOKEN')", "cannot be imported: SystemExit: set TOKEN"),
    "syntax error": ("def", "cannot be imported: SyntaxError"),
    "no module": (None, "cannot be imported: ModuleNotFoundError: No module named 'sample_broken'"),
    "no hooks": ("def shutdown(): ...", "it has no hooks; mark its functions with @hookimpl"),
    "misspelt hook": (
        f"{MARKED}\ndef turn_finnished(): ...",
        "there is no hook turn_finnished; did you mean turn_finished?",
    ),
    "unknown argument": (f"{MARKED}\ndef handle_message(trun): ...", "'trun'"),
    "defaulted argument": (f"{MARKED}\ndef handle_message(turn=None): ...", "gives turn a default"),
    "wrapper": (f"{MARKED}(wrapper=True)\ndef handle_message(turn): yield", "use around_turn"),
    "async wrapper": (f"{MARKED}(hookwrapper=True)\nasync def handle_message(turn): yield", "use around_turn"),
    "async registration": (f"{MARKED}\nasync def register_tools(register): ...", "not awaited; make it a plain def"),
}
each_breakage = pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)


@each_breakage
def test_a_plugin_that_cannot_be_used_is_listed_and_the_rest_goes_on(
    site: Site, caplog: pytest.LogCaptureFixture, source: str | None, reason: str
) -> None:
    site.install("broken", source)
    site.install("greeter", TOOL_PLUGIN)
    plugins = site.load()
    broken, greeter = plugins.entries
    assert (broken.name, broken.state, greeter.state) == ("broken", "failed", "active")
    assert reason in broken.reason
    assert "botkit.plugin.refused plugin=broken" in caplog.text
    assert [tool.name for tool in plugins.tools()] == ["greet"]


@each_breakage
def test_one_that_was_asked_for_by_name_stops_the_start(site: Site, source: str | None, reason: str) -> None:
    site.install("broken", source)
    with pytest.raises(PluginError) as caught:
        site.load({"broken": {}})
    message = str(caught.value)
    assert message.startswith('the plugin "broken" (sample_broken) ')
    assert reason in message
    assert "\n" not in message
    assert message.endswith("block it: [plugins.broken] enabled = false")


BROKEN_GUARDS = {
    "import error": f"{GUARD_PLUGIN}\nimport no_such_sdk",
    "syntax error": f"{GUARD_PLUGIN}\ndef",
    "misspelt": f"{MARKED}\ndef accept_mesage(message): ...",
    "not marked": f"def accept_message(message): ...\n{MARKED}\ndef shutdown(): ...",
    "nothing marked": "def accept_message(message): ...",
    "unknown argument": f"{MARKED}\ndef accept_message(mesage): ...",
    "defaulted argument": f"{MARKED}\ndef accept_message(message=None): ...",
    "another hook misspelt": f"{GUARD_PLUGIN}\n@hookimpl\ndef starttup(): ...",
    "wrapper": f"{MARKED}(wrapper=True)\ndef accept_message(message): yield",
}


@pytest.mark.parametrize("source", BROKEN_GUARDS.values(), ids=BROKEN_GUARDS)
def test_a_guard_that_cannot_be_used_stops_the_start(site: Site, source: str) -> None:
    site.install("guard", source)
    with pytest.raises(PluginError, match=r'the plugin "guard".*\[plugins.guard\] enabled = false'):
        site.load()


def test_a_guard_in_a_package_that_cannot_be_imported_stops_the_start(site: Site) -> None:
    package = site.folder / "sample_packaged"
    package.mkdir()
    (package / "__init__.py").write_text("from .rules import accept_message")
    (package / "rules.py").write_text(f"import no_such_sdk\n{GUARD_PLUGIN}")
    site.install("packaged", None)
    with pytest.raises(PluginError, match='the plugin "packaged"'):
        site.load()


def test_a_malformed_entry_point_takes_nobody_down() -> None:
    (entry,) = Plugins.load({}, timeout=1, entry_points=[EntryPoint("odd", "", "botkit")]).entries
    assert entry.state == "failed"


def test_a_table_without_a_plugin_is_a_warning_that_names_the_nearest(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.install("greeter", TOOL_PLUGIN)
    plugins = site.load({"greter": {"name": "x"}, "gone": {"enabled": False}})
    assert [(entry.name, entry.state) for entry in plugins.entries] == [("greeter", "active"), ("greter", "failed")]
    assert plugins.entries[1].reason == "not installed (did you mean greeter?)"
    assert "botkit.plugin.missing plugin=greter" in caplog.text


def test_a_table_without_a_plugin_that_says_enabled_stops_the_start(site: Site) -> None:
    with pytest.raises(PluginError, match='the plugin "allowlist" is not installed; install it, or take'):
        site.load({"allowlist": {"enabled": True}})


def test_registering_by_hand_raises_for_whatever_is_wrong() -> None:
    plugins = door("shutdown", answering(None))
    with pytest.raises(PluginError, match="did you mean startup"):
        plugins.register(plugin(specname="startupp", implementation=answering(None)), "new")
    with pytest.raises(PluginError, match='two plugins are called "p1"'):
        plugins.register(plugin(specname="startup", implementation=answering(None)), "p1")


def test_a_hook_that_a_later_botkit_may_have_can_be_optional() -> None:
    plugins = Plugins()
    plugins.register(plugin(specname="hook_of_tomorrow", implementation=answering(None), optionalhook=True), "new")
    assert plugins.entries[0].state == "active"


def test_a_bad_tool_takes_its_plugin_out_and_nobody_else(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.install("broken", TOOL_PLUGIN.replace("name: str", "name"))
    site.install("greeter", TOOL_PLUGIN)
    plugins = site.load()
    assert [tool.name for tool in plugins.tools()] == ["greet"]
    assert plugins.entries[0].state == "failed"
    assert "name has no type" in plugins.entries[0].reason
    assert "botkit.plugin.refused plugin=broken" in caplog.text


def test_a_bad_tool_of_a_plugin_that_was_asked_for_stops_the_start(site: Site) -> None:
    site.install("broken", TOOL_PLUGIN.replace("name: str", "name"))
    plugins = site.load({"broken": {}})
    with pytest.raises(PluginError, match=r'the plugin "broken".*name has no type'):
        plugins.tools()


STARTUP = """
from botkit.hookspecs import hookimpl

@hookimpl
async def startup(settings):
    raise ValueError("no key")

@hookimpl
def system_prompt(conversation):
    return "I am here."
"""


async def test_a_plugin_that_fails_in_startup_is_out(site: Site) -> None:
    site.install("broken", STARTUP)
    plugins = site.load()
    await plugins.startup()
    (entry,) = plugins.entries
    assert (entry.state, entry.reason) == ("failed", "failed in startup: ValueError: no key")
    assert await plugins.system_prompt(KEY) == ("", True)


async def test_a_guard_that_fails_in_startup_stops_the_start(site: Site) -> None:
    site.install("guard", STARTUP + GUARD_PLUGIN)
    with pytest.raises(PluginError, match=r'the plugin "guard" .* failed in startup: ValueError: no key'):
        await site.load().startup()


async def test_one_asked_for_by_name_that_fails_in_startup_stops_the_start(site: Site) -> None:
    site.install("broken", STARTUP)
    with pytest.raises(PluginError, match="failed in startup"):
        await site.load({"broken": {}}).startup()

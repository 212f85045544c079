"""The `conveyor` command: its sub-commands, its errors, its exit codes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli.main import conveyor
from services.coordinator.api.routes import ROUTES

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "httpx", "aiohttp", "rich", "asyncpg", "yaml")


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(conveyor, arguments, env=environment)


def run_without_imports(call: str) -> str:
    """What `call` prints, in a process of its own that must not import anything heavy."""
    script = (
        f"import sys; from cli.main import conveyor; {call}; "
        f"sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules) or None)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_help_names_every_command_by_groups_and_imports_none_of_them() -> None:
    shown = run_without_imports("conveyor(['--help'], standalone_mode=False)")
    for command in ("submit", "nodes", "dev", "coordinator", "migrate", "settings"):
        assert f"\n  {command} " in shown
    places = [shown.index(f"\n{title}:") for title in ("Jobs", "Cluster", "Services")]
    assert places == sorted(places)


def test_a_shell_completes_commands_without_importing_them() -> None:
    call = (
        "from click.shell_completion import ShellComplete as S; "
        "print([i.value for i in S(conveyor, {}, 'conveyor', '').get_completions([], 'su')])"
    )
    assert run_without_imports(call) == "['submit']\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_reads(shell: str) -> None:
    assert f"_CONVEYOR_COMPLETE={shell}_complete" in run("completion", shell).output


@pytest.mark.parametrize("name", conveyor.list_commands(click.Context(conveyor)))
def test_every_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage: " in result.output


@pytest.mark.parametrize("group", [(), ("schedules",), ("webhooks",)])
def test_no_summary_of_a_command_is_cut_at_80_columns(group: tuple[str, ...]) -> None:
    result = CliRunner().invoke(conveyor, [*group, "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert not [line for line in result.output.splitlines()[1:] if line.endswith("...")]


def unnamed(path: str) -> str:
    """The path, whatever its parameters are called."""
    return re.sub("{[a-z]+}", "{}", path)


def test_each_path_that_a_command_asks_for_is_one_of_the_api() -> None:
    paths = {unnamed(route.path) for route in ROUTES}

    asked = {
        unnamed(node.value)
        for module in (ROOT / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant)
        if isinstance(node.value, str) and re.fullmatch("/[a-z]+[-/a-z{}]*", node.value)
    }

    assert "/jobs/{}/log" in asked
    assert asked - paths == set()


def test_a_mistyped_command_is_a_usage_error() -> None:
    result = run("wroker")
    assert result.exit_code == 2
    assert "No such command 'wroker'" in result.output


def test_a_missing_setting_is_named_and_nothing_starts() -> None:
    result = run("migrate", CONVEYOR_POSTGRES_DSN="")
    assert result.exit_code == 2
    assert "CONVEYOR_POSTGRES_DSN" in result.output
    assert "Traceback" not in result.output


def test_a_bad_setting_is_named_without_showing_a_password() -> None:
    result = run("migrate", CONVEYOR_POSTGRES_DSN="mysql://user:hunter2@127.0.0.1/x")
    assert result.exit_code == 2
    assert "CONVEYOR_POSTGRES_DSN=(hidden): must start with postgresql://" in result.output
    assert "hunter2" not in result.output


def test_migrating_a_database_that_is_not_there_fails_with_the_reason() -> None:
    dsn = "postgresql://nobody@127.0.0.1:1/nothing"
    result = run("migrate", "--wait", "0", CONVEYOR_POSTGRES_DSN=dsn)
    assert result.exit_code == 1
    assert result.output.startswith("conveyor: the schema was not migrated: ")


def test_the_settings_page_in_the_documentation_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == run("settings").output, "run: conveyor settings > docs/settings.md"


def test_the_metrics_page_in_the_documentation_is_up_to_date() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == run("metrics").output, "run: conveyor metrics > docs/metrics.md"


def test_version_prints_one_line() -> None:
    assert run("version").output.startswith("conveyor ")

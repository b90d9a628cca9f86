"""How commands declare what they take."""

import dataclasses
from types import SimpleNamespace
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from modelscope_swinpan.cli.declare import ListedOption, argument, command, flag, option
from modelscope_swinpan.errors import ConfigError

KINDS = [SimpleNamespace(name="one", help="the first")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    depth: Annotated[int, option("N", "How deep.", "as deep as it goes", min=1)] = 3


@pytest.fixture
def app():
    app = typer.Typer(rich_markup_mode=None)

    @command(app, "dig-it")
    def dig(
        place: Annotated[str, argument("PLACE", "Where.")],
        how: Group,
        kind: Annotated[str, ListedOption("--kind", lambda: KINDS)] = "one",
        quick: Annotated[bool, flag("--quick", "Be quick.")] = False,
    ) -> None:
        """Dig a hole."""
        if place == "sea":
            raise ConfigError("No hole stays\nin the sea.")
        typer.echo(f"{place} {how} {kind} {quick}")

    return app


def run(app, *arguments):
    return CliRunner().invoke(app, arguments)


def test_a_command_takes_the_options_of_its_groups(app):
    answer = run(app, "garden", "--depth", "5", "--quick")
    assert answer.output == "garden Group(depth=5) one True\n"
    assert run(app, "garden", "--no-quick").exit_code == 2
    assert run(app, "garden", "--depth", "0").exit_code == 2


def test_the_help_lists_what_is_registered_by_then(app, monkeypatch):
    monkeypatch.setattr("tests.cli.test_declare.KINDS", [*KINDS, SimpleNamespace(name="two", help="the second")])
    page = " ".join(run(app, "--help").output.split())
    assert "Dig a hole." in page
    assert "one: the first. two: the second." in page
    assert "How deep. [default: (as deep as it goes)" in page


def test_a_mistake_takes_one_line(app):
    answer = run(app, "sea")
    assert (answer.exit_code, answer.stderr) == (2, "Error: No hole stays in the sea.\n")

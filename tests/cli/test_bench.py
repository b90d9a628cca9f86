"""``swinpan bench``; its measurements have their tests in ``tests/benchmark``."""

import io

from rich.console import Console
from typer.testing import CliRunner

from modelscope_swinpan.cli import app
from modelscope_swinpan.cli.bench import _table
from modelscope_swinpan.cli.bench import app as bench


def test_what_users_can_measure():
    assert [command.name for command in bench.registered_commands] == ["model", "throughput", "serve"]


def test_the_table_shows_memory():
    ours = {"dtype": "float32", "stages": {"decode": 0.5}, "seconds": 1.0, "spread": "", "segments": 4}
    text = io.StringIO()
    Console(file=text).print(_table({"ours": {**ours, "peak_bytes": 3 * 2**20}}, ["ours"]))
    (line,) = [line for line in text.getvalue().splitlines() if "peak memory" in line]
    assert "3 MiB" in line


def test_a_wrong_dtype():
    answer = CliRunner().invoke(app, ["bench", "model", "--against-dtype", "int8"])
    assert answer.exit_code == 2
    assert "--against-dtype" in answer.stderr

"""``swinpan studio``."""

import sys

import pytest
from typer.testing import CliRunner

from modelscope_swinpan import studio
from modelscope_swinpan.cli import app
from modelscope_swinpan.inference.network import PanopticPredictor


def swinpan(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(monkeypatch):
    """What would have been served."""
    runs = []
    monkeypatch.setattr(studio, "run", lambda predictor, **options: runs.append((predictor, options)))
    return runs


def test_it_serves_the_model(runs, tiny):
    answer = swinpan("studio", "--model", tiny, "--device", "cpu", "--host", "0.0.0.0", "--port", 8123)
    assert answer.exit_code == 0, answer.output
    ((predictor, options),) = runs
    assert isinstance(predictor, PanopticPredictor)
    assert options == {"host": "0.0.0.0", "port": 8123}


def test_left_out_options_are_left_to_the_page(runs, tiny):
    assert swinpan("studio", "--model", tiny).exit_code == 0
    assert runs[0][1] == {"host": None, "port": None}


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--port", 0], 2, "--port"),
        (["--port", 70000], 2, "--port"),
        (["--model", "no such model"], 1, "no such model"),
    ],
)
def test_errors(runs, arguments, status, complaint):
    answer = swinpan("studio", *arguments)
    assert answer.exit_code == status
    assert complaint in answer.stderr
    assert runs == []


def test_a_place_where_there_is_no_listening(tiny):
    answer = swinpan("studio", "--model", tiny, "--host", "no.such.host.invalid")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("Error: Cannot listen at host no.such.host.invalid, port 7860: ")


def test_without_gradio(monkeypatch, tiny):
    for name in [name for name in sys.modules if name.startswith("modelscope_swinpan.studio")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("modelscope_swinpan.studio")
    monkeypatch.setitem(sys.modules, "gradio", None)
    answer = swinpan("studio", "--model", tiny)
    assert answer.exit_code == 2
    assert "needs gradio: pip install 'modelscope_swinpan[studio]'" in answer.stderr

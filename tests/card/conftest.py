"""A model that was evaluated, and its card."""

import shutil

import pytest

from modelscope_swinpan.card.write import write_card
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.inference.network import PanopticPredictor
from tests.evaluation import painted

TOLD = {"name": "me/strips", "license": "MIT License", "training_data": "Strips, painted by *nobody*."}


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory):
    """A folder with a model directory, ``model``, and ``report.json``, which is perfect. Tests do not change it."""
    folder = tmp_path_factory.mktemp("evaluated")
    model = painted.reading_model()
    save_pretrained(model, folder / "model")
    evaluate(PanopticPredictor(model), painted.dataset(folder / "data", count=2), folder, model="/home/me/model")
    return folder


@pytest.fixture
def model(evaluated, tmp_path):
    """A model directory of one's own."""
    shutil.copytree(evaluated / "model", tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def carded(evaluated, model):
    """One with a card that has figures."""
    write_card(model, **TOLD, metrics=evaluated / "report.json")
    return model

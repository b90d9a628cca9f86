"""The small model that comes with the package: it was really trained, on scenes that are not asked here."""

import json

import pytest

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.scenes.compose import SCENE_CATEGORIES
from modelscope_swinpan.scenes.dataset import TRAINING_SEEDS, SceneDataset
from modelscope_swinpan.training.demo_weights import MODEL
from tests.conftest import EMBEDDED, ROOT

HELD_OUT = range(24)


@pytest.fixture(scope="module")
def model():
    return load_model(EMBEDDED)


def test_is_small():
    assert sum(file.stat().st_size for file in EMBEDDED.iterdir()) <= 8_000_000


def test_is_the_model_that_the_training_makes(model):
    assert model.config == MODEL
    assert model.config.categories == SCENE_CATEGORIES


def test_the_repository_is_its_model_directory():
    """Its configuration holds what ModelScope reads; classes and options come from the header of the weights."""
    ours, embedded = (json.loads((folder / "configuration.json").read_text()) for folder in (ROOT, EMBEDDED))
    weights = EMBEDDED / embedded["model"]["weights"]
    assert ours.pop("model") == {"type": embedded["model"]["type"], "weights": weights.relative_to(ROOT).as_posix()}
    assert ours == {name: embedded[name] for name in ("framework", "task", "pipeline")}
    assert load_model(ROOT).config == load_model(EMBEDDED).config == MODEL


def test_knows_scenes_that_it_never_saw(model, tmp_path):
    assert max(HELD_OUT) < TRAINING_SEEDS
    scenes = SceneDataset(HELD_OUT)
    write_dataset(tmp_path / "scenes", iter(scenes), scenes.categories)
    report = evaluate(PanopticPredictor(model), CocoPanoptic.open(tmp_path / "scenes"), tmp_path / "out")
    assert report.panoptic.all.pq > 80  # of 500 scenes: docs/evaluation.md
    assert report.panoptic.things.pq > 75
    assert report.mask_ap.ap > 60

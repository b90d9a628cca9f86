"""The Python snippets of CONTRIBUTING.md, run in their order, do what the text around them says."""

import dataclasses
import json
import sys
import types

import pytest
import torch

from modelscope_swinpan import load_model, open_inputs, run_images, save_pretrained
from modelscope_swinpan.checkpoints.dialects import DIALECTS
from modelscope_swinpan.data.formats import FORMATS as ANNOTATIONS
from modelscope_swinpan.models.backbones import BACKBONES
from modelscope_swinpan.runs.registry import ENGINES, FORMATS, Job, build_engine, mask_formats
from tests.builders import SMALL, random_model
from tests.conftest import ROOT
from tests.data import drawings
from tests.runs.fakes import BrightPredictor, photos
from tests.test_documented_commands import BLOCK
from tests.training.runs import same_weights

REGISTRIES = (BACKBONES, DIALECTS, ENGINES, FORMATS, ANNOTATIONS)


@pytest.fixture(scope="module", autouse=True)
def snippets():
    """The names that the snippets define. What they register is gone afterwards."""
    before = [set(registry) for registry in REGISTRIES]
    module = types.ModuleType("contributing_snippets")
    sys.modules[module.__name__] = module
    for language, block in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        if language == "python":
            exec(block, vars(module))
    yield module
    del sys.modules[module.__name__]
    for registry, names in zip(REGISTRIES, before, strict=True):
        for name in registry.keys() - names:
            del registry[name]


@pytest.mark.filterwarnings("ignore:.*names no classes")
def test_the_dialect_is_read(tmp_path):
    model = random_model(SMALL)
    toy = {"backbone": "eye", "pixel_decoder": "neck", "transformer_decoder": "hand"}
    parts = {key: key.partition(".") for key in model.state_dict()}
    weights = {f"{toy[parts[key][0]]}.{parts[key][2]}": tensor for key, tensor in model.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "toy.pth")
    assert same_weights(load_model(tmp_path / "toy.pth"), model)


def test_the_format_is_written(tmp_path):
    inputs = open_inputs(str(photos(tmp_path / "photos", 2)))
    run_images(BrightPredictor(), inputs, tmp_path / "out", sinks=["counts"])
    assert json.loads((tmp_path / "out" / "counts.json").read_text()) == {"000.png": 0, "001.png": 1}
    assert "counts" in mask_formats()


def test_the_annotations_come_in(tmp_path):
    drawings.photo(tmp_path / "in" / "a.jpg")
    rows = [f"a.jpg,{label},{x1},{y1},{x2 - x1},{y2 - y1}" for label, (x1, y1, x2, y2) in drawings.BOXES]
    (tmp_path / "in" / "rectangles.csv").write_text("\n".join(rows))
    dataset, _ = drawings.imported(tmp_path / "in", tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_the_backbone_is_loaded(snippets, tmp_path):
    model = random_model(dataclasses.replace(SMALL, backbone=snippets.ToyConfig(width=12)))
    save_pretrained(model, tmp_path / "toy")
    loaded = load_model(tmp_path / "toy")
    assert loaded.config == model.config
    assert same_weights(loaded, model)


def test_the_engine_does_the_work(tmp_path, capsys):
    inputs = open_inputs(str(photos(tmp_path / "photos", 2)))
    engine = build_engine("telling", Job(load=lambda device: BrightPredictor()))
    reached = run_images(engine.predictor, inputs, tmp_path / "out", engine=engine)
    assert (reached.done, reached.failed) == (2, 0)
    assert "image 1 is done" in capsys.readouterr().out

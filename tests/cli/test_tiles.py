"""``swinpan predict`` and ``swinpan eval`` with ``--tiles``."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.cli import app
from modelscope_swinpan.inference.tiles import TiledPredictor
from tests.builders import random_image

PAGE = Path(__file__).parents[2] / "docs" / "tiles.md"


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(random_image(100, 130)).save(path)
    return path


def swinpan(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.parametrize(("options", "side"), [(("--tiles",), 64), (("--tiles", "--tile-side", 90), 90)])
def test_predict(model, photo, tmp_path, options, side):
    all_of_it = ("--object-mask-threshold", 0, "--overlap-threshold", 0)
    answer = swinpan("predict", photo, "--model", model, "--device", "cpu", "--output", tmp_path, *all_of_it, *options)
    assert answer.exit_code == 0, answer.output
    plain = PanopticPredictor(load_model(model))
    plain.postprocess = dataclasses.replace(plain.postprocess, object_mask_threshold=0.0, overlap_threshold=0.0)
    (found,) = json.loads((tmp_path / "panoptic.json").read_text())["annotations"]
    areas = [segment["area"] for segment in found["segments_info"]]
    assert areas == [segment.area for segment in TiledPredictor(plain, side=side)(photo).segments]
    assert areas != [segment.area for segment in plain(photo).segments]


def test_the_pages_snippet(model, photo, tmp_path, monkeypatch):
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("model").symlink_to(model)
    photo.rename("photo.jpg")
    names = {}
    exec(compile(snippet, PAGE.name, "exec"), names)
    assert names["result"].shape == (100, 130)
    assert names["predictor"].side == 64


def test_a_side_alone_asks_for_tiles(model, photo, tmp_path):
    answer = swinpan("predict", photo, "--model", model, "--tile-side", 64, "--task", "instance", "--output", tmp_path)
    assert answer.exit_code == 2
    assert "Tiles are for the panoptic task" in answer.stderr


def test_eval(model, tmp_path):
    """A run with tiles is not gone on with without them."""
    given = ("--scenes", 1, "--seed", 3, "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    answer = swinpan("eval", *given, "--tile-side", 128)
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "out" / "report.json").read_text())["evaluated"]["tiles"] == [128, 0.25]
    other = swinpan("eval", *given)
    assert other.exit_code == 2
    assert "tiles was [128, 0.25], is null" in other.stderr

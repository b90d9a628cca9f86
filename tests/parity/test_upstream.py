"""Our answers against upstream's own: mmdetection 2.28.2, stage by stage, and with full-size models others' as well.

The answers to two images that may be shipped stand in ``tests/fixtures/tiny``. With ``--reference FOLDER`` the others
are compared too, those of the full-size model among them.
"""

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import modelscope_swinpan
from modelscope_swinpan.checkpoints.dialects.mmdet import MMDET3
from modelscope_swinpan.checkpoints.dialects.transformers import TRANSFORMERS
from modelscope_swinpan.inference import fusion as postprocess
from modelscope_swinpan.inference.network import PanopticPredictor
from modelscope_swinpan.inference.preprocess import preprocess
from tests.conftest import FIXTURES, TINY, relative_error
from tests.parity.full_size import convert, errors, pixel_values, rebuild

SHIPPED = ("chelsea.png", "astronaut.png")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder = metafunc.config.getoption("reference")
    if "case" in metafunc.fixturenames:
        cases = [(name, FIXTURES / name, TINY / "expected.npz") for name in SHIPPED]
        if folder:
            images = sorted((folder / "images").glob("*.jpg"))
            cases += [(image.name, image, folder / "tiny-expected.npz") for image in images]
        metafunc.parametrize("case", cases, ids=[case[0] for case in cases], indirect=True)


class Case:
    """One image, upstream's answers to it, and our logits."""

    def __init__(self, name, path, expected, model):
        self.name, self.model = name, model
        self.expected = np.load(expected)
        self.image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        self.batch = preprocess([self.image], model.config.preprocess)
        with torch.inference_mode():
            self.output = model(self.batch.pixel_values)

    def __getitem__(self, what):
        return self.expected[f"{self.name}:{what}"]

    def geometry(self):
        return {"resized": self.batch.resized[0], "original": self.batch.original[0]}


@pytest.fixture(scope="module")
def case(request, tiny_model):
    return Case(*request.param, tiny_model)


def test_pixel_values(case):
    assert np.abs(case.batch.pixel_values[0, :, ::8, ::8].numpy() - case["pixel_values"]).max() <= 1e-6


def test_logits(case):
    assert relative_error(case.output.class_logits[0], case["class_logits"]) <= 1e-5
    assert relative_error(case.output.mask_logits[0, :, ::4, ::4], case["mask_logits"]) <= 1e-5


def test_panoptic(case):
    result = PanopticPredictor(case.model).predict([case.image])[0]
    assert (result.panoptic_seg == case["pan"]).mean() >= 0.9999
    assert [segment.id for segment in result.segments] == case["ids"].tolist()
    assert [segment.label for segment in result.segments] == [label.strip() for label in case["labels"]]


def test_instances(case):
    config = case.model.config
    found = postprocess.instances(
        case.output.class_logits[0],
        case.output.mask_logits[0],
        categories=config.categories,
        config=dataclasses.replace(config.postprocess, instance_threshold=0.0),
        **case.geometry(),
    )
    ours = np.array([[*segment.box, segment.score, segment.label_id] for segment in found.segments])
    theirs = case["boxes"]
    assert ours.shape == theirs.shape
    order = [np.lexsort((*boxes[:, :4].T, boxes[:, 5])) for boxes in (ours, theirs)]  # upstream sorts by nothing
    np.testing.assert_allclose(ours[order[0]], theirs[order[1]], atol=1e-4)


def test_real_score_is_class_times_mask_probability(case):
    """Worked out from full-size masks, as upstream has them, for the largest segment."""
    result = PanopticPredictor(case.model).predict([case.image])[0]
    segment = max((s for s in result.segments if s.isthing), key=lambda s: s.area)
    probability, label = case.output.class_logits[0].softmax(-1).max(-1)
    resized, original = case.geometry().values()
    logits = torch.nn.functional.interpolate(case.output.mask_logits, scale_factor=4, mode="bilinear")
    logits = torch.nn.functional.interpolate(
        logits[..., : resized.height, : resized.width], size=original, mode="bilinear"
    )[0]
    mask = torch.from_numpy(result.mask(segment))
    candidates = [
        float(probability[q] * logits[q].sigmoid()[mask].mean()) for q in torch.where(label == segment.label_id)[0]
    ]
    assert min(abs(segment.score - candidate) for candidate in candidates) < 1e-5


# Whose answers a manifest's model has to give: mmdetection 3.x and transformers hold the mathematics of 2.x.
ANSWERED_BY = {
    "swinl-mmdet2": "swinl-mmdet2",
    "swinl-mmdet3": "swinl-mmdet2",
    "swinl-transformers": "swinl-mmdet2",
    "swinl-detectron2": "swinl-detectron2",
    "r50-mmdet2": "r50-mmdet2",
    "r50-mmdet3": "r50-mmdet2",
    "r50-easycv": "r50-easycv",
}
CONVERTED = {"mmdet3": MMDET3, "transformers": TRANSFORMERS}


@pytest.fixture(params=ANSWERED_BY)
def full_size(request, tmp_path):
    """A model directory of full size, and upstream's answers."""
    reference: Path = request.config.getoption("reference")
    name, answered = request.param, ANSWERED_BY[request.param]
    rebuild(reference, answered, tmp_path)
    if name == answered:
        directory = tmp_path
    else:
        directory = tmp_path / "converted"
        directory.mkdir()
        convert(reference, tmp_path, name, CONVERTED[name.split("-")[1]], directory)
    yield directory, np.load(reference / "logits" / f"{answered}.npz")
    shutil.rmtree(tmp_path)  # up to 1.7 GB


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore:.*names no classes")
def test_full_size_logits(full_size, request, many_threads):
    directory, expected = full_size
    model = modelscope_swinpan.load_model(directory)
    images = pixel_values(request.config.getoption("reference"), model.config.preprocess)
    assert images.shape == tuple(expected["pixel_shape"])
    with torch.inference_mode():
        output = model(images)
    found = errors(output.class_logits, output.mask_logits, expected)
    print(json.dumps(found))
    assert max(found.values()) <= 1e-4

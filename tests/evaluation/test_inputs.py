"""A dataset's images as inputs."""

import io
import json
import pickle

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.errors import DatasetError, ImageError
from modelscope_swinpan.evaluation.inputs import dataset_inputs
from tests.evaluation import painted


@pytest.fixture
def dataset(tmp_path):
    return painted.dataset(tmp_path, count=3)


def listed(inputs):
    file = io.BytesIO()
    inputs.write(file)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_images_keep_their_ids_and_order(dataset):
    found = listed(dataset_inputs(dataset))
    assert [item["image_id"] for item in found] == [entry.id for entry in dataset.entries]
    assert [item["name"] for item in found] == [entry.name for entry in dataset.entries]
    assert found[1]["stem"] == "000000000002"


def test_images_are_read_as_the_dataset_reads_them(dataset):
    """In other processes, too."""
    inputs = dataset_inputs(dataset)
    read = pickle.loads(pickle.dumps(inputs.read))
    for index, item in enumerate(listed(inputs)):
        assert np.array_equal(read(item["source"])[..., ::-1], dataset[index].image)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(b"damaged"), "000002.png"),
        (
            lambda path: Image.new("RGB", (50, 40)).save(path),
            "000002.png: 50 × 40 pixels, but width and height .* 64 × 96",
        ),
    ],
)
def test_damaged_images(dataset, damage, message):
    damage(dataset.layout.images / "000002.png")
    inputs = dataset_inputs(dataset)
    with pytest.raises(ImageError, match=f"file_name of image 2: .*{message}"):
        inputs.read(listed(inputs)[1]["source"])


def test_a_name_that_leads_out(dataset):
    dataset.entries[0].__dict__["name"] = "../secret.png"
    with pytest.raises(DatasetError, match="inside"):
        dataset_inputs(dataset)

"""Pictures of labels."""

import base64
import dataclasses
import io

import numpy as np
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.data.class_list import read_classes
from modelscope_swinpan.runs.semantic import SemanticSink
from tests.runs.annotated import item, result, write


def test_values_are_lines_of_the_classes(tmp_path):
    found = write(tmp_path, "semantic", item(0), item(1, "some/cat.png"))
    names = (tmp_path / "classes.txt").read_text().splitlines()
    assert names == [category.name for category in COCO_PANOPTIC]
    picture = Image.open(tmp_path / "masks" / "some" / "cat.png")
    values, shown = np.asarray(picture), np.asarray(picture.convert("RGB"))
    assert (values == np.asarray(Image.open(tmp_path / "masks" / "00000001-cat.png"))).all()
    rest = np.ones(found.shape, bool)
    for segment in found.segments:
        mask = found.mask(segment)
        assert {names[value] for value in np.unique(values[mask])} == {segment.label}
        assert (shown[mask] == COCO_PANOPTIC[segment.label_id].color).all()
        rest &= ~mask
    assert set(values[rest]) == {255}
    assert not shown[rest].any()


def test_few_and_many_classes():
    """Void keeps its value in a palette of three colours, and finds one among 300 classes."""
    for number, void, mode in ((3, 255, "P"), (255, 255, "P"), (256, 65535, "I;16"), (300, 65535, "I;16")):
        categories = tuple(Category(k + 1, f"class {k}", True, (k % 256, k // 256, 9)) for k in range(number))
        segment = dataclasses.replace(result().segments[0], label_id=number - 1)
        one = dataclasses.replace(result(), segments=(segment,), categories=categories)
        entry = SemanticSink().encode(item(0), one, np.zeros((96, 128, 3), np.uint8)).entry
        picture = Image.open(io.BytesIO(base64.b64decode(entry["png"])))
        assert picture.mode == mode
        assert np.array_equal(np.asarray(picture), np.where(one.mask(segment), number - 1, void))


def test_a_name_that_would_be_a_comment(tmp_path):
    categories = (Category(1, "cat", True, (1, 2, 3)), Category(2, "# of cats", True, (4, 5, 6)))
    SemanticSink().finish(tmp_path, lambda: iter(()), categories)
    assert [one.name for one in read_classes(tmp_path / "classes.txt")] == ["cat", "# of cats"]

import json

import numpy as np
import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.data.merge import merge_datasets
from modelscope_swinpan.errors import ConfigError
from tests.data.drawings import regions

CAT, DOG = Category(1, "cat", True, (1, 1, 1)), Category(1, "dog", True, (2, 2, 2))
ROAD = Category(2, "road", False, (3, 3, 3))


def dataset(folder, categories, *grey):
    """A picture of each grey value, half of it of the first class, half of the last."""
    ids = np.array([[1, 1, 2, 2]] * 2, np.int32)
    truth = annotate(ids, {1: 0, 2: len(categories) - 1})
    pictures = [np.full((2, 4, 3), value, np.uint8) for value in grey]
    write_dataset(
        folder, [Example(segment_ids=ids, segments=truth.segments, image=one) for one in pictures], categories
    )
    return CocoPanoptic.open(folder)


def test_classes_of_one_name_are_one(tmp_path):
    first = dataset(tmp_path / "a", (CAT, ROAD), 1, 2)
    second = dataset(tmp_path / "b", (DOG, ROAD), 3, 2)
    report = merge_datasets([first, second], tmp_path / "out")
    merged = CocoPanoptic.open(tmp_path / "out")
    assert [(one.id, one.name) for one in merged.categories] == [(1, "cat"), (2, "road"), (3, "dog")]
    assert [entry.name for entry in merged.entries] == ["000001.png", "000002.png", "000001-2.png"]
    assert [regions(merged, index) for index in range(3)] == [regions(first), regions(first, 1), regions(second)]
    assert report.left_out == {"the same photo as before": 1}
    assert "a/panoptic.json: file_name of image 2" in report.notes[0].detail
    merged.validate()


def test_datasets_that_disagree(tmp_path):
    first = dataset(tmp_path / "a", (CAT, ROAD), 1)
    other = Category(1, "cat", False, (1, 1, 1))
    second = dataset(tmp_path / "b", (other, ROAD), 2)
    with pytest.raises(ConfigError, match=r"b/panoptic.json: 'cat' is stuff there, and a thing before"):
        merge_datasets([first, second], tmp_path / "out")
    path = tmp_path / "b" / "panoptic.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "info": {"exif": "ignore"}}))
    with pytest.raises(ConfigError, match=r"disagree on EXIF"):
        merge_datasets([first, CocoPanoptic.open(tmp_path / "b")], tmp_path / "out")
    with pytest.raises(ConfigError, match="two datasets or more"):
        merge_datasets([first], tmp_path / "out")
    assert not (tmp_path / "out").exists()

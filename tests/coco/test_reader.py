"""What the reader makes of a dataset, and what it says of a damaged one."""

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import Example, SegmentInfo, annotate
from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import DatasetError

from .datasets import IDS, content, write


def test_coco(tmp_path):
    dataset = CocoPanoptic.open(write(tmp_path))
    assert len(dataset) == 1
    assert [category.name for category in dataset.categories] == ["grass", "cat"]
    assert dataset.entries[0].id == 42
    example = dataset[0]
    assert example.image.tolist() == np.arange(24).reshape(2, 4, 3).tolist()
    assert example.segment_ids.dtype == np.int32
    assert np.array_equal(example.segment_ids, IDS)
    assert example.segments == (
        SegmentInfo(id=5, label_id=0, area=2, box=(3, 0, 4, 2)),
        SegmentInfo(id=300, label_id=1, area=1, box=(2, 1, 3, 2), iscrowd=True),
        SegmentInfo(id=70000, label_id=1, area=3, box=(1, 0, 3, 2)),
    )
    with pytest.raises(IndexError):
        dataset[1]


def test_other_categories(tmp_path):
    dataset = CocoPanoptic.open(write(tmp_path), categories=COCO_PANOPTIC)
    assert [dataset.categories[segment.label_id].name for segment in dataset[0].segments] == [
        "grass-merged",
        "cat",
        "cat",
    ]


def test_categories_that_lack_one(tmp_path):
    dataset = CocoPanoptic.open(write(tmp_path), categories=COCO_PANOPTIC[:1])
    with pytest.raises(DatasetError, match=r"segments_info\[0\]\.category_id: no category has the id 17"):
        dataset[0]


def test_annotations_need_no_image(tmp_path):
    dataset = CocoPanoptic.open(write(tmp_path))
    (tmp_path / "val2017" / "42.png").unlink()
    assert np.array_equal(dataset.annotation(0).segment_ids, IDS)


def test_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    examples = []
    for _ in range(3):
        numbers = rng.choice(256**3 - 1, 6, replace=False) + 1
        ids = rng.choice([0, *numbers], (13, 17)).astype(np.int32)
        labels = {int(number): int(rng.integers(133)) for number in numbers}
        truth = annotate(ids, labels, crowds={int(numbers[0])})
        image = rng.integers(0, 256, (13, 17, 3), np.uint8)
        examples.append(Example(segment_ids=ids, segments=truth.segments, image=image))
    void = np.zeros((4, 4), np.int32)
    examples.append(Example(segment_ids=void, segments=(), image=np.zeros((4, 4, 3), np.uint8)))
    write_dataset(tmp_path, examples, COCO_PANOPTIC)
    dataset = CocoPanoptic.open(tmp_path)
    assert dataset.categories == COCO_PANOPTIC
    assert len(dataset) == 4
    for index, example in enumerate(examples):
        read = dataset[index]
        assert read.segments == example.segments
        assert np.array_equal(read.segment_ids, example.segment_ids)
        assert np.array_equal(read.image, example.image)


def test_in_a_loader(tmp_path):
    loader = DataLoader(CocoPanoptic.open(write(tmp_path)), batch_size=None)
    assert [len(example.segments) for example in loader] == [3]


def test_ids_that_segments_info_lacks(tmp_path):
    changed = content()
    del changed["annotations"][0]["segments_info"][0]
    with pytest.raises(DatasetError, match=r"42\.png: ids 70000 are not in .*json\.annotations\[0\]\.segments_info"):
        CocoPanoptic.open(write(tmp_path, changed))[0]


def test_ids_that_the_png_lacks(tmp_path):
    changed = content()
    changed["annotations"][0]["segments_info"] += [{"id": 8, "category_id": 17}, {"id": 9, "category_id": 17}]
    with pytest.raises(DatasetError, match=r"annotations\[0\]\.segments_info: no pixel of .*42\.png has id 8, 9"):
        CocoPanoptic.open(write(tmp_path, changed))[0]


@pytest.mark.parametrize(("name", "field"), [("annotations/panoptic_val2017", "annotations"), ("val2017", "image 42")])
class TestFiles:
    def path(self, tmp_path, name):
        write(tmp_path)
        return tmp_path / name / "42.png"

    def test_missing(self, tmp_path, name, field):
        path = self.path(tmp_path, name)
        path.unlink()
        with pytest.raises(DatasetError, match=rf"{field}.*no such file") as caught:
            CocoPanoptic.open(tmp_path)[0]
        assert "file_name" in str(caught.value)

    def test_damaged(self, tmp_path, name, field):
        path = self.path(tmp_path, name)
        path.write_bytes(path.read_bytes()[:50])
        with pytest.raises(DatasetError, match=rf"file_name.*{path}.*cannot be read"):
            CocoPanoptic.open(tmp_path)[0]

    def test_of_another_size(self, tmp_path, name, field):
        path = self.path(tmp_path, name)
        Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(path)
        with pytest.raises(DatasetError, match=rf"{path}: 4 × 3 pixels, but width and height of image 42 .* 4 × 2"):
            CocoPanoptic.open(tmp_path)[0]

    def test_outside(self, tmp_path, name, field):
        changed = content()
        changed["images" if name == "val2017" else "annotations"][-1]["file_name"] = "../42.png"
        with pytest.raises(DatasetError, match=r"file_name.*expected the name of a file inside"):
            CocoPanoptic.open(write(tmp_path, changed))[0]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_a_png_of_another_mode(tmp_path, mode):
    write(tmp_path)
    Image.new(mode, (4, 2)).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png")
    with pytest.raises(DatasetError, match=f"mode {mode}, expected an RGB PNG"):
        CocoPanoptic.open(tmp_path)[0]


def test_a_picture_that_is_no_png(tmp_path):
    write(tmp_path)
    Image.fromarray(colors_from_ids(IDS)).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png", "BMP")
    with pytest.raises(DatasetError, match="cannot be read as a PNG"):
        CocoPanoptic.open(tmp_path)[0]


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("modelscope_swinpan.coco.reader.MAX_PIXELS", 7)
    with pytest.raises(DatasetError, match="expected at most 7"):
        CocoPanoptic.open(write(tmp_path))[0]


def test_validate_counts_problems(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    example = Example(segment_ids=np.zeros((4, 4), np.int32), segments=(), image=image)
    write_dataset(tmp_path, [example] * 30, COCO_PANOPTIC)
    CocoPanoptic.open(tmp_path).validate()
    for number in range(2, 14):
        (tmp_path / "images" / f"{number:06d}.png").unlink()
    with pytest.raises(DatasetError, match=r"^12 of 30 examples are wrong\.") as caught:
        CocoPanoptic.open(tmp_path).validate()
    assert len(str(caught.value).splitlines()) == 11
    assert "image 2:" in str(caught.value).splitlines()[1]

"""What the reader makes of a dataset, and what it says of a damaged one."""

import json

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


def test_images_by_paths_of_another_machine(tmp_path):
    changed = content()
    changed["images"][1]["file_name"] = "/home/ann/42.png"
    dataset = CocoPanoptic.open(write(tmp_path, changed))
    assert dataset.entries[0].name == "/home/ann/42.png"
    with pytest.warns(UserWarning, match=r"file_name of image 42: '/home/ann/42.png' is a path of another machine"):
        assert dataset.problem(0) is None
    assert np.array_equal(dataset[0].segment_ids, IDS)


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
    dataset = CocoPanoptic.open(write(tmp_path, changed))
    assert [segment.id for segment in dataset[0].segments] == [5, 300, 70000]
    with pytest.warns(
        UserWarning, match=r"^2 segments .* without a pixel were left out \(in 1 image\).*annotations\[0\]"
    ):
        dataset.validate()


def test_ids_of_two_categories_become_void(tmp_path):
    """As MaskFormer's script for ADE20K writes them: two kinds of stuff of one colour share an id."""
    changed = content()
    changed["annotations"][0]["segments_info"] += [{"id": 5, "category_id": 17}, {"id": 300, "category_id": 17}]
    dataset = CocoPanoptic.open(write(tmp_path, changed))
    example = dataset[0]
    assert [(segment.id, segment.iscrowd) for segment in example.segments] == [(300, True), (70000, False)]
    assert np.array_equal(example.segment_ids, np.where(IDS == 5, 0, IDS))
    with pytest.warns(UserWarning, match="segments") as caught:
        dataset.validate()
    assert [str(warning.message).split(" (in")[0] for warning in caught] == [
        "2 segments share an id with a segment of another category; what they cover became void",
        "1 segment that shares id and category with another was joined with it",
    ]


def test_a_png_without_any_listed_segment(tmp_path):
    write(tmp_path)
    Image.new("RGB", (4, 2)).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png")
    with pytest.raises(DatasetError, match=r"42\.png: all pixels are 0, void, but .*segments_info lists segments"):
        CocoPanoptic.open(tmp_path)[0]


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
        with pytest.raises(DatasetError, match=rf"{path}: 4 × 3 pixels, but width and height in the JSON are 4 × 2"):
            CocoPanoptic.open(tmp_path)[0]

    def test_outside(self, tmp_path, name, field):
        changed = content()
        changed["images" if name == "val2017" else "annotations"][-1]["file_name"] = "../42.png"
        with pytest.raises(DatasetError, match=r"file_name.*expected the name of a file inside"):
            CocoPanoptic.open(write(tmp_path, changed))[0]


def test_a_png_of_another_mode(tmp_path):
    write(tmp_path)
    Image.new("CMYK", (4, 2)).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png", "TIFF")
    with pytest.raises(DatasetError, match="mode CMYK, expected an RGB PNG"):
        CocoPanoptic.open(tmp_path)[0]


def test_a_picture_that_changes_ids(tmp_path):
    write(tmp_path)
    Image.fromarray(colors_from_ids(IDS)).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png", "JPEG")
    with pytest.raises(DatasetError, match="cannot be read as a PNG"):
        CocoPanoptic.open(tmp_path)[0]


def test_sizes_that_the_json_lacks(tmp_path):
    changed = content()
    del changed["images"][1]["height"], changed["images"][1]["width"]
    dataset = CocoPanoptic.open(write(tmp_path, changed))
    assert dataset.entries[0].size == (2, 4)
    dataset.validate()


def test_things_of_the_instance_file(tmp_path):
    changed = content()
    for category in changed["categories"]:
        del category["isthing"]
    write(tmp_path, changed)
    with pytest.raises(DatasetError, match="nothing tells whether 'grass' is a thing"):
        CocoPanoptic.open(tmp_path)
    instances = {"images": [], "annotations": [], "categories": [{"id": 17, "name": "cat"}]}
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(instances))
    assert [category.isthing for category in CocoPanoptic.open(tmp_path).categories] == [False, True]


def test_ids_are_not_taken_for_a_missing_image(tmp_path):
    """They often bear the same names, and lie below a folder that is given for the images."""
    write(tmp_path)
    (tmp_path / "val2017" / "42.png").unlink()
    with pytest.raises(DatasetError, match=r"image 42: .*no such file"):
        CocoPanoptic.open(tmp_path, images=tmp_path)[0]


def test_cityscapes(tmp_path):
    """What createPanopticImgs.py writes: texts as ids, names that no image has, and a folder for each city."""
    changed = content()
    key = "ulm_000000_000019"
    changed["images"] = [{**changed["images"][1], "id": key, "file_name": f"{key}_gtFine_leftImg8bit.png"}]
    changed["annotations"][0] |= {"image_id": key, "file_name": f"{key}_gtFine_panoptic.png"}
    write(tmp_path / "coco")
    folder, city = tmp_path / "gtFine" / "cityscapes_panoptic_train", tmp_path / "leftImg8bit" / "train" / "ulm"
    folder.mkdir(parents=True)
    city.mkdir(parents=True)
    folder.with_suffix(".json").write_text(json.dumps(changed))
    coco = tmp_path / "coco"
    (coco / "annotations" / "panoptic_val2017" / "42.png").rename(folder / f"{key}_gtFine_panoptic.png")
    (coco / "val2017" / "42.png").rename(city / f"{key}_leftImg8bit.png")
    dataset = CocoPanoptic.open(tmp_path)
    dataset.validate()
    assert dataset[0].image.shape == (2, 4, 3)


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("modelscope_swinpan.coco.id_maps.MAX_PIXELS", 7)
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

import json
import shutil

import pytest
from PIL import Image

from modelscope_swinpan.claims import TakenError
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.remarks import NO_PIXELS
from modelscope_swinpan.data.merge import merge_datasets
from modelscope_swinpan.data.remap import Target, remap_dataset
from modelscope_swinpan.data.report import UNSOUND
from modelscope_swinpan.data.split import choose, read_parts, split_dataset
from modelscope_swinpan.errors import ConfigError
from tests.data.drawings import regions
from tests.evaluation import painted


@pytest.fixture
def dataset(tmp_path):
    """Ten pictures, of which two, the first and the fourth, have the same content."""
    dataset = painted.dataset(tmp_path / "in", count=10)
    images = tmp_path / "in" / "images"
    shutil.copy(images / "000001.png", images / "000003.png")
    shutil.copy(tmp_path / "in" / "panoptic" / "000001.png", tmp_path / "in" / "panoptic" / "000003.png")
    return dataset


def test_every_image_is_in_one_part(dataset, tmp_path):
    reports = split_dataset(dataset, {"train": 0.7, "val": 0.3}, tmp_path / "out")
    parts = {name: CocoPanoptic.open(tmp_path / "out" / name) for name in reports}
    names = {name: {entry.name for entry in part.entries} for name, part in parts.items()}
    assert names["train"] | names["val"] == {entry.name for entry in dataset.entries}
    assert not names["train"] & names["val"]
    assert {"000001.png", "000003.png"} <= names["train"] or {"000001.png", "000003.png"} <= names["val"]
    assert 2 <= len(names["val"]) <= 4
    before = {entry.name: index for index, entry in enumerate(dataset.entries)}
    for part in parts.values():
        for index, entry in enumerate(part.entries):
            assert regions(part, index) == regions(dataset, before[entry.name])


def test_unsound_photos_and_odd_truth_are_told(dataset, tmp_path):
    """They are copied, and not silently."""
    images = tmp_path / "in" / "images"
    (images / "000005.png").write_bytes((images / "000005.png").read_bytes()[:20])
    Image.new("RGB", (7, 9)).save(images / "000006.png")
    (images / "000007.png").write_bytes((images / "000007.png").read_bytes()[:-200])
    path = tmp_path / "in" / "panoptic.json"
    content = json.loads(path.read_text())
    content["annotations"][6]["segments_info"].append({"id": 77, "category_id": content["categories"][0]["id"]})
    path.write_text(json.dumps(content))
    rearrangements = (
        lambda data, out: split_dataset(data, {"all": 10}, out)["all"],
        lambda data, out: merge_datasets([data, painted.dataset(tmp_path / "more", count=1)], out),
        lambda data, out: remap_dataset(data, {"somebody": Target(("person",))}, out),
    )
    for number, rearrange in enumerate(rearrangements):
        report = rearrange(CocoPanoptic.open(path), tmp_path / f"out{number}")
        assert report.others[UNSOUND] == 3
        assert report.others[NO_PIXELS] == 1
        first, second, third = (str(note) for note in report.notes if note.kind == UNSOUND)
        assert first.startswith(f"{path}: file_name of image 5: {UNSOUND}: {images / '000005.png'}: ")
        assert "7 × 9 pixels, but width and height in the JSON" in second
        assert "000007.png: cannot be read as an image: " in third


def test_the_seed_decides(dataset):
    first = choose(dataset, {"train": 0.5, "val": 0.5}, 0)
    assert choose(dataset, {"train": 0.5, "val": 0.5}, 0) == first
    assert any(choose(dataset, {"train": 0.5, "val": 0.5}, seed) != first for seed in (1, 2))


def test_numbers_of_images(dataset):
    chosen = list(choose(dataset, {"train": 3, "val": 1}, 0).values())
    assert 4 <= len(chosen) <= 6
    with pytest.raises(ConfigError, match="asks for 11 images; the dataset has 10"):
        choose(dataset, {"train": 11}, 0)
    for path in dataset.layout.images.iterdir():
        path.write_bytes((dataset.layout.images / "000002.png").read_bytes())
    with pytest.raises(ConfigError, match="No image is left for the part 'val': the dataset has 1 that differ"):
        choose(dataset, {"train": 9, "val": 1}, 0)


def test_a_part_that_holds_something_else(dataset, tmp_path):
    (tmp_path / "out" / "val" / "images").mkdir(parents=True)
    with pytest.raises(TakenError):
        split_dataset(dataset, {"train": 0.7, "val": 0.3}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["val", "images"]


def test_a_part_by_the_name_of_a_folder_of_the_dataset(dataset, tmp_path):
    split_dataset(dataset, {"train": 0.7}, tmp_path / "out")
    train = tmp_path / "out" / "train"
    before = sorted(train.rglob("*"))
    with pytest.raises(ConfigError, match=r"images belongs to what .*train holds"):
        split_dataset(CocoPanoptic.open(train), {"images": 0.5}, train)
    assert sorted(train.rglob("*")) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train",
        "train=",
        "train=0",
        "train=-1",
        "train=.8,train=.2",
        "a=.5,A=.5",
        "../x=.5",
        "a=.5,b=3",
        "a=.7,b=.7",
        "a/b=1",
    ],
)
def test_wrong_parts(text):
    with pytest.raises(ConfigError, match="--parts"):
        read_parts(text)


def test_parts():
    assert read_parts("train=0.8, val=.2") == {"train": 0.8, "val": 0.2}
    assert read_parts("a=100,b=20") == {"a": 100, "b": 20}

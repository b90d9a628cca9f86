"""What makes a run another run."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import TrainingError
from modelscope_swinpan.scenes.dataset import SceneDataset
from modelscope_swinpan.training.identity import SAMPLED, check_data, check_options, describe_data

COUNT = 5


@pytest.fixture
def folder(tmp_path):
    scenes = SceneDataset(range(COUNT), (64, 64))
    write_dataset(tmp_path / "data", (scenes[index] for index in range(COUNT)), scenes.categories)
    return tmp_path / "data"


def described(folder):
    return describe_data(CocoPanoptic.open(folder))


def edit(folder, change):
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def repaint(path):
    pixels = np.asarray(Image.open(path)).copy()
    pixels[30, 30] ^= 1
    Image.fromarray(pixels).save(path)


def test_a_dataset_that_moved_is_the_same(folder, tmp_path):
    """Whatever the time of its files."""
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    edit(tmp_path / "copy", lambda content: content.update(info={"year": 2026}))
    check_data(described(folder), described(tmp_path / "copy"), "run", "data")


def swap_categories(content):
    first, second = content["categories"][:2]
    first["id"], second["id"] = second["id"], first["id"]


LABELS = {
    "a segment's category": lambda folder: edit(
        folder, lambda content: content["annotations"][2]["segments_info"][0].update(category_id=1)
    ),
    "a crowd": lambda folder: edit(
        folder, lambda content: content["annotations"][2]["segments_info"][0].update(iscrowd=1)
    ),
    "what the ids mean": lambda folder: edit(folder, swap_categories),
    "a pixel": lambda folder: repaint(folder / "panoptic" / "000003.png"),
}


@pytest.mark.parametrize("change", LABELS)
def test_other_labels(folder, change):
    before = described(folder)
    LABELS[change](folder)
    with pytest.raises(TrainingError, match=r"run holds a run with other data: \d \(.*000003\.png.*have another truth"):
        check_data(before, described(folder), "run", "data")


def test_new_images(folder):
    before = described(folder)
    edit(folder, lambda content: content["images"][1].update(file_name="new.png"))
    with pytest.raises(TrainingError, match=r"other data: 1 \(new\.png\) are new; 1 \(000002\.png\) are gone"):
        check_data(before, described(folder), "run", "data")


def remove(*places):
    def change(content):
        for place in places:
            del content["annotations"][place]

    return lambda folder: edit(folder, change)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove(1), r"1 \(000002\.png\) of its data are gone"),
        (lambda folder: repaint(folder / "images" / "000004.png"), r"1 \(000004\.png\) of its data were changed"),
    ],
)
def test_a_dataset_that_was_mended(folder, change, told):
    before = described(folder)
    change(folder)
    with pytest.warns(UserWarning, match=rf"Since the run in run began, {told}"):
        check_data(before, described(folder), "run", "data")


def test_truth_that_was_damaged_may_be_mended(folder):
    path = folder / "panoptic" / "000002.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    before = described(folder)
    path.write_bytes(whole)
    check_data(before, described(folder), "run", "data")
    path.unlink()
    assert described(folder)["000002.png"][0] == ""


def test_most_of_it_is_another_dataset(folder):
    before = described(folder)
    for number in (1, 2, 3):
        repaint(folder / "images" / f"00000{number}.png")
    with pytest.raises(TrainingError, match=r"other photos: 3 \(000001\.png, 000002\.png, 000003\.png\) were changed"):
        check_data(before, described(folder), "run", "photos")
    remove(0, 0, 0)(folder)
    with pytest.raises(TrainingError, match=r"3 \(.*\) are gone"):
        check_data(before, described(folder), "run", "data")
    with pytest.raises(TrainingError, match=r"5 \(.*\) are gone"):
        check_data(before, {}, "run", "validation data")
    with pytest.raises(TrainingError, match=r"5 \(.*\) are new"):
        check_data({}, before, "run", "validation data")
    check_data({}, {}, "run", "validation data")


def test_other_datasets_are_told_by_examples():
    count = 10 * SAMPLED
    whole = describe_data(SceneDataset(range(count), (64, 64)))
    assert len(whole) == SAMPLED
    assert {"example 0", f"example {count - 1}"} <= set(whole)
    assert describe_data(SceneDataset(range(count), (64, 64))) == whole
    assert describe_data(SceneDataset(range(1), (64, 64))).keys() == {"example 0"}
    assert describe_data(None) == describe_data(SceneDataset(range(0))) == {}
    with pytest.raises(TrainingError, match=r"16 \(example 0, .*, …\) have another truth"):
        check_data(whole, describe_data(SceneDataset(range(7, count + 7), (64, 64))), "run", "data")


def test_options():
    old = {"steps": 3, "phases": [{"share": 1.0}], "workers": 2}
    check_options(old, {**old, "workers": 4, "log_every": 7}, "run")
    with pytest.raises(TrainingError, match="run holds a run with steps = 3, and this one has 4"):
        check_options(old, {**old, "steps": 4}, "run")
    with pytest.raises(TrainingError, match="clip = None, and this one has 1"):
        check_options(old, {**old, "clip": 1}, "run")

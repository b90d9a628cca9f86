"""What a run writes for annotation tools comes back as a dataset, as it is or corrected."""

import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.coco.annotation import annotate
from modelscope_swinpan.data.formats import label_studio
from modelscope_swinpan.inference.regions import make_segment
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.registry import FORMATS
from modelscope_swinpan.runs.run import run_images
from tests.data.drawings import change, imported
from tests.runs import annotated
from tests.runs.fakes import BrightPredictor, bright

RESULTS = {"coco-results", "overlays", "rle", "parquet"}
"""Formats that are no annotations."""
READ = sorted(known.name for known in FORMATS.values() if known.sink and known.name not in RESULTS)
EXACT = {"coco", "coco-instances", "cvat", "labelstudio", "semantic"}
NAMES = ("a/cat.png", "b/cat.png", "b/x:y.png", "run.png")
"""Two of one name in several folders, one that some disks could not have, and one of our own file's."""


class AnnotatedPredictor(BrightPredictor):
    """Finds the same in each photo, and nothing in a small one."""

    def answer(self, batch):
        return [annotated.result() if image.shape[0] == 96 else bright(image) for image in batch]


def photos(folder):
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (128, 96), (number, 0, 0)).save(folder / name)
    Image.new("RGB", (8, 6)).save(folder / "nothing.png")
    return folder


def batch(folder, *formats):
    run_images(AnnotatedPredictor(), open_inputs(str(folder / "photos")), folder / "out", sinks=formats)
    return folder / "out"


def names_of(segments, mask):
    """The class of each pixel, and "" where there is none."""
    shown = np.full(segments[0][1].shape if mask is None else mask, "", "U30")
    for label, pixels in segments:
        shown[pixels] = label
    return shown


def truth():
    found = annotated.result()
    return names_of([(segment.label, found.mask(segment)) for segment in found.segments], found.shape)


def maps(dataset):
    """The class map of each photo, by the red of its first pixel."""
    found = {}
    for example in (dataset[index] for index in range(len(dataset))):
        segments = [(dataset.categories[one.label_id].name, example.segment_ids == one.id) for one in example.segments]
        found[int(example.image[0, 0, 0])] = names_of(segments, example.segment_ids.shape)
    return found


def agreement(dataset):
    """The part of the pixels that have their class, of the photo with the smallest."""
    found = maps(dataset)
    assert sorted(found) == list(range(len(NAMES)))
    return min((shown == truth()).mean() for shown in found.values())


@pytest.mark.parametrize("name", READ)
def test_a_run_comes_back(name, tmp_path):
    folder = photos(tmp_path / "photos")
    source = batch(tmp_path, name)
    dataset, report = imported(source, tmp_path / "in", images=folder)
    assert agreement(dataset) == 1 if name in EXACT else agreement(dataset) > 0.98
    assert report.images == len(NAMES)
    assert sum(report.left_out.values()) <= 1  # the photo without a segment
    assert set(report.others) <= {"overlap", label_studio.PREDICTED}


@pytest.mark.skipif(sys.platform != "linux", reason="no file there has such a name")
@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    "photo", ["cat-\udcff", "cat\x01\n", "C:cat", "x" * 250], ids=["no Unicode", "controls", "drive", "long"]
)
def test_photos_of_strange_names_come_back(name, photo, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (128, 96)).save(tmp_path / "photos" / f"{photo}.png")
    dataset, report = imported(batch(tmp_path, name), tmp_path / "in", images=tmp_path / "photos")
    assert report.images == 1
    assert (maps(dataset)[0] == truth()).mean() > 0.98


class LeavesPredictor(BrightPredictor):
    """Finds one segment, with 2,961 holes."""

    def answer(self, batch):
        ids = np.full((96, 128), annotated.SKY, np.int32)
        ids[1:-1:2, 1:-1:2] = annotated.VOID
        (info,) = annotate(ids, annotated.LABELS).segments
        sky = make_segment(info.id, info.label_id, COCO_PANOPTIC, info.area, info.box, 0.5)
        return [PanopticResult(ids, (sky,), annotated.VOID)] * len(batch)


@pytest.mark.parametrize("name", READ)
def test_thousands_of_holes_come_back(name, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (128, 96)).save(tmp_path / "photos" / "leaves.png")
    inputs = open_inputs(str(tmp_path / "photos"))
    run_images(LeavesPredictor(), inputs, tmp_path / "out", sinks=[name])
    dataset, _ = imported(tmp_path / "out", tmp_path / "in", images=tmp_path / "photos")
    expected = np.ones((96, 128), bool)
    expected[1:-1:2, 1:-1:2] = False
    assert np.array_equal(dataset.annotation(0).segment_ids > 0, expected)


@pytest.mark.parametrize("name", READ)
def test_a_moved_run_comes_back(name, tmp_path):
    """To another machine, where the photos lie elsewhere."""
    photos(tmp_path / "photos")
    source = batch(tmp_path, name)
    (tmp_path / "there").mkdir()
    moved = shutil.move(tmp_path / "photos", tmp_path / "there" / "pictures")
    source = source.rename(tmp_path / "there" / "results")
    dataset, _ = imported(source, tmp_path / "in", images=moved)
    assert agreement(dataset) > 0.98


def test_the_folder_of_the_tool_itself(tmp_path):
    """LabelMe writes its corrections there, also of a photo that is called as our own file."""
    folder = photos(tmp_path / "photos")
    source = batch(tmp_path, "labelme", "overlays") / "labelme"
    change(source / "run.json", lambda content: [one.update(label="dog") for one in content["shapes"]])
    for number, given in enumerate((source, source.parent)):
        dataset, report = imported(given, tmp_path / f"in{number}", images=folder)
        assert np.isin("dog", maps(dataset)[3])
        assert report.images == len(NAMES)


def test_an_export_counts_before_the_predictions(tmp_path):
    """Of Label Studio, beside the tasks that it was made of; a task that nobody annotated is left out."""
    folder = photos(tmp_path / "photos")
    source = batch(tmp_path, "labelstudio")
    _, report = imported(source, tmp_path / "in0", images=folder)
    assert report.others == {label_studio.PREDICTED: len(NAMES) + 1}
    tasks = json.loads((source / "tasks.json").read_text())
    for index, task in enumerate(tasks):
        (prediction,) = task["predictions"]
        for region in prediction["result"]:
            region["value"]["brushlabels"] = ["dog"]
        task["annotations"] = [] if index == len(NAMES) else [{"id": index, "result": prediction["result"]}]
    (source / "project-1.json").write_text(json.dumps(tasks))
    _, report = imported(source, tmp_path / "in1", images=folder)
    assert report.segments == {"dog": 3 * (len(NAMES) - 1)}
    assert report.left_out == {"not annotated": 1, "no segments": 1}
    assert report.others == {}


def test_a_photo_gets_no_other_photos_text(tmp_path):
    """Of two photos of one name but for the suffix, the first has it."""
    folder = photos(tmp_path / "photos")
    Image.new("RGB", (128, 96), (9, 0, 0)).save(folder / "a" / "cat.tif")
    (folder / "a" / "cat.png").rename(folder / "a" / "cat.bmp")
    source = batch(tmp_path, "yolo")
    (source / "labels" / "a" / "cat.txt").write_text("16 0 0 1 0 1 1 0 1\n")
    dataset, report = imported(source, tmp_path / "in", images=folder)
    assert set(maps(dataset)) == {0, 1, 2, 3}
    assert report.left_out["not annotated"] == 1

"""What a look at all files finds."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.remarks import NO_PIXELS, REPEATED, TURNED, UNANNOTATED
from modelscope_swinpan.coco.survey import problems_between, same_photos, survey
from modelscope_swinpan.structures import Size
from tests.evaluation import painted


@pytest.fixture
def folder(tmp_path):
    """Four pictures of two people (one of them a crowd), a dog and the sky."""
    painted.dataset(tmp_path / "data", count=4, crowd=True)
    return tmp_path / "data"


def look(folder):
    def progress(items, total):
        yield from (items := list(items))
        assert len(items) == total

    return survey(folder, CocoPanoptic.open, threads=2, progress=progress)


def change(folder, changed):
    path = folder / "panoptic.json"
    content = json.loads(path.read_text())
    changed(content)
    path.write_text(json.dumps(content))


def test_figures(folder):
    found = look(folder)
    dataset = CocoPanoptic.open(folder)
    segments = [segment for index in range(4) for segment in dataset[index].segments]
    assert (found.problems, list(found.remarks)) == ([], [])
    assert found.categories == dataset.categories
    assert found.sizes == {Size(64, 96): 2, Size(96, 64): 2}
    assert (found.images, found.pixels) == (4, 4 * 64 * 96)
    assert found.annotated == sum(segment.area for segment in segments) == 4 * 64 * 96
    for label, figures in enumerate(found.classes):
        mine = [segment for segment in segments if segment.label_id == label]
        assert figures.areas == [segment.area for segment in mine if not segment.iscrowd]
        assert figures.crowds == sum(segment.iscrowd for segment in mine) == (4 if label == 0 else 0)
        assert figures.images == 4


def test_every_problem_of_every_file(folder):
    (folder / "images" / "000001.png").write_bytes(b"damaged")
    (folder / "panoptic" / "000001.png").unlink()
    Image.new("RGB", (7, 9)).save(folder / "images" / "000002.png")
    change(folder, lambda content: content["annotations"][2]["segments_info"].pop())
    found = look(folder)
    first, second, third, fourth = found.problems
    assert "no such file" in first
    assert "panoptic/000001.png" in first
    assert "images/000001.png: not an image" in second
    assert "000002.png: 7 × 9 pixels, but width and height in the JSON are 64 × 96" in third
    assert "ids 4 are not in" in fourth
    assert found.images == 4


def test_odd_things(folder):
    def changed(content):
        content["annotations"][0]["segments_info"].append({"id": 77, "category_id": content["categories"][0]["id"]})

    change(folder, changed)
    change(folder, lambda content: content["annotations"].pop())
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(folder / "images" / "000002.png").save(folder / "images" / "000002.png", exif=exif)
    shutil.copy(folder / "images" / "000001.png", folder / "images" / "000003.png")
    found = look(folder)
    assert found.problems == []
    remarks = dict(found.remarks)
    assert [sum(remarks[kind].values()) for kind in (NO_PIXELS, TURNED, REPEATED, UNANNOTATED)] == [1, 1, 1, 1]
    assert len(remarks) == 4
    assert list(remarks[REPEATED]) == ["000003.png"]
    (same,) = same_photos([found])
    assert [photo.name for photo in same] == ["000001.png", "000003.png"]
    assert problems_between([found], [same]) == []


def test_the_same_photo_in_two_datasets(folder, tmp_path):
    """Also in another file format, under another name."""
    painted.dataset(other := tmp_path / "other", count=1)
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(other / "images" / "000001.png")
    first, second = look(folder), look(other)
    assert problems_between([first, second], list(same_photos([first, second]))) == []
    Image.open(folder / "images" / "000003.png").save(other / "images" / "000001.png", "BMP")
    second = look(other)
    (problem,) = problems_between([first, second], list(same_photos([first, second])))
    assert problem == f"The same photo is in several datasets: {folder}: 000003.png, {other}: 000001.png."


def test_ids_of_two_meanings(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    change(tmp_path / "other", lambda content: content["categories"][1].update(name="wolf"))
    first, second = look(folder), look(tmp_path / "other")
    (problem,) = problems_between([first, second], [])
    assert problem == (
        f"{tmp_path / 'other'}: the thing 'wolf' has the id 18, which in {folder} is that of the thing 'dog'."
    )
    change(tmp_path / "other", lambda content: content["categories"].pop(1))  # fewer classes are no problem
    assert problems_between([first, look(tmp_path / "other")], []) == []


def test_a_dataset_that_cannot_be_opened(tmp_path):
    found = look(tmp_path)
    assert len(found.problems) == 1
    assert "no panoptic*.json there" in found.problems[0]


def test_categories_that_no_model_can_have(folder):
    def changed(content):
        content["categories"][1]["name"] = "person"
        content["categories"].append({"id": -3, "name": "wolf", "isthing": 1})

    change(folder, changed)
    first, second = look(folder).problems
    assert "panoptic.json: category ids must lie between 0 and" in first
    assert second == f"{folder / 'panoptic.json'}: class names must differ; 'person' is that of 2 categories."


@pytest.mark.parametrize("name", ["", " \t"])
def test_a_class_without_a_name(folder, name):
    change(folder, lambda content: content["categories"][1].update(name=name))
    expected = f"{folder / 'panoptic.json'}: a class needs a name; the category of id 18 has none."
    assert look(folder).problems == [expected]


def test_a_dataset_of_nothing(folder):
    change(folder, lambda content: content.update(annotations=[], images=[]))
    assert look(folder).problems == [f"{folder / 'panoptic.json'}: no image is annotated."]


def test_no_segment_in_any_photo(folder):
    def crowds(content):
        for annotation in content["annotations"]:
            annotation["segments_info"] = [{**one, "iscrowd": 1} for one in annotation["segments_info"]]

    change(folder, crowds)
    assert look(folder).problems == [f"{folder / 'panoptic.json'}: no image has a segment that is no crowd."]

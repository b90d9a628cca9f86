import numpy as np
import pytest
from pycocotools import mask as masks

from modelscope_swinpan.errors import DatasetError
from tests.closed_folder import closed_folder
from tests.data import drawings
from tests.data.drawings import HEIGHT, WIDTH, box_mask, change, coco, imported

JSON = "annotations/instances_default.json"


def compressed(box):
    code = masks.encode(np.asfortranarray(box_mask(box).astype(np.uint8)))
    return {"size": [HEIGHT, WIDTH], "counts": code["counts"].decode()}


def uncompressed(box):
    flat = np.concatenate([[0], box_mask(box).astype(np.int8).ravel(order="F"), [2]])
    counts = np.diff(np.flatnonzero(np.diff(np.concatenate([[3], flat[1:]])))).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": counts if flat[1] == 0 else [0, *counts]}


@pytest.mark.parametrize("form", [compressed, uncompressed, drawings.flat], ids=["compressed", "runs", "flat list"])
def test_outlines_in_every_notation(form, tmp_path):
    dataset, _ = imported(coco(tmp_path / "in", form), tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert [category.id for category in dataset.categories] == [3, 5]


def test_without_a_word_all_classes_are_things(tmp_path):
    dataset, _ = imported(coco(tmp_path / "in"), tmp_path / "out")
    assert [category.isthing for category in dataset.categories] == [True, True]


def test_what_is_left_out_is_named(tmp_path):
    folder = coco(tmp_path / "in")

    def edit(content):
        first = {"image_id": 7, "category_id": 3}
        content["annotations"] += [
            {**first, "bbox": [1, 1, 2, 2], "segmentation": []},
            {**first, "segmentation": [[1, 1, 2, 2]]},
            {**first, "segmentation": {"size": [WIDTH, HEIGHT], "counts": [WIDTH * HEIGHT]}},
            {**first, "category_id": 99, "segmentation": [[1, 1, 5, 1, 5, 5]]},
            {**first, "image_id": 8, "segmentation": [[1, 1, 5, 1, 5, 5]]},
        ]
        content["images"] += [
            {"id": 1, "file_name": "gone.jpg", "height": 4, "width": 4},
            {"id": 2, "file_name": "other.jpg", "height": 4, "width": 4},
            {"id": 3, "file_name": "broken.jpg", "height": 4, "width": 4},
            {"id": 4, "file_name": "empty.jpg", "height": HEIGHT, "width": WIDTH},
        ]

    change(folder / JSON, edit)
    drawings.photo(folder / "images" / "other.jpg")
    drawings.photo(folder / "images" / "empty.jpg")
    (folder / "images" / "broken.jpg").write_bytes(b"\xff\xd8\xffno photo")
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.left_out == {
        "missing image": 1,
        "image of another size": 1,
        "unreadable image": 1,
        "no segments": 1,
    }
    assert report.dropped == {
        "a box without an outline": 1,
        "unusable outline": 2,
        "unknown class": 1,
        "of an image that is not listed": 1,
    }
    places = [note.where for note in report.notes]
    assert f"{folder / JSON}.annotations[3]" in places
    assert f"{folder / JSON}: other.jpg" in places
    other = next(note for note in report.notes if "other.jpg" in note.where)
    assert other.detail == "16 × 20 pixels, but was annotated with 4 × 4" or "20 × 16" in other.detail


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["annotations"][1].update(segmentation=[["x", 1]]), r"annotations\[1\].segmentation\[0\] must be"),
        (lambda c: c["annotations"][1].update(segmentation=7), r"annotations\[1\].segmentation must be a list"),
        (lambda c: c["annotations"][1].update(segmentation={"size": [16, 20]}), r"segmentation.counts must be list"),
        (lambda c: c["annotations"][1].pop("category_id"), r"annotations\[1\].category_id must be int; got nothing"),
        (lambda c: c["images"][0].update(file_name="../../secret.jpg"), r"images\[0\].file_name: expected the name of"),
        (lambda c: c["images"][0].pop("width"), r"images\[0\].width must be int; got nothing"),
        (lambda c: c.pop("categories"), "categories must be list"),
        (lambda c: c.update(annotations={}), "annotations must be list|no image with a segment"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(edit, message, tmp_path):
    folder = coco(tmp_path / "in")
    change(folder / JSON, edit)
    with pytest.raises(DatasetError, match=message) as raised:
        imported(folder, tmp_path / "out", form="coco")
    assert JSON in str(raised.value)
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


@pytest.mark.parametrize("path", ["/home/ann/a.jpg", "C:\\data\\a.jpg"])
def test_photos_by_paths_of_another_machine(path, tmp_path):
    folder = coco(tmp_path / "in")
    change(folder / JSON, lambda content: content["images"][0].update(file_name=path))
    with pytest.warns(UserWarning, match=r"images\[0\].file_name: .* is a path of another machine"):
        dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert [entry.name for entry in dataset.entries] == ["a.jpg"]
    change(folder / JSON, lambda content: content["images"].append({"id": 8, "file_name": "/home/bob/a.jpg"}))
    with (
        pytest.warns(UserWarning, match="another machine"),
        pytest.raises(DatasetError, match=r"images\[1\].file_name: both '/home/bob/a.jpg' and .* would be a.jpg in"),
    ):
        imported(folder, tmp_path / "out", things=("cat",))


def test_splits_of_roboflow(tmp_path):
    for number, split in enumerate(("train", "valid")):
        folder = coco(tmp_path / f"in{number}")
        (tmp_path / "both" / split).mkdir(parents=True)
        (folder / JSON).rename(tmp_path / "both" / split / "_annotations.coco.json")
        (folder / "images" / "a.jpg").rename(tmp_path / "both" / split / "a.jpg")
    with pytest.raises(DatasetError, match=r"several splits \(train, valid\); choose one with --split"):
        imported(tmp_path / "both", tmp_path / "out")
    with pytest.raises(DatasetError, match="no split 'test'; there are: train, valid"):
        imported(tmp_path / "both", tmp_path / "out", split="test")
    dataset, _ = imported(tmp_path / "both", tmp_path / "out", split="valid", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_the_panoptic_format_is_not_taken_for_instances(tmp_path):
    folder = drawings.panoptic(tmp_path / "in")
    with pytest.raises(DatasetError, match="say --format coco-panoptic"):
        imported(folder / "annotations" / "panoptic_val2017.json", tmp_path / "out", form="coco")


def test_images_without_a_size_have_that_of_the_photo(tmp_path):
    folder = coco(tmp_path / "in")
    change(folder / JSON, lambda c: c["images"][0].update(height=None, width=None))
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_a_folder_that_may_not_be_read(tmp_path):
    folder = coco(tmp_path / "in")

    def edit(content):
        content["images"].append({"id": 9, "file_name": "closed/b.jpg", "height": HEIGHT, "width": WIDTH})

    change(folder / JSON, edit)
    (folder / "images" / "closed").mkdir()
    drawings.photo(folder / "images" / "closed" / "b.jpg")
    with closed_folder(folder / "images" / "closed"):
        dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.left_out == {"unreadable image": 1}
    assert "closed/b.jpg: cannot be read as an image: Permission denied" in report.notes[0].detail

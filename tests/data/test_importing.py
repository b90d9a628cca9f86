import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.claims import TakenError
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.data.class_list import ListedClass
from modelscope_swinpan.data.importing import REPORT
from modelscope_swinpan.data.merge import merge_datasets
from modelscope_swinpan.data.remap import read_mapping, remap_dataset
from modelscope_swinpan.data.report import ALIKE
from modelscope_swinpan.errors import ConfigError, DatasetError
from tests.data import drawings
from tests.data.drawings import change, coco, imported, labelme

NAMES = ("Bär  car ", "bär car", "BÄR\tCAR")
JSON = "annotations/instances_default.json"


def add_photos(folder, *names):
    """More photos, each annotated as the first."""

    def edit(content):
        for number, name in enumerate(names):
            drawings.photo(folder / "images" / name, seed=number)
            content["images"].append({**content["images"][0], "id": number, "file_name": name})
            content["annotations"].append({**content["annotations"][0], "image_id": number})

    change(folder / JSON, edit)


def test_photos_keep_their_bytes_and_names(tmp_path):
    folder = coco(tmp_path / "in")
    add_photos(folder, "x/a.JPG", "A.png", "ä b.jpeg")
    dataset, _ = imported(folder, tmp_path / "out")
    names = [entry.name for entry in dataset.entries]
    assert names == ["a.jpg", "a-2.jpg", "A-3.png", "ä b.jpeg"]
    for name, source in zip(names, ("a.jpg", "x/a.JPG", "A.png", "ä b.jpeg"), strict=True):
        assert (tmp_path / "out" / "images" / name).read_bytes() == (folder / "images" / source).read_bytes()
    dataset.validate()


def test_photos_that_exif_turns_are_annotated_as_shown_or_as_stored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = labelme(tmp_path / "in")
    drawings.photo(folder / "a.jpg", size=(drawings.WIDTH, drawings.HEIGHT), exif=exif)  # shown as it was annotated
    dataset, _ = imported(folder, tmp_path / "shown", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    drawings.photo(folder / "a.jpg", exif=exif)
    dataset, _ = imported(folder, tmp_path / "stored", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    exif[0x0112] = 3  # half a turn, which no size shows
    drawings.photo(folder / "a.jpg", exif=exif)
    _, report = imported(folder, tmp_path / "half")
    assert report.others == {"turned by EXIF in a way that its size does not show": 1}


def test_label_pictures_of_stored_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = drawings.semantic(tmp_path / "in")
    drawings.photo(folder / "images" / "a.jpg", exif=exif)
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_the_report_is_kept(tmp_path):
    folder = coco(tmp_path / "in")
    change(folder / JSON, lambda c: c["annotations"].append({"image_id": 7, "category_id": 3, "segmentation": []}))
    _, report = imported(folder, tmp_path / "out")
    kept = json.loads((tmp_path / "out" / REPORT).read_text())
    assert kept == {
        "images": 1,
        "segments": {"cat": 2, "road": 1},
        "images_left_out": {},
        "shapes_dropped": {"no area (points, lines)": 1},
        "notes_by_kind": {},
        "notes": [{"kind": "no area (points, lines)", "where": f"{folder / JSON}.annotations[3]", "detail": ""}],
    }
    assert report.summary().splitlines() == [
        "1 image, 3 segments",
        "        2 cat",
        "        1 road",
        "1 shape dropped: 1 × no area (points, lines)",
    ]


def test_the_same_import_again_replaces_the_former(tmp_path):
    folder = coco(tmp_path / "in")
    imported(folder, tmp_path / "out")
    (folder / "images" / "a.jpg").rename(folder / "images" / "b.jpg")
    change(folder / JSON, lambda c: c["images"][0].update(file_name="b.jpg"))
    imported(folder, tmp_path / "out")
    for part in ("images", "panoptic"):
        assert [path.stem for path in (tmp_path / "out" / part).iterdir()] == ["b"]


@pytest.mark.parametrize("place", ["images/mine.jpg", "panoptic/deep/mine.png", "panoptic/deep/a.png", "images/a.png"])
def test_what_was_added_to_a_former_import_stays(tmp_path, place):
    folder = coco(tmp_path / "in")
    imported(folder, tmp_path / "out")
    (tmp_path / "out" / place).parent.mkdir(exist_ok=True)
    (tmp_path / "out" / place).write_bytes(b"mine")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(TakenError, match=rf"{place} does not belong to the dataset that would be .* \(1 such files\)"):
        imported(folder, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("place", ["images/a.jpg", "panoptic/a.png", "panoptic.json", "import.json"])
@pytest.mark.parametrize("copied", [False, True])
def test_what_was_changed_in_a_former_import_stays(tmp_path, place, copied):
    folder, out = coco(tmp_path / "in"), tmp_path / "out"
    imported(folder, out)
    if copied:
        shutil.copytree(out, tmp_path / "copy", copy_function=shutil.copyfile)
        out = tmp_path / "copy"
    content = (out / place).read_bytes()
    corrected = content.replace(b"road", b"path") if place.endswith("json") else b"corrected"
    assert corrected != content
    former = (out / place).stat()
    (out / place).write_bytes(corrected)
    os.utime(out / place, ns=(former.st_atime_ns, former.st_mtime_ns))  # as unpacking an archive does
    if (now := (out / place).stat()).st_ctime_ns == former.st_ctime_ns:  # a system that has no such time
        os.utime(out / place, ns=(now.st_atime_ns, now.st_mtime_ns + 10**9))
    with pytest.raises(TakenError, match=r"was changed since its dataset was written"):
        imported(folder, out)
    assert (out / place).read_bytes() == corrected


def test_a_copy_of_an_import_is_as_it_was_written(tmp_path):
    folder, out = coco(tmp_path / "in"), tmp_path / "out"
    imported(folder, out)
    run = json.loads((out / "run.json").read_text())
    shutil.copytree(out, tmp_path / "copy", copy_function=shutil.copyfile)
    for path in (tmp_path / "copy").rglob("*.jpg"):
        later = path.stat().st_mtime_ns + 10**9
        os.utime(path, ns=(later, later))
    change(folder / JSON, lambda c: c["annotations"].pop())
    imported(folder, tmp_path / "copy")
    again = json.loads((tmp_path / "copy" / "run.json").read_text())
    assert run.pop("digest") != again.pop("digest")
    assert run == again


def test_a_link_in_the_place_of_a_former_import_stays(tmp_path):
    folder, out = coco(tmp_path / "in"), tmp_path / "out"
    imported(folder, out)
    (out / "images").rename(tmp_path / "elsewhere")
    (out / "images").symlink_to(tmp_path / "elsewhere")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(TakenError, match="images does not belong to the dataset"):
        imported(folder, out)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_another_import_needs_another_folder(tmp_path):
    folder = coco(tmp_path / "in")
    imported(folder, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(TakenError, match="overlap was"):
        imported(folder, tmp_path / "out", overlap="order")
    (folder / JSON).write_text("{")
    with pytest.raises(DatasetError, match="not a JSON file"):
        imported(folder, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    (tmp_path / "mine" / "images").mkdir(parents=True)
    with pytest.raises(TakenError, match="mine holds images"):
        imported(folder, tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == [tmp_path / "mine" / "images"]


def test_an_error_midway_leaves_nothing(tmp_path):
    folder = drawings.semantic(tmp_path / "in")
    drawings.photo(folder / "images" / "z.jpg")
    (folder / "masks" / "z.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"z.png: cannot be read"):
        imported(folder, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [folder]


def test_classes_choose_and_order(tmp_path):
    folder = coco(tmp_path / "in")
    chosen = (ListedClass(0, "road"), ListedClass(1, "bird"))
    dataset, report = imported(folder, tmp_path / "out", classes=chosen, stuff=("road",))
    assert [(one.name, one.isthing) for one in dataset.categories] == [("road", False), ("bird", True)]
    assert report.dropped == {"unknown class": 2}


def test_options_that_do_not_fit(tmp_path):
    folder = coco(tmp_path / "in")
    with pytest.raises(ConfigError, match="--things: no class has the name 'dog', 'fox'; there are: cat, road"):
        imported(folder, tmp_path / "out", things=("dog", "cat", "fox"))
    with pytest.raises(ConfigError, match="either --things or --stuff"):
        imported(folder, tmp_path / "out", things=("cat",), stuff=("road",))


def test_two_categories_of_one_name_are_one(tmp_path):
    folder = coco(tmp_path / "in")
    change(folder / JSON, lambda c: c["categories"][1].update(name="cat"))
    dataset, report = imported(folder, tmp_path / "out")
    assert report.segments == {"cat": 3}
    assert len(dataset.categories) == 1
    assert np.unique(dataset[0].segment_ids).tolist() == [0, 1, 2, 3]


def test_classes_that_differ_by_spaces_or_capitals_are_told(tmp_path):
    """The line that the note gives joins them."""
    folder = labelme(tmp_path / "in")

    def edit(content):
        content["shapes"] = [{**shape, "label": label} for shape, label in zip(content["shapes"], NAMES, strict=True)]

    change(folder / "a.json", edit)
    _, report = imported(folder, tmp_path / "out")
    assert report.segments == dict.fromkeys(NAMES, 1)
    (note,) = [note for note in report.notes if note.kind == ALIKE]
    assert note.where == str(folder)
    (tmp_path / "classes.yaml").write_text(note.detail.partition(" the line ")[2], encoding="utf-8")
    targets = read_mapping(tmp_path / "classes.yaml")
    report = remap_dataset(CocoPanoptic.open(tmp_path / "out"), targets, tmp_path / "joined")
    assert report.segments == {"BÄR CAR": 3}
    merged = merge_datasets([CocoPanoptic.open(tmp_path / part) for part in ("out", "joined")], tmp_path / "merged")
    assert merged.others[ALIKE] == 1


def test_a_photo_that_is_listed_twice_is_told(tmp_path):
    folder = coco(tmp_path / "in")

    def edit(content):
        content["images"].append({**content["images"][0], "id": 8})
        content["annotations"].append({**content["annotations"][0], "image_id": 8})

    change(folder / JSON, edit)
    _, report = imported(folder, tmp_path / "out")
    assert report.images == 2
    assert [str(note) for note in report.notes] == [
        f"{folder / JSON}: a.jpg: the same photo as before: {folder / JSON}: a.jpg"
    ]


def test_names_that_some_disk_does_not_tell_apart(tmp_path):
    folder = coco(tmp_path / "in")
    add_photos(folder, "\u00e9.jpg", "e\u0301.jpg")
    dataset, _ = imported(folder, tmp_path / "out")
    assert [entry.name for entry in dataset.entries] == ["a.jpg", "\u00e9.jpg", "e\u0301-2.jpg"]


def test_photos_of_floating_point_pixels_are_left_out(tmp_path):
    """Nothing tells their range, and training could not read them."""
    folder = coco(tmp_path / "in")
    Image.new("F", (drawings.WIDTH, drawings.HEIGHT)).save(folder / "images" / "b.tif")

    def edit(content):
        content["images"].append({**content["images"][0], "id": 8, "file_name": "b.tif"})
        content["annotations"].append({**content["annotations"][0], "image_id": 8})

    change(folder / JSON, edit)
    dataset, report = imported(folder, tmp_path / "out")
    assert [entry.name for entry in dataset.entries] == ["a.jpg"]
    assert report.left_out == {"unreadable image": 1}
    assert "floating-point pixels have no fixed range; scale them to 0–255" in str(report.notes[0])


def test_a_name_that_is_no_unicode_is_told(tmp_path):
    folder = drawings.coco(tmp_path / "in")

    def edit(content):
        content["images"].append({**content["images"][0], "id": 8, "file_name": "caf\udce9.jpg"})

    drawings.change(folder / "annotations" / "instances_default.json", edit)
    _, report = drawings.imported(folder, tmp_path / "out")
    assert report.left_out == {"missing image": 1}
    kept = json.loads((tmp_path / "out" / "import.json").read_text(encoding="utf-8"))
    assert kept["notes"][0]["where"].endswith("caf\udce9.jpg")


def test_photos_that_are_cut_short_are_left_out(tmp_path):
    folder = coco(tmp_path / "in")
    photo = folder / "images" / "b.jpg"
    photo.write_bytes((folder / "images" / "a.jpg").read_bytes()[:-100])
    change(folder / JSON, lambda c: c["images"].append({**c["images"][0], "id": 8, "file_name": "b.jpg"}))
    _, report = imported(folder, tmp_path / "out")
    assert report.left_out == {"unreadable image": 1}
    assert f"{photo}: cannot be read as an image: image file is truncated" in str(report.notes[0])


def test_a_folder_with_a_point_gives_no_suffix(tmp_path):
    folder = coco(tmp_path / "in")
    (folder / "images" / "data.v1").mkdir()
    (folder / "images" / "a.jpg").rename(folder / "images" / "data.v1" / "a")
    change(folder / JSON, lambda c: c["images"][0].update(file_name="data.v1\\a"))
    imported(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "images").iterdir()] == ["a.jpg"]

import pytest

from modelscope_swinpan.data.class_list import ListedClass
from modelscope_swinpan.errors import DatasetError
from tests.closed_folder import closed_folder
from tests.data import drawings
from tests.data.drawings import imported, yolo


def test_without_data_yaml(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "data.yaml").unlink()
    with pytest.raises(DatasetError, match="nothing names the classes; give --classes"):
        imported(folder, tmp_path / "out")
    classes = (ListedClass(0, "cat"), ListedClass(1, "road"))
    dataset, _ = imported(folder, tmp_path / "out", classes=classes, things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    (folder / "classes.txt").write_text("cat\nroad\n")
    dataset, _ = imported(folder, tmp_path / "out2", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


@pytest.mark.parametrize(
    "written",
    [
        "path: /home/me/pets\ntrain: images/train\n",
        "train: ../train/images\n",
        "train: ./images/train/\n",
        "path: .\ntrain: train.txt\n",
        "path: C:\\Users\\me\\pets\ntrain: images\\train\n",
        "train: C:\\Users\\me\\pets\\images\\train\n",
        "train: C:/Users/me/pets/images/train\n",
        "train: [images/train]\n",
    ],
)
def test_a_moved_data_yaml(written, tmp_path):
    folder = yolo(tmp_path / "in")
    if "train/images" in written:  # Roboflow's
        (folder / "train").mkdir()
        (folder / "images" / "train").rename(folder / "train" / "images")
        (folder / "labels" / "train").rename(folder / "train" / "labels")
    (folder / "data.yaml").write_text(written + "names: [cat, road]\n")
    dataset, _ = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_what_is_left_out_is_named(tmp_path):
    folder = yolo(tmp_path / "in")
    drawings.photo(folder / "images" / "train" / "b.jpg")
    text = folder / "labels" / "train" / "a.txt"
    text.write_text(text.read_text() + "0 .5 .5 .2 .2\n7 0 0 .5 0 .5 .5\n\n0 0 0 3 0 .5 .5\n0 0 0 .5 0 .5 .5 1\n")
    _, report = imported(folder, tmp_path / "out")
    assert report.dropped == {"a box without an outline": 1, "unknown class": 1, "unusable outline": 2}
    assert report.left_out == {"not annotated": 1}
    assert [note.where for note in report.notes[1:]] == [f"{text}:{line}" for line in (4, 5, 7, 8)]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("labels/train/a.txt", "0 0.1 x 0.2\n", "a.txt:1: expected numbers, a class and corners; got '0 0.1 x 0.2'"),
        ("labels/train/a.txt", b"\xff\xfe\0", "a.txt: not a text in UTF-8"),
        ("data.yaml", "names: [", "data.yaml: not a YAML file"),
        ("data.yaml", "- 1\n", "data.yaml: expected YOLO's data.yaml"),
        ("data.yaml", "names: 3\ntrain: images/train\n", "data.yaml: names must list the classes"),
        ("data.yaml", "names: {0: cat, 5: road}\ntrain: images/train\n", "names must be a list, or have the numbers"),
        ("data.yaml", "names: [cat]\ntrain: images/gone\n", "train: no folder 'images/gone'"),
        ("data.yaml", "names: [cat]\ntrain: images/train\nval: images/train\n", r"several splits \(train, val\)"),
        ("data.yaml", "names: [cat]\ntrain: [a, b]\n", "data.yaml: lists several folders for a split"),
        ("data.yaml", "names: &a [b, *a]\ntrain: images/train\n", "data.yaml: has aliases"),
        ("data.yaml", "names: !!python/object/apply:os.system ['touch hacked']\n", "not a YAML file"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(file, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = yolo(tmp_path / "in")
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DatasetError, match=message):
        imported(folder, tmp_path / "out", form="yolo")
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


@pytest.mark.parametrize("images", [None, "images/train"])
def test_texts_without_a_photo_are_counted(tmp_path, images):
    folder = yolo(tmp_path / "in")
    labels = folder / "labels" / "train"
    (labels / "gone.txt").write_text((labels / "a.txt").read_text())
    (labels / "classes.txt").write_text("cat\n")
    if images:
        (folder / "labels" / "val").mkdir()
        (folder / "labels" / "val" / "other.txt").write_text("")
    _, report = imported(folder, tmp_path / "out", images=None if images is None else folder / images)
    assert report.left_out == {"missing image": 1}
    assert str(report.notes[0]) == f"{labels / 'gone.txt'}: missing image"


def test_texts_beside_the_photos(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "labels" / "train" / "a.txt").rename(folder / "images" / "train" / "a.txt")
    for labels in (folder / "labels" / "train", folder / "labels"):
        labels.rmdir()
        dataset, report = imported(folder, tmp_path / f"out of {labels.name}", things=("cat",))
        assert drawings.regions(dataset) == drawings.truth()
        assert report.notes == []


def test_names_that_yaml_takes_for_something_else(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "data.yaml").write_text("train: images/train\nnames: [no, 010]\n")
    dataset, _ = imported(folder, tmp_path / "out")
    assert [one.name for one in dataset.categories] == ["no", "010"]


def test_a_text_in_capitals_and_numbers_as_texts(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "labels" / "train" / "a.txt").rename(folder / "labels" / "train" / "a.TXT")
    (folder / "data.yaml").write_text('train: images/train\nnames: {"1": road, "0": cat}\n')
    dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert not report.left_out


def test_a_list_says_which_photos_a_split_has(tmp_path):
    folder = yolo(tmp_path / "in")
    labels, photos = folder / "labels" / "train", folder / "images" / "train"
    drawings.photo(photos / "b.jpg", seed=1)
    (labels / "b.txt").write_text((labels / "a.txt").read_text().splitlines()[0])
    (folder / "train.txt").write_bytes(b"\xef\xbb\xbf./images/train/a.jpg\r\n")
    (folder / "val.txt").write_text("C:\\data\\images\\train\\b.jpg\n\n/home/me/images/train/c.jpg\n")
    (folder / "data.yaml").write_text("train: train.txt\nval: val.txt\nnames: [cat, road]\n")
    dataset, report = imported(folder, tmp_path / "train", split="train", things=("cat",))
    assert (len(dataset), drawings.regions(dataset)) == (1, drawings.truth())
    assert report.notes == []
    dataset, report = imported(folder, tmp_path / "val", split="val")
    assert report.segments == {"cat": 1}
    assert [str(note) for note in report.notes] == [
        f"{folder / 'val.txt'}:3: missing image: /home/me/images/train/c.jpg"
    ]
    dataset, _ = imported(folder, tmp_path / "beside", split="val", images=photos)
    assert len(dataset) == 1


def test_two_splits_do_not_become_the_same_photos(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "images" / "train").rename(folder / "photos")
    (folder / "images").rmdir()
    (folder / "photos").rename(folder / "images")
    (folder / "data.yaml").write_text("train: ../train/images\nval: ../val/images\nnames: [cat, road]\n")
    with pytest.raises(DatasetError, match=r"val and train differ, but both lead to .*images; give it with --images"):
        imported(folder, tmp_path / "out", split="val")


def test_keypoints_are_no_outlines(tmp_path):
    folder = yolo(tmp_path / "in")
    (folder / "data.yaml").write_text("train: images/train\nnames: [cat, road]\nkpt_shape: [4, 2]\n")
    with pytest.raises(DatasetError, match=r"data.yaml: keypoints \(kpt_shape\)"):
        imported(folder, tmp_path / "out")


def test_turned_boxes_are_told(tmp_path):
    folder = yolo(tmp_path / "in")
    text = folder / "labels" / "train" / "a.txt"
    text.write_text(text.read_text() + "0 .5 .25 .7 .5 .5 .75 .3 .5\n")
    _, report = imported(folder, tmp_path / "out")
    assert report.others["rectangles taken as outlines"] == 1


def test_folders_that_may_not_be_read(tmp_path):
    folder = yolo(tmp_path / "in")
    closed = folder / "images" / "train" / "closed"
    closed.mkdir()
    drawings.photo(closed / "b.jpg")
    with closed_folder(closed):
        dataset, report = imported(folder, tmp_path / "out", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.others == {"a folder that cannot be read, left out": 1}
    assert report.notes[0].where == str(closed)

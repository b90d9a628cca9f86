import numpy as np
import pytest

from modelscope_swinpan.data.formats.voc import voc_color
from modelscope_swinpan.errors import DatasetError
from tests.data import drawings
from tests.data.drawings import imported, save, voc


def test_the_palette_is_that_of_voc():
    assert [voc_color(value) for value in (0, 1, 2, 15, 20)] == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (192, 128, 128),
        (0, 64, 128),
    ]


def test_lines_between_objects_and_voc_s_own_classes(tmp_path):
    folder = voc(tmp_path / "in")
    (folder / "labelmap.txt").unlink()
    objects, classes = drawings.object_map(), drawings.semantic_map()
    objects[10, :] = classes[10, :] = 255
    classes[objects == 3] = 19
    save(objects, folder / "SegmentationObject" / "a.png", [0] * 768)
    save(classes, folder / "SegmentationClass" / "a.png", [0] * 768)
    dataset, report = imported(folder, tmp_path / "out")
    assert report.segments == {"aeroplane": 2, "train": 1}
    assert len(dataset.categories) == 20
    assert {segment.area for segment in dataset[0].segments} == {36, 25, 100}


def test_classes_alone_are_stuff(tmp_path):
    folder = voc(tmp_path / "in")
    (folder / "SegmentationObject" / "a.png").unlink()
    (folder / "SegmentationObject").rmdir()
    dataset, report = imported(folder, tmp_path / "out")
    assert report.segments == {"cat": 1, "road": 1}
    assert not any(category.isthing for category in dataset.categories)
    dataset, _ = imported(folder, tmp_path / "out2", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()


def test_a_split_and_what_is_left_out(tmp_path):
    folder = voc(tmp_path / "in")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for place in ("JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png"):
        (folder / place).rename((folder / place).with_stem("my a"))
    (lists / "train.txt").write_text('"my a"\n\nb\n')
    dataset, report = imported(folder, tmp_path / "out", split="train", things=("cat",))
    assert drawings.regions(dataset) == drawings.truth()
    assert report.left_out == {"missing label picture": 1}
    with pytest.raises(DatasetError, match=r"val.txt: cannot be read"):
        imported(folder, tmp_path / "out2", split="val")


def test_objects_without_a_class_are_dropped(tmp_path):
    folder = voc(tmp_path / "in")
    save(np.full((16, 20), 3, np.uint8), folder / "SegmentationObject" / "a.png", [0] * 768)
    with pytest.raises(DatasetError, match="1 × unknown class"):
        imported(folder, tmp_path / "out")


def test_a_damaged_label_picture(tmp_path):
    folder = voc(tmp_path / "in")
    path = folder / "SegmentationObject" / "a.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"SegmentationObject/a.png: cannot be read as a PNG"):
        imported(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_without_a_label_picture_are_counted(tmp_path):
    folder = voc(tmp_path / "in")
    drawings.photo(folder / "JPEGImages" / "b.jpg")
    _, report = imported(folder, tmp_path / "out")
    assert report.left_out == {"not annotated": 1}
    assert str(report.notes[0]) == f"{folder / 'JPEGImages' / 'b.jpg'}: not annotated"
